use axum::{http::header::CONTENT_TYPE, response::IntoResponse};
use streamgauge::streaming_metrics;

/// Passes a provider's reply on to the client.
#[streaming_metrics(protocol = "openai", provider = "openai")]
async fn chat(question: String) -> impl IntoResponse {
    ask_the_provider(question).await
}

/// Stands for the HTTP client of your service.
async fn ask_the_provider(_question: String) -> impl IntoResponse {
    let events = [
        r#"{"model":"m-1","choices":[{"delta":{"content":"Hello"}}]}"#,
        r#"{"model":"m-1","choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}"#,
        "[DONE]",
    ];
    let events = events.map(|data| format!("data: {data}\n\n")).concat();
    ([(CONTENT_TYPE, "text/event-stream")], events)
}
