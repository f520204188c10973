//! An annotated handler accepts and rejects the same requests as the plain one, with equal
//! responses.

#![expect(clippy::needless_pass_by_value, reason = "extractors are values")]

use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, Method, StatusCode, Uri, Version};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::event_log::pause;

#[derive(Clone)]
struct App {
    name: &'static str,
}

#[derive(serde::Deserialize, serde::Serialize)]
struct Item {
    id: u8,
}

/// The bound of a generic handler's state.
trait Named: Clone + Send + Sync + 'static {
    fn name(&self) -> &'static str;
}

impl Named for App {
    fn name(&self) -> &'static str {
        self.name
    }
}

/// A custom extractor.
struct Token(String);

impl<S: Sync> FromRequestParts<S> for Token {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _state: &S,
    ) -> Result<Self, Self::Rejection> {
        let token = parts.headers.get("x-token").and_then(|token| token.to_str().ok());
        token.map(|token| Self(token.to_owned())).ok_or((StatusCode::UNAUTHORIZED, "no token"))
    }
}

plain_and_annotated! {
    pub(super) async fn nothing() {}

    #[expect(clippy::too_many_arguments, reason = "as many as a handler may have")]
    pub(super) async fn sixteen(
        method: Method,
        uri: Uri,
        version: Version,
        headers: HeaderMap,
        State(app): State<App>,
        Query(Item { id }): Query<Item>,
        _: Method,
        _: Uri,
        _: Version,
        _: HeaderMap,
        _: Method,
        _: Uri,
        _: Version,
        _: HeaderMap,
        _: Method,
        body: Bytes,
    ) -> Result<String, StatusCode> {
        if body.is_empty() {
            return Err(StatusCode::LENGTH_REQUIRED);
        }
        pause().await;
        let name = app.name;
        Ok(format!("{method} {uri} {version:?} {} {name} {id} {body:?}", headers.len()))
    }

    pub(super) async fn path(Path((kind, id)): Path<(String, u8)>) -> impl IntoResponse {
        (StatusCode::CREATED, format!("{kind} {id}"))
    }

    pub(super) async fn json(Json(mut item): Json<Item>) -> Json<Item> {
        item.id += 1;
        Json(item)
    }

    pub(super) async fn guarded(
        Token(token): Token,
        item: Result<Query<Item>, QueryRejection>,
    ) -> Result<String, QueryRejection> {
        let Query(Item { id }) = item?;
        Ok(format!("{token} {id}"))
    }

    pub(super) async fn generic<S: Named>(State(state): State<S>, uri: Uri) -> String {
        pause().await;
        format!("{} {uri}", state.name())
    }

    pub(super) fn not_async(uri: Uri) -> std::future::Ready<String> {
        std::future::ready(uri.to_string())
    }

    pub(super) async fn passing(request: Request, next: Next) -> Response {
        let mut response = next.run(request).await;
        response.headers_mut().insert("x-passed", axum::http::HeaderValue::from_static("yes"));
        response
    }

    pub(super) async fn refusing(
        State(App { name }): State<App>,
        request: Request,
        next: Next,
    ) -> Result<Response, (StatusCode, &'static str)> {
        if request.headers().contains_key("x-refuse") {
            return Err((StatusCode::FORBIDDEN, name));
        }
        Ok(next.run(request).await)
    }

    pub(super) async fn marked<B>(mut response: Response<B>) -> Response<B> {
        response.headers_mut().insert("x-marked", axum::http::HeaderValue::from_static("yes"));
        response
    }
}

