//! Pushes metrics to a Pushgateway, for jobs that end before they can be scraped.

use std::fmt;
use std::panic::{self, UnwindSafe};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode, Url};

use super::EncodeError;
use super::text_format::TEXT_CONTENT_TYPE;
use crate::metrics::{Metrics, is_label_name};

/// The timeout of a request to the gateway.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The characters that are escaped in a path: all but the unreserved ones of RFC 3986, section 2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One group of metrics at a Pushgateway.
///
/// A group is identified by its labels. Its metrics stay at the gateway until they are replaced or
/// deleted.
///
/// # Examples
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
/// Push at the end of a batch job that cannot be scraped. A service that keeps running should be
/// scraped instead, for three reasons: the gateway exports the last pushed values for ever, even
/// after the job has died; the metric `up` describes the gateway and not the job; and several
/// instances that push into the same group overwrite each other. A job on a machine with a
/// node-exporter can write a file instead, with [`write_to_file`](Metrics::write_to_file).
#[derive(Clone)]
pub struct PushGateway {
    url: String,
    group: Vec<(String, String)>,
}

impl PushGateway {
    /// Creates the group with the label `job`, at the gateway with this URL.
    ///
    /// The URL has a scheme and a host, such as `http://pushgateway:9091`, and a path if the
    /// gateway has one. An `https://` URL needs a TLS feature of `reqwest`, which the application
    /// enables. The URL and the labels are validated by [`push`](Self::push), [`add`](Self::add)
    /// and [`delete`](Self::delete).
    #[must_use]
    pub fn new(url: impl Into<String>, job: impl Into<String>) -> Self {
        Self { url: url.into(), group: vec![("job".to_owned(), job.into())] }
    }

    /// Adds a label to the group, such as `instance` if the job runs several times at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::PushGateway;
    ///
    /// let gateway = PushGateway::new("http://pushgateway:9091", "nightly_report")
    ///     .group("instance", "worker-3")
    ///     .group("shard", "7");
    /// ```
    #[must_use]
    pub fn group(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.group.push((label.into(), value.into()));
        self
    }

    /// Replaces all metrics of the group by the metrics of an instance.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting is not valid, the HTTP client cannot be created, the gateway
    /// does not respond within ten seconds, or it refuses the metrics. A failed push is not
    /// retried.
    ///
    /// # Panics
    ///
    /// The returned future panics if it is polled outside a tokio runtime with I/O and time
    /// enabled.
    pub async fn push(&self, metrics: &Metrics) -> Result<(), PushError> {
        self.send(Method::PUT, metrics.encode_text()?).await
    }

    /// Adds the metrics of an instance to the group, and replaces those of the same names.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`push`](Self::push).
    ///
    /// # Panics
    ///
    /// The returned future panics under the same conditions as that of [`push`](Self::push).
    pub async fn add(&self, metrics: &Metrics) -> Result<(), PushError> {
        self.send(Method::POST, metrics.encode_text()?).await
    }

    /// Deletes the group, so that the gateway no longer exports it.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`push`](Self::push).
    ///
    /// # Panics
    ///
    /// The returned future panics under the same conditions as that of [`push`](Self::push).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), streamgauge::PushError> {
    /// use streamgauge::PushGateway;
    ///
    /// PushGateway::new("http://pushgateway:9091", "nightly_report").delete().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete(&self) -> Result<(), PushError> {
        self.send(Method::DELETE, String::new()).await
    }

    async fn send(&self, method: Method, text: String) -> Result<(), PushError> {
        let url = self.group_url()?;
        // Following a redirect would turn the push into a GET.
        let client =
            build_client(|| Client::builder().timeout(TIMEOUT).redirect(Policy::none()).build())?;
        let request = client.request(method, url).body(text);
        let request = request.header(header::CONTENT_TYPE, TEXT_CONTENT_TYPE);
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let body = response.text().await.unwrap_or_default();
        Err(PushError::Refused { status, body: body.trim().to_owned() })
    }

    /// Returns the URL of the group. Errors do not contain the gateway's URL, which may have a
    /// password in it.
    fn group_url(&self) -> Result<String, PushError> {
        let invalid = |reason| PushError::Setting { reason };
        let url = Url::parse(&self.url).map_err(|error| {
            invalid(format!("the URL is not valid ({error}): use `http://` and a host"))
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme();
            return Err(invalid(format!(
                "the URL begins with {scheme:?}: use `http://` and a host"
            )));
        }
        if url.query().is_some() || url.fragment().is_some() {
            let reason = "the URL has a query or a fragment: remove it, because the group is \
                 appended to the path";
            return Err(invalid(reason.to_owned()));
        }
        let mut group_url = format!("{}/metrics", url.as_str().trim_end_matches('/'));
        for (index, (label, value)) in self.group.iter().enumerate() {
            if !is_label_name(label) {
                let reason = "use letters, digits and `_`, with no digit first";
                return Err(invalid(format!(
                    "group label {label:?} is not a label name: {reason}"
                )));
            }
            if self.group[..index].iter().any(|(other, _)| other == label) {
                return Err(invalid(format!("group label {label:?} is given twice: give it once")));
            }
            if index == 0 && value.is_empty() {
                return Err(invalid("the job name is empty: the gateway requires one".to_owned()));
            }
            group_url.push_str(&path_segments(label, value));
        }
        Ok(group_url)
    }
}

