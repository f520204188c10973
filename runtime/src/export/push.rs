//! Pushing to a Pushgateway, for jobs that end before anybody scrapes them.

use std::error::Error;
use std::fmt;
use std::iter;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode, Url};

use super::EncodeError;
use super::text::TEXT_FORMAT;
use crate::metrics::{Metrics, is_label_name};

/// How long a gateway may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What stands in a path as it is (RFC 3986, section 2.3); the rest is escaped.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One group of metrics at a Pushgateway, for batch jobs: what is pushed stays there until somebody replaces or
/// deletes it.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use streamgauge::{Metrics, PushGateway};
///
/// let gateway = PushGateway::new("http://pushgateway:9091", "nightly_report").group("shard", "7");
/// // … the job's work …
/// gateway.push(Metrics::global()).await?;
/// # Ok(())
/// # }
/// ```
///
/// # When to push
///
/// At the end of a job that nobody can scrape, and not otherwise: the gateway shows the last values for ever, also
/// when the job has died; `up` is the gateway's; several instances of a service that push into one
/// group overwrite each other, so each needs a label of its own in the group, and somebody who deletes it. A
/// service that runs is scraped; a job beside a node-exporter writes a file
/// ([`write_to_file`](Metrics::write_to_file)).
#[derive(Clone)]
pub struct PushGateway {
    url: String,
    group: Vec<(String, String)>,
}

impl PushGateway {
    /// The group of a job, at the gateway of this address: `http://` and host, and a path where the gateway has one. An
    /// `https://` address needs a TLS feature of `reqwest` in the application.
    #[must_use]
    pub fn new(url: impl Into<String>, job: impl Into<String>) -> Self {
        Self { url: url.into(), group: vec![("job".to_owned(), job.into())] }
    }

    /// The group that has this label, too: `instance`, say, where the job runs several times at once.
    #[must_use]
    pub fn group(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.group.push((label.into(), value.into()));
        self
    }

    /// Puts all metrics in the place of all that the group has.
    ///
    /// # Errors
    ///
    /// [`PushError`] says which setting is wrong, or what the gateway did. Nothing is tried again.
    pub async fn push(&self, metrics: &Metrics) -> Result<(), PushError> {
        self.send(Method::PUT, metrics.encode_text()?).await
    }

    /// Puts all metrics into the group, in the place of those of the same names.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub async fn add(&self, metrics: &Metrics) -> Result<(), PushError> {
        self.send(Method::POST, metrics.encode_text()?).await
    }

    /// Deletes the group.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub async fn delete(&self) -> Result<(), PushError> {
        self.send(Method::DELETE, String::new()).await
    }

    async fn send(&self, method: Method, text: String) -> Result<(), PushError> {
        let url = self.address()?;
        // A redirected push would be a GET.
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            .build()
            .map_err(unreachable)?;
        let request = client.request(method, url).body(text);
        let request = request.header(header::CONTENT_TYPE, TEXT_FORMAT);
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let said = response.text().await.unwrap_or_default();
        Err(PushError::Refused { status, said: said.trim().to_owned() })
    }

    /// The group's address.
    fn address(&self) -> Result<String, PushError> {
        let wrong = |reason| PushError::Setting { reason };
        // Its text may have a password in it.
        let url = Url::parse(&self.url).map_err(|error| {
            wrong(format!("the url is no address ({error}): give http:// and a host"))
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme();
            return Err(wrong(format!("the url begins with {scheme:?}: give http:// and a host")));
        }
        if url.query().is_some() || url.fragment().is_some() {
            let reason =
                "the url has a query or a fragment: leave it out, the group comes after it";
            return Err(wrong(reason.to_owned()));
        }
        let mut address = format!("{}/metrics", url.as_str().trim_end_matches('/'));
        for (place, (label, value)) in self.group.iter().enumerate() {
            if !is_label_name(label) {
                let reason = "use letters, digits and `_`, with no digit first";
                return Err(wrong(format!("group label {label:?} is no label name: {reason}")));
            }
            if self.group[..place].iter().any(|(other, _)| other == label) {
                return Err(wrong(format!("group label {label:?} is given twice: give it once")));
            }
            if place == 0 && value.is_empty() {
                return Err(wrong("the job has no name: the gateway asks for one".to_owned()));
            }
            address.push_str(&segment(label, value));
        }
        Ok(address)
    }
}

impl fmt::Debug for PushGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushGateway").field("group", &self.group).finish_non_exhaustive()
    }
}

/// A label in the gateway's path. What a path cannot hold, or would lose, is written in base64.
fn segment(label: &str, value: &str) -> String {
    if value.is_empty() {
        return format!("/{label}@base64/=");
    }
    if value.contains('/') || value == "." || value == ".." {
        return format!("/{label}@base64/{}", URL_SAFE_NO_PAD.encode(value));
    }
    format!("/{label}/{}", utf8_percent_encode(value, ESCAPED))
}

/// The address may have a password in it.
fn unreachable(error: reqwest::Error) -> PushError {
    PushError::Unreachable(error.without_url())
}

/// An error with what is behind it, which alone says why.
fn causes(error: &reqwest::Error) -> String {
    let causes = iter::successors(Some(error as &dyn Error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Why nothing was pushed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The address or a label of the group.
    #[error("push gateway: {reason}")]
    Setting {
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// A collector registered beside ours does not encode.
    #[error("the metrics cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    /// The gateway could not be reached, or did not answer in ten seconds.
    #[error("the push gateway does not answer: {}", causes(.0))]
    Unreachable(#[source] reqwest::Error),
    /// The gateway has refused what was pushed.
    #[error("the push gateway refused: {status}: {said}")]
    Refused {
        /// The status of its answer.
        status: StatusCode,
        /// What it said.
        said: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_written_as_the_gateway_reads_them() {
        for (job, group, address) in [
            ("nightly", None, "/metrics/job/nightly"),
            ("a b+c%", Some(("instance", "h:1")), "/metrics/job/a%20b%2Bc%25/instance/h%3A1"),
            ("grüße", None, "/metrics/job/gr%C3%BC%C3%9Fe"),
            ("a/b", Some(("path", "/var/tmp")), "/metrics/job@base64/YS9i/path@base64/L3Zhci90bXA"),
            ("..", Some(("empty", "")), "/metrics/job@base64/Li4/empty@base64/="),
        ] {
            let mut gateway = PushGateway::new("http://gateway:9091/", job);
            if let Some((label, value)) = group {
                gateway = gateway.group(label, value);
            }
            let expected = format!("http://gateway:9091{address}");
            assert_eq!(gateway.address().expect("it is right"), expected);
        }
    }

    #[test]
    fn a_password_shows_nowhere() {
        let gateway = PushGateway::new("ftp://user:secret@g", "j");
        let error = gateway.address().expect_err("it is wrong");
        assert!(!format!("{gateway:?} {error} {error:?}").contains("secret"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (gateway, named) in [
            (PushGateway::new("gateway:9091", "j"), "gateway"),
            (PushGateway::new("//gateway", "j"), "no address"),
            (PushGateway::new("http://g?x=1", "j"), "query"),
            (PushGateway::new("http://g/#f", "j"), "fragment"),
            (PushGateway::new("http://g", ""), "job"),
            (PushGateway::new("http://g", "j").group("my-label", "x"), "my-label"),
            (PushGateway::new("http://g", "j").group("job", "x"), "twice"),
        ] {
            let error = gateway.address().expect_err("it is wrong").to_string();
            assert!(error.contains(named), "{error}");
        }
    }
}
