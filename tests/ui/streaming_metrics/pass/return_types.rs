//! Every return type that axum accepts, with both attributes for model calls.

#![deny(warnings)]
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::convert::Infallible;
use std::io;

use axum::body::{Body, Bytes};
use axum::handler::Handler;
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::http::{HeaderMap, StatusCode, Version};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{AppendHeaders, Html, IntoResponse, NoContent, Redirect, Response};
use axum::{Extension, Form, Json};
use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream as streams};
use serde::Serialize;
use streamgauge::{instrument_endpoint, streaming_metrics, track_tokens};

/// Declares handlers that return one type, with each attribute and in all forms of a function.
macro_rules! handlers {
    ($($name:ident: [$($returned:tt)+] = $value:expr;)*) => {$(
        mod $name {
            use super::*;

            #[streaming_metrics]
            pub(super) async fn metered() -> $($returned)+ {
                $value
            }

            #[streaming_metrics(protocol = "openai", provider = "house", operation = "chat")]
            pub(super) async fn metered_call() -> $($returned)+ {
                tokio::task::yield_now().await;
                $value
            }

            #[track_tokens(protocol = "openai", operation = "other", separate)]
            pub(super) async fn tracked() -> $($returned)+ {
                $value
            }

            #[instrument_endpoint]
            #[streaming_metrics(protocol = "openai")]
            #[track_tokens(protocol = "openai", model = "small-1")]
            pub(super) async fn both() -> $($returned)+ {
                $value
            }

            #[track_tokens(protocol = "openai", separate, model = "small-1")]
            #[streaming_metrics]
            pub(super) async fn reversed() -> $($returned)+ {
                $value
            }

            #[streaming_metrics(protocol = "openai")]
            pub(super) fn metered_now() -> $($returned)+ {
                $value
            }

            #[track_tokens(protocol = "openai")]
            pub(super) fn tracked_now() -> $($returned)+ {
                $value
            }

            pub(super) fn check() {
                is_handler(metered);
                is_handler(metered_call);
                is_handler(tracked);
                is_handler(both);
                is_handler(reversed);
                drop(metered_now().into_response());
                drop(tracked_now().into_response());
            }
        }
    )*
        fn check_all() {
            $($name::check();)*
        }
    };
}

fn is_handler<T>(_: impl Handler<T, ()>) {}

fn events() -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    streams::iter([Ok(Event::default().data("a"))])
}

fn body() -> Body {
    Body::from_stream(streams::iter(["a", "b"].map(Ok::<_, Infallible>)))
}

/// A response of the user's.
#[derive(Serialize)]
enum Answer {
    Whole(String),
    Refused,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Whole(text) => Json(text).into_response(),
            Self::Refused => StatusCode::BAD_REQUEST.into_response(),
        }
    }
}

/// A response around another one.
struct Cached<T>(T);

impl<T: IntoResponse> IntoResponse for Cached<T> {
    fn into_response(self) -> Response {
        ([(CACHE_CONTROL, "max-age=1")], self.0).into_response()
    }
}

/// Not a `Result`, in spite of its name.
struct SearchResult<T>(Vec<T>);

impl<T: Serialize> IntoResponse for SearchResult<T> {
    fn into_response(self) -> Response {
        Json(self.0).into_response()
    }
}

struct AppError;

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        StatusCode::BAD_GATEWAY.into_response()
    }
}

