//! The metrics of one request, recorded without a router: in flight, counted, and three histograms.

#![expect(clippy::unused_async, reason = "what is measured is the attribute")]

mod by_crate;
mod floor;

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use streamgauge::instrument_endpoint;
use tower::{Layer, Service, service_fn};

use self::by_crate::{Client, ClientByLabel, MacroHandles, Macros, Prometheus, PrometheusByLabel};
use self::floor::{Attributed, Counted, Derived, Sharded};
use crate::measure::Contender;
use crate::table::Figure;
use crate::topic::{ALLOCATIONS, Answer, BYTES, Column, Group, ONE, SPREAD, TWO, Topic};
use crate::{peers, router};

pub(crate) const TOPIC: Topic = Topic {
    name: "request",
    about: "the metrics of a request without a router: atomics, crates, attribute and layer",
    answer: Answer::Measured(groups),
};

const COLUMNS: &[Column] = &[
    Column("ns", Figure::Time, |line| line.net(ONE)),
    SPREAD,
    Column("2 threads, ns", Figure::Time, |line| line.net(TWO)),
    Column("2 threads ÷ 1", Figure::Ratio, |line| Some(line.net(TWO)? / line.net(ONE)?)),
    Column("allocations", Figure::Count, |line| line.net(ALLOCATIONS)),
    Column("bytes", Figure::Count, |line| line.net(BYTES)),
];

/// What a request has been.
#[derive(Clone, Copy)]
struct Seen {
    took: Duration,
    received: u32,
    sent: u32,
}

/// Records requests.
trait Record: Send + Sync + 'static {
    fn enter(&self);
    fn leave(&self, seen: Seen);
}

/// Requests that differ, again and again the same.
struct Requests {
    seen: [Seen; 64],
    next: usize,
}

impl Requests {
    fn new() -> Self {
        let mut state = 0x9E37_79B9_u32;
        let mut random = |bound: u32| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state % bound
        };
        let mut seen = || Seen {
            took: Duration::from_micros(random(400_000).into()),
            received: random(8_192),
            sent: random(262_144),
        };
        Self { seen: std::array::from_fn(|_| seen()), next: 0 }
    }

    fn next(&mut self) -> Seen {
        self.next = (self.next + 1) % self.seen.len();
        self.seen[self.next]
    }
}

/// Records requests whose duration is known.
fn untimed(name: &str, recorder: impl Record) -> Contender {
    let recorder = Arc::new(recorder);
    Contender::new(name, move || {
        let (recorder, mut requests) = (Arc::clone(&recorder), Requests::new());
        move || {
            recorder.enter();
            recorder.leave(black_box(requests.next()));
        }
    })
}

/// Records requests whose duration is found by reading a clock twice.
fn timed(name: &str, recorder: impl Record) -> Contender {
    let recorder = Arc::new(recorder);
    Contender::new(name, move || {
        let (recorder, mut requests) = (Arc::clone(&recorder), Requests::new());
        move || {
            let entered = Instant::now();
            recorder.enter();
            let seen = black_box(requests.next());
            recorder.leave(Seen { took: entered.elapsed(), ..seen });
        }
    })
}

async fn plain() -> &'static str {
    black_box("hello")
}

#[instrument_endpoint]
async fn annotated() -> &'static str {
    black_box("hello")
}

/// Sends a request to a service that is no router.
fn send<S>(mut service: S)
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let response = service.call(Request::new(Body::empty())).now_or_never();
    assert!(black_box(response).is_some(), "it is ready at once");
}

fn ours() -> [Contender; 4] {
    const FUNCTION: &str = "a function";
    const SERVICE: &str = "a service";
    let bare = || service_fn(|_: Request| async { Ok(plain().await.into_response()) });
    let service = || service_fn(|_: Request| async { Ok(annotated().await.into_response()) });
    let layer = router::layer();
    [
        Contender::of(FUNCTION, || plain().now_or_never()).hidden(),
        Contender::of(SERVICE, move || send(bare())).hidden(),
        Contender::of("streamgauge, attribute alone (no sizes)", || annotated().now_or_never())
            .against(FUNCTION),
        Contender::new("streamgauge, layer and attribute around a service", move || {
            let service = layer.layer(service());
            move || send(service.clone())
        })
        .against(SERVICE),
    ]
}

fn groups() -> Vec<Group> {
    peers::install_recorder();
    let contenders = [
        untimed("floor: 12 atomic additions", Counted::default()),
        untimed("floor: 9, counts derived from buckets", Derived::default()),
        untimed("floor: 12, a shard for each thread", Sharded::default()),
        timed("floor: 12, 2 `Instant::now`", Counted::default()),
        timed("floor: 12, a shard for each thread, 2 `Instant::now`", Sharded::default()),
        timed("floor of the attribute alone: 6, 2 `Instant::now`", Attributed::default()),
        untimed("`prometheus`, handles", Prometheus::new()),
        timed("`prometheus`, handles, 2 `Instant::now`", Prometheus::new()),
        untimed("`prometheus`, `with_label_values`", PrometheusByLabel::new()),
        untimed("`prometheus-client`, handles", Client::default()),
        untimed("`prometheus-client`, `get_or_create`", ClientByLabel::default()),
        untimed("`metrics`, handles", MacroHandles::new()),
        untimed("`metrics`, macros with literal labels", Macros),
    ];
    vec![Group {
        key: "",
        caption: "The metrics of one request, without a router: in flight up and down, a counter, and histograms \
                  of the duration (14 buckets) and both sizes (8 each). streamgauge is what stands above the same \
                  function or service without it; it reads the clock twice, and has 17, 10 and 10 buckets. Of \
                  `metrics`, what the recorder does later is not in it."
            .to_owned(),
        two_threads: true,
        thinned: 1,
        contenders: contenders.into_iter().chain(ours()).collect(),
        columns: COLUMNS,
    }]
}
