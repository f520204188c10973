use axum::Router;
use axum::body::BodyDataStream;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get as route_get;
use futures_util::{Stream, StreamExt, stream};
use streamgauge::{Metrics, streaming_metrics};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::{metrics, send};

use crate::pages::{assert_has_program, assert_shows_page, instance, request};

const CHAPTER: &str = include_str!("../../../docs/streaming.md");

programs! { countdown }

/// Reads the first `chunks` of a response, and disconnects.
async fn read_some(app: &Router, path: &str, chunks: usize) {
    let body: BodyDataStream = send(app, Method::GET, path).await.into_body().into_data_stream();
    body.take(chunks).for_each(|_| async {}).await;
}

#[tokio::test(start_paused = true)]
async fn streaming_chapter_shows_the_page_of_its_program() {
    let metrics = instance("app");
    let app = countdown::router(&metrics);
    request(&app, &[(Method::GET, "/countdown")]).await;
    read_some(&app, "/countdown", 1).await;
    assert_has_program(CHAPTER, countdown::TEXT);
    assert_shows_page(CHAPTER, "# Streaming", &metrics);
}

/// Sends what the chapter's table of outcomes says, without a panic.
#[streaming_metrics(protocol = "openai", media_type = "text/event-stream")]
async fn chat(
    axum::extract::Path(case): axum::extract::Path<String>,
) -> impl Stream<Item = Result<String, std::fmt::Error>> {
    const DELTA: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    let items = match &*case {
        "failed" => vec![Ok(DELTA), Err(std::fmt::Error)],
        "error" => vec![Ok("data: {\"error\":{\"message\":\"no\"}}\n\n")],
        "truncated" => vec![Ok(DELTA)],
        _ => vec![Ok(DELTA), Ok("data: [DONE]\n\n"), Ok(": after the end marker\n\n")],
    };
    stream::iter(items).map(|item| item.map(str::to_owned))
}

#[tokio::test]
async fn streaming_chapter_has_a_true_table_of_outcomes() {
    let cases = [
        ("complete", 9, "| has ended |"),
        ("complete", 1, "| is dropped before its end,"),
        ("failed", 9, "| has an item that is an `Err`,"),
        ("error", 9, "| sends an error event"),
        ("truncated", 9, "| ends with neither"),
    ];
    for (case, chunks, row) in cases {
        let metrics = metrics();
        let app = Router::new().route("/{case}", route_get(chat)).layer(metrics.layer());
        read_some(&app, &format!("/{case}"), chunks).await;
        let row = CHAPTER.lines().find(|line| line.starts_with(row)).expect("the row exists");
        let scrape = Scrape::of(&metrics);
        let [stream] = scrape.values("app_stream_duration_seconds_count", "outcome")[..] else {
            panic!("{case} has one stream");
        };
        let [of_request] = scrape.values("app_http_requests_total", "outcome")[..] else {
            panic!("{case} is one request");
        };
        assert!(row.contains(&format!("| `{stream}` | `{of_request}`")), "{stream} {of_request}");
    }
}

#[tokio::test]
async fn streams_that_end_after_their_marker_are_complete_without_their_client() {
    let metrics = metrics();
    let app = Router::new().route("/{case}", route_get(chat)).layer(metrics.layer());
    read_some(&app, "/complete", 2).await;
    assert_eq!(outcomes(&metrics), ["complete"]);
}

fn outcomes(metrics: &Metrics) -> Vec<String> {
    let scrape = Scrape::of(metrics);
    let outcomes = scrape.values("app_stream_duration_seconds_count", "outcome");
    outcomes.into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn streams_are_neither_failed_calls_nor_responses_to_head() {
    fn refusal() -> Response {
        (StatusCode::FORBIDDEN, "no").into_response()
    }
    #[streaming_metrics(protocol = "openai")]
    async fn refuses() -> Response {
        refusal()
    }
    #[streaming_metrics]
    async fn refuses_without_protocol() -> Response {
        refusal()
    }
    let metrics = metrics();
    let app = Router::new()
        .route("/refuses", route_get(refuses))
        .route("/metered", route_get(refuses_without_protocol))
        .route("/{case}", route_get(chat))
        .layer(metrics.layer());
    request(&app, &[(Method::GET, "/refuses"), (Method::HEAD, "/complete")]).await;
    assert_eq!(outcomes(&metrics), Vec::<String>::new());
    request(&app, &[(Method::GET, "/metered")]).await;
    assert_eq!(outcomes(&metrics), ["complete"]);
}
