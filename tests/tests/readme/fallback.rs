use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use streamgauge::track_tokens;

#[track_tokens(protocol = "openai", operation = "chat")]
async fn chat(request: Bytes) -> Response {
    for provider in ["first", "second"] {
        match attempt(provider, request.clone()).await {
            Ok(reply) if reply.status().is_success() => return reply,
            _ => {} // the next provider
        }
    }
    StatusCode::BAD_GATEWAY.into_response()
}

#[track_tokens(protocol = "openai", provider = provider)]
async fn attempt(provider: &'static str, request: Bytes) -> std::io::Result<Response> {
    send(provider, request).await
}

async fn send(provider: &str, _request: Bytes) -> std::io::Result<Response> {
    match provider {
        "first" => Ok(StatusCode::TOO_MANY_REQUESTS.into_response()),
        _ => Ok("{\"model\":\"m-1\",\"choices\":[{\"message\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],\
                 \"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1}}"
            .into_response()),
    }
}

pub fn app() -> axum::Router {
    axum::Router::new().route("/chat", axum::routing::post(chat))
}
