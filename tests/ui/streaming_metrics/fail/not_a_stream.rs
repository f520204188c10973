//! Return types that are not streams.

use axum::http::StatusCode;
use streamgauge::streaming_metrics;

#[streaming_metrics]
fn list() -> Vec<u32> {
    vec![1, 2, 3]
}

#[streaming_metrics]
async fn list_later() -> Vec<u32> {
    vec![1, 2, 3]
}

#[streaming_metrics]
async fn list_in_result(fail: bool) -> Result<Vec<u32>, StatusCode> {
    if fail {
        return Err(StatusCode::NOT_FOUND);
    }
    Ok(vec![1, 2, 3])
}

#[streaming_metrics]
fn iterator() -> Box<dyn Iterator<Item = u32>> {
    Box::new([1, 2, 3].into_iter())
}

#[tokio::main]
async fn main() {
    list();
    list_later().await;
    let _ = list_in_result(true).await;
    iterator().count();
}
