use std::convert::Infallible;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::Path;

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::get as route_get;
use futures_util::{FutureExt, Stream, stream};
use streamgauge::{Metrics, Usage, instrument_endpoint, streaming_metrics, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{metrics, send};
use tower::service_fn;
use tower_http::catch_panic::CatchPanicLayer;

use crate::pages::{assert_has_program, assert_shows_page, instance, request};

const CHAPTER: &str = include_str!("../../../docs/errors.md");

programs! { payments }

#[tokio::test]
async fn errors_chapter_shows_the_page_of_its_program() {
    let metrics = instance("app");
    let app = payments::router(&metrics);
    for path in ["/pay/1", "/pay/2", "/pay/3"] {
        request(&app, &[(Method::POST, path)]).await;
    }
    assert_has_program(CHAPTER, payments::TEXT);
    assert_shows_page(CHAPTER, "# Errors and exceptions", &metrics);
}

/// Returns the row of the table of failures that begins with `what`, without its first cell.
fn failure_row(what: &str) -> Vec<&'static str> {
    let row = CHAPTER.lines().find(|line| line.starts_with(&format!("| {what}")));
    let row = row.and_then(|row| row.strip_suffix(" |")).expect("the table has this row");
    row.split(" | ").skip(1).collect()
}

/// Checks a row of the table of failures with the page of an instance that had this failure only.
fn assert_failure(metrics: &Metrics, what: &str) {
    let row = failure_row(what);
    let scrape = Scrape::of(metrics);
    let label = |family: &str, label: &str| match scrape.values(family, label).as_slice() {
        [] => "–".to_owned(),
        values => format!("`{}`", values.join(", ")),
    };
    let outcome = label("app_http_requests_total", "outcome");
    assert!(row[0].starts_with(&outcome), "{what}: {outcome}");
    assert_eq!(row[1], label("app_errors_total", "error_type"), "{what}");
    let exception = label("app_exceptions_total", "status").trim_matches('`').to_owned();
    assert!(row[2].ends_with(&exception), "{what}: {exception}");
    let global = label("app_global_exceptions_total", "exception_type");
    assert!(row[3] == global || row[3] == "the type of the error", "{what}: {global}");
}

#[derive(Debug)]
struct Missing;

impl axum::response::IntoResponse for Missing {
    fn into_response(self) -> axum::response::Response {
        StatusCode::NOT_FOUND.into_response()
    }
}

async fn plain() -> Result<(), Missing> {
    Err(Missing)
}

#[instrument_endpoint]
async fn annotated() -> Result<(), Missing> {
    Err(Missing)
}

async fn panics() {
    panic!("on purpose")
}

#[streaming_metrics(media_type = "text/plain")]
async fn breaks_off() -> impl Stream<Item = Result<&'static str, std::fmt::Error>> {
    stream::iter([Ok("a"), Err(std::fmt::Error)])
}

#[streaming_metrics(media_type = "text/event-stream", protocol = "openai")]
async fn sends_error_event() -> impl Stream<Item = Result<&'static str, Infallible>> {
    stream::iter([Ok("data: {\"error\":{\"message\":\"no\"}}\n\n")])
}

#[tokio::test]
async fn errors_chapter_has_a_true_table_of_failures() {
    let number = |axum::extract::Path(_): axum::extract::Path<u32>| async {};
    let unavailable = || async { StatusCode::SERVICE_UNAVAILABLE };
    let cases = [
        ("an annotated handler returned an `Err`", route_get(annotated)),
        ("a handler without the attribute returned", route_get(plain)),
        ("an extractor rejected the request", route_get(number)),
        ("a handler returned a response with status 503", route_get(unavailable)),
        ("the handler panicked", route_get(panics)),
        ("the response body failed after the head", route_get(breaks_off)),
        ("a [stream][streaming] sent an error event", route_get(sends_error_event)),
    ];
    for (what, handler) in cases {
        let metrics = metrics();
        let app = Router::new().route("/{id}", handler).layer(metrics.layer());
        let _ = AssertUnwindSafe(request(&app, &[(Method::GET, "/x")])).catch_unwind().await;
        assert_failure(&metrics, what);
    }
}

