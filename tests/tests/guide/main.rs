//! Checks that the programs and the pages in the guide are real.

#![expect(clippy::unused_async, reason = "handlers are async")]

/// Defines a module for each program in the directory `programs`, with the function `router`.
macro_rules! programs {
    ($($name:ident)*) => {$(
        #[allow(dead_code, reason = "a test calls `app` in place of `main`")]
        mod $name {
            include!(concat!("programs/", stringify!($name), ".rs"));

            pub(super) fn router(metrics: &Metrics) -> Router {
                app(metrics)
            }

            pub(super) const TEXT: &str =
                include_str!(concat!("programs/", stringify!($name), ".rs"));
        }
    )*};
}

mod chapters;
mod errors;
mod exporting;
mod from_fastapi;
mod gateway;
mod getting_started;
mod limitations;
mod links;
mod llm_calls;
mod markdown;
mod metrics;
mod monitoring;
mod pages;
mod readme;
mod request_labels;
mod streaming;
mod testing;
mod tour;
