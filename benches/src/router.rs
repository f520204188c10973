//! One request through a router in the same process: what recording it adds to the bare router.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::handler::Handler;
use axum::routing::get;
use axum_prometheus::BaseMetricLayer;
use futures_util::stream::{self, Stream};
use futures_util::{FutureExt, StreamExt};
use prometheus_axum_middleware::PrometheusAxumLayer;
use streamgauge::{Metrics, PrometheusLayer, instrument_endpoint, streaming_metrics};
use tower::{Layer, Service, ServiceExt};

use crate::measure::Contender;
use crate::peers;
use crate::table::Figure;
use crate::topic::{ALLOCATIONS, Answer, BYTES, Column, Group, ONE, SPREAD, TWO, Topic};

pub(crate) const TOPIC: Topic = Topic {
    name: "router",
    about: "a request through an axum router: what a layer and an attribute add",
    answer: Answer::Measured(groups),
};

const BARE: &str = "bare router";
const PASS_THROUGH: &str = "a layer that does nothing";

const COLUMNS: &[Column] = &[
    Column("ns", Figure::Time, |line| line.own(ONE)),
    SPREAD,
    Column("above bare, ns", Figure::Time, |line| line.above(ONE)),
    Column("above bare ÷ bare", Figure::Ratio, |line| Some(line.above(ONE)? / line.base(ONE)?)),
    Column("above the empty layer, ns", Figure::Time, |line| {
        Some(line.above(ONE)? - (line.of(PASS_THROUGH, ONE)? - line.base(ONE)?))
    }),
    Column("2 threads, ns", Figure::Time, |line| line.own(TWO)),
    Column("2 threads above bare, ns", Figure::Time, |line| line.above(TWO)),
    Column("allocations above bare", Figure::Count, |line| line.above(ALLOCATIONS)),
    Column("bytes above bare", Figure::Count, |line| line.above(BYTES)),
];

async fn plain() -> &'static str {
    "hello"
}

#[instrument_endpoint]
async fn annotated() -> &'static str {
    "hello"
}

type Chunk = Result<Bytes, Infallible>;

fn chunks() -> impl Stream<Item = Chunk> {
    stream::iter([Ok(Bytes::from_static(b"one")), Ok(Bytes::from_static(b"two"))])
}

#[streaming_metrics]
fn metered_chunks() -> impl Stream<Item = Chunk> {
    chunks()
}

async fn streamed() -> Body {
    Body::from_stream(chunks())
}

async fn metered() -> Body {
    Body::from_stream(metered_chunks())
}

#[instrument_endpoint]
async fn metered_endpoint() -> Body {
    Body::from_stream(metered_chunks())
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

/// The layer of an instance of its own.
pub(crate) fn layer() -> PrometheusLayer {
    Metrics::builder().prefix("bench").build().expect("default settings are valid").layer()
}

/// A router with one route.
fn route<T: 'static>(handler: impl Handler<T, ()>) -> Router<()> {
    Router::new().route("/items/{id}", get(handler))
}

/// Sends one request, and reads the response to its end.
pub(crate) fn send(router: &Router, request: Request) {
    let response = router.clone().oneshot(request).now_or_never().expect("ready at once");
    let body = response.expect("a router does not fail").into_body().into_data_stream();
    let frames = body.count().now_or_never();
    assert!(frames.is_some_and(|frames| frames > 0), "the whole body is there");
}

fn requests(name: &str, router: Router<()>) -> Contender {
    let router: Router = router.with_state(());
    Contender::new(name, move || {
        let router = router.clone();
        move || {
            let request = Request::get("/items/1").body(Body::empty());
            send(&router, request.expect("it is well formed"));
        }
    })
    .against(BARE)
}

/// The bare router and the empty layer, with this handler.
fn bases<T: 'static>(handler: impl Handler<T, ()>) -> [Contender; 2] {
    [
        requests(BARE, route(handler.clone())).alone(),
        requests(PASS_THROUGH, route(handler).layer(PassThroughLayer)),
    ]
}

fn groups() -> Vec<Group> {
    peers::install_recorder();
    let fixed = [
        requests("streamgauge, layer", route(plain).layer(layer())),
        requests("streamgauge, layer and attribute", route(annotated).layer(layer())),
        requests("streamgauge, attribute alone", route(annotated)),
        requests("prometheus-axum-middleware 0.4", route(plain).layer(PrometheusAxumLayer::new())),
        requests("axum-prometheus 0.10", route(plain).layer(BaseMetricLayer::new())),
    ];
    let streams = [
        requests("streamgauge, layer", route(streamed).layer(layer())),
        requests("streamgauge, layer, stream metered", route(metered).layer(layer())),
        requests(
            "streamgauge, layer and attribute, stream metered",
            route(metered_endpoint).layer(layer()),
        ),
        requests(
            "prometheus-axum-middleware 0.4",
            route(streamed).layer(PrometheusAxumLayer::new()),
        ),
        requests("axum-prometheus 0.10", route(streamed).layer(BaseMetricLayer::new())),
    ];
    vec![
        Group {
            key: "fixed",
            caption: "One request through a router in the same process, with a response of fixed size. Each \
                      contender with its own default set of metrics; the attribute alone knows no sizes."
                .to_owned(),
            two_threads: true,
            thinned: 1,
            contenders: bases(plain).into_iter().chain(fixed).collect(),
            columns: COLUMNS,
        },
        Group {
            key: "streamed",
            caption: "The same with a streamed response of two chunks.".to_owned(),
            two_threads: true,
            thinned: 1,
            contenders: bases(streamed).into_iter().chain(streams).collect(),
            columns: COLUMNS,
        },
    ]
}
