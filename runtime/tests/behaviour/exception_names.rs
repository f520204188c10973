//! The `exception_type` label: which name an error gets that does not name itself.

use axum::handler::Handler;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get as route_get;
use axum::{Json, Router};
use serde_json::{Value, json};
use streamgauge::{ExceptionType, Metrics, instrument_endpoint, track_detailed_exception};
use streamgauge_test_support::client::{get, metrics, settled};

/// Serves one request with this handler. Returns the names of the errors that are counted, each as
/// often as it is counted.
pub(crate) async fn names<H, T>(handler: H) -> Vec<String>
where
    H: Handler<T, ()>,
    T: 'static,
{
    let metrics = metrics();
    get(&Router::new().route("/", route_get(handler)).layer(metrics.layer()), "/").await;
    counted(&metrics)
}

pub(crate) fn counted(metrics: &Metrics) -> Vec<String> {
    let scrape = settled(metrics);
    let types = scrape.values("app_exceptions_total", "exception_type");
    let times = |name: &str| scrape.sum("app_exceptions_total", &[("exception_type", name)]);
    let names = types.iter().map(|name| (name.to_string(), times(name)));
    names.map(|(name, times)| if times == 1 { name } else { format!("{name} × {times}") }).collect()
}

/// The name of an error that a handler reports.
async fn reported<E: Send + 'static>(make: fn() -> E) -> Vec<String> {
    names(move || async move {
        track_detailed_exception(&make(), StatusCode::BAD_GATEWAY);
        StatusCode::BAD_GATEWAY
    })
    .await
}

/// An error that any type may be, and its response.
#[derive(serde::Serialize)]
struct QuotaExceeded {
    limit: u32,
}

impl IntoResponse for QuotaExceeded {
    fn into_response(self) -> Response {
        StatusCode::TOO_MANY_REQUESTS.into_response()
    }
}

#[tokio::test]
async fn exception_names_that_are_common_keep_their_module_or_crate() {
    assert_eq!(reported(|| std::io::Error::other("e")).await, ["io::Error"]);
    assert_eq!(reported(|| std::fmt::Error).await, ["fmt::Error"]);
    assert_eq!(reported(|| axum::Error::new(std::fmt::Error)).await, ["axum::Error"]);
    let json = || serde_json::from_str::<u8>("x").expect_err("this is no number");
    assert_eq!(reported(json).await, ["serde_json::Error"]);
    assert_eq!(reported(|| "x".parse::<u8>().expect_err("no number")).await, ["ParseIntError"]);
}

#[tokio::test]
async fn exception_names_of_types_in_functions_are_bare() {
    #[instrument_endpoint]
    async fn handler() -> Result<(), StatusCode> {
        struct InAsyncFn;
        track_detailed_exception(&InAsyncFn, StatusCode::BAD_GATEWAY);
        Ok(())
    }
    let closure = || async {
        struct InClosure;
        track_detailed_exception(&InClosure, StatusCode::BAD_GATEWAY);
    };
    struct Inventory;
    impl Inventory {
        fn check() {
            struct InMethod;
            track_detailed_exception(&InMethod, StatusCode::BAD_GATEWAY);
        }
    }
    impl Iterator for Inventory {
        type Item = ();
        fn next(&mut self) -> Option<()> {
            #[allow(dead_code)]
            enum Error {
                InTraitMethod,
            }
            track_detailed_exception(&Error::InTraitMethod, StatusCode::BAD_GATEWAY);
            None
        }
    }
    assert_eq!(names(handler).await, ["InAsyncFn"]);
    assert_eq!(names(closure).await, ["InClosure"]);
    assert_eq!(names(|| async { Inventory::check() }).await, ["InMethod"]);
    assert_eq!(
        names(|| async {
            _ = Inventory.next();
        })
        .await,
        ["next::Error"]
    );
}

type Header = [(&'static str, &'static str); 1];