/// Declares a handler as an associated function.
macro_rules! shop {
    ($name:ident $(, #[$attribute:meta])?) => {
        struct $name;

        impl $name {
            $(#[$attribute])?
            async fn item(State(App { name }): State<App>, Path(id): Path<u8>) -> String {
                pause().await;
                format!("{name} {id} {}", Self::VAT)
            }

            const VAT: u8 = 19;
        }
    };
}

shop!(PlainShop);
shop!(AnnotatedShop, #[streamgauge::instrument_endpoint]);

/// Builds a router with one module's handlers.
macro_rules! router {
    ($module:ident, $shop:ident) => {{
        let app = App { name: "app" };
        Router::new()
            .route("/nothing", get($module::nothing))
            .route("/sixteen", post($module::sixteen))
            .route("/path/{kind}/{id}", get($module::path))
            .route("/json", post($module::json))
            .route("/guarded", get($module::guarded))
            .route("/generic", get($module::generic::<App>))
            .route("/not-async", get($module::not_async))
            .route("/shop/{id}", get($shop::item))
            .route("/layered", get($module::nothing.layer(from_fn($module::passing))))
            .route_service("/service", $module::generic::<App>.with_state(app.clone()))
            .layer(map_response($module::marked::<Body>))
            .layer(from_fn_with_state(app.clone(), $module::refusing))
            .with_state(app)
    }};
}

type Answer = (StatusCode, HeaderMap, Bytes);

async fn answer(router: Router, request: Request) -> Answer {
    let response = tower::ServiceExt::oneshot(router, request).await;
    let (head, body) = response.expect("a router does not fail").into_parts();
    let body = axum::body::to_bytes(body, 1000).await.expect("the body can be read");
    (head.status, head.headers, body)
}

/// Sends a request to both routers, asserts equal responses and returns the response.
async fn both(make: impl Fn() -> Request) -> Answer {
    let plain = answer(router!(plain, PlainShop), make()).await;
    let annotated = answer(router!(annotated, AnnotatedShop), make()).await;
    assert_eq!(annotated, plain, "{}", make().uri());
    plain
}

fn request(method: &str, uri: &str, header: (&'static str, &str), body: &'static str) -> Request {
    let request = Request::builder().method(method).uri(uri).header(header.0, header.1);
    request.body(Body::from(body)).expect("the request is well formed")
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn handlers_respond_as_the_plain_ones() {
    for uri in [
        "/nothing",
        "/path/item/7",
        "/generic?x=1",
        "/not-async",
        "/shop/7",
        "/layered",
        "/service",
    ] {
        let (status, ..) = both(|| request("GET", uri, JSON, "")).await;
        assert!(status.is_success(), "{uri}: {status}");
    }
    let sixteen = both(|| request("POST", "/sixteen?id=7", JSON, "body")).await;
    assert_eq!(sixteen.2, "POST /sixteen?id=7 HTTP/1.1 1 app 7 b\"body\"");
    assert_eq!(both(|| request("POST", "/json", JSON, "{\"id\":7}")).await.2, "{\"id\":8}");
    assert_eq!(both(|| request("GET", "/guarded?id=7", ("x-token", "a"), "")).await.2, "a 7");
}

#[tokio::test]
async fn extractor_rejections_are_the_same() {
    for (method, uri, header, body, status) in [
        ("POST", "/sixteen?id=7", JSON, "", 411),
        ("POST", "/sixteen?id=seven", JSON, "body", 400),
        ("POST", "/sixteen", JSON, "body", 400),
        ("GET", "/path/item/seven", JSON, "", 400),
        ("POST", "/json", JSON, "{", 400),
        ("POST", "/json", JSON, "{}", 422),
        ("POST", "/json", ("content-type", "text/plain"), "{\"id\":7}", 415),
        ("GET", "/json", JSON, "", 405),
        ("GET", "/guarded", JSON, "", 401),
        ("GET", "/guarded?id=seven", ("x-token", "a"), "", 400),
        ("GET", "/absent", JSON, "", 404),
    ] {
        let answer = both(|| request(method, uri, header, body)).await;
        assert_eq!(answer.0, status, "{method} {uri} {body}");
    }
}

#[tokio::test]
async fn middleware_behaves_as_the_plain_one() {
    let (_, headers, _) = both(|| request("GET", "/layered", JSON, "")).await;
    assert_eq!([&headers["x-passed"], &headers["x-marked"]], ["yes", "yes"]);
    let (status, _, body) = both(|| request("GET", "/layered", ("x-refuse", "1"), "")).await;
    assert_eq!((status, &*body), (StatusCode::FORBIDDEN, &b"app"[..]));
}
