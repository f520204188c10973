//! Benchmark of one request to routers with 1, 100 and 1,000 routes: the time that the layer adds
//! must not grow with the number of routes.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Uri;
use axum::routing::get;
use streamgauge::instrument_endpoint;

use crate::measure::Contender;
use crate::router::{layer, send};
use crate::table::NumberFormat;
use crate::topic::{ALLOCATIONS, Column, Group, ONE_THREAD, SPREAD, Source, TWO_THREADS, Topic};

pub(crate) const TOPIC: Topic = Topic {
    name: "routes",
    about: "a request, by number of routes",
    source: Source::Contenders(groups),
};

/// Numbers of routes.
const ROUTES: [usize; 3] = [1, 100, 1_000];

const COLUMNS: &[Column] = &[
    Column("ns", NumberFormat::Time, |line| line.own(ONE_THREAD)),
    SPREAD,
    Column("above bare, ns", NumberFormat::Time, |line| line.above_base(ONE_THREAD)),
    Column("2 threads above bare, ns", NumberFormat::Time, |line| line.above_base(TWO_THREADS)),
    Column("allocations above bare", NumberFormat::Count, |line| line.above_base(ALLOCATIONS)),
];

async fn plain() -> &'static str {
    "hello"
}

#[instrument_endpoint]
async fn annotated() -> &'static str {
    "hello"
}

/// Returns a contender that sends requests to all routes in turn.
fn requests(name: String, number: usize, router: &Router<()>) -> Contender {
    let router: Router = router.clone().with_state(());
    let uris: Vec<Uri> = (0..number)
        .map(|route| format!("/items{route}/1").parse().expect("the path is valid"))
        .collect();
    Contender::new(name, move || {
        let (router, uris, mut next) = (router.clone(), uris.clone(), 0);
        let mut call = move || {
            let mut request = Request::new(Body::empty());
            *request.uri_mut() = uris[next].clone();
            next = (next + 1) % uris.len();
            send(&router, request);
        };
        // The first request of each route creates its series.
        (0..number).for_each(|_| call());
        call
    })
}

fn contenders(number: usize) -> [Contender; 3] {
    let routes = |annotate: bool| {
        (0..number).fold(Router::<()>::new(), |router, route| {
            let handler = if annotate { get(annotated) } else { get(plain) };
            router.route(&format!("/items{route}/{{id}}"), handler)
        })
    };
    let unit = if number == 1 { "route" } else { "routes" };
    let bare = format!("{number} {unit}, bare");
    let layered = format!("{number} {unit}, layer");
    let both = format!("{number} {unit}, layer and attribute");
    [
        requests(bare.clone(), number, &routes(false)),
        requests(layered, number, &routes(false).layer(layer())).compared_with(bare.clone()),
        requests(both, number, &routes(true).layer(layer())).compared_with(bare),
    ]
}

fn groups() -> Vec<Group> {
    vec![Group {
        key: "",
        caption: "One request, by number of routes; the requests go to all routes in turn. The \
                  figures above the bare router should not grow."
            .to_owned(),
        two_threads: true,
        sample_divisor: 1,
        contenders: ROUTES.into_iter().flat_map(contenders).collect(),
        columns: COLUMNS,
    }]
}
