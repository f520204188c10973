//! Replies of all operations. Samples in other modules are chats, unless they name an operation.

use serde_json::{Value, json};

use super::samples::{self, DEFAULT, Expected, Sample, samples};
use super::{read, read_chunks};
use crate::llm::{Operation, Protocol, read_value};
use crate::usage::{FinishReason, Usage, UsageCount};

samples! {
    fn samples;
    completion OpenAi { operation: Operation::Completion, usage: Some(Usage::new(16, 20)) }
    r#"{"id":"c","object":"text_completion","created":1,"model":"m-1","choices":[{"text":"Hi","index":0,"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":16,"completion_tokens":20,"total_tokens":36}}"#;
    completion_streamed OpenAi { operation: Operation::Completion }
    concat!(
        r#"data: {"model":"m-1","choices":[{"text":"","index":0,"finish_reason":null}]}"#, "\n\n",
        r#"data: {"model":"m-1","choices":[{"text":"Hi","index":0,"finish_reason":"stop"}]}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    completion_object_of_a_chat OpenAi {}
    concat!(
        r#"data: {"object":"text_completion","model":"m-1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    completion_text_beside_a_message OpenAi {}
    concat!(
        r#"data: {"object":"chat.completion.chunk","model":"m-1","choices":[{"index":0,"text":"Hi","delta":{"content":"Hi"},"finish_reason":"stop"}]}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    chat_first_frame_has_no_choice OpenAi {}
    concat!(
        r#"data: {"object":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#, "\n\n",
        r#"data: {"object":"chat.completion.chunk","model":"m-1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#, "\n\n",
        "data: [DONE]\n\n",
    );
    ollama_generate_not_streamed Ollama {
        operation: Operation::Completion,
        usage: Some(Usage::new(32, 4)),
    }
    r#"{"model":"m-1","response":"Hi","done":true,"done_reason":"stop","context":[1,2],"prompt_eval_count":32,"eval_count":4}"#;
    ollama_embeddings Ollama {
        operation: Operation::Embedding,
        content: false,
        ended: false,
        finish_reason: FinishReason::Unknown,
        usage: Usage::from_counts([(UsageCount::Input, Some(8))]),
    }
    r#"{"model":"m-1","embeddings":[[0.01,-2.5e-3],[1,2]],"total_duration":14143917,"load_duration":1019500,"prompt_eval_count":8}"#;
    images OpenAi {
        operation: Operation::Image,
        usage: Some(Usage::new(50, 4160)),
        content: false,
        model: None,
        finish_reason: FinishReason::Unknown,
    }
    r#"{"created":1,"background":"opaque","data":[{"b64_json":"iVBORw0KGgo="}],"usage":{"total_tokens":4210,"input_tokens":50,"output_tokens":4160,"input_tokens_details":{"text_tokens":50,"image_tokens":0}}}"#;
    images_streamed OpenAi {
        operation: Operation::Image,
        ended: false,
        usage: Some(Usage::new(50, 4160)),
        content: false,
        model: None,
        finish_reason: FinishReason::Unknown,
    }
    concat!(
        "event: image_generation.partial_image\n",
        r#"data: {"type":"image_generation.partial_image","b64_json":"iVBOR","partial_image_index":0}"#, "\n\n",
        "event: image_generation.completed\n",
        r#"data: {"type":"image_generation.completed","b64_json":"iVBOR","usage":{"total_tokens":4210,"input_tokens":50,"output_tokens":4160}}"#, "\n\n",
    );
    transcription OpenAi {
        operation: Operation::Transcription,
        usage: Some(Usage::new(14, 45).input_audio(14)),
        content: false,
        model: None,
        finish_reason: FinishReason::Unknown,
    }
    r#"{"text":"Hi","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}"#;
    transcription_streamed OpenAi {
        operation: Operation::Transcription,
        ended: false,
        usage: Some(Usage::new(14, 45)),
        content: false,
        model: None,
        finish_reason: FinishReason::Unknown,
    }
    concat!(
        r#"data: {"type":"transcript.text.delta","delta":"Hi"}"#, "\n\n",
        r#"data: {"type":"transcript.text.done","text":"Hi","usage":{"type":"tokens","input_tokens":14,"output_tokens":45}}"#, "\n\n",
    );
}

#[test]
fn operation_is_found_in_replies_without_a_protocol() {
    for (reply, operation) in [
        (json!({ "embedding": { "values": [0.1, -0.2] } }), Operation::Embedding),
        (json!({ "embeddings": [{ "values": [0.1] }, { "values": [0.2] }] }), Operation::Embedding),
        (json!({ "embeddings": { "int8": [[1, 2]] }, "texts": ["a"] }), Operation::Embedding),
        (json!({ "embedding": [0.1], "inputTextTokenCount": 5 }), Operation::Embedding),
        (json!({ "object": "list", "data": [{ "object": "embedding" }] }), Operation::Embedding),
        (json!({ "results": [{ "index": 0, "relevance_score": 0.5 }] }), Operation::Rerank),
        (json!({ "results": [{ "index": 0, "relevanceScore": 0.5 }] }), Operation::Rerank),
        (json!({ "object": "list", "data": [{ "relevance_score": 1 }] }), Operation::Rerank),
        (json!({ "created": 1, "data": [{ "url": "https://a" }] }), Operation::Image),
        (json!({ "data": [{ "b64_json": "aQ==" }] }), Operation::Image),
        (json!({ "text": "", "usage": { "type": "duration" } }), Operation::Transcription),
        (json!({ "task": "transcribe", "text": "Hi", "segments": [] }), Operation::Transcription),
        (json!({ "task": "translate", "text": "Hi" }), Operation::Transcription),
        (json!({ "output": { "message": { "content": [] } } }), Operation::Chat),
        (json!({ "promptFeedback": { "blockReason": "SAFETY" } }), Operation::Chat),
    ] {
        check_operation(&reply, operation);
    }
}

#[test]
fn operation_of_an_ambiguous_reply_is_unknown() {
    for reply in [
        json!({}),
        json!({ "usage": { "prompt_tokens": 1, "completion_tokens": 2 } }),
        json!({ "choices": [], "usage": { "prompt_tokens": 1 } }),
        json!({ "usageMetadata": { "promptTokenCount": 1 }, "modelVersion": "m" }),
        json!({ "error": { "message": "no", "type": "x" } }),
        json!({ "type": "message", "text": "Hi" }),
        json!({ "type": "error" }),
        json!({ "text": "Hi" }),
        json!({ "task": "transcribe" }),
        json!({ "task": "summarize", "text": "Hi" }),
        json!({ "text": "Hi", "usage": { "type": "other" } }),
        json!({ "object": "list", "data": [{ "object": "model", "created": 1 }] }),
        json!({ "data": [{ "url": "https://a" }] }),
        json!({ "created": 1, "data": [] }),
        json!({ "data": [{ "b64_json": null, "url": null }], "created": 1 }),
        json!({ "embedding": [], "embeddings": {}, "results": [], "data": {} }),
        json!({ "results": [{ "flagged": true }], "model": "m" }),
        json!({ "message": { "content": "Hi" }, "done": true }),
        json!({ "message": "no such model", "done": true, "model": "m" }),
        json!({ "nested": { "embeddings": [[1]], "choices": [{ "message": {} }] } }),
    ] {
        check_operation(&reply, Operation::Unknown);
    }
}

/// Asserts that a reply shows the operation, parsed or not, and however it is split.
fn check_operation(reply: &Value, operation: Operation) {
    let text = reply.to_string();
    for bytes in [text.clone(), format!("data: {text}\n\n")] {
        for size in [1, 7, bytes.len()] {
            let (reader, ..) = read_chunks(Protocol::Auto, bytes.as_bytes().chunks(size));
            assert_eq!(reader.operation(), operation, "{bytes}");
            assert_eq!(reader.is_streamed(), bytes != text, "{bytes}");
        }
    }
    assert_eq!(read_value(reply).operation, operation, "{reply}");
}

#[test]
fn operation_of_a_parsed_reply_is_that_of_its_bytes() {
    let mut checked = 0;
    for sample in samples::all().iter().filter(|sample| sample.is_object()) {
        let value: Value = serde_json::from_str(sample.bytes).unwrap_or_default();
        let operation = sample.expected.operation;
        assert_eq!(read_value(&value).operation, operation, "{}", sample.name);
        checked += 1;
    }
    assert!(checked >= 20, "{checked}");
}

#[test]
fn delivery_is_decided_by_the_frames() {
    for (reply, is_streamed) in [
        ("", false),
        ("\r\n\n", false),
        ("{\"choices\":[]}", false),
        ("{\"choices\":[]}\n\n", false),
        ("{\"choices\":[", false),
        ("{\"a\":1}\n{\"a\":2}", true),
        ("{\"a\":1}{\"a\":2}", true),
        ("{\"model\":\"m\",\"response\":\"a\",\"done\":false}\n{\"mod", true),
        ("{\"model\":\"m\",\"response\":\"a\",\"done\":true}\n", false),
        ("{\"response\":\"a\",\"done\":false}", false),
        ("[{\"candidates\":[]}]", true),
        ("[{\"score\":0.5},{\"score\":0.2}]", false),
        ("[1,2]", false),
        ("data: {}\n\n", true),
        ("data: {\"choi", true),
        ("event: error\ndata\n\n", true),
        (": comment\n\n", false),
        ("no healthy upstream", false),
        ("<html>\n<body>\n", false),
    ] {
        for size in [1, 7, reply.len().max(1)] {
            let (reader, ..) = read_chunks(Protocol::Auto, reply.as_bytes().chunks(size));
            assert_eq!(reader.is_streamed(), is_streamed, "{reply:?} in chunks of {size}");
        }
    }
    // The content of an event may arrive before the end of its line.
    let mut reader = crate::llm::ReplyReader::new(Protocol::Auto);
    assert!(reader.read(b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}").answer);
    assert!(reader.is_streamed());
    assert!(!read(Protocol::Gemini, "{\"candidates\":[]}").is_streamed());
}
