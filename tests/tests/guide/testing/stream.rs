use std::convert::Infallible;

use axum::Router;
use axum::response::sse::{Event, Sse};
use axum::routing::get;
use futures_util::stream::{Stream, iter};
use streamgauge::{Metrics, streaming_metrics};

#[streaming_metrics]
async fn count() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(iter((1..=3).map(|number| Ok(Event::default().data(number.to_string())))))
}

pub fn app(metrics: &Metrics) -> Router {
    Router::new().route("/count", get(count)).layer(metrics.layer())
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use axum::body::Body;
    use axum::http::Request;
    use futures_util::StreamExt;
    use streamgauge::testing::Page;
    use tower::ServiceExt;

    use super::*;

    /// Reads at most this many chunks of the stream, and then drops the response.
    async fn read(app: &Router, chunks: usize) -> Result<(), Box<dyn Error>> {
        let request = Request::get("/count").body(Body::empty())?;
        let response = app.clone().oneshot(request).await?;
        let body = response.into_body().into_data_stream();
        body.take(chunks).for_each(|_| async {}).await;
        Ok(())
    }

    #[tokio::test]
    async fn streams_are_counted_by_outcome() -> Result<(), Box<dyn Error>> {
        let metrics = Metrics::builder().build()?;
        let app = app(&metrics);
        read(&app, usize::MAX).await?;
        read(&app, 1).await?;

        let page = Page::scrape(&metrics)?;
        let streams = "app_stream_duration_seconds_count";
        assert_eq!(page.value(streams, [("outcome", "complete")])?, 1.0);
        assert_eq!(page.value(streams, [("outcome", "client_disconnect")])?, 1.0);
        assert_eq!(page.value("app_stream_chunks_total", [("endpoint", "/count")])?, 4.0);
        assert_eq!(page.sum("app_http_requests_total", [("outcome", "cancelled")]), 1.0);
        assert_eq!(page.sum("app_active_streams", []), 0.0);
        Ok(())
    }
}
