//! `model` and `provider` expressions that are not text or do not resolve.

use axum::Json;
use streamgauge::{Usage, track_tokens};

enum Model {
    Small,
}

struct Request {
    model: Model,
    size: Option<u32>,
}

#[track_tokens(model = request.model)]
async fn own_type(Json(request): Json<Request>) -> Usage {
    let Model::Small = request.model;
    Usage::new(1, 2)
}

#[track_tokens(provider = request.size)]
fn number(request: &Request) -> Usage {
    Usage::new(1, request.size.unwrap_or(2).into())
}

#[track_tokens(model = request.mdoel)]
fn no_such_field(request: &Request) -> Usage {
    Usage::new(1, request.size.unwrap_or(2).into())
}

#[track_tokens(model = requset.model, provider = house)]
fn no_such_argument(request: &Request) -> Usage {
    Usage::new(1, request.size.unwrap_or(2).into())
}

fn main() {
    let request = Request { model: Model::Small, size: None };
    number(&request);
    no_such_field(&request);
    no_such_argument(&request);
    drop(own_type(Json(request)));
}