#[tokio::test]
async fn exception_name_of_a_tuple_or_wrapper_is_that_of_the_error_in_it() {
    #[instrument_endpoint]
    async fn with_status() -> Result<(), (StatusCode, Json<QuotaExceeded>)> {
        Err((StatusCode::TOO_MANY_REQUESTS, Json(QuotaExceeded { limit: 3 })))
    }
    #[instrument_endpoint]
    async fn with_text() -> Result<(), (StatusCode, String)> {
        Err((StatusCode::BAD_REQUEST, "no".to_owned()))
    }
    #[instrument_endpoint]
    async fn with_value() -> Result<(), (StatusCode, Header, Json<Value>)> {
        Err((StatusCode::BAD_REQUEST, [("x-a", "b")], Json(json!({}))))
    }
    #[instrument_endpoint]
    async fn page() -> Result<(), Html<String>> {
        Err(Html(String::new()))
    }
    #[instrument_endpoint]
    async fn response() -> Result<(), Response> {
        Err(StatusCode::BAD_REQUEST.into_response())
    }
    #[instrument_endpoint]
    async fn erased() -> axum::response::Result<()> {
        Err(QuotaExceeded { limit: 3 }.into())
    }
    assert_eq!(names(with_status).await, ["QuotaExceeded"]);
    assert_eq!(names(with_text).await, ["StatusCode"]);
    assert_eq!(names(with_value).await, ["StatusCode"]);
    assert_eq!(names(page).await, ["Html"]);
    assert_eq!(names(response).await, ["Response"]);
    assert_eq!(names(erased).await, ["ErrorResponse"]);
    assert_eq!(reported(|| Box::new(QuotaExceeded { limit: 1 })).await, ["QuotaExceeded"]);
    let boxed = || -> Box<dyn std::error::Error + Send + Sync> { "no".into() };
    assert_eq!(reported(boxed).await, ["dyn Error"]);
}

#[tokio::test]
async fn exception_in_a_wrapper_counts_once_when_it_is_reported_without_the_wrapper() {
    #[instrument_endpoint]
    async fn handler() -> Result<(), (StatusCode, Json<QuotaExceeded>)> {
        let error = QuotaExceeded { limit: 3 };
        track_detailed_exception(&error, StatusCode::TOO_MANY_REQUESTS);
        Err((StatusCode::TOO_MANY_REQUESTS, Json(error)))
    }
    assert_eq!(names(handler).await, ["QuotaExceeded"]);
}

#[tokio::test]
async fn errors_of_two_types_with_one_short_name_are_two_errors() {
    mod one {
        pub(super) struct Missing;
    }
    mod two {
        pub(super) struct Missing;

        impl axum::response::IntoResponse for Missing {
            fn into_response(self) -> axum::response::Response {
                axum::http::StatusCode::NOT_FOUND.into_response()
            }
        }
    }
    #[instrument_endpoint]
    async fn handler() -> Result<(), two::Missing> {
        track_detailed_exception(&one::Missing, StatusCode::NOT_FOUND);
        Err(two::Missing)
    }
    assert_eq!(names(handler).await, ["Missing × 2"]);
}

#[derive(ExceptionType, serde::Serialize)]
enum OrderError {
    OutOfStock,
}

#[tokio::test]
async fn exception_type_is_used_through_tuples_and_wrappers() {
    #[instrument_endpoint]
    async fn in_json() -> Result<(), (StatusCode, Json<OrderError>)> {
        Err((StatusCode::CONFLICT, Json(OrderError::OutOfStock)))
    }
    #[instrument_endpoint]
    async fn with_headers() -> Result<(), (StatusCode, Header, Json<Box<OrderError>>)> {
        Err((StatusCode::CONFLICT, [("x-a", "b")], Json(Box::new(OrderError::OutOfStock))))
    }
    assert_eq!(names(in_json).await, ["OutOfStock"]);
    assert_eq!(names(with_headers).await, ["OutOfStock"]);
}

mod nested_results {
    use std::pin::Pin;

    use axum::body::Bytes;
    use futures_util::Stream;
    use streamgauge::{Usage, streaming_metrics, track_tokens};
    use streamgauge_test_support::Scrape;

    use super::{QuotaExceeded, Response, StatusCode, instrument_endpoint, names};
    use streamgauge::Metrics;

    type Nested<T> = Result<Result<T, QuotaExceeded>, StatusCode>;

