//! One request through a router in the same process: what recording it adds to the bare router.

use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use axum_prometheus::PrometheusMetricLayer;
use futures_util::{FutureExt, StreamExt};
use streamgauge::{Metrics, instrument_endpoint};
use tower::{Layer, Service, ServiceExt};

use crate::measure::{Contender, in_turns};

async fn plain() -> &'static str {
    "hello"
}

#[instrument_endpoint]
async fn annotated() -> &'static str {
    "hello"
}

/// A layer that does nothing: what axum itself charges for having one.
#[derive(Clone)]
struct PassThrough<S>(S);

#[derive(Clone)]
struct PassThroughLayer;

impl<S> Layer<S> for PassThroughLayer {
    type Service = PassThrough<S>;

    fn layer(&self, service: S) -> PassThrough<S> {
        PassThrough(service)
    }
}

impl<S: Service<Request>> Service<Request> for PassThrough<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> S::Future {
        self.0.call(request)
    }
}

fn router() -> Router<()> {
    Router::new().route("/plain/{id}", get(plain)).route("/annotated/{id}", get(annotated))
}

/// A contender that sends one request and reads the response.
fn requests(name: &'static str, router: Router<()>, path: &'static str) -> Contender {
    let router: Router = router.with_state(());
    Contender::new(name, move || {
        let request = Request::get(path).body(Body::empty()).expect("it is well formed");
        let response = router.clone().oneshot(request).now_or_never().expect("ready at once");
        let body = response.expect("a router does not fail").into_body().into_data_stream();
        assert_eq!(body.count().now_or_never(), Some(1));
    })
}

/// Measures and prints the table.
pub(crate) fn run() {
    let metrics = Metrics::builder().prefix("bench").build().expect("default settings are valid");
    let (peer, _handle) = PrometheusMetricLayer::pair();
    let mut contenders = [
        requests("bare router", router(), "/plain/1"),
        requests("a layer that does nothing", router().layer(PassThroughLayer), "/plain/1"),
        requests("streamgauge, layer", router().layer(metrics.layer()), "/plain/1"),
        requests(
            "streamgauge, layer and attribute",
            router().layer(metrics.layer()),
            "/annotated/1",
        ),
        requests("axum-prometheus 0.10", router().layer(peer), "/plain/1"),
    ];
    in_turns(&mut contenders);
    let bare = contenders[0].cost().median;
    println!("One request through a router; each contender with its own default set of metrics.\n");
    println!("| contender | ns | +/- | above bare, ns | / bare |");
    println!("|---|--:|--:|--:|--:|");
    for contender in &contenders {
        let cost = contender.cost();
        let above = cost.median - bare;
        println!(
            "| {} | {:.0} | {:.0} | {above:.0} | {:.2} |",
            contender.name,
            cost.median,
            cost.spread,
            above / bare
        );
    }
}
