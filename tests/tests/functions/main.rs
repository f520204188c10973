//! An annotated function behaves as it does without the attribute: here every function is there
//! twice, plain and annotated, and the two are compared.

/// The same functions twice: in a module `plain` as they stand, in a module `annotated` each with
/// `#[instrument_endpoint]`.
macro_rules! twice {
    ($($function:item)*) => {
        mod plain {
            #[allow(unused_imports)]
            use super::*;
            $($function)*
        }
        mod annotated {
            #[allow(unused_imports)]
            use super::*;
            $(#[streamgauge::instrument_endpoint] $function)*
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

mod log;

mod async_traits;
mod attributes;
mod auto_traits;
mod borrows;
mod cancellation;
mod coercions;
mod control_flow;
mod drops_async;
mod drops_sync;
mod early;
mod generics;
mod made_by_macros;
mod receivers;
mod recursion;
mod sizes;
