//! `model` and `provider` from arguments, constants and expressions.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::routing::post;
use serde::Deserialize;
use streamgauge::{Usage, track_tokens};

const PROVIDER: &str = "house";

#[derive(Deserialize)]
struct Request {
    model: String,
    fallback: Option<String>,
}

#[derive(Clone)]
struct App {
    provider: Arc<str>,
}

#[derive(Clone, Copy)]
enum Provider {
    House,
}

impl Provider {
    const fn name(self) -> &'static str {
        match self {
            Self::House => "house",
        }
    }
}

#[track_tokens(provider = "house", model = "small-1", endpoint = "/ask")]
async fn literals() -> Usage {
    Usage::new(1, 2)
}

#[track_tokens(provider = app.provider, model = request.model)]
async fn fields(State(app): State<App>, Json(request): Json<Request>) -> Result<Usage, String> {
    if request.model.is_empty() {
        return Err(request.model);
    }
    drop(app);
    Ok(Usage::new(1, 2))
}

#[track_tokens(provider = provider.name(), model = request.fallback)]
async fn option(provider: Provider, request: Request) -> Option<Usage> {
    let _provider = provider;
    request.fallback.map(|_| Usage::new(1, 2))
}

#[track_tokens(provider = PROVIDER, model = request.fallback.as_deref().unwrap_or(&request.model))]
fn expressions(Json(mut request): Json<Request>) -> Usage {
    request.model.clear();
    Usage::new(request.model.len() as u64, 2)
}

#[track_tokens(provider = concat!("ho", "use"), model = format!("{family}-{size}"))]
async fn made(family: &str, size: u32) -> Usage {
    Usage::new(family.len() as u64, size.into())
}

#[track_tokens(
    provider = {
        let provider = Provider::House;
        provider.name()
    },
    model = match size {
        0 => None,
        1 => Some("small-1"),
        _ => Some("large-1"),
    },
)]
fn blocks(size: u32) -> Usage {
    Usage::new(0, size.into())
}

#[track_tokens(model = model, provider = *provider)]
fn every_text(model: Cow<'_, str>, provider: &&str, name: Box<str>) -> Usage {
    Usage::new(model.len() as u64, (provider.len() + name.len()) as u64)
}

struct Client {
    model: Option<Arc<str>>,
}

impl Client {
    const PROVIDER: &'static str = "house";

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    #[track_tokens(provider = Self::PROVIDER, model = self.model())]
    async fn ask(&mut self) -> Usage {
        self.model = None;
        Usage::new(1, 2)
    }

    #[track_tokens(model = self.model)]
    async fn into_usage(self) -> Usage {
        drop(self.model);
        Usage::new(1, 2)
    }
}

/// Only the attribute uses the arguments, not the body.
#[track_tokens(provider = provider, model = request.model)]
async fn used_by_the_label_only(provider: String, request: Request) -> Usage {
    Usage::new(1, 2)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let request = || Request { model: "small-1".to_owned(), fallback: None };
    let app = App { provider: "house".into() };
    assert_eq!(literals().await, Usage::new(1, 2));
    assert!(fields(State(app.clone()), Json(request())).await.is_ok());
    assert_eq!(option(Provider::House, request()).await, None);
    assert_eq!(expressions(Json(request())), Usage::new(0, 2));
    assert_eq!(made("a", 2).await, Usage::new(1, 2));
    assert_eq!(blocks(1), Usage::new(0, 1));
    assert_eq!(every_text("a".into(), &"b", "c".into()), Usage::new(1, 2));
    let mut client = Client { model: Some("small-1".into()) };
    assert_eq!(client.ask().await, client.into_usage().await);
    assert_eq!(used_by_the_label_only("house".to_owned(), request()).await, Usage::new(1, 2));

    async fn handler(state: State<App>, request: Json<Request>) -> Result<(), String> {
        fields(state, request).await.map(drop)
    }
    let _app: axum::Router = axum::Router::new().route("/", post(handler)).with_state(app);
}