#[tokio::test]
async fn errors_chapter_has_a_true_row_of_failed_services() {
    use tower::{Layer, ServiceExt};

    let metrics = metrics();
    let fails = service_fn(|_: axum::extract::Request| async {
        Err::<axum::response::Response, _>(std::io::Error::other("no"))
    });
    let service = metrics.layer().layer(fails);
    assert!(service.oneshot(axum::extract::Request::default()).await.is_err());
    assert_failure(&metrics, "a tower service within the layer");
    let types = Scrape::of(&metrics);
    assert_eq!(types.values("app_global_exceptions_total", "exception_type"), ["io::Error"]);
}

#[tokio::test]
async fn errors_chapter_has_true_rows_of_disconnects() {
    let before = metrics();
    let app = Router::new().route("/", route_get(std::future::pending::<()>));
    let app = app.layer(before.layer());
    assert!(send(&app, Method::GET, "/").now_or_never().is_none());
    assert_failure(&before, "the client left before the head");
    assert_eq!(Scrape::of(&before).values("app_http_requests_total", "status"), ["499"]);
    let within = metrics();
    let app = Router::new().route("/", route_get(breaks_off)).layer(within.layer());
    drop(send(&app, Method::GET, "/").await);
    assert_failure(&within, "the client left within the body");
    assert_eq!(Scrape::of(&within).values("app_http_requests_total", "status"), ["200"]);
}

#[instrument_endpoint]
async fn annotated_panics() {
    panic!("on purpose")
}

#[track_tokens]
async fn tracked_panics() -> Usage {
    panic!("on purpose")
}

#[streaming_metrics]
async fn streaming_panics() -> axum::body::Body {
    panic!("on purpose")
}

#[tokio::test]
async fn panics_caught_inside_are_recorded_only_with_instrument_endpoint() {
    let tracked = || async { format!("{:?}", tracked_panics().await) };
    let cases = [
        ("panic", route_get(annotated_panics)),
        ("server_error", route_get(tracked)),
        ("server_error", route_get(streaming_panics)),
        ("server_error", route_get(panics)),
    ];
    for (outcome, handler) in cases {
        let metrics = metrics();
        let app = Router::new().route("/", handler).layer(CatchPanicLayer::new());
        request(&app.layer(metrics.layer()), &[(Method::GET, "/")]).await;
        assert_eq!(Scrape::of(&metrics).values("app_http_requests_total", "outcome"), [outcome]);
    }
}

/// Appends the text of all source files in a directory.
fn read_sources(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).expect("the directory can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            read_sources(&path, text);
        } else {
            text.push_str(&fs::read_to_string(&path).expect("sources are UTF-8"));
        }
    }
}

#[test]
fn errors_chapter_lists_every_log_event() {
    let mut sources = String::new();
    read_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src"), &mut sources);
    let events: Vec<&str> = ["tracing::warn!(", "tracing::error!(", "tracing::info!("]
        .iter()
        .flat_map(|start| sources.split(start).skip(1))
        .map(|event| event.split_once(");\n").expect("a macro call ends").0)
        .collect();
    let (_, table) = CHAPTER.split_once("| message | level |").expect("the chapter has the table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with("| "));
    let messages: Vec<&str> = rows
        .map(|row| row.split(" | ").next().expect("a row has cells"))
        .map(|cell| cell.trim_start_matches("| ").trim_matches(['`', ' ']))
        .collect();
    assert_eq!(messages.len(), events.len(), "{messages:#?}");
    for message in messages {
        let is_emitted =
            |event: &&str| event.replace("\"`", "\"").contains(&format!("\"{message}"));
        assert!(events.iter().any(is_emitted), "{message}");
    }
}
