//! The server that is asked.

use std::{fmt, sync::Arc};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{Response as HttpResponse, Uri},
    response::Response,
};
use reqwest::{Client, Url, redirect};

use super::{
    failure::Failure,
    headers::{Key, KeyHeader, forward, strip_hop_by_hop},
    settings::{SettingError, Settings, is_loopback},
};

/// A server that is asked for everything, and keeps its connections between requests.
#[derive(Clone)]
pub struct Upstream(Arc<Shared>);

struct Shared {
    client: Client,
    base: Url,
    key: Option<Key>,
    provider: String,
}

impl Upstream {
    /// The upstream of these settings. It is first connected to when it is first asked.
    ///
    /// # Errors
    ///
    /// The setting that does not work.
    pub fn new(settings: &Settings) -> Result<Self, SettingError> {
        let base = settings.base()?;
        let key = settings.key.as_deref().map(Key::new).transpose()?;
        // A stream may go on for as long as it says something: there is no limit to the whole.
        let mut client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.connect_timeout)
            .read_timeout(settings.read_timeout);
        if is_loopback(&base) {
            client = client.no_proxy();
            if base.scheme() == "http" {
                // Nobody needs the system's certificates, nor that there are any.
                client = client.tls_certs_only([]);
            }
        }
        let client = client.build().map_err(SettingError::Client)?;
        Ok(Self(Arc::new(Shared { client, base, key, provider: settings.provider.clone() })))
    }

    /// The `provider` label of its calls.
    pub(super) fn provider(&self) -> &str {
        &self.0.provider
    }

    /// Passes a request on, and gives the reply as soon as its head is there. Dropped, either of them ends
    /// the request to the upstream as well.
    pub(super) async fn send(
        &self,
        request: Request,
        key_header: KeyHeader,
    ) -> Result<Response, Failure> {
        let (mut head, body) = request.into_parts();
        forward(&mut head.headers, self.0.key.as_ref(), key_header);
        let mut request =
            self.0.client.request(head.method, self.url(&head.uri)).headers(head.headers);
        if !body.is_end_stream() {
            request = request.body(reqwest::Body::wrap_stream(body.into_data_stream()));
        }
        let reply = request.send().await.map_err(Failure::of)?;
        let (head, body) = HttpResponse::from(reply).into_parts();
        // The version and what else there is are of the upstream's connection.
        let mut reply = Response::new(Body::new(body));
        *reply.status_mut() = head.status;
        *reply.headers_mut() = head.headers;
        strip_hop_by_hop(reply.headers_mut());
        Ok(reply)
    }

    /// Where the upstream has what is asked for here.
    fn url(&self, asked: &Uri) -> Url {
        let path = asked.path().strip_prefix("/v1").unwrap_or(asked.path());
        let mut url = self.0.base.clone();
        url.set_path(&format!("{}{path}", self.0.base.path()));
        url.set_query(asked.query());
        url
    }
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
    fn paths_and_queries_are_put_behind_the_base() {
        for (base, asked, url) in [
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
            assert_eq!(upstream.url(&Uri::from_static(asked)).as_str(), url);
        }
    }

    #[test]
    fn nothing_of_a_key_shows() {
        let settings =
            Settings { key: Some("sk-1".to_owned()), ..Settings::new("https://a.example") };
        let upstream = Upstream::new(&settings).unwrap();
        assert_eq!(format!("{upstream:?}"), "Upstream { provider: \"\", .. }");
    }
}
