//! A module without a prelude, in which every path is written in full.

#![deny(warnings)]
#![forbid(unsafe_code)]

mod bare {
    #![no_implicit_prelude]

    #[::streamgauge::instrument_endpoint(endpoint = "/bare", method = "POST")]
    pub(crate) async fn later(fail: bool) -> ::std::result::Result<u32, ()> {
        if fail {
            return ::std::result::Result::Err(());
        }
        ::std::result::Result::Ok(1)
    }

    #[::streamgauge::instrument_endpoint]
    pub(crate) fn now(text: &str) -> &str {
        text
    }

    #[::streamgauge::instrument_endpoint]
    pub(crate) fn opaque() -> impl ::axum::response::IntoResponse {
        "opaque"
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    assert_eq!(bare::later(true).await, Err(()));
    assert_eq!(bare::later(false).await, Ok(1));
    assert_eq!(bare::now("a"), "a");
    drop(bare::opaque());
}
