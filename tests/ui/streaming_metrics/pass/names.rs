//! The expansion depends on no name in scope: not on the prelude, not on names that the user may
//! define, and not on the crate name if the crate is renamed.

#![deny(warnings)]
#![forbid(unsafe_code)]

extern crate core as streamgauge;
extern crate streamgauge as gauge;

mod reexport {
    pub(crate) use gauge as streamgauge;
}

mod std {}
mod core {}

const SITE: u8 = 1;

fn stream() -> u8 {
    call()
}

fn call() -> u8 {
    SITE
}

struct StreamStart;
struct Response;

mod bare {
    #![no_implicit_prelude]

    use ::std::string::String;

    #[::gauge::streaming_metrics(crate = crate::reexport::streamgauge)]
    pub(crate) fn opaque() -> impl ::futures_core::Stream<Item = String> {
        ::futures_util::stream::empty()
    }

    #[::gauge::streaming_metrics(crate = ::gauge)]
    pub(crate) async fn boxed(
        start: &str,
    ) -> ::std::result::Result<::futures_core::stream::BoxStream<'_, String>, ()> {
        if start.is_empty() {
            return ::std::result::Result::Err(());
        }
        ::std::result::Result::Ok(::std::boxed::Box::pin(::futures_util::stream::empty()))
    }

    #[::gauge::streaming_metrics(crate = ::gauge, media_type = "text/plain", model = model)]
    pub(crate) fn response(
        model: &str,
    ) -> ::std::result::Result<impl ::futures_core::Stream<Item = String> + use<>, ()> {
        if model.is_empty() {
            return ::std::result::Result::Err(());
        }
        ::std::result::Result::Ok(::futures_util::stream::empty::<String>())
    }
}

#[gauge::streaming_metrics(crate = crate::reexport::streamgauge, endpoint = "/taken")]
fn taken(stream: u8, reply: u8) -> impl futures_core::Stream<Item = Vec<u8>> {
    let start = self::stream();
    futures_util::stream::iter([vec![stream, reply, start]])
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    drop(bare::opaque());
    assert!(bare::boxed("").await.is_err());
    assert!(bare::response("").is_err());
    assert_eq!(bare::response("small-1").unwrap().status(), 200);
    drop(taken(1, 2));
    let _ = (StreamStart, Response);
}
