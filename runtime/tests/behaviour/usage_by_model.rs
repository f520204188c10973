//! Calls whose reply says that another model read and wrote some of the tokens.

use axum::body::Body;
use axum::routing::get as route_get;
use axum::{Json, Router};
use serde_json::Value;
use streamgauge::{Metrics, Price, streaming_metrics, track_tokens};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::client::get;

const USAGE: &str = r#""usage":{"input_tokens":50,"output_tokens":11,"iterations":[{"type":"message","input_tokens":20,"output_tokens":5},{"type":"advisor_message","model":"advisor-1","input_tokens":300,"output_tokens":40,"cache_read_input_tokens":100},{"type":"message","input_tokens":30,"output_tokens":6}]}"#;

fn whole() -> String {
    format!(
        r#"{{"type":"message","model":"m-1","content":[{{"type":"text","text":"a"}}],"stop_reason":"end_turn",{USAGE}}}"#
    )
}

fn streamed() -> String {
    format!(
        r#"data: {{"type":"message_start","message":{{"model":"m-1","usage":{{"input_tokens":20,"output_tokens":1}}}}}}

data: {{"type":"content_block_delta","delta":{{"type":"text_delta","text":"a"}}}}

data: {{"type":"message_delta","delta":{{"stop_reason":"end_turn"}},{USAGE}}}

data: {{"type":"message_stop"}}

"#
    )
}

#[track_tokens(provider = "house")]
async fn value() -> Json<Value> {
    Json(serde_json::from_str(&whole()).expect("the reply is JSON"))
}

#[track_tokens(provider = "house", protocol = "auto")]
async fn bytes() -> Body {
    Body::from(whole())
}

#[streaming_metrics(provider = "house", protocol = "anthropic")]
async fn stream() -> Body {
    Body::from(streamed())
}

#[tokio::test]
async fn tokens_that_another_model_read_and_wrote_count_under_that_model() {
    for path in ["/value", "/bytes", "/stream"] {
        let metrics = Metrics::builder()
            .price("m-1", Price::per_million(1.0, 10.0))
            .price("advisor-1", Price::per_million(100.0, 1000.0))
            .build()
            .expect("the settings are valid");
        let app = Router::new()
            .route("/value", route_get(value))
            .route("/bytes", route_get(bytes))
            .route("/stream", route_get(stream))
            .layer(metrics.layer());
        get(&app, path).await;
        let scrape = Scrape::of(&metrics);
        for (model, detail, tokens) in [
            ("m-1", "uncached", 50),
            ("m-1", "unspecified", 11),
            ("advisor-1", "uncached", 300),
            ("advisor-1", "cache_read", 100),
            ("advisor-1", "unspecified", 40),
        ] {
            let labels =
                [("endpoint", path), ("provider", "house"), ("model", model), ("detail", detail)];
            assert_eq!(scrape.sum("app_token_usage_total", &labels), tokens, "{path} {labels:?}");
        }
        assert_eq!(scrape.sum("app_token_usage_total", &[]), 501, "{path}");
        let cost = |model| scrape.amount("app_cost_usd_total", &[("model", model)]) * 1e6;
        assert!((cost("m-1") - (50.0 + 110.0)).abs() < 1e-6, "{path}: {}", cost("m-1"));
        let advice = 400.0 * 100.0 + 40.0 * 1000.0;
        assert!((cost("advisor-1") - advice).abs() < 1e-6, "{path}: {}", cost("advisor-1"));
        assert_eq!(scrape.sum("app_llm_calls_total", &[]), 1, "{path}");
        assert_eq!(scrape.sum("app_llm_calls_total", &[("model", "m-1")]), 1, "{path}");
        let sum = |side| {
            let labels = [("model", "m-1"), ("token_type", side)];
            scrape.sum("app_request_tokens_sum", &labels)
        };
        assert_eq!([sum("input"), sum("output")], [450, 51], "{path}");
        assert_eq!(scrape.sum("app_unpriced_calls_total", &[]), 0, "{path}");
    }
}
