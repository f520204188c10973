//! The compiler's lints still fire in annotated functions. Each is `#[expect]`ed, so a lint that no
//! longer fires is an error.

#![deny(warnings)]

use std::future::ready;

use futures_core::Stream;
use futures_util::stream::empty;
use streamgauge::{Usage, instrument_endpoint, streaming_metrics, track_tokens};

/// Declares functions with one attribute before or after `#[expect]`.
macro_rules! functions_with_findings {
    ($($module:ident: $attribute:meta;)*) => {$(
        mod $module {
            use super::*;

            #[expect(dead_code)]
            #[$attribute]
            fn never_called() -> Usage {
                Usage::new(1, 1)
            }

            #[$attribute]
            #[expect(dead_code)]
            async fn never_called_later() -> Usage {
                ready(Usage::new(1, 1)).await
            }

            #[expect(unused_variables)]
            #[$attribute]
            pub(super) fn unused(local: u8) -> Usage {
                let local = 1;
                Usage::new(1, 1)
            }

            #[$attribute]
            #[expect(unused_variables)]
            pub(super) async fn unused_later() -> Usage {
                let local = 1;
                ready(Usage::new(1, 1)).await
            }

            #[$attribute]
            #[expect(unused_mut)]
            pub(super) fn unused_mut(mut input: u64) -> Usage {
                Usage::new(input, 1)
            }

            #[expect(unused_mut)]
            #[$attribute]
            pub(super) async fn unused_mut_later(mut input: u64) -> Usage {
                ready(Usage::new(input, 1)).await
            }

            #[$attribute]
            #[expect(unreachable_code)]
            pub(super) fn unreachable() -> Usage {
                return Usage::new(1, 1);
                Usage::new(2, 2)
            }

            #[$attribute]
            pub(super) async fn inside() -> Usage {
                #[expect(unused_must_use)]
                {
                    "7".parse::<u8>();
                    ready(1);
                }
                #[expect(unused_assignments)]
                let mut input = 1;
                input = 2;
                ready(Usage::new(input, 1)).await
            }

            #[must_use]
            #[$attribute]
            pub(super) fn required() -> Usage {
                Usage::new(1, 1)
            }

            #[$attribute]
            #[must_use = "it has a reason"]
            pub(super) fn required_for_a_reason() -> Usage {
                Usage::new(1, 1)
            }

            #[deprecated]
            #[$attribute]
            pub(super) fn old() -> Usage {
                Usage::new(1, 1)
            }

            #[$attribute]
            #[deprecated = "for a reason"]
            pub(super) async fn old_later() -> Usage {
                ready(Usage::new(1, 1)).await
            }
        }
    )*};
}

functions_with_findings! {
    endpoint: instrument_endpoint;
    tokens: track_tokens(model = "small");
}

/// Calls each function in ways that the compiler warns about.
macro_rules! call_with_findings {
    ($($module:ident)*) => {$(
        #[expect(unused_must_use)]
        {
            $module::required();
        }
        #[expect(unused_must_use)]
        {
            $module::required_for_a_reason();
        }
        #[expect(unused_must_use)]
        {
            $module::unused_later();
        }
        #[expect(deprecated)]
        let old = $module::old();
        #[expect(deprecated)]
        let old_later = $module::old_later().await;
        assert_eq!(old, old_later);
        assert_eq!($module::unused(1), $module::unused_later().await);
        assert_eq!($module::unused_mut(2), $module::unused_mut_later(2).await);
        assert_eq!($module::unreachable(), Usage::new(1, 1));
        assert_eq!($module::inside().await, Usage::new(2, 1));
    )*};
}

#[tokio::test]
async fn lints_still_fire_in_annotated_functions() {
    call_with_findings!(endpoint tokens);
}

#[streaming_metrics]
#[expect(unused_variables)]
fn unused(local: u8) -> impl Stream<Item = String> {
    let local = 1;
    empty()
}

#[expect(unused_mut)]
#[streaming_metrics]
async fn unused_mut(mut stream: impl Stream<Item = String>) -> impl Stream<Item = String> {
    ready(stream).await
}

#[expect(dead_code)]
#[streaming_metrics]
fn never_called() -> impl Stream<Item = String> {
    empty()
}

#[expect(unreachable_code)]
#[streaming_metrics]
fn unreachable() -> std::pin::Pin<Box<dyn Stream<Item = String>>> {
    return Box::pin(empty());
    Box::pin(empty())
}

#[streaming_metrics]
#[deprecated]
fn old() -> impl Stream<Item = String> {
    empty()
}

#[tokio::test]
async fn lints_still_fire_in_streaming_functions() {
    drop(unused(1));
    drop(unused_mut(empty()).await);
    drop(unreachable());
    #[expect(deprecated)]
    drop(old());
    #[expect(unused_must_use)]
    {
        unused(1);
    }
}
