//! The live page: its files, its viewers, and the numbers that they get.

mod files;
mod numbers;
mod oldest;
mod shutdown;
mod viewers;

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use streamgauge::Metrics;
use streamgauge_test_support::client::{metrics, send};

const EVENTS: &str = "/metrics/live/events";

/// A second instance with a layer. Because of it, the instances of the tests do not create the
/// series of all functions of the other tests at zero.
static NEIGHBOUR: LazyLock<Metrics> = LazyLock::new(|| {
    let neighbour = metrics();
    let _ = neighbour.layer();
    neighbour
});

/// Adds the live page to an application, inside the layer of the instance.
fn with_live_page(app: Router, metrics: &Metrics) -> Router {
    LazyLock::force(&NEIGHBOUR);
    app.nest_service("/metrics/live", metrics.live()).layer(metrics.layer())
}

/// A viewer of the live page.
struct Events {
    body: Body,
}

impl Events {
    async fn open(app: &Router) -> Self {
        let response = send(app, Method::GET, EVENTS).await;
        assert_eq!(response.status(), StatusCode::OK);
        Self { body: response.into_body() }
    }

    /// Opens the page and returns its first reading.
    async fn first_reading(app: &Router) -> Value {
        let mut events = Self::open(app).await;
        events.next("describe").await;
        events.reading().await
    }

    /// Returns the data of the next event, which has this name.
    async fn next(&mut self, name: &str) -> String {
        let frame = self.body.frame().await.expect("the stream has no end");
        let data = frame.expect("the body does not fail").into_data().expect("a frame of data");
        let text = String::from_utf8(data.to_vec()).expect("the text is UTF-8");
        let event = text.strip_prefix("retry: 1000\n\n").unwrap_or(&text);
        let event = event.strip_suffix("\n\n").expect("an event ends with an empty line");
        let [event, data]: [&str; 2] =
            event.lines().collect::<Vec<_>>().try_into().expect("an event has two lines");
        assert_eq!(event, format!("event: {name}"));
        data.strip_prefix("data: ").expect("the second line has the data").to_owned()
    }

    async fn reading(&mut self) -> Value {
        serde_json::from_str(&self.next("reading").await).expect("a reading is JSON")
    }
}

/// Returns the rows of a table.
fn rows<'a>(reading: &'a Value, table: &str) -> &'a [Value] {
    reading[table].as_array().expect("a table has rows")
}

/// Returns the row of a table whose label has this value.
fn row<'a>(reading: &'a Value, table: &str, label: &str, value: &str) -> &'a Value {
    let found = rows(reading, table).iter().find(|row| row[label] == value);
    found.unwrap_or_else(|| panic!("{table} has no row for {value}: {reading:#}"))
}

/// Returns the number at the end of a path within a row; 0 if the path has no end.
fn number(row: &Value, pointer: &str) -> i64 {
    row.pointer(pointer).map_or(0, |number| number.as_i64().expect("a whole number"))
}
