//! The upstream's API key is sent to the upstream only.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use streamgauge_examples::llm_gateway::proxy::Settings;
use streamgauge_test_support::page_of;
use tracing::subscriber::{NoSubscriber, set_default};
use tracing::{Dispatch, Level};

use crate::client::{post, read_body, send};
use crate::samples::{CHAT, CHAT_REPLY, JSON, MESSAGE_REPLY, MESSAGES, QUESTION};
use crate::scripted_upstream::{Gateway, ScriptedUpstream, fixed_reply};

const KEY: &str = "sk-of-the-upstream";

/// Collects all log output.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no thread panicked")).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no thread panicked").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn with_key(url: String) -> Settings {
    Settings { key: Some(KEY.to_owned()), ..Settings::new(url) }
}

/// Sends a request with these headers and returns the authentication headers that the upstream
/// receives.
async fn received_keys(
    path: &str,
    reply: &str,
    client_headers: &[(&'static str, &'static str)],
) -> Vec<String> {
    let script = ScriptedUpstream::new().await;
    let proxy = Gateway::proxy(with_key(script.url())).await;
    let mut request = post(path, QUESTION);
    for (name, value) in client_headers {
        request.headers_mut().insert(*name, value.parse().expect("the header value is valid"));
    }
    let reply = fixed_reply("200 OK", JSON, reply);
    let (head, response) = tokio::join!(script.answer(reply), send(proxy.address, request));
    read_body(response).await;
    let is_key = |line: &&str| line.starts_with("authorization") || line.starts_with("x-api-key");
    head.lines().filter(is_key).map(str::to_owned).collect()
}

#[tokio::test]
async fn upstream_key_replaces_the_clients_key() {
    let (bearer, bare) = (format!("authorization: Bearer {KEY}"), format!("x-api-key: {KEY}"));
    let client = [("authorization", "Bearer client"), ("x-api-key", "client")];
    assert_eq!(received_keys(CHAT, CHAT_REPLY, &client).await, [bearer.as_str()]);
    assert_eq!(received_keys(CHAT, CHAT_REPLY, &[]).await, [bearer.as_str()]);
    assert_eq!(received_keys(MESSAGES, MESSAGE_REPLY, &client[1..]).await, [bare.as_str()]);
    assert_eq!(received_keys(MESSAGES, MESSAGE_REPLY, &[]).await, [bare.as_str()]);
    assert_eq!(received_keys(MESSAGES, MESSAGE_REPLY, &client[..1]).await, [bearer.as_str()]);
}

#[tokio::test]
async fn upstream_key_is_not_in_responses_metrics_or_logs() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    // With a single subscriber in the process, an event that the thread of another test reaches
    // first would be switched off for this thread too.
    let _second_subscriber = Dispatch::new(NoSubscriber::default());
    let _guard = set_default(subscriber);

    let script = ScriptedUpstream::new().await;
    let (url, proxy) = (script.url(), Gateway::proxy(with_key(script.url())).await);
    let reply = fixed_reply("200 OK", JSON, CHAT_REPLY);
    let (head, response) =
        tokio::join!(script.answer(reply), send(proxy.address, post(CHAT, QUESTION)));
    assert!(head.contains(KEY), "{head}");
    let mut seen = vec![format!("{response:?}"), read_body(response).await];
    drop(script);
    let failed = send(proxy.address, post(CHAT, QUESTION)).await;
    assert_eq!(failed.status(), 502);
    seen.push(format!("{failed:?}"));
    let error = read_body(failed).await;
    proxy.at_rest(2).await;
    let page = page_of(&proxy.metrics);

    let log = log.text();
    let proxy_lines: Vec<&str> =
        log.lines().filter(|line| line.contains("gave no answer")).collect();
    assert_eq!(proxy_lines.len(), 1, "{log}");
    assert!(proxy_lines[0].contains("onnect"), "the cause is logged: {}", proxy_lines[0]);
    for (place, text) in
        [("replies", &seen.concat()), ("error", &error), ("metrics", &page), ("log", &log)]
    {
        assert!(!text.contains(KEY), "in the {place}: {text}");
    }
    let host = url.trim_start_matches("http://").trim_end_matches("/v1");
    for (place, text) in [("error", error.as_str()), ("metrics", &page), ("log", proxy_lines[0])] {
        assert!(!text.contains(host), "in the {place}: {text}");
    }
}
