//! Functions that return nothing.

use streamgauge::streaming_metrics;

#[streaming_metrics]
async fn nothing() {}

#[streaming_metrics(media_type = "text/plain")]
fn nothing_now() {}

#[streaming_metrics]
fn spelled_out() -> () {}

fn main() {
    drop(nothing());
    nothing_now();
    spelled_out();
}