type Reply = Response;
type ApiResult<T> = Result<T, AppError>;
type Outcome = Result<Cached<Answer>, AppError>;
type Headed = Result<(StatusCode, [(HeaderName, &'static str); 1], Cached<Answer>), AppError>;

handlers! {
    response: [Response] = Response::default();
    aliased: [Reply] = Response::default();
    body_of_bytes: [Body] = body();
    sse: [Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>] = Sse::new(events());
    sse_boxed: [Sse<BoxStream<'static, Result<Event, Infallible>>>] = Sse::new(events().boxed());
    sse_with_headers: [(HeaderMap, Sse<BoxStream<'static, Result<Event, Infallible>>>)] =
        (HeaderMap::new(), Sse::new(events().boxed()));
    sse_with_status: [(
        StatusCode,
        HeaderMap,
        Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>,
    )] = (StatusCode::ACCEPTED, HeaderMap::new(), Sse::new(events()).keep_alive(KeepAlive::new()));
    tuple_of_nine: [(
        StatusCode,
        HeaderMap,
        [(HeaderName, &'static str); 1],
        AppendHeaders<[(HeaderName, &'static str); 1]>,
        Extension<u32>,
        Extension<u8>,
        Extension<u16>,
        HeaderMap,
        Json<u32>,
    )] = (
        StatusCode::OK,
        HeaderMap::new(),
        [(CACHE_CONTROL, "no-store")],
        AppendHeaders([(CACHE_CONTROL, "no-cache")]),
        Extension(1),
        Extension(2),
        Extension(3),
        HeaderMap::new(),
        Json(4),
    );
    status_and_response: [(StatusCode, Response)] = (StatusCode::OK, Response::default());
    status_and_opaque: [(StatusCode, impl IntoResponse + use<>)] = (StatusCode::OK, body());
    status: [StatusCode] = StatusCode::TOO_MANY_REQUESTS;
    no_content: [NoContent] = NoContent;
    html: [Html<&'static str>] = Html("<p>");
    json: [Json<Answer>] = Json(Answer::Refused);
    form: [Form<[(&'static str, &'static str); 1]>] = Form([("a", "b")]);
    redirect: [Redirect] = Redirect::to("/");
    bytes: [Bytes] = Bytes::from_static(b"a");
    vector: [Vec<u8>] = vec![b'a'];
    slice: [&'static [u8]] = b"a".as_slice();
    array: [[u8; 1]] = *b"a";
    text: [String] = "a".to_owned();
    string_slice: [&'static str] = "a";
    copied: [Cow<'static, str>] = Cow::Borrowed("a");
    boxed_text: [Box<str>] = "a".into();
    own: [Answer] = Answer::Whole("a".to_owned());
    own_generic: [Cached<Answer>] = Cached(Answer::Refused);
    own_around_sse: [Cached<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>>] =
        Cached(Sse::new(events()));
    own_named_like_a_result: [SearchResult<u32>] = SearchResult(vec![1]);
    opaque: [impl IntoResponse + use<>] = body();
    opaque_own: [impl IntoResponse + use<>] = Cached(Answer::Refused);
    result_of_response: [Result<Response, StatusCode>] = Ok(Response::default());
    result_of_own: [Result<Cached<Answer>, AppError>] = Ok(Cached(Answer::Refused));
    result_of_opaque: [Result<impl IntoResponse + use<>, AppError>] = {
        if false {
            return Err(AppError);
        }
        Ok(body())
    };
    result_of_axum: [axum::response::Result<Json<Answer>>] = Err(AppError)?;
    result_of_tuple: [Result<(StatusCode, HeaderMap, Bytes), (StatusCode, String)>] =
        Err((StatusCode::NOT_FOUND, String::new()));
    result_of_nothing: [Result<(), AppError>] = Ok(());
    result_by_alias: [ApiResult<Response>] = Err(AppError);
    result_of_own_by_alias: [ApiResult<Cached<Answer>>] = Err(AppError);
    result_of_sse_by_alias: [ApiResult<Sse<BoxStream<'static, Result<Event, Infallible>>>>] =
        Ok(Sse::new(events().boxed()));
    result_with_another_name: [Outcome] = Err(AppError);
    result_of_tuple_with_another_name: [Headed] =
        Ok((StatusCode::OK, [(CACHE_CONTROL, "no-store")], Cached(Answer::Refused)));
    nested: [Result<Result<Response, AppError>, StatusCode>] = Ok(Err(AppError));
    nested_own: [Result<Result<Cached<Answer>, AppError>, (StatusCode, String)>] =
        Ok(Err(AppError));
    nested_by_alias: [Result<ApiResult<Cached<Answer>>, StatusCode>] = Ok(Err(AppError));
    error_only: [Result<Infallible, AppError>] = Err(AppError);
    version_and_body: [Result<(StatusCode, Body), (StatusCode, Json<String>)>] =
        Ok((StatusCode::OK, Body::from(format!("{:?}", Version::HTTP_11))));
}

/// The usual handler: JSON or events, as the request wants.
#[track_tokens(protocol = "openai", provider = "house", operation = "chat")]
async fn chat(Json(streamed): Json<bool>) -> Result<Response, AppError> {
    if streamed {
        return Ok(Sse::new(events()).into_response());
    }
    Ok(Json("whole").into_response())
}

/// Generic functions have only the traits of their bounds.
#[track_tokens(protocol = "openai")]
async fn generic<T: IntoResponse>(reply: T) -> T {
    reply
}

#[streaming_metrics]
fn generic_in_result<T: IntoResponse, E: IntoResponse>(
    reply: Result<T, E>,
) -> Result<Cached<T>, E> {
    reply.map(Cached)
}

/// Methods and returned futures.
trait Chat {
    fn later(&self) -> impl Future<Output = Cached<Answer>> + Send;
    fn boxed(
        &self,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Answer, AppError>> + Send + '_>>;
}

impl Chat for u32 {
    #[streaming_metrics(protocol = "openai")]
    fn later(&self) -> impl Future<Output = Cached<Answer>> + Send {
        std::future::ready(Cached(Answer::Refused))
    }

    #[track_tokens(protocol = "openai")]
    fn boxed(
        &self,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Answer, AppError>> + Send + '_>> {
        Box::pin(async move { Ok(Answer::Whole(self.to_string())) })
    }
}

/// A function that no client is sent: an `Option` is no response.
#[track_tokens(protocol = "openai")]
fn optional(text: &str) -> io::Result<Option<(StatusCode, String)>> {
    Ok(Some((StatusCode::OK, text.to_owned())))
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    check_all();
    is_handler(chat);
    drop(generic(Answer::Refused).await);
    assert!(generic_in_result(Err::<Answer, _>(AppError)).is_err());
    drop(1.later().await);
    assert!(1.boxed().await.is_ok());
    assert!(optional("a").is_ok());
}
