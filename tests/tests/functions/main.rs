//! An annotated function behaves as it does without the attribute.
//!
//! Every function is declared twice, plain and annotated, and the tests compare the two.

/// Declares the same functions in several modules, each module with its own attributes.
macro_rules! in_modules {
    (@ [$($name:ident: $attributes:tt),* $(,)?] $functions:tt) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            annotate! { $attributes $functions }
        }
    )*};
    ($names:tt $($functions:tt)*) => {
        in_modules! { @ $names { $($functions)* } }
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

/// Declares the same functions in a module `plain` without attributes, and in a module `annotated`
/// with `#[instrument_endpoint]`.
macro_rules! plain_and_annotated {
    ($($functions:tt)*) => {
        in_modules! {
            [plain: [], annotated: [#[streamgauge::instrument_endpoint]]]
            $($functions)*
        }
    };
}

/// Asserts that both functions return the same for the same arguments.
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

/// Asserts that the function of every module returns the same as the one in `plain`.
macro_rules! assert_all_same {
    ([$($module:ident)*] $function:ident $arguments:tt) => {
        $(assert_eq!($module::$function $arguments, plain::$function $arguments);)*
    };
    ([$($module:ident)*] $function:ident $arguments:tt.await) => {
        $(assert_eq!($module::$function $arguments.await, plain::$function $arguments.await);)*
    };
}

mod event_log;

mod async_traits;
mod async_traits_recorded;
mod auto_traits;
mod borrows;
mod cancellation;
mod coercions;
mod control_flow;
mod drop_order_async;
mod drop_order_sync;
mod early_returns;
mod expected_lints;
mod future_sizes;
mod generics;
mod handlers;
mod macro_generated;
mod named_futures;
mod opaque_futures;
mod other_attributes;
mod qualifiers;
mod receivers;
mod recursion;
mod recursion_limit;
mod returned_futures_recorded;
mod streams;
mod strict_lints;
mod tail_expressions;
mod tokens;
mod track_caller;
