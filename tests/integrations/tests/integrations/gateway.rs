//! The demonstration gateway over real sockets, called through async-openai: the metrics must match
//! what the client received.

use std::io::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::types::chat::{
    ChatCompletionRequestUserMessage, ChatCompletionStreamOptions, CompletionUsage,
    CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
};
use futures_util::StreamExt;
use streamgauge::Metrics;
use streamgauge_examples::llm_gateway::{self, Pace};
use streamgauge_test_support::Scrape;
use streamgauge_test_support::strict::{self, Format};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CHAT: (&str, &str) = ("endpoint", "/v1/chat/completions");

/// Serves a gateway on a free port.
async fn gateway(pace: Pace) -> Result<(Metrics, SocketAddr), Error> {
    let metrics = Metrics::builder().build().expect("default settings are valid");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = llm_gateway::app(pace, &metrics);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok((metrics, address))
}

fn client(address: SocketAddr) -> Client<OpenAIConfig> {
    let base = format!("http://{address}/v1");
    Client::with_config(OpenAIConfig::new().with_api_base(base).with_api_key("any"))
}

fn request(stream: bool) -> CreateChatCompletionRequest {
    let message = ChatCompletionRequestUserMessage::from("How many tokens is this?");
    let mut request = CreateChatCompletionRequestArgs::default()
        .model("demo-1")
        .messages([message.into()])
        .build()
        .expect("the request is complete");
    if stream {
        request.stream_options = Some(ChatCompletionStreamOptions {
            include_usage: Some(true),
            include_obfuscation: None,
        });
    }
    request
}

/// Scrapes until the metrics are as expected: the server notices the end of a connection with a
/// delay.
async fn eventually(metrics: &Metrics, expected: impl Fn(&Scrape) -> bool) -> Scrape {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let scrape = Scrape::of(metrics);
        if expected(&scrape) {
            return scrape;
        }
        assert!(
            Instant::now() < deadline,
            "the metrics are not as expected after 10 s: {scrape:#?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until the gateway has counted this many requests and none is active.
async fn at_rest(metrics: &Metrics, requests: i64) -> Scrape {
    eventually(metrics, |scrape| {
        scrape.sum("app_http_requests_total", &[]) == requests
            && scrape.sum("app_active_requests", &[]) == 0
            && scrape.sum("app_active_streams", &[]) == 0
    })
    .await
}

fn assert_tokens(scrape: &Scrape, usage: &CompletionUsage) {
    let tokens = |token_type| {
        scrape
            .sum("app_token_usage_total", &[CHAT, ("model", "demo-1"), ("token_type", token_type)])
    };
    assert_eq!(tokens("input"), i64::from(usage.prompt_tokens));
    assert_eq!(tokens("output"), i64::from(usage.completion_tokens));
    let all = scrape.sum("app_token_usage_total", &[CHAT]);
    assert_eq!(all, i64::from(usage.total_tokens), "the sum over all series is the total");
}

fn assert_one_call(scrape: &Scrape, endpoint: (&str, &str), finish: &str) {
    let call = [endpoint, ("provider", "demo"), ("model", "demo-1"), ("finish_reason", finish)];
    assert_eq!(scrape.sum("app_llm_calls_total", &call), 1, "{scrape:#?}");
    assert_eq!(scrape.sum("app_llm_calls_total", &[endpoint]), 1, "{scrape:#?}");
}

/// Asserts that time to first token and time per output token were recorded.
fn assert_paced(scrape: &Scrape, endpoint: (&str, &str)) {
    for family in ["time_to_first_token_seconds", "time_per_output_token_seconds"] {
        let labels = [endpoint, ("model", "demo-1")];
        assert_eq!(scrape.sum(&format!("app_{family}_count"), &labels), 1, "{family}");
        assert!(scrape.amount(&format!("app_{family}_sum"), &labels) > 0.0, "{family}");
    }
}

#[tokio::test]
async fn chat_reply_is_recorded_with_the_tokens_that_the_client_received() -> Result<(), Error> {
    let (metrics, address) = gateway(Pace::NONE).await?;
    let reply = client(address).chat().create(request(false)).await.expect("the gateway responds");
    let text = reply.choices[0].message.content.as_deref().expect("the reply has text");
    assert!(text.contains("demonstration model demo-1"), "{text}");
    let scrape = at_rest(&metrics, 1).await;
    assert_tokens(&scrape, &reply.usage.expect("the reply has usage"));
    let success = [CHAT, ("method", "POST"), ("status", "200"), ("outcome", "success")];
    assert_eq!(scrape.sum("app_http_requests_total", &success), 1);
    assert_eq!(scrape.sum("app_llm_calls_total", &[CHAT, ("provider", "demo")]), 1);
    assert_eq!(scrape.sum("app_stream_chunks_total", &[]), 0);
    Ok(())
}

#[tokio::test]
async fn streamed_chat_is_recorded_with_the_tokens_that_the_client_received() -> Result<(), Error> {
    let (metrics, address) = gateway(Pace::new(Duration::from_millis(1))).await?;
    let chat = client(address);
    let mut stream = chat.chat().create_stream(request(true)).await.expect("the gateway responds");
    let (mut chunks, mut usage) = (0, None);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.expect("every chunk is well formed");
        chunks += 1;
        usage = chunk.usage.or(usage);
    }
    let scrape = at_rest(&metrics, 1).await;
    assert_tokens(&scrape, &usage.expect("the last chunk has usage"));
    let success = [CHAT, ("status", "200"), ("outcome", "success")];
    assert_eq!(scrape.sum("app_http_requests_total", &success), 1);
    assert_eq!(
        scrape.sum("app_stream_chunks_total", &[CHAT]),
        chunks + 1,
        "the events and `[DONE]`"
    );
    assert_eq!(
        scrape.sum("app_stream_bytes_total", &[CHAT]),
        scrape.sum("app_response_size_bytes_sum", &[CHAT]),
    );
    let complete = [CHAT, ("outcome", "complete")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &complete), 1);
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 1);
    assert_one_call(&scrape, CHAT, "stop");
    assert_paced(&scrape, CHAT);
    let request = scrape.amount("app_http_request_duration_seconds_sum", &[CHAT]);
    let stream = scrape.amount("app_stream_duration_seconds_sum", &[CHAT]);
    assert!(request < stream / 2.0, "the response head took {request} s, the stream {stream} s");
    Ok(())
}

