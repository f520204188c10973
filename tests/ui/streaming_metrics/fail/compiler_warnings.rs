//! The compiler's warnings are the same, at the same code, for plain and annotated functions.

#![deny(warnings)]

use futures_core::Stream;
use futures_util::stream::empty;
use streamgauge::streaming_metrics;

mod plain {
    use super::{Stream, empty};

    pub(super) fn unused_argument(argument: u32) -> impl Stream<Item = String> {
        empty()
    }

    pub(super) async fn unused_local() -> impl Stream<Item = String> {
        let local = 1;
        empty()
    }

    pub(super) fn unused_mut(mut number: u32) -> impl Stream<Item = String> {
        println!("{number}");
        empty()
    }

    pub(super) async fn unused_result() -> impl Stream<Item = String> {
        std::fs::remove_file("none");
        empty()
    }

    #[deprecated]
    pub(super) fn old() -> impl Stream<Item = String> {
        empty()
    }
}

mod annotated {
    use super::{Stream, empty, streaming_metrics};

    #[streaming_metrics]
    pub(super) fn unused_argument(argument: u32) -> impl Stream<Item = String> {
        empty()
    }

    #[streaming_metrics]
    pub(super) async fn unused_local() -> impl Stream<Item = String> {
        let local = 1;
        empty()
    }

    #[streaming_metrics]
    pub(super) fn unused_mut(mut number: u32) -> impl Stream<Item = String> {
        println!("{number}");
        empty()
    }

    #[streaming_metrics]
    pub(super) async fn unused_result() -> impl Stream<Item = String> {
        std::fs::remove_file("none");
        empty()
    }

    #[streaming_metrics]
    #[deprecated]
    pub(super) fn old() -> impl Stream<Item = String> {
        empty()
    }
}

macro_rules! run {
    ($module:ident) => {
        let _ = $module::unused_argument(1);
        let _ = $module::unused_local().await;
        let _ = $module::unused_mut(1);
        let _ = $module::unused_result().await;
        let _ = $module::old();
    };
}

#[tokio::main]
async fn main() {
    run!(plain);
    run!(annotated);
}
