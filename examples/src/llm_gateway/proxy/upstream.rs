//! The server that the proxy forwards requests to.

use std::{fmt, sync::Arc};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{Response as HttpResponse, Uri},
    response::Response,
};
use reqwest::{Client, Response as Reply, Url, redirect};

use super::{
    headers::{Key, KeyHeader, prepare_request_headers, remove_hop_by_hop_headers},
    settings::{SettingError, Settings, is_loopback},
    upstream_error::UpstreamError,
};

/// The server behind the proxy.
///
/// Clones share their connections, which stay open between requests.
#[derive(Clone)]
pub struct Upstream(Arc<Shared>);

struct Shared {
    client: Client,
    base: Url,
    key: Option<Key>,
    provider: String,
}

impl Upstream {
    /// Creates an upstream. The first request opens the first connection.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting is invalid or if the HTTP client cannot be created.
    pub fn new(settings: &Settings) -> Result<Self, SettingError> {
        let base = settings.base_url()?;
        let key = settings.key.as_deref().map(Key::new).transpose()?;
        // No timeout for the whole reply: a stream may last as long as data arrives.
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout);
        if is_loopback(&base) {
            client = client.no_proxy();
            if base.scheme() == "http" {
                // Without TLS no certificates are needed, so do not fail on a system without any.
                client = client.tls_certs_only([]);
            }
        }
        let client = client.build().map_err(SettingError::HttpClient)?;
        Ok(Self(Arc::new(Shared { client, base, key, provider: settings.provider.clone() })))
    }

    /// Returns the value of the label `provider`.
    pub(super) fn provider(&self) -> &str {
        &self.0.provider
    }

    /// Forwards a request, and returns the reply as soon as its head has arrived.
    ///
    /// Dropping the future or the reply aborts the request to the upstream.
    pub(super) async fn send(
        &self,
        request: Request,
        key_header: KeyHeader,
    ) -> Result<Reply, UpstreamError> {
        let (mut head, body) = request.into_parts();
        prepare_request_headers(&mut head.headers, self.0.key.as_ref(), key_header);
        let mut request =
            self.0.client.request(head.method, self.url(&head.uri)).headers(head.headers);
        if !body.is_end_stream() {
            request = request.body(reqwest::Body::wrap_stream(body.into_data_stream()));
        }
        let reply = request.send().await.map_err(UpstreamError::from_reqwest)?;
        // The gateway never asks to switch protocols (101), and HTTP assigns no meaning to the
        // statuses from 600 on. A client could not tell where such a reply ends.
        if (200..600).contains(&reply.status().as_u16()) {
            Ok(reply)
        } else {
            tracing::warn!(status = reply.status().as_u16(), "the upstream's reply is refused");
            Err(UpstreamError::InvalidStatus)
        }
    }

    /// Returns the upstream's URL for a URI of this gateway.
    fn url(&self, requested: &Uri) -> Url {
        let path = requested.path().strip_prefix("/v1").unwrap_or(requested.path());
        let mut url = self.0.base.clone();
        url.set_path(&format!("{}{path}", self.0.base.path()));
        url.set_query(requested.query());
        url
    }
}

/// Turns an upstream's reply into a response whose body passes on the reply as it arrives.
pub(super) fn forward_reply(reply: Reply) -> Response {
    let (head, body) = HttpResponse::from(reply).into_parts();
    // HTTP version and extensions belong to the upstream's connection, so they are not copied.
    let mut response = Response::new(Body::new(body));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    remove_hop_by_hop_headers(response.headers_mut());
    response
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("provider", &self.0.provider).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_url_is_the_base_url_with_path_and_query() {
        for (base, requested, url) in [
            (
                "https://a.example",
                "/v1/messages?beta=true",
                "https://a.example/v1/messages?beta=true",
            ),
            ("https://a.example/api/v1/", "/v1/models", "https://a.example/api/v1/models"),
            (
                "https://a.example/openai",
                "/v1/chat/completions",
                "https://a.example/openai/chat/completions",
            ),
        ] {
            let upstream = Upstream::new(&Settings::new(base)).unwrap();
            assert_eq!(upstream.url(&Uri::from_static(requested)).as_str(), url);
        }
    }

    #[test]
    fn key_is_not_part_of_the_debug_output() {
        let settings =
            Settings { key: Some("sk-1".to_owned()), ..Settings::new("https://a.example") };
        let upstream = Upstream::new(&settings).unwrap();
        assert_eq!(format!("{upstream:?}"), "Upstream { provider: \"\", .. }");
    }
}