#[tokio::test]
async fn client_disconnect_within_a_chat_records_the_tokens_so_far() -> Result<(), Error> {
    let (metrics, address) = gateway(Pace::new(Duration::from_millis(5))).await?;
    let chat = client(address);
    let mut stream = chat.chat().create_stream(request(true)).await.expect("the gateway responds");
    for _ in 0..4 {
        stream.next().await.expect("the stream continues").expect("the chunk is well formed");
    }
    drop(stream);
    drop(chat);
    let scrape = at_rest(&metrics, 1).await;
    let disconnected = [CHAT, ("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &disconnected), 1);
    assert_eq!(scrape.sum("app_http_requests_total", &[CHAT, ("outcome", "cancelled")]), 1);
    assert_eq!(scrape.sum("app_stream_errors_total", &[]), 0);
    let output = scrape.sum("app_token_usage_total", &[CHAT, ("token_type", "output")]);
    assert!((3..40).contains(&output), "{output} tokens");
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    assert_one_call(&scrape, CHAT, "cancelled");
    Ok(())
}

#[tokio::test]
async fn usage_is_recorded_although_the_client_did_not_request_usage() -> Result<(), Error> {
    let (metrics, address) = gateway(Pace::NONE).await?;
    let ask = async |stream_options| {
        let request = CreateChatCompletionRequest { stream_options, ..request(true) };
        let stream = client(address).chat().create_stream(request).await;
        stream.expect("the gateway responds").count().await
    };
    ask(request(true).stream_options).await;
    let tokens = at_rest(&metrics, 1).await.sum("app_token_usage_total", &[CHAT]);
    ask(None).await;
    let scrape = at_rest(&metrics, 2).await;
    assert_eq!(scrape.sum("app_token_usage_total", &[CHAT]), tokens * 2);
    assert_eq!(scrape.sum("app_llm_calls_total", &[CHAT, ("finish_reason", "stop")]), 2);
    assert_eq!(scrape.sum("app_usage_missing_total", &[]), 0);
    Ok(())
}

const MESSAGES: (&str, &str) = ("endpoint", "/v1/messages");

/// Requests a streamed message on a connection that closes after the response.
async fn ask_for_a_message(address: SocketAddr, max_tokens: u32) -> Result<TcpStream, Error> {
    let body = format!(
        r#"{{"model":"demo-1","max_tokens":{max_tokens},"stream":true,"messages":[{{"role":"user","content":"Hi"}}]}}"#
    );
    let request = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(request.as_bytes()).await?;
    Ok(socket)
}

#[tokio::test]
async fn streamed_message_is_recorded_with_the_tokens_in_its_events() -> Result<(), Error> {
    let (metrics, address) = gateway(Pace::new(Duration::from_millis(1))).await?;
    let mut answer = String::new();
    ask_for_a_message(address, 5).await?.read_to_string(&mut answer).await?;
    assert!(answer.contains("\"usage\":{\"output_tokens\":5}"), "{answer}");
    let scrape = at_rest(&metrics, 1).await;
    let output = [MESSAGES, ("token_type", "output")];
    assert_eq!(scrape.sum("app_token_usage_total", &output), 5);
    let complete = [MESSAGES, ("outcome", "complete")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &complete), 1);
    assert_one_call(&scrape, MESSAGES, "length");
    assert_paced(&scrape, MESSAGES);
    Ok(())
}

#[tokio::test]
async fn client_disconnect_within_a_message_records_the_tokens_so_far() -> Result<(), Error> {
    let (metrics, address) = gateway(Pace::new(Duration::from_millis(5))).await?;
    let mut socket = ask_for_a_message(address, 1_000).await?;
    let (mut answer, mut piece) = (Vec::new(), [0; 512]);
    while String::from_utf8_lossy(&answer).matches("text_delta").count() < 4 {
        let read = socket.read(&mut piece).await?;
        assert_ne!(read, 0, "the stream continues");
        answer.extend_from_slice(&piece[..read]);
    }
    drop(socket);
    let scrape = at_rest(&metrics, 1).await;
    let disconnected = [MESSAGES, ("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &disconnected), 1);
    let output = scrape.sum("app_token_usage_total", &[MESSAGES, ("token_type", "output")]);
    assert!((4..40).contains(&output), "{output} tokens");
    assert!(scrape.sum("app_token_usage_total", &[MESSAGES, ("token_type", "input")]) > 0);
    assert_one_call(&scrape, MESSAGES, "cancelled");
    Ok(())
}

/// Sends raw bytes and reads the complete response.
async fn raw(address: SocketAddr, request: &str) -> Result<String, Error> {
    let mut socket = TcpStream::connect(address).await?;
    socket.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn malformed_json_gets_an_error_in_the_format_of_each_api() -> Result<(), Error> {
    let (metrics, address) = gateway(Pace::NONE).await?;
    for (path, shape) in [
        ("/v1/chat/completions", r#"{"error":{"#),
        ("/v1/messages", r#""type":"invalid_request_error""#),
    ] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: 2\r\n\r\n{{\""
        );
        let answer = raw(address, &request).await?;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(shape), "{answer}");
    }
    let scrape = at_rest(&metrics, 2).await;
    for endpoint in ["/v1/chat/completions", "/v1/messages"] {
        let bad = [("endpoint", endpoint), ("status", "400"), ("outcome", "client_error")];
        assert_eq!(scrape.sum("app_http_requests_total", &bad), 1);
        let exception = [("endpoint", endpoint), ("status", "400")];
        assert_eq!(scrape.sum("app_exceptions_total", &exception), 1);
    }
    assert_eq!(scrape.sum("app_llm_calls_total", &[]), 0);
    Ok(())
}

#[tokio::test]
async fn simple_endpoints_are_recorded() -> Result<(), Error> {
    let (metrics, address) = gateway(Pace::NONE).await?;
    let get = |path: &'static str| async move {
        let request = format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
        raw(address, &request).await
    };
    let lines = get("/stream").await?;
    assert!(lines.contains("content-type: text/plain; charset=utf-8"), "{lines}");
    assert!(lines.contains("line 10\n"), "{lines}");
    assert!(get("/stream2").await?.contains("line 10\n"));
    let events = get("/events").await?;
    assert!(events.contains("content-type: text/event-stream"), "{events}");
    assert!(events.contains("id: 10\ndata: line 10\n\n"), "{events}");
    assert!(get("/risky?mode=error").await?.starts_with("HTTP/1.1 500 "));
    assert!(get("/risky?mode=teapot").await?.starts_with("HTTP/1.1 418 "));
    assert!(get("/risky").await?.starts_with("HTTP/1.1 200 "));
    assert!(get("/health").await?.ends_with(r#"{"status":"ok"}"#));
    let page = get("/metrics").await?;
    let (head, page) = page.split_once("\r\n\r\n").expect("the response has a body");
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    strict::check(page, Format::Text);
    let scrape = at_rest(&metrics, 7).await;
    assert_eq!(scrape.sum("app_stream_chunks_total", &[("endpoint", "/events")]), 11);
    for endpoint in ["/stream", "/stream2"] {
        let labels = [("endpoint", endpoint)];
        assert_eq!(scrape.sum("app_stream_chunks_total", &labels), 10);
        assert_eq!(scrape.sum("app_stream_bytes_total", &labels), 71);
    }
    let risky = [("endpoint", "/risky"), ("exception_type", "RiskError")];
    assert_eq!(scrape.sum("app_exceptions_total", &risky), 2);
    assert_eq!(scrape.count("app_http_requests_total", &[("endpoint", "/metrics")]), 0);
    Ok(())
}
