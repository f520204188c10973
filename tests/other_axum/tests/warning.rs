//! The layer around a router of axum 0.7.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use axum_0_7::Router;
use axum_0_7::body::Body;
use axum_0_7::extract::Request;
use axum_0_7::routing::get;
use streamgauge::Metrics;
use streamgauge_test_support::client::settled;
use tower::ServiceExt;
use tracing_subscriber::fmt;

/// The log of a test.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the lock is not poisoned").extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "current_thread")]
async fn other_axum_version_logs_one_warning_and_its_requests_are_unmatched() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
    let metrics = Metrics::builder().build().expect("default settings are valid");
    let app = Router::new().route("/items/:id", get(|| async { "done" })).layer(metrics.layer());
    for _ in 0..3 {
        let request = Request::builder().uri("/items/7").body(Body::empty());
        let request = request.expect("the request is well formed");
        app.clone().oneshot(request).await.expect("a router does not fail");
    }
    let unmatched = [("endpoint", "unmatched"), ("outcome", "success")];
    assert_eq!(settled(&metrics).sum("app_http_requests_total", &unmatched), 3);
    let log = log.0.lock().expect("the lock is not poisoned").clone();
    let log = String::from_utf8(log).expect("the log is UTF-8");
    assert_eq!(log.matches("WARN streamgauge: ").count(), 1, "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains("needs axum 0.8"), "{log}");
}
