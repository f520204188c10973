use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use streamgauge::{Metrics, Usage, token_usage_context};

async fn enqueue() -> StatusCode {
    let tokens = token_usage_context::handle();
    tokio::spawn(async move { tokens.record(Usage::new(40, 2)) });
    StatusCode::ACCEPTED
}

pub fn app(metrics: &Metrics) -> Router {
    Router::new().route("/jobs", post(enqueue)).layer(metrics.layer())
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::time::Duration;

    use axum::body::Body;
    use axum::http::Request;
    use streamgauge::testing::Page;
    use tower::ServiceExt;

    use super::*;

    /// Scrapes until a page passes the check, for at most five seconds.
    async fn scrape_until(
        metrics: &Metrics,
        is_recorded: impl Fn(&Page) -> bool,
    ) -> Result<Page, Box<dyn Error>> {
        for _ in 0..500 {
            let page = Page::scrape(metrics)?;
            if is_recorded(&page) {
                return Ok(page);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(format!("not recorded: {:#?}", Page::scrape(metrics)?).into())
    }

    #[tokio::test]
    async fn jobs_record_their_tokens() -> Result<(), Box<dyn Error>> {
        let metrics = Metrics::builder().build()?;
        app(&metrics).oneshot(Request::post("/jobs").body(Body::empty())?).await?;

        let tokens = "app_token_usage_total";
        let page = scrape_until(&metrics, |page| page.sum(tokens, []) == 42.0).await?;
        assert_eq!(page.value(tokens, [("token_type", "input")])?, 40.0);
        Ok(())
    }
}
