//! Benchmark of one request to a program that has the live page: the page must cost a request
//! nothing unless somebody looks at it.

use axum::body::Body;
use axum::extract::Request;
use futures_util::FutureExt;
use streamgauge::Metrics;
use tokio::runtime::Builder;
use tower::ServiceExt;

use crate::measure::Contender;
use crate::router::{BARE, plain, requests, route};
use crate::table::NumberFormat;
use crate::topic::{ALLOCATIONS, Column, Group, ONE_THREAD, SPREAD, Source, TWO_THREADS, Topic};

pub(crate) const TOPIC: Topic = Topic {
    name: "live",
    about: "a request while the live page is closed, and while it is open",
    source: Source::Contenders(groups),
};

const WITHOUT_PAGE: &str = "layer, no page";

const COLUMNS: &[Column] = &[
    Column("ns", NumberFormat::Time, |line| line.own(ONE_THREAD)),
    SPREAD,
    Column("above no page, ns", NumberFormat::Time, |line| {
        Some(line.own(ONE_THREAD)? - line.figure_of(WITHOUT_PAGE, ONE_THREAD)?)
    }),
    Column("÷ no page", NumberFormat::Ratio, |line| {
        Some(line.own(ONE_THREAD)? / line.figure_of(WITHOUT_PAGE, ONE_THREAD)?)
    }),
    Column("2 threads ÷ no page", NumberFormat::Ratio, |line| {
        Some(line.own(TWO_THREADS)? / line.figure_of(WITHOUT_PAGE, TWO_THREADS)?)
    }),
    Column("allocations above bare", NumberFormat::Count, |line| line.above_base(ALLOCATIONS)),
];

fn new_metrics() -> Metrics {
    Metrics::builder().prefix("bench").build().expect("default settings are valid")
}

/// Opens the page of an instance. The page is open until the returned stream is dropped.
fn open_page(metrics: &Metrics) -> Body {
    // The stream waits for the next second in this runtime, which must outlive it.
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = Box::leak(Box::new(runtime.expect("a runtime can be created")));
    let _entered = runtime.enter();
    let request = Request::get("/events").body(Body::empty()).expect("the request is valid");
    let response = metrics.live().oneshot(request).now_or_never().expect("the page does not wait");
    let response = response.expect("the page is infallible");
    assert!(response.status().is_success(), "the page has no other viewer");
    response.into_body()
}

/// Returns a contender that sends requests to a router with the layer of this instance.
fn layer(name: &str, metrics: &Metrics) -> Contender {
    requests(name, route(plain).layer(metrics.layer()))
}

fn groups() -> Vec<Group> {
    let [without, never_opened, closed, open] = [(); 4].map(|()| new_metrics());
    let _ = never_opened.live();
    drop(open_page(&closed));
    // The page stays open until the program ends.
    Box::leak(Box::new(open_page(&open)));
    vec![Group {
        key: "",
        caption:
            "One request through a router in the same process, with a response of fixed size. \
                  The instances differ in their live page: there is none, it was never opened, the \
                  last viewer has left, or a viewer looks at it."
                .to_owned(),
        two_threads: true,
        sample_divisor: 1,
        contenders: vec![
            requests(BARE, route(plain)).without_base(),
            layer(WITHOUT_PAGE, &without),
            layer("layer, page never opened", &never_opened),
            layer("layer, page closed again", &closed),
            layer("layer, page open", &open),
        ],
        columns: COLUMNS,
    }]
}
