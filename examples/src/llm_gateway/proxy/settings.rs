//! Where an upstream is and how it is asked, checked before the first request.

use std::{net::IpAddr, time::Duration};

use axum::http::header::InvalidHeaderValue;
use reqwest::Url;
use thiserror::Error;

use super::causes::Causes;

/// What is to be known of an upstream.
#[derive(Clone)]
pub struct Settings {
    /// What its paths begin with: `https://api.example.com/v1`.
    pub url: String,
    /// The `provider` label of its calls; empty where that is not known.
    pub provider: String,
    /// The key that is sent instead of the clients' own.
    pub key: Option<String>,
    /// How long it may take to accept a connection.
    pub connect_timeout: Duration,
    /// How long it may say nothing, before its reply and within.
    pub read_timeout: Duration,
}

/// A setting that does not work. None of them repeats what it was given, which may be a secret.
#[derive(Debug, Error)]
pub enum SettingError {
    /// Not a URL at all.
    #[error("the upstream is no URL ({0}): write it as https://api.example.com/v1")]
    NoUrl(String),
    /// A URL that is not HTTP's.
    #[error("the upstream's URL must begin with http:// or https://")]
    Scheme,
    /// A name or a password within the URL.
    #[error(
        "the upstream's URL has a name or a password in it: a key belongs into the environment"
    )]
    Credentials,
    /// More than a base.
    #[error(
        "the upstream's URL has a `?` or a `#` in it: it must be what all its paths begin with"
    )]
    NoBase,
    /// A key that no header can carry.
    #[error(
        "the key has characters that no HTTP header can carry, such as a line break at its end"
    )]
    Key(#[from] InvalidHeaderValue),
    /// A client that could not be made.
    #[error("no HTTP client could be made: {}", Causes(.0))]
    Client(#[source] reqwest::Error),
}

impl Settings {
    /// An upstream without a key, with generous limits of time.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            provider: String::new(),
            key: None,
            connect_timeout: Duration::from_secs(10),
            // As long as the providers' own clients wait for a reply that takes much thought.
            read_timeout: Duration::from_secs(600),
        }
    }

    /// What paths such as `/chat/completions` are appended to. A server that is named without a path
    /// has its API at `/v1`.
    pub(super) fn base(&self) -> Result<Url, SettingError> {
        let mut url =
            Url::parse(&self.url).map_err(|error| SettingError::NoUrl(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SettingError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(SettingError::Credentials);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(SettingError::NoBase);
        }
        let path = match url.path().trim_end_matches('/') {
            "" => "/v1".to_owned(),
            path => path.to_owned(),
        };
        url.set_path(&path);
        Ok(url)
    }
}

/// Whether a URL is of this machine, which no proxy of the system's is to be asked for.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_what_paths_are_appended_to() {
        for (url, base) in [
            ("https://api.example.com/v1", "https://api.example.com/v1"),
            ("https://api.example.com/v1/", "https://api.example.com/v1"),
            ("https://api.example.com/v1//", "https://api.example.com/v1"),
            ("https://api.example.com", "https://api.example.com/v1"),
            ("http://127.0.0.1:1234/", "http://127.0.0.1:1234/v1"),
            ("https://example.com/api/v1", "https://example.com/api/v1"),
            ("https://example.com/v1beta/openai/", "https://example.com/v1beta/openai"),
        ] {
            assert_eq!(Settings::new(url).base().unwrap().as_str(), base);
        }
    }

    #[test]
    fn what_is_no_base_is_refused_and_not_repeated() {
        for (url, meant) in [
            ("", "is no URL"),
            ("secret.example.com/v1", "is no URL"),
            ("http://", "is no URL"),
            ("secret:1234/v1", "must begin with http://"),
            ("ftp://secret/v1", "must begin with http://"),
            ("file:///secret", "must begin with http://"),
            ("https://secret@example.com/v1", "belongs into the environment"),
            ("https://:secret@example.com/v1", "belongs into the environment"),
            ("https://example.com/v1?key=secret", "`?` or a `#`"),
            ("https://example.com/v1#secret", "`?` or a `#`"),
        ] {
            let error = Settings::new(url).base().unwrap_err().to_string();
            assert!(error.contains(meant), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn loopback_has_several_names() {
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
