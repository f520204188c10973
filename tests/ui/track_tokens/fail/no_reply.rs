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

#[tokio::main]
async fn main() {
    nothing().await;
    spelled_out();
    let _ = in_result(true).await;
}
