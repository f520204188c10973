//! One request, by how many routes there are: its cost must not grow with them.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Uri;
use axum::routing::get;
use streamgauge::instrument_endpoint;

use crate::measure::Contender;
use crate::router::{layer, send};
use crate::table::Figure;
use crate::topic::{ALLOCATIONS, Answer, Column, Group, ONE, SPREAD, TWO, Topic};

pub(crate) const TOPIC: Topic = Topic {
    name: "routes",
    about: "a request, by how many routes there are",
    answer: Answer::Measured(groups),
};

/// How many routes there are.
const ROUTES: [usize; 3] = [1, 100, 1_000];

const COLUMNS: &[Column] = &[
    Column("ns", Figure::Time, |line| line.own(ONE)),
    SPREAD,
    Column("above bare, ns", Figure::Time, |line| line.above(ONE)),
    Column("2 threads above bare, ns", Figure::Time, |line| line.above(TWO)),
    Column("allocations above bare", Figure::Count, |line| line.above(ALLOCATIONS)),
];

async fn plain() -> &'static str {
    "hello"
}

#[instrument_endpoint]
async fn annotated() -> &'static str {
    "hello"
}

/// A request to each of the routes in turn.
fn requests(name: String, number: usize, router: &Router<()>) -> Contender {
    let router: Router = router.clone().with_state(());
    let uris: Vec<Uri> = (0..number)
        .map(|route| format!("/items{route}/1").parse().expect("it is well formed"))
        .collect();
    Contender::new(name, move || {
        let (router, uris, mut next) = (router.clone(), uris.clone(), 0);
        let mut call = move || {
            let mut request = Request::new(Body::empty());
            *request.uri_mut() = uris[next].clone();
            next = (next + 1) % uris.len();
            send(&router, request);
        };
        // The first request of a route makes its series.
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
        requests(layered, number, &routes(false).layer(layer())).against(bare.clone()),
        requests(both, number, &routes(true).layer(layer())).against(bare),
    ]
}

fn groups() -> Vec<Group> {
    vec![Group {
        key: "",
        caption: "One request, by how many routes there are; each has its turn. What is above the bare router \
                  should not grow."
            .to_owned(),
        two_threads: true,
        thinned: 1,
        contenders: ROUTES.into_iter().flat_map(contenders).collect(),
        columns: COLUMNS,
    }]
}
