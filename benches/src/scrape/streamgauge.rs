//! The page of streamgauge, whose series are filled by requests.

use std::convert::Infallible;
use std::mem::ManuallyDrop;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use futures_util::FutureExt;
use futures_util::stream::{Stream, StreamExt, iter};
use streamgauge::{Metrics, streaming_metrics, track_detailed_exception};
use tower::Service;

use super::{ENDPOINT, ERROR_TYPES, HISTOGRAMS, Kind, SERIES, STATUSES, Store, observations};
use crate::peers::GAP_BUCKETS;
use crate::router::send;

/// An error whose parameter makes many types of it, for the label `exception_type`.
struct Failure<const N: usize>;

fn report<const N: usize>(status: StatusCode) {
    track_detailed_exception(&Failure::<N>, status);
}

macro_rules! reports {
    ($($number:literal)*) => {
        [$(report::<$number>),*]
    };
}

const REPORTS: [fn(StatusCode); ERROR_TYPES] = reports!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);

#[streaming_metrics(model = model)]
fn chunks(model: String) -> impl Stream<Item = Bytes> {
    drop(model);
    iter([Bytes::from_static(b"one"), Bytes::from_static(b"two")])
}

async fn fill_counters() -> &'static str {
    for status in 100..100 + STATUSES {
        let status = StatusCode::from_u16(status).expect("the status has three digits");
        for report in REPORTS {
            report(status);
        }
    }
    "filled"
}

async fn fill_histograms() -> &'static str {
    for (model, _) in observations() {
        assert_eq!(chunks(model).count().now_or_never(), Some(2));
    }
    "filled"
}

/// An instance, and the router whose handler fills it.
pub(super) struct Streamgauge {
    /// Not dropped: otherwise the next instance might reuse its memory, and would seem to need
    /// less.
    metrics: ManuallyDrop<Metrics>,
    router: Router,
}

impl Store for Streamgauge {
    fn new(kind: Kind) -> Self {
        let series = usize::try_from(SERIES).expect("the number fits");
        let builder = Metrics::builder().max_label_values(series).max_series(series);
        let builder =
            HISTOGRAMS.iter().fold(builder, |builder, name| builder.buckets(*name, GAP_BUCKETS));
        let metrics = ManuallyDrop::new(builder.build().expect("the settings are valid"));
        let filling = match kind {
            Kind::Counters => get(fill_counters),
            Kind::Histograms => get(fill_histograms),
        };
        let router = Router::new().route(ENDPOINT, filling).layer(metrics.layer());
        Self { metrics, router: router.with_state(()) }
    }

    fn record(&self, _: Kind) {
        let request = Request::get(ENDPOINT).body(Body::empty());
        send(&self.router, request.expect("the request is valid"));
    }

    fn text(&self) -> String {
        self.metrics.encode_text().expect("all collectors work")
    }
}

/// The same, with a page that is requested as Prometheus does, and read to its end.
pub(super) struct Endpoint(Streamgauge);

impl Store for Endpoint {
    fn new(kind: Kind) -> Self {
        Self(Streamgauge::new(kind))
    }

    fn record(&self, kind: Kind) {
        self.0.record(kind);
    }

    fn text(&self) -> String {
        self.0.text()
    }

    fn page(&self) -> usize {
        let response = self.0.metrics.endpoint().call(axum::http::Request::new(()));
        let response: Result<Response, Infallible> =
            response.now_or_never().expect("the endpoint does not wait");
        let body = response.expect("the endpoint is infallible").into_body().into_data_stream();
        let size = body.fold(0, async |size, frame| size + frame.map_or(0, |frame| frame.len()));
        size.now_or_never().expect("the body does not wait")
    }
}
