//! The upstream's key: the upstream has it, and nobody else.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use streamgauge_examples::llm_gateway::proxy::Settings;
use streamgauge_test_support::page_of;
use tracing::Level;
use tracing::subscriber::set_default;

use crate::client::{post, rest, send};
use crate::peer::{Gateway, Script, whole};
use crate::samples::{CHAT, CHAT_REPLY, JSON, MESSAGE_REPLY, MESSAGES, QUESTION};

const KEY: &str = "sk-of-the-upstream";

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panicked")).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn with_key(url: String) -> Settings {
    Settings { key: Some(KEY.to_owned()), ..Settings::new(url) }
}

/// What the upstream is told of keys, by a client that has its own.
async fn told(path: &str, reply: &str, own: &[(&'static str, &'static str)]) -> Vec<String> {
    let script = Script::new().await;
    let proxy = Gateway::proxy(with_key(script.url())).await;
    let mut request = post(path, QUESTION);
    for (name, value) in own {
        request.headers_mut().insert(*name, value.parse().expect("it is a value"));
    }
    let reply = whole("200 OK", JSON, reply);
    let (head, response) = tokio::join!(script.answer(reply), send(proxy.address, request));
    rest(response).await;
    let is_key = |line: &&str| line.starts_with("authorization") || line.starts_with("x-api-key");
    head.lines().filter(is_key).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_key_replaces_the_clients_own() {
    let (bearer, bare) = (format!("authorization: Bearer {KEY}"), format!("x-api-key: {KEY}"));
    let own = [("authorization", "Bearer client"), ("x-api-key", "client")];
    assert_eq!(told(CHAT, CHAT_REPLY, &own).await, [bearer.as_str()]);
    assert_eq!(told(CHAT, CHAT_REPLY, &[]).await, [bearer.as_str()]);
    assert_eq!(told(MESSAGES, MESSAGE_REPLY, &own[1..]).await, [bare.as_str()]);
    assert_eq!(told(MESSAGES, MESSAGE_REPLY, &[]).await, [bare.as_str()]);
    assert_eq!(told(MESSAGES, MESSAGE_REPLY, &own[..1]).await, [bearer.as_str()]);
}

#[tokio::test]
async fn the_key_is_seen_by_the_upstream_alone() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = set_default(subscriber);

    let script = Script::new().await;
    let (url, proxy) = (script.url(), Gateway::proxy(with_key(script.url())).await);
    let reply = whole("200 OK", JSON, CHAT_REPLY);
    let (head, response) =
        tokio::join!(script.answer(reply), send(proxy.address, post(CHAT, QUESTION)));
    assert!(head.contains(KEY), "{head}");
    let mut seen = vec![format!("{response:?}"), rest(response).await];
    drop(script);
    let failed = send(proxy.address, post(CHAT, QUESTION)).await;
    assert_eq!(failed.status(), 502);
    seen.push(format!("{failed:?}"));
    let error = rest(failed).await;
    proxy.at_rest(2).await;
    let page = page_of(&proxy.metrics);

    let log = log.text();
    let of_ours: Vec<&str> = log.lines().filter(|line| line.contains("gave no answer")).collect();
    assert_eq!(of_ours.len(), 1, "{log}");
    assert!(of_ours[0].contains("onnect"), "the cause is told: {}", of_ours[0]);
    for (what, text) in
        [("replies", &seen.concat()), ("error", &error), ("metrics", &page), ("log", &log)]
    {
        assert!(!text.contains(KEY), "in the {what}: {text}");
    }
    let host = url.trim_start_matches("http://").trim_end_matches("/v1");
    for (what, text) in [("error", error.as_str()), ("metrics", &page), ("log", of_ours[0])] {
        assert!(!text.contains(host), "in the {what}: {text}");
    }
}