impl fmt::Debug for PushGateway {
    /// Leaves out the URL, which may have a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushGateway").field("group", &self.group).finish_non_exhaustive()
    }
}

/// Returns the part of the gateway's path for a label. Values that a path cannot contain, or that
/// would be normalized away, are written in base64.
fn path_segments(label: &str, value: &str) -> String {
    if value.is_empty() {
        return format!("/{label}@base64/=");
    }
    if value.contains('/') || value == "." || value == ".." {
        return format!("/{label}@base64/{}", URL_SAFE_NO_PAD.encode(value));
    }
    format!("/{label}/{}", utf8_percent_encode(value, ESCAPED))
}

/// Builds the HTTP client. reqwest panics if its TLS has no crypto provider, even if the URL of the
/// gateway needs no TLS, and has no function that shows this beforehand.
fn build_client(
    build: impl FnOnce() -> reqwest::Result<Client> + UnwindSafe,
) -> Result<Client, PushError> {
    let client = panic::catch_unwind(build).map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        PushError::Client { reason: text.unwrap_or("it panicked").to_owned() }
    })?;
    client.map_err(unreachable)
}

fn unreachable(error: reqwest::Error) -> PushError {
    // The URL may have a password in it.
    PushError::Unreachable(error.without_url())
}

/// Error returned by the methods of [`PushGateway`] that send a request.
///
/// The cause of an error is its [`source`](std::error::Error::source), and not part of the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The URL or a label of the group is not valid.
    #[error("push gateway: {reason}")]
    Setting {
        /// The mistake, and how to correct it.
        reason: String,
    },
    /// Another collector in the registry failed.
    #[error("cannot encode the metrics")]
    Encode(#[from] EncodeError),
    /// The HTTP client could not be created, because the TLS of the crate `reqwest` has no crypto
    /// provider. With its feature `rustls-no-provider` the application must install one before it
    /// pushes. reqwest panics in this case: the panic is caught, but the panic hook runs, and a
    /// program that is compiled with `panic = "abort"` ends.
    #[error("the HTTP client of the push gateway cannot be created: {reason}")]
    Client {
        /// The message of reqwest's panic.
        reason: String,
    },
    /// The gateway could not be reached, or did not respond within ten seconds. After a timeout,
    /// the gateway may have processed the request.
    #[error("the push gateway does not respond")]
    Unreachable(#[source] reqwest::Error),
    /// The gateway responded with an error status.
    #[error("the push gateway refused with status {status}{}", detail(body))]
    Refused {
        /// The status of the response.
        status: StatusCode,
        /// The body of the response.
        body: String,
    },
}

/// Returns the body of a refusal as the end of a message.
fn detail(body: &str) -> String {
    if body.is_empty() { String::new() } else { format!(": {body}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error_chain::assert_shows_causes_once;

    #[test]
    fn push_group_urls_escape_labels_as_the_gateway_expects() {
        for (job, group, path) in [
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
            let expected = format!("http://gateway:9091{path}");
            assert_eq!(gateway.group_url().expect("the settings are valid"), expected);
        }
    }

    #[test]
    fn push_errors_do_not_contain_the_password() {
        let gateway = PushGateway::new("ftp://user:secret@g", "j");
        let error = gateway.group_url().expect_err("the scheme is wrong");
        assert!(!format!("{gateway:?} {error} {error:?}").contains("secret"));
    }

    #[test]
    fn push_settings_errors_name_the_mistake() {
        for (gateway, named) in [
            (PushGateway::new("gateway:9091", "j"), "gateway"),
            (PushGateway::new("//gateway", "j"), "not valid"),
            (PushGateway::new("http://g?x=1", "j"), "query"),
            (PushGateway::new("http://g/#f", "j"), "fragment"),
            (PushGateway::new("http://g", ""), "job"),
            (PushGateway::new("http://g", "j").group("my-label", "x"), "my-label"),
            (PushGateway::new("http://g", "j").group("job", "x"), "twice"),
        ] {
            let error = gateway.group_url().expect_err("a setting is wrong").to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn push_client_that_reqwest_cannot_build_is_an_error() {
        for panics in [|| panic!("no provider"), || panic!("no {}", "provider")] {
            let error = build_client(panics).expect_err("the closure panics");
            assert!(error.to_string().ends_with("cannot be created: no provider"), "{error}");
            assert_shows_causes_once(&error, 1);
        }
        let error = build_client(|| panic::panic_any(7)).expect_err("the closure panics");
        assert!(matches!(&error, PushError::Client { reason } if reason == "it panicked"));
    }

    #[tokio::test]
    async fn error_texts_show_their_cause_once() {
        assert_shows_causes_once(&PushError::Encode(EncodeError::Nested), 2);
        // Port 0 cannot be connected to.
        let unreachable = PushGateway::new("http://127.0.0.1:0", "j").delete().await;
        let unreachable = unreachable.expect_err("nothing listens on port 0");
        let chain = crate::error_chain::error_chain(&unreachable);
        assert!(chain.starts_with("the push gateway does not respond: "), "{chain}");
        for text in chain.split(": ") {
            assert_eq!(chain.matches(text).count(), 1, "{text:?} repeats in {chain:?}");
        }
        let reason = "the URL has a query".to_owned();
        assert_shows_causes_once(&PushError::Setting { reason }, 1);
    }
}
