//! Settings of the upstream, validated before the first request.

use std::{net::IpAddr, time::Duration};

use axum::http::header::InvalidHeaderValue;
use reqwest::Url;
use thiserror::Error;

use super::error_chain::ErrorChain;

/// Address, key and timeouts of an upstream.
#[derive(Clone)]
pub struct Settings {
    /// Base URL of the API, such as `https://api.example.com/v1`. A URL without a path means `/v1`.
    pub url: String,
    /// Value of the label `provider`; empty if unknown.
    pub provider: String,
    /// API key that replaces the clients' keys. Without it, the clients' keys are forwarded.
    pub key: Option<String>,
    /// Timeout for connecting to the upstream.
    pub connect_timeout: Duration,
    /// Timeout for each read: for the reply's head, and between two parts of its body.
    pub read_timeout: Duration,
}

/// Error returned by [`Upstream::new`](super::Upstream::new).
///
/// The messages do not repeat the setting's value, which may contain a secret.
#[derive(Debug, Error)]
pub enum SettingError {
    /// The base URL cannot be parsed.
    #[error("the upstream is not a URL ({0}); use a form such as https://api.example.com/v1")]
    InvalidUrl(String),
    /// The scheme is neither `http` nor `https`.
    #[error("the upstream's URL must begin with http:// or https://")]
    UnsupportedScheme,
    /// The URL contains a user name or password.
    #[error(
        "the upstream's URL contains a user name or password; a key belongs in the environment \
         variable UPSTREAM_API_KEY"
    )]
    CredentialsInUrl,
    /// The URL contains a query or fragment, so paths cannot be appended to it.
    #[error(
        "the upstream's URL contains a `?` or a `#`; it must be a base URL, such as \
         https://api.example.com/v1"
    )]
    QueryOrFragment,
    /// The key contains characters that are invalid in a header.
    #[error(
        "the key contains characters that no HTTP header can carry, such as a trailing line break"
    )]
    InvalidKey(#[from] InvalidHeaderValue),
    /// The HTTP client cannot be created, for example without the system's certificates.
    #[error("the HTTP client could not be created: {}", ErrorChain(.0))]
    HttpClient(reqwest::Error),
}

impl Settings {
    /// Returns settings for the upstream at `url`, without a key and with long timeouts.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            provider: String::new(),
            key: None,
            connect_timeout: Duration::from_secs(10),
            // The default of the providers' own clients, for models that reason before they reply.
            read_timeout: Duration::from_secs(600),
        }
    }

    /// Returns the URL that paths such as `/chat/completions` are appended to.
    pub(super) fn base_url(&self) -> Result<Url, SettingError> {
        let mut url =
            Url::parse(&self.url).map_err(|error| SettingError::InvalidUrl(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SettingError::UnsupportedScheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SettingError::CredentialsInUrl);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(SettingError::QueryOrFragment);
        }
        let path = match url.path().trim_end_matches('/') {
            "" => "/v1".to_owned(),
            path => path.to_owned(),
        };
        url.set_path(&path);
        Ok(url)
    }
}

/// Returns true if the URL's host is this machine, which is reached without the system's proxy.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_url_has_a_path_without_a_trailing_slash() {
        for (url, base) in [
            ("https://api.example.com/v1", "https://api.example.com/v1"),
            ("https://api.example.com/v1/", "https://api.example.com/v1"),
            ("https://api.example.com/v1//", "https://api.example.com/v1"),
            ("https://api.example.com", "https://api.example.com/v1"),
            ("http://127.0.0.1:1234/", "http://127.0.0.1:1234/v1"),
            ("https://example.com/api/v1", "https://example.com/api/v1"),
            ("https://example.com/v1beta/openai/", "https://example.com/v1beta/openai"),
        ] {
            assert_eq!(Settings::new(url).base_url().unwrap().as_str(), base);
        }
    }

    #[test]
    fn base_url_errors_do_not_repeat_the_url() {
        for (url, message) in [
            ("", "is not a URL"),
            ("secret.example.com/v1", "is not a URL"),
            ("http://", "is not a URL"),
            ("secret:1234/v1", "must begin with http://"),
            ("ftp://secret/v1", "must begin with http://"),
            ("file:///secret", "must begin with http://"),
            ("https://secret@example.com/v1", "belongs in the environment"),
            ("https://:secret@example.com/v1", "belongs in the environment"),
            ("https://example.com/v1?key=secret", "`?` or a `#`"),
            ("https://example.com/v1#secret", "`?` or a `#`"),
        ] {
            let error = Settings::new(url).base_url().unwrap_err().to_string();
            assert!(error.contains(message), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn loopback_is_recognized_by_name_and_address() {
        for (url, expected) in [
            ("http://localhost:1/", true),
            ("http://127.0.0.2/", true),
            ("http://[::1]:1/", true),
            ("http://10.0.0.1/", false),
            ("https://localhost.example.com/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
