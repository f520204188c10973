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

fn label() -> u8 {
    start_call()
}

fn start_call() -> u8 {
    SITE
}

struct TokenCall;
struct Cow;
trait LabelText {}

/// A user-defined trait with a method that the expansion's own trait also has.
trait Text {
    fn text(&self) -> u8 {
        2
    }
}

impl Text for &str {}

mod bare {
    #![no_implicit_prelude]

    #[::gauge::track_tokens(crate = crate::reexport::streamgauge)]
    pub(crate) async fn later(fail: bool) -> ::std::result::Result<::gauge::Usage, ()> {
        if fail {
            return ::std::result::Result::Err(());
        }
        ::std::result::Result::Ok(::gauge::Usage::new(1, 2))
    }

    #[::gauge::track_tokens(crate = ::gauge, model = model, provider = "house")]
    pub(crate) fn now(model: &str) -> ::std::option::Option<::gauge::Usage> {
        if model.is_empty() {
            return ::std::option::Option::None;
        }
        ::std::option::Option::Some(::gauge::Usage::new(1, 2))
    }

    #[::gauge::track_tokens(crate = ::gauge)]
    pub(crate) fn opaque() -> impl ::futures_core::Stream<Item = u32> {
        ::futures_util::stream::empty()
    }
}

#[gauge::track_tokens(crate = crate::reexport::streamgauge, endpoint = "/taken", model = call)]
async fn taken(call: &str, reply: u8) -> gauge::Usage {
    gauge::Usage::new((call.text() + label()).into(), reply.into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    assert!(bare::later(true).await.is_err());
    assert!(bare::now("").is_none());
    drop(bare::opaque());
    assert_eq!(taken("small-1", 4).await, gauge::Usage::new(3, 4));
    let _ = (TokenCall, Cow);
    let _: Option<&dyn LabelText> = None;
}
