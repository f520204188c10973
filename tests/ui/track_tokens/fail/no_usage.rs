//! Replies without usage in every wrapper: the message names the inner type.

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use streamgauge::track_tokens;

#[derive(serde::Serialize)]
struct Answer {
    text: String,
}

fn answer() -> Answer {
    Answer { text: String::new() }
}

#[track_tokens]
fn plain_now() -> Answer {
    answer()
}

#[track_tokens]
async fn plain() -> Answer {
    answer()
}

#[track_tokens]
async fn in_json() -> Json<Answer> {
    Json(answer())
}

#[track_tokens]
async fn in_result() -> Result<Answer, StatusCode> {
    Ok(answer())
}

#[track_tokens]
async fn in_json_in_result(fail: bool) -> Result<Json<Answer>, (StatusCode, String)> {
    if fail {
        return Err((StatusCode::NOT_FOUND, String::new()));
    }
    Ok(Json(answer()))
}

#[track_tokens]
async fn in_option() -> Option<Answer> {
    None
}

#[track_tokens]
async fn in_tuple() -> (StatusCode, Json<Answer>) {
    (StatusCode::OK, Json(answer()))
}

#[track_tokens]
async fn list() -> Json<Vec<Answer>> {
    Json(vec![])
}

#[track_tokens]
async fn opaque() -> impl IntoResponse {
    Json(answer())
}

#[track_tokens]
async fn text() -> Result<String, StatusCode> {
    Ok(answer().text)
}

#[tokio::main]
async fn main() {
    plain_now();
    plain().await;
    in_json().await;
    let _ = in_result().await;
    let _ = in_json_in_result(true).await;
    in_option().await;
    in_tuple().await;
    list().await;
    opaque().await;
    let _ = text().await;
}
