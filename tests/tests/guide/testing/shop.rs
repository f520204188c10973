use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use streamgauge::{Metrics, metrics_endpoint};

async fn item(Path(id): Path<u32>) -> Result<String, StatusCode> {
    if id == 7 { Ok("a lamp".to_owned()) } else { Err(StatusCode::NOT_FOUND) }
}

pub fn app(metrics: &Metrics) -> Router {
    Router::new()
        .route("/items/{id}", get(item))
        .route("/metrics", get(metrics_endpoint))
        .layer(metrics.layer())
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use streamgauge::testing::Page;
    use tower::ServiceExt;

    use super::*;

    /// Sends a request and reads the response to its end.
    async fn fetch(app: &Router, path: &str) -> Result<String, Box<dyn Error>> {
        let request = Request::get(path).body(Body::empty())?;
        let response = app.clone().oneshot(request).await?;
        let body = to_bytes(response.into_body(), usize::MAX).await?;
        Ok(String::from_utf8(body.to_vec())?)
    }

    #[tokio::test]
    async fn unknown_items_are_client_errors() -> Result<(), Box<dyn Error>> {
        let metrics = Metrics::builder().build()?;
        let app = app(&metrics);
        for path in ["/items/7", "/items/8", "/items/9"] {
            fetch(&app, path).await?;
        }

        let page = Page::scrape(&metrics)?;
        assert_eq!(page.value("app_http_requests_total", [("status", "200")])?, 1.0);
        assert_eq!(page.value("app_http_requests_total", [("status", "404")])?, 2.0);
        assert_eq!(page.label_values("app_http_requests_total", "endpoint"), ["/items/{id}"]);
        assert_eq!(page.sum("app_active_requests", []), 0.0);
        Ok(())
    }

    #[tokio::test]
    async fn metrics_page_is_not_counted() -> Result<(), Box<dyn Error>> {
        let metrics = Metrics::builder().build()?;
        let app = app(&metrics);
        fetch(&app, "/metrics").await?;
        let page = Page::parse(&fetch(&app, "/metrics").await?)?;
        assert_eq!(page.count("app_http_requests_total", [("endpoint", "/metrics")]), 0);
        Ok(())
    }
}
