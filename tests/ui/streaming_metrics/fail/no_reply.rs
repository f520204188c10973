//! Functions that return nothing.

use streamgauge::streaming_metrics;

#[streaming_metrics]
async fn nothing() {}

#[streaming_metrics(media_type = "text/plain")]
fn nothing_now() {}

#[streaming_metrics]
fn spelled_out() -> () {}

#[streaming_metrics]
fn never() -> ! {
    std::process::exit(0)
}

#[streaming_metrics(media_type = "text/plain")]
async fn never_later() -> ! {
    std::process::exit(0)
}

fn main() {
    drop(never_later());
    drop(nothing());
    nothing_now();
    spelled_out();
    never();
}
