//! `GET /`: what to try with the gateway. Browsers get HTML, other clients the same as text.

use std::fmt::Write as _;

use axum::{
    http::{HeaderMap, HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};

use crate::llm_gateway::{
    anthropic::AnthropicError, openai::OpenAiError, request_error::RequestError,
};

/// Stands in the commands for the gateway's URL.
const URL: &str = "{url}";

/// The URL in the commands if the request does not show a usable one.
const UNKNOWN_URL: &str = "http://ADDRESS";

/// No domain name is longer. An address with a port is shorter.
const LONGEST_HOST: usize = 253 + ":65535".len();

/// The style of the page. The page loads nothing and runs no script.
const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;\
    padding:0 1rem}pre{padding:.75rem;overflow-x:auto;border:1px solid #8886;border-radius:.25rem}\
    dt{font-family:monospace}:root{color-scheme:light dark}";

/// What to try with a gateway.
#[derive(Debug)]
pub struct Welcome {
    introduction: &'static str,
    /// Headings and shell commands; other programs have a language's name in the heading.
    commands: &'static [(&'static str, &'static str)],
    /// Paths that a browser can show, and what is there.
    links: &'static [(&'static str, &'static str)],
    /// Metric families, and what to look at in them.
    families: &'static [(&'static str, &'static str)],
    /// The methods and paths that exist.
    paths: &'static str,
}

/// What to try with the demonstration model.
pub static DEMONSTRATION: Welcome = Welcome {
    introduction: "This gateway has the chat APIs of OpenAI and Anthropic, in front of a \
                   demonstration model that replies with prepared sentences. It records \
                   Prometheus metrics of each request, stream and model call.",
    commands: &[
        (
            "A reply as one JSON document",
            r#"curl {url}/v1/chat/completions -H 'content-type: application/json' \
  -d '{"model": "demo-1", "messages": [{"role": "user", "content": "Hello"}]}'"#,
        ),
        (
            "A stream; press ctrl-c within it to see how a client disconnect is recorded",
            r#"curl -N {url}/v1/chat/completions -H 'content-type: application/json' \
  -d '{"model": "demo-1", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'"#,
        ),
        (
            "A stream in Anthropic's API",
            r#"curl -N {url}/v1/messages -H 'content-type: application/json' \
  -d '{"model": "demo-1", "stream": true, "max_tokens": 50,
       "messages": [{"role": "user", "content": "Hello"}]}'"#,
        ),
        ("A handler that fails", "curl '{url}/risky?mode=error'"),
        ("The metrics", "curl {url}/metrics"),
        (
            "The Python library openai",
            r#"OpenAI(base_url="{url}/v1", api_key="any").chat.completions.create(
    model="demo-1", messages=[{"role": "user", "content": "Hello"}])"#,
        ),
    ],
    links: &[
        ("/live/", "requests, streams and model calls, as they happen"),
        ("/metrics", "the metrics page"),
        ("/v1/models", "the models"),
        ("/stream", "a stream of ten lines of text"),
        ("/events", "a stream of server-sent events"),
        ("/health", "the health check, which is not recorded"),
    ],
    families: &[
        ("app_llm_calls_total", "model calls, with the reason for which each reply ended"),
        ("app_token_usage_total", "tokens; those of a reply that its client left count too"),
        ("app_time_to_first_token_seconds", "how long a client waited for the first token"),
        ("app_stream_duration_seconds", "streams; outcome=\"client_disconnect\" after ctrl-c"),
        ("app_http_requests_total", "requests, with status and outcome"),
        ("app_exceptions_total", "errors that handlers returned, by type"),
    ],
    paths: "GET /, POST /v1/chat/completions, POST /v1/messages, GET /v1/models, POST /generate, \
            GET /risky, GET /stream, GET /stream2, GET /events, GET /health, GET /metrics, GET /live",
};

