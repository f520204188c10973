//! What a function's result says about how it went.
//!
//! An attribute knows a return type only as tokens: aliases and `impl Trait` hide what it is. So the
//! expansion asks the value, with a method call that finds the most telling of four answers: the
//! traits below are tried in order, one reference fewer each time, and the first that fits is taken.

use http::StatusCode;

use crate::exception::ExceptionType;
use crate::request::ExceptionInfo;

/// What is known of a result.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdict {
    /// The error, for an `Err`.
    pub(crate) exception: Option<ExceptionInfo>,
    /// The status, where the value has one.
    pub(crate) status: Option<StatusCode>,
}

impl Verdict {
    /// The same, with the name that the error gives itself.
    #[must_use]
    pub fn named(self, name: Option<&'static str>) -> Self {
        Self { exception: self.exception.map(|exception| exception.with_own_name(name)), ..self }
    }
}

/// A result to be asked.
#[derive(Debug)]
pub struct Reply<'a, T: ?Sized>(pub &'a T);

/// A reply that knows its own status.
pub trait HasStatus {
    /// The status that will be sent.
    fn status(&self) -> StatusCode;
}

impl HasStatus for StatusCode {
    fn status(&self) -> StatusCode {
        *self
    }
}

impl<B> HasStatus for http::Response<B> {
    fn status(&self) -> StatusCode {
        self.status()
    }
}

/// axum's replies that are put together of parts begin with their status.
macro_rules! tuples {
    ($([$($part:ident),*])*) => {$(
        impl<$($part),*> HasStatus for (StatusCode, $($part,)*) {
            fn status(&self) -> StatusCode {
                self.0
            }
        }
    )*};
}

tuples!([A] [A, B] [A, B, C] [A, B, C, D]);

fn of_error<E>() -> Verdict {
    Verdict { exception: Some(ExceptionInfo::from_type::<E>()), status: None }
}

/// First: a `Result` whose `Ok` knows its status.
pub trait OfStatusResult {
    #[doc(hidden)]
    fn streamgauge_verdict(&self) -> Verdict;
}

impl<T: HasStatus, E> OfStatusResult for &&&Reply<'_, Result<T, E>> {
    fn streamgauge_verdict(&self) -> Verdict {
        match self.0 {
            Ok(reply) => Verdict { exception: None, status: Some(reply.status()) },
            Err(_) => of_error::<E>(),
        }
    }
}

/// Second: any other `Result`.
pub trait OfResult {
    #[doc(hidden)]
    fn streamgauge_verdict(&self) -> Verdict;
}

impl<T, E> OfResult for &&Reply<'_, Result<T, E>> {
    fn streamgauge_verdict(&self) -> Verdict {
        match self.0 {
            Ok(_) => Verdict::default(),
            Err(_) => of_error::<E>(),
        }
    }
}

/// Third: a reply that knows its status.
pub trait OfStatus {
    #[doc(hidden)]
    fn streamgauge_verdict(&self) -> Verdict;
}

impl<T: HasStatus> OfStatus for &Reply<'_, T> {
    fn streamgauge_verdict(&self) -> Verdict {
        Verdict { exception: None, status: Some(self.0.status()) }
    }
}

/// Last: anything.
pub trait OfAny {
    #[doc(hidden)]
    fn streamgauge_verdict(&self) -> Verdict;
}

impl<T: ?Sized> OfAny for Reply<'_, T> {
    fn streamgauge_verdict(&self) -> Verdict {
        Verdict::default()
    }
}

/// Asked beside the four: a `Result` whose error names itself.
pub trait Named {
    #[doc(hidden)]
    fn streamgauge_exception(&self) -> Option<&'static str>;
}

impl<T, E: ExceptionType> Named for &Reply<'_, Result<T, E>> {
    fn streamgauge_exception(&self) -> Option<&'static str> {
        self.0.as_ref().err().map(E::exception_type)
    }
}

/// Any other result.
pub trait Unnamed {
    #[doc(hidden)]
    fn streamgauge_exception(&self) -> Option<&'static str>;
}

impl<T: ?Sized> Unnamed for Reply<'_, T> {
    fn streamgauge_exception(&self) -> Option<&'static str> {
        None
    }
}
