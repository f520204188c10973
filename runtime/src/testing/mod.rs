//! Reads metrics pages in tests.
//!
//! A [`Page`] is a parsed metrics page. [`Page::scrape`] makes it from an instance in the same
//! process, and [`Page::parse`] from the text that a server has sent. Tests then look up the value
//! of a series by its name and some of its labels, instead of searching in the text.
//!
//! # Example
//!
//! A whole test of a handler. The router takes the instance as an argument, so that each test has
//! an instance of its own: tests that run at the same time would otherwise count into each other's
//! series. The `oneshot` of `tower::ServiceExt` sends a request without a socket.
//!
//! A request is recorded when its response has *ended*, so the test reads the response body to its
//! end before it reads the page.
//!
//! ```
//! use std::error::Error;
//!
//! use axum::body::{Body, to_bytes};
//! use axum::extract::Path;
//! use axum::http::{Request, StatusCode};
//! use axum::{Router, routing::get};
//! use streamgauge::{Metrics, testing::Page};
//! use tower::ServiceExt;
//!
//! async fn item(Path(id): Path<u32>) -> Result<String, StatusCode> {
//!     if id == 7 { Ok("a lamp".to_owned()) } else { Err(StatusCode::NOT_FOUND) }
//! }
//!
//! fn app(metrics: &Metrics) -> Router {
//!     Router::new().route("/items/{id}", get(item)).layer(metrics.layer())
//! }
//!
//! # /*
//! #[tokio::test]
//! # */
//! async fn unknown_items_are_client_errors() -> Result<(), Box<dyn Error>> {
//!     let metrics = Metrics::builder().build()?;
//!     for path in ["/items/7", "/items/8", "/items/9"] {
//!         let request = Request::get(path).body(Body::empty())?;
//!         let response = app(&metrics).oneshot(request).await?;
//!         to_bytes(response.into_body(), usize::MAX).await?;
//!     }
//!
//!     let page = Page::scrape(&metrics)?;
//!     assert_eq!(page.value("app_http_requests_total", [("status", "404")])?, 2.0);
//!     assert_eq!(page.sum("app_http_requests_total", [("endpoint", "/items/{id}")]), 3.0);
//!     assert_eq!(page.value("app_active_requests", [])?, 0.0);
//!     Ok(())
//! }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn Error>> {
//! #     unknown_items_are_client_errors().await
//! # }
//! ```
//!
//! # Failures
//!
//! No function here panics. The errors say what the page has instead, and their `Debug` output is
//! the same text, because that is what a failed test prints. If the last assertion above had the
//! label `("endpoint", "/items")`, or a name without its prefix, the test would end with
//!
//! ```text
//! Error: no series named `app_active_requests` with {endpoint="/items"}; the page has:
//!   app_active_requests{method="GET",endpoint="/items/{id}"} 0
//! ```
//!
//! ```text
//! Error: no series named `active_requests`; similar names on the page are `app_active_requests`
//! ```

mod error;
mod page;
mod parse;
mod series;
#[cfg(test)]
mod tests;

pub use self::error::{PageError, SeriesError};
pub use self::page::Page;
pub use self::series::Series;