/// What to try with the proxy.
pub static PROXY: Welcome = Welcome {
    introduction: "This gateway forwards requests to a server with the API of OpenAI or \
                   Anthropic: POST /v1/chat/completions, /v1/responses, /v1/completions, \
                   /v1/embeddings and /v1/messages, and GET /v1/models. It records Prometheus \
                   metrics of each request, stream and model call. This page, /live, /metrics \
                   and /health are the gateway's own.",
    commands: &[
        ("The upstream's models", "curl {url}/v1/models"),
        ("The metrics", "curl {url}/metrics"),
        ("The Python library openai", r#"OpenAI(base_url="{url}/v1")"#),
        ("The Python library anthropic", r#"Anthropic(base_url="{url}")"#),
    ],
    links: &[
        ("/live/", "requests, streams and model calls, as they happen"),
        ("/metrics", "the metrics page"),
        ("/v1/models", "the upstream's models"),
        ("/health", "the health check, which is not forwarded and not recorded"),
    ],
    families: &[
        ("app_llm_calls_total", "model calls: each attempt at an upstream, and why it failed"),
        ("app_llm_calls_per_request", "how many attempts a request took"),
        ("app_llm_call_duration_seconds", "how slow each provider is"),
        ("app_llm_overhead_seconds", "the time that the gateway itself adds to a request"),
        ("app_token_usage_total", "tokens by provider and model"),
        ("app_usage_missing_total", "replies without usage, and the reason"),
    ],
    paths: "GET /, POST /v1/chat/completions, POST /v1/responses, POST /v1/completions, \
            POST /v1/embeddings, POST /v1/messages, GET /v1/models, GET /health, GET /metrics, \
            GET /live",
};

impl Welcome {
    /// Returns the page for a request: as HTML if the client accepts HTML, as text otherwise.
    pub(crate) fn respond(&self, uri: &Uri, headers: &HeaderMap) -> Response {
        let url = url_of(uri, headers).unwrap_or_else(|| UNKNOWN_URL.to_owned());
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let (content_type, page) = if accept.is_some_and(|accept| accept.contains("text/html")) {
            ("text/html; charset=utf-8", self.html(&url))
        } else {
            ("text/plain; charset=utf-8", self.text(&url))
        };
        let headers = [
            (header::CONTENT_TYPE, content_type),
            // The page depends on headers of the request.
            (header::CACHE_CONTROL, "no-store"),
            (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (headers, page).into_response()
    }

    /// Returns the response to a request for a path that does not exist.
    pub(crate) fn not_found(&self, headers: &HeaderMap) -> Response {
        let error = RequestError::UnknownPath(self.paths);
        // Anthropic's clients send this header with each request.
        if headers.contains_key("anthropic-version") {
            AnthropicError::from(error).into_response()
        } else {
            OpenAiError::from(error).into_response()
        }
    }

    /// Returns what to try as text, for a gateway with this URL.
    #[must_use]
    pub fn text(&self, url: &str) -> String {
        let mut page = format!("{}\n", self.introduction);
        for (heading, command) in self.commands {
            let command = command.replace(URL, url);
            push(&mut page, format_args!("\n# {heading}\n{command}\n"));
        }
        page.push_str("\nWhat to look at on the metrics page:\n");
        for (family, meaning) in self.families {
            push(&mut page, format_args!("  {family:<32} {meaning}\n"));
        }
        page
    }

    fn html(&self, url: &str) -> String {
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>llm_gateway</title>\n<style>{STYLE}</style>\n\
             <h1>llm_gateway</h1>\n<p>{}</p>\n<h2>Pages</h2>\n<ul>\n",
            escape(self.introduction)
        );
        for (path, meaning) in self.links {
            let (path, meaning) = (escape(path), escape(meaning));
            push(&mut page, format_args!("<li><a href=\"{path}\">{path}</a>: {meaning}</li>\n"));
        }
        page.push_str("</ul>\n<h2>Commands to copy</h2>\n");
        for (heading, command) in self.commands {
            let (heading, command) = (escape(heading), escape(&command.replace(URL, url)));
            push(&mut page, format_args!("<p>{heading}:</p>\n<pre>{command}</pre>\n"));
        }
        page.push_str(
            "<h2>What to look at on the metrics page</h2>\n\
             <p>Each link shows one family, once it has been recorded.</p>\n<dl>\n",
        );
        for (family, meaning) in self.families {
            let meaning = escape(meaning);
            push(
                &mut page,
                format_args!(
                    "<dt><a href=\"/metrics?name%5B%5D={family}\">{family}</a></dt>\
                     <dd>{meaning}</dd>\n"
                ),
            );
        }
        page.push_str("</dl>\n</html>\n");
        page
    }
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("writing to a string does not fail");
}

/// Returns the gateway's URL as the client wrote it, or `None` if it is not safe to repeat.
///
/// A reader copies the commands into a shell, so escaping for HTML would not be enough: only
/// characters that have no meaning in a shell or in HTML are repeated.
fn url_of(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str().as_bytes()))?;
    let is_safe = |byte: &u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(byte);
    if host.is_empty() || host.len() > LONGEST_HOST || !host.iter().all(is_safe) {
        return None;
    }
    let host = std::str::from_utf8(host).ok()?;
    // A proxy that speaks TLS for the gateway says so in this header.
    let is_encrypted = headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    Some(format!("{}://{host}", if is_encrypted { "https" } else { "http" }))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    async fn page(welcome: &Welcome, headers: &[(&'static str, &str)]) -> String {
        let headers = headers.iter().map(|(name, value)| {
            (name.parse().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        let response = welcome.respond(&Uri::from_static("/"), &headers.collect());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

    #[tokio::test]
    async fn welcome_page_is_html_for_browsers_and_text_for_others() {
        let html = page(&DEMONSTRATION, &[("host", "localhost:8080"), BROWSER]).await;
        assert!(html.starts_with("<!doctype html>"), "{html}");
        assert!(html.contains("curl -N http://localhost:8080/v1/messages"), "{html}");
        assert!(html.contains("{&quot;model&quot;: &quot;demo-1&quot;"), "{html}");
        assert!(html.contains("<a href=\"/v1/models\">"), "{html}");
        let text = page(&DEMONSTRATION, &[("host", "localhost:8080"), ("accept", "*/*")]).await;
        assert!(text.contains("\ncurl http://localhost:8080/metrics\n"), "{text}");
        assert!(text.contains("{\"model\": \"demo-1\""), "{text}");
        assert!(!text.contains(URL), "{text}");
    }

    #[tokio::test]
    async fn welcome_page_repeats_only_hosts_that_are_safe_in_a_shell_and_in_html() {
        let hosts = ["localhost", "10.0.0.7:8080", "[::1]:8080", "models.example"];
        for host in hosts {
            let text = page(&PROXY, &[("host", host)]).await;
            assert!(text.contains(&format!("curl http://{host}/metrics\n")), "{text}");
        }
        let long = "a".repeat(1_000);
        let hosts = [
            "<script>alert(1)</script>",
            "\"onload=alert(1)",
            "x;reboot",
            "$(reboot)",
            "`reboot`",
            "a b",
            "a@b",
            "é",
            "",
            &long,
        ];
        for host in hosts {
            for headers in [&[("host", host), BROWSER][..], &[("host", host)]] {
                let page = page(&PROXY, headers).await;
                assert!(page.contains("curl http://ADDRESS/metrics"), "{host}: {page}");
                assert!(host.is_empty() || !page.contains(&format!("//{host}")), "{page}");
            }
        }
    }

    #[tokio::test]
    async fn welcome_page_has_the_scheme_that_a_tls_proxy_names() {
        let host = ("host", "models.example");
        for (scheme, expected) in [("https", "https"), ("http", "http"), ("javascript", "http")] {
            let text = page(&PROXY, &[host, ("x-forwarded-proto", scheme)]).await;
            assert!(text.contains(&format!("curl {expected}://models.example/metrics\n")));
        }
    }
}
