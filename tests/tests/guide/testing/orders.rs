use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use streamgauge::{ExceptionType, Metrics, instrument_endpoint};

#[derive(ExceptionType)]
pub enum OrderError {
    SoldOut,
}

impl IntoResponse for OrderError {
    fn into_response(self) -> Response {
        StatusCode::CONFLICT.into_response()
    }
}

/// Orders the item with this number.
#[instrument_endpoint]
async fn order(Json(item): Json<u32>) -> Result<String, OrderError> {
    if item == 7 { Ok("ordered a lamp".to_owned()) } else { Err(OrderError::SoldOut) }
}

pub fn app(metrics: &Metrics) -> Router {
    Router::new().route("/orders", post(order)).layer(metrics.layer())
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use axum::body::{Body, to_bytes};
    use axum::http::{Request, header};
    use streamgauge::testing::Page;
    use tower::ServiceExt;

    use super::*;

    async fn send_order(app: &Router, item: &'static str) -> Result<StatusCode, Box<dyn Error>> {
        let request = Request::post("/orders")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(item))?;
        let response = app.clone().oneshot(request).await?;
        let status = response.status();
        to_bytes(response.into_body(), usize::MAX).await?;
        Ok(status)
    }

    #[tokio::test]
    async fn refused_orders_are_counted_by_reason() -> Result<(), Box<dyn Error>> {
        let metrics = Metrics::builder().build()?;
        let app = app(&metrics);
        assert_eq!(send_order(&app, "7").await?, StatusCode::OK);
        assert_eq!(send_order(&app, "8").await?, StatusCode::CONFLICT);
        assert_eq!(send_order(&app, "lamp").await?, StatusCode::BAD_REQUEST); // not JSON

        let page = Page::scrape(&metrics)?;
        let sold_out = [("exception_type", "SoldOut"), ("status", "409")];
        assert_eq!(page.value("app_exceptions_total", sold_out)?, 1.0);
        // axum refuses text that is not JSON before the handler runs, so there is no exception.
        assert_eq!(page.sum("app_exceptions_total", []), 1.0);
        assert_eq!(page.sum("app_errors_total", [("error_type", "client")]), 2.0);
        Ok(())
    }
}
