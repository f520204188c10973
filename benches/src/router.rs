//! Benchmark of one request through an axum router: the time that a layer and an attribute add to
//! the bare router. The requests do not pass through a network.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::get;
use axum_prometheus::BaseMetricLayer;
use futures_util::stream::{self, Stream};
use futures_util::{FutureExt, StreamExt};
use prometheus_axum_middleware::PrometheusAxumLayer;
use streamgauge::{Metrics, PrometheusLayer, instrument_endpoint, streaming_metrics};
use tower::{Layer, Service, ServiceExt};

use crate::measure::Contender;
use crate::peers;
use crate::table::NumberFormat;
use crate::topic::{
    ALLOCATED_BYTES, ALLOCATIONS, Column, Group, ONE_THREAD, SPREAD, Source, TWO_THREADS, Topic,
};

pub(crate) const TOPIC: Topic = Topic {
    name: "router",
    about: "a request through an axum router: time that a layer and an attribute add",
    source: Source::Contenders(groups),
};

pub(crate) const BARE: &str = "bare router";
const PASS_THROUGH: &str = "a layer that does nothing";
const LAYER: &str = "streamgauge, layer";
const LAYER_AND_ATTRIBUTE: &str = "streamgauge, layer and attribute";
const AXUM_MIDDLEWARE: &str = "prometheus-axum-middleware 0.4";
const AXUM_PROMETHEUS: &str = "axum-prometheus 0.10";

const COLUMNS: &[Column] = &[
    Column("ns", NumberFormat::Time, |line| line.own(ONE_THREAD)),
    SPREAD,
    Column("above bare, ns", NumberFormat::Time, |line| line.above_base(ONE_THREAD)),
    Column("above bare ÷ bare", NumberFormat::Ratio, |line| {
        Some(line.above_base(ONE_THREAD)? / line.base(ONE_THREAD)?)
    }),
    Column("above the empty layer, ns", NumberFormat::Time, |line| {
        Some(
            line.above_base(ONE_THREAD)?
                - (line.figure_of(PASS_THROUGH, ONE_THREAD)? - line.base(ONE_THREAD)?),
        )
    }),
    Column("2 threads, ns", NumberFormat::Time, |line| line.own(TWO_THREADS)),
    Column("2 threads above bare, ns", NumberFormat::Time, |line| line.above_base(TWO_THREADS)),
    Column("allocations above bare", NumberFormat::Count, |line| line.above_base(ALLOCATIONS)),
    Column("bytes above bare", NumberFormat::Count, |line| line.above_base(ALLOCATED_BYTES)),
];

pub(crate) async fn plain() -> &'static str {
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
async fn annotated_and_metered() -> Body {
    Body::from_stream(metered_chunks())
}

/// A service that only calls its inner service, to measure axum's own cost of a layer.
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

/// Returns the layer of a new instance.
pub(crate) fn layer() -> PrometheusLayer {
    Metrics::builder().prefix("bench").build().expect("default settings are valid").layer()
}

/// Returns a router with one route.
pub(crate) fn route<T: 'static>(handler: impl Handler<T, ()>) -> Router<()> {
    Router::new().route("/items/{id}", get(handler))
}

/// Sends one request and reads the response to its end.
pub(crate) fn send<S>(router: &S, request: Request)
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone,
{
    let response =
        router.clone().oneshot(request).now_or_never().expect("the handler does not wait");
    let body = response.expect("the router is infallible").into_body().into_data_stream();
    let frames = body.count().now_or_never();
    assert!(frames.is_some_and(|frames| frames > 0), "the body is complete and not empty");
}

/// Returns a contender that sends requests to a service that contains a router.
fn requests_to<S>(name: &str, service: S) -> Contender
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
{
    Contender::new(name, move || {
        let service = service.clone();
        move || {
            let request = Request::get("/items/1").body(Body::empty());
            send(&service, request.expect("the request is valid"));
        }
    })
    .compared_with(BARE)
}

/// Returns a contender that sends requests to a finished router, as a server does.
pub(crate) fn requests(name: &str, router: Router<()>) -> Contender {
    let router: Router = router.with_state(());
    requests_to(name, router)
}

/// Returns a contender with this name that sends requests to this router.
type MakeContender = fn(&str, Router) -> Contender;

/// Returns the contenders for comparison: the bare router, and the empty layer.
fn baselines<T: 'static>(requests: MakeContender, handler: impl Handler<T, ()>) -> [Contender; 2] {
    [
        requests(BARE, route(handler.clone())).without_base(),
        requests(PASS_THROUGH, route(handler).layer(PassThroughLayer)),
    ]
}

/// Returns the contenders whose response has a fixed size.
fn fixed(requests: MakeContender) -> Vec<Contender> {
    let [bare, pass_through] = baselines(requests, plain);
    vec![
        bare,
        pass_through,
        requests(LAYER, route(plain).layer(layer())),
        requests(LAYER_AND_ATTRIBUTE, route(annotated).layer(layer())),
        requests("streamgauge, attribute alone", route(annotated)),
        requests(AXUM_MIDDLEWARE, route(plain).layer(PrometheusAxumLayer::new())),
        requests(AXUM_PROMETHEUS, route(plain).layer(BaseMetricLayer::new())),
    ]
}

/// Returns the contenders whose response is streamed.
fn streamed_responses() -> Vec<Contender> {
    let [bare, pass_through] = baselines(requests, streamed);
    vec![
        bare,
        pass_through,
        requests(LAYER, route(streamed).layer(layer())),
        requests("streamgauge, layer, stream metered", route(metered).layer(layer())),
        requests(
            "streamgauge, layer and attribute, stream metered",
            route(annotated_and_metered).layer(layer()),
        ),
        requests(AXUM_MIDDLEWARE, route(streamed).layer(PrometheusAxumLayer::new())),
        requests(AXUM_PROMETHEUS, route(streamed).layer(BaseMetricLayer::new())),
    ]
}

/// Returns the contenders whose layer is around the whole router.
fn around_the_router() -> Vec<Contender> {
    let (bare, annotated): (Router, Router) =
        (route(plain).with_state(()), route(annotated).with_state(()));
    vec![
        requests_to(BARE, bare.clone()).without_base(),
        requests_to(PASS_THROUGH, PassThroughLayer.layer(bare.clone())),
        requests_to(LAYER, layer().layer(bare)),
        requests_to(LAYER_AND_ATTRIBUTE, layer().layer(annotated)),
    ]
}

fn groups() -> Vec<Group> {
    peers::install_recorder();
    let group = |key, caption: &str, contenders| Group {
        key,
        caption: caption.to_owned(),
        two_threads: true,
        sample_divisor: 1,
        contenders,
        columns: COLUMNS,
    };
    vec![
        group(
            "fixed",
            "One request through a router in the same process, with a response of fixed size. Each \
             contender records its own default metrics; the attribute alone records no body sizes.",
            fixed(requests),
        ),
        group(
            "streamed",
            "One request through a router in the same process, with a streamed response of two \
             chunks.",
            streamed_responses(),
        ),
        group(
            "whole",
            "One request, with the layer around the whole router instead of `Router::layer`. Such \
             a layer does not see the route.",
            around_the_router(),
        ),
        group(
            "unfinished",
            "The requests of the first table, sent to a router without `with_state` or \
             `into_make_service`. For each request, axum then makes the service of the route and \
             calls each layer, which a server does once.",
            fixed(requests_to),
        ),
    ]
}
