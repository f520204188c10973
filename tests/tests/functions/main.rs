//! An annotated function behaves as it does without the attribute: here every function is there
//! twice, plain and annotated, and the two are compared.

/// The same functions once for each name, in a module of that name, each with the attributes given.
macro_rules! each {
    (@ [$($name:ident: $attributes:tt),* $(,)?] $functions:tt) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            annotate! { $attributes $functions }
        }
    )*};
    ($names:tt $($functions:tt)*) => {
        each! { @ $names { $($functions)* } }
    };
}

macro_rules! annotate {
    ($attributes:tt { $($function:item)* }) => {
        $(annotate! { $attributes $function })*
    };
    ([$($attributes:tt)*] $function:item) => {
        $($attributes)*
        $function
    };
}

/// The same functions twice: in a module `plain` as they stand, in a module `annotated` each with
/// `#[instrument_endpoint]`.
macro_rules! twice {
    ($($functions:tt)*) => {
        each! {
            [plain: [], annotated: [#[streamgauge::instrument_endpoint]]]
            $($functions)*
        }
    };
}

/// The same call to both functions gives the same.
macro_rules! assert_same {
    ($function:ident $(::<$($generic:tt),*>)? ($($argument:expr),*)) => {
        assert_eq!(
            annotated::$function$(::<$($generic),*>)?($($argument),*),
            plain::$function$(::<$($generic),*>)?($($argument),*),
        )
    };
    ($function:ident $(::<$($generic:tt),*>)? ($($argument:expr),*).await) => {
        assert_eq!(
            annotated::$function$(::<$($generic),*>)?($($argument),*).await,
            plain::$function$(::<$($generic),*>)?($($argument),*).await,
        )
    };
}

/// The same call gives the same in every module as in `plain`.
macro_rules! assert_all_same {
    ([$($module:ident)*] $function:ident $arguments:tt) => {
        $(assert_eq!($module::$function $arguments, plain::$function $arguments);)*
    };
    ([$($module:ident)*] $function:ident $arguments:tt.await) => {
        $(assert_eq!($module::$function $arguments.await, plain::$function $arguments.await);)*
    };
}

mod log;

mod async_traits;
mod async_traits_recorded;
mod attributes;
mod auto_traits;
mod borrows;
mod cancellation;
mod coercions;
mod control_flow;
mod deep_chain;
mod drops_async;
mod drops_sync;
mod early;
mod generics;
mod handlers;
mod hidden_futures;
mod kept_lints;
mod lints;
mod made_by_macros;
mod qualifiers;
mod receivers;
mod recursion;
mod returned_futures;
mod returned_futures_recorded;
mod sizes;
mod streams;
mod tails;
mod tokens;
mod track_caller;
