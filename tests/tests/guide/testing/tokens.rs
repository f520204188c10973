use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use streamgauge::{Metrics, Usage, track_tokens};

#[track_tokens(provider = "house", model = "small-1")]
async fn complete(prompt: &str) -> Result<(String, Usage), StatusCode> {
    if prompt.is_empty() {
        return Err(StatusCode::TOO_MANY_REQUESTS);
    }
    Ok(("Forty-two.".to_owned(), Usage::new(2_000, 500)))
}

async fn ask(prompt: String) -> Result<String, StatusCode> {
    let (text, _) = complete(&prompt).await?;
    Ok(text)
}

pub fn app(metrics: &Metrics) -> Router {
    Router::new().route("/ask", post(ask)).layer(metrics.layer())
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use axum::body::Body;
    use axum::http::Request;
    use streamgauge::Price;
    use streamgauge::testing::Page;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn questions_are_calls_with_tokens_and_cost() -> Result<(), Box<dyn Error>> {
        let price = Price::per_million(1.00, 4.00);
        let metrics = Metrics::builder().price("small-1", price).build()?;
        for prompt in ["How many?", ""] {
            let request = Request::post("/ask").body(Body::from(prompt))?;
            app(&metrics).oneshot(request).await?;
        }

        let page = Page::scrape(&metrics)?;
        let failed = [("endpoint", "/ask"), ("error_type", "rate_limited")];
        assert_eq!(page.value("app_llm_calls_total", failed)?, 1.0);
        assert_eq!(page.sum("app_llm_calls_total", [("provider", "house")]), 2.0);
        assert_eq!(page.value("app_token_usage_total", [("token_type", "input")])?, 2_000.0);
        assert_eq!(page.value("app_token_usage_total", [("token_type", "output")])?, 500.0);
        assert_eq!(page.value("app_cost_usd_total", [("token_type", "output")])?, 0.002);
        assert_eq!(page.sum("app_unpriced_calls_total", []), 0.0);
        assert_eq!(page.sum("app_usage_missing_total", []), 0.0);
        Ok(())
    }
}
