//! streamgauge under another path. The name `streamgauge` refers to another crate, so that the
//! expansion cannot fall back on that name.

#![deny(warnings)]
#![forbid(unsafe_code)]

extern crate core as streamgauge;
extern crate streamgauge as gauge;

mod reexport {
    pub(crate) use gauge as streamgauge;
}

use gauge::instrument_endpoint;

#[instrument_endpoint(crate = crate::reexport::streamgauge, endpoint = "/items", method = "GET")]
async fn later(fail: bool) -> Result<u32, ()> {
    if fail { Err(()) } else { Ok(1) }
}

#[instrument_endpoint(crate = gauge)]
fn now(text: &str) -> &str {
    text
}

#[instrument_endpoint(crate = ::gauge)]
fn opaque() -> impl axum::response::IntoResponse {
    "opaque"
}

mod inside {
    #[gauge::instrument_endpoint(crate = super::reexport::streamgauge)]
    pub(crate) fn relative() -> u32 {
        2
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(later(false)), Ok(1));
    assert_eq!(now("a"), "a");
    assert_eq!(inside::relative(), 2);
    drop(opaque());
}