    #[tokio::test]
    async fn error_in_an_ok_is_counted_like_an_outer_one() {
        #[instrument_endpoint]
        async fn plain() -> Nested<&'static str> {
            Ok(Err(QuotaExceeded { limit: 1 }))
        }
        #[instrument_endpoint]
        fn future() -> impl Future<Output = Nested<Response>> + Send {
            async { Ok(Err(QuotaExceeded { limit: 1 })) }
        }
        #[instrument_endpoint]
        #[track_tokens(provider = "house", protocol = "openai")]
        async fn tracked() -> Nested<Response> {
            Ok(Err(QuotaExceeded { limit: 1 }))
        }
        #[instrument_endpoint]
        #[streaming_metrics(protocol = "openai")]
        async fn streamed() -> Nested<Response> {
            Ok(Err(QuotaExceeded { limit: 1 }))
        }
        #[streaming_metrics]
        #[instrument_endpoint]
        async fn outside_in() -> Nested<Response> {
            Ok(Err(QuotaExceeded { limit: 1 }))
        }
        assert_eq!(names(plain).await, ["QuotaExceeded"]);
        assert_eq!(names(future).await, ["QuotaExceeded"]);
        assert_eq!(names(tracked).await, ["QuotaExceeded"]);
        assert_eq!(names(streamed).await, ["QuotaExceeded"]);
        assert_eq!(names(outside_in).await, ["QuotaExceeded"]);
    }

    #[tokio::test]
    async fn error_in_an_ok_is_counted_outside_any_request() {
        type Lines = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

        #[instrument_endpoint]
        #[track_tokens(provider = "house", model = "names-1")]
        async fn nested_error_of_usage() -> Nested<Usage> {
            Ok(Err(QuotaExceeded { limit: 1 }))
        }
        #[instrument_endpoint]
        #[streaming_metrics]
        async fn nested_error_of_stream() -> Nested<Lines> {
            Ok(Err(QuotaExceeded { limit: 1 }))
        }
        drop(nested_error_of_usage().await);
        drop(nested_error_of_stream().await);
        let scrape = Scrape::of(Metrics::global());
        for endpoint in ["nested_error_of_usage", "nested_error_of_stream"] {
            let labels = [("endpoint", endpoint), ("exception_type", "QuotaExceeded")];
            assert_eq!(scrape.sum("app_exceptions_total", &labels), 1, "{endpoint}");
            let labels = [("endpoint", endpoint), ("outcome", "server_error")];
            assert_eq!(scrape.sum("app_http_requests_total", &labels), 1, "{endpoint}");
        }
        let labels = [("endpoint", "nested_error_of_usage"), ("finish_reason", "error")];
        assert_eq!(scrape.sum("app_llm_calls_total", &labels), 1);
    }
}

mod response_extension {
    use axum::Extension;
    use axum::extract::Request;
    use axum::middleware::{Next, from_fn};
    use streamgauge::ExceptionName;

    use super::{
        IntoResponse, Json, OrderError, Response, Router, StatusCode, counted, get,
        instrument_endpoint, metrics, names, route_get,
    };

    /// An error that wraps any other one, and names it in its response.
    struct AppError(Box<dyn std::error::Error + Send + Sync>);

    impl IntoResponse for AppError {
        fn into_response(self) -> Response {
            let name = if self.0.is::<std::fmt::Error>() { "format" } else { "internal" };
            (StatusCode::BAD_GATEWAY, Extension(ExceptionName(name))).into_response()
        }
    }

    #[tokio::test]
    async fn exception_name_in_the_response_names_a_returned_error() {
        #[instrument_endpoint]
        async fn format() -> Result<(), AppError> {
            Err(AppError(Box::new(std::fmt::Error)))
        }
        #[instrument_endpoint]
        async fn other() -> axum::response::Result<()> {
            Err(AppError("no".into()).into())
        }
        assert_eq!(names(format).await, ["format"]);
        assert_eq!(names(other).await, ["internal"]);
    }

    #[tokio::test]
    async fn exception_name_in_the_response_precedes_the_exception_type() {
        #[instrument_endpoint]
        async fn handler() -> Result<(), (StatusCode, Extension<ExceptionName>, Json<OrderError>)> {
            let name = Extension(ExceptionName("sold_out"));
            Err((StatusCode::CONFLICT, name, Json(OrderError::OutOfStock)))
        }
        assert_eq!(names(handler).await, ["sold_out"]);
    }

    #[tokio::test]
    async fn exception_name_of_a_middleware_names_the_error_that_it_replaces() {
        #[instrument_endpoint]
        async fn failing() -> Result<(), StatusCode> {
            Err(StatusCode::BAD_GATEWAY)
        }
        #[instrument_endpoint]
        async fn fine() -> Result<(), StatusCode> {
            Ok(())
        }
        for (handler, expected) in
            [(route_get(failing), vec!["unavailable"]), (route_get(fine), vec![])]
        {
            let metrics = metrics();
            let hide = from_fn(|request: Request, next: Next| async {
                drop(next.run(request).await);
                (StatusCode::SERVICE_UNAVAILABLE, Extension(ExceptionName("unavailable")))
                    .into_response()
            });
            let app = Router::new().route("/", handler).layer(hide).layer(metrics.layer());
            get(&app, "/").await;
            assert_eq!(counted(&metrics), expected);
        }
    }
}

#[tokio::test]
async fn exception_reported_by_name_and_returned_has_one_name() {
    use streamgauge::track_named_exception;

    #[instrument_endpoint]
    async fn both() -> Result<(), (StatusCode, Json<OrderError>)> {
        let error = OrderError::OutOfStock;
        track_named_exception(&error, StatusCode::CONFLICT);
        Err((StatusCode::CONFLICT, Json(error)))
    }
    #[instrument_endpoint]
    async fn reported_only() -> StatusCode {
        track_named_exception(&OrderError::OutOfStock, StatusCode::CONFLICT);
        StatusCode::CONFLICT
    }
    assert_eq!(names(both).await, ["OutOfStock"]);
    assert_eq!(names(reported_only).await, ["OutOfStock"]);
}
