//! Functions that return nothing.

use streamgauge::track_tokens;

#[track_tokens(model = "small-1")]
async fn nothing() {}

#[track_tokens]
fn spelled_out() -> () {}

#[track_tokens]
async fn in_result(fail: bool) -> Result<(), String> {
    if fail { Err("fail".to_owned()) } else { Ok(()) }
}

#[track_tokens]
async fn in_option() -> Option<()> {
    None
}

#[track_tokens]
async fn in_json() -> axum::Json<()> {
    axum::Json(())
}

#[track_tokens]
fn never() -> ! {
    std::process::exit(0)
}

#[track_tokens(model = "small-1")]
async fn never_later() -> ! {
    std::process::exit(0)
}

#[tokio::main]
async fn main() {
    nothing().await;
    spelled_out();
    let _ = in_result(true).await;
    in_option().await;
    in_json().await;
    if spelled_out() == () {
        never();
    }
    never_later().await;
}
