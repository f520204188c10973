//! Labels whose value is taken from each request, as users declare them.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use http::{Extensions, HeaderName, HeaderValue, Request};

use super::MetricsBuilder;
use crate::family::RequestLabelBound;
use crate::hook::{self, Hook};

/// A label whose value each request supplies: its tenant, its plan or the region of its caller.
///
/// [`MetricsBuilder::request_label`] adds the label to the families of requests, streams, calls,
/// tokens and cost:
///
/// - `http_requests_total`, `http_request_duration_seconds`, `active_requests`,
///   `request_size_bytes`, `response_size_bytes`, `errors_total`, `exceptions_total`,
/// - `stream_chunks_total`, `stream_bytes_total`, `stream_duration_seconds`,
/// - `llm_calls_total`, `llm_call_duration_seconds`, `token_usage_total`, `cost_usd_total`,
///   `provider_cost_usd_total`.
///
/// # Where the value comes from
///
/// A request header ([`from_header`](Self::from_header)), an extension of the request
/// ([`from_extension`](Self::from_extension)), or the handler, which calls
/// [`request_label::set`](crate::request_label::set). A value that is set there replaces the one
/// from the header or the extension. A request without a value has the empty value, and so has
/// everything that is recorded outside any request.
///
/// `active_requests` keeps the value that was known when the request arrived. A stream keeps the
/// values that are known when its function returns. A call has the values that are known when it
/// ends. All other families have the value at the time of recording: for a request, at its end.
///
/// # Bounds
///
/// A label needs a bound, or [`build`](MetricsBuilder::build) returns an error: either the values
/// to export ([`values`](Self::values)), or how many values are exported
/// ([`at_most`](Self::at_most)). Every other value, a value of more than 128 bytes and a header
/// that is not UTF-8 become `other`, and `metrics_overflow_total` counts the observations. A value
/// `other` in a request is counted there, too.
///
/// Request labels multiply series: two labels with fifty and four values make up to 200 series of
/// one, at each endpoint. [`max_series`](MetricsBuilder::max_series) bounds the product: past that
/// limit, the request labels become `other` as well.
///
/// # Examples
///
/// The cost of each tenant, with tenants that an authentication layer has verified:
///
/// ```
/// use streamgauge::{Metrics, Price, RequestLabel};
///
/// #[derive(Clone)]
/// struct Claims {
///     tenant: String,
/// }
///
/// let metrics = Metrics::builder()
///     .price("small-1", Price::per_million(0.15, 0.60))
///     .request_label(
///         RequestLabel::new("tenant")
///             .from_extension(|claims: &Claims| claims.tenant.as_str())
///             .at_most(200),
///     )
///     .request_label(RequestLabel::new("plan").from_header("x-plan").values(["free", "paid"]))
///     .build()?;
/// # drop(Claims { tenant: String::new() });
/// # Ok::<(), streamgauge::BuildError>(())
/// ```
#[derive(Clone)]
#[must_use = "a request label does nothing until `MetricsBuilder::request_label`"]
pub struct RequestLabel {
    pub(super) name: String,
    pub(super) header: Option<String>,
    extension: Option<ReadExtension>,
    pub(super) values: Option<Vec<String>>,
    pub(super) at_most: Option<usize>,
}

/// Returns the value of a label that the extensions of a request contain.
type ReadExtension = Arc<dyn Fn(&Extensions) -> Option<&str> + Send + Sync>;

impl RequestLabel {
    /// Declares a label with this name.
    ///
    /// The name follows the rules of [`MetricsBuilder::label`]: no family may have a label of this
    /// name.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{Metrics, RequestLabel};
    ///
    /// // Without a source, so that handlers set the value.
    /// let metrics = Metrics::builder()
    ///     .request_label(RequestLabel::new("tenant").at_most(50))
    ///     .build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), header: None, extension: None, values: None, at_most: None }
    }

    /// Takes the value from a request header, from its first occurrence.
    ///
    /// A client can send any value in a header. Use [`values`](Self::values) for such a header, or
    /// let a proxy set it: with [`at_most`](Self::at_most), a client that makes up values uses up
    /// the bound, and later values are exported as `other`.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{Metrics, RequestLabel};
    ///
    /// let metrics = Metrics::builder()
    ///     .request_label(RequestLabel::new("plan").from_header("x-plan").values(["free", "paid"]))
    ///     .build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn from_header(mut self, header: impl Into<String>) -> Self {
        self.header = Some(header.into());
        self
    }

    /// Takes the value from the request extension of type `T`, which a layer outside the metrics
    /// layer inserts, such as authentication.
    ///
    /// `value` returns the empty text if the extension has no value. It is called once per request,
    /// before the handler. If it panics, the value is empty, the request is served, and a `tracing`
    /// event at level `WARN` names the type `T`.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{Metrics, RequestLabel};
    ///
    /// #[derive(Clone)]
    /// struct Claims {
    ///     tenant: Option<String>,
    /// }
    ///
    /// let tenant = RequestLabel::new("tenant")
    ///     .from_extension(|claims: &Claims| claims.tenant.as_deref().unwrap_or_default())
    ///     .at_most(200);
    /// let metrics = Metrics::builder().request_label(tenant).build()?;
    /// # drop(Claims { tenant: None });
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn from_extension<T, F>(mut self, value: F) -> Self
    where
        T: Send + Sync + 'static,
        F: Fn(&T) -> &str + Send + Sync + 'static,
    {
        self.extension = Some(Arc::new(move |all: &Extensions| {
            let extension = all.get::<T>()?;
            hook::call(Hook::RequestLabel, type_name::<T>(), || value(extension))
        }));
        self
    }

    /// Exports only these values. Every other value becomes `other`.
    ///
    /// Using the option again extends the list. With `other` or an empty value in the list,
    /// [`build`](MetricsBuilder::build) returns an error: `other` is reserved for the values that
    /// are not listed, and the empty value for requests without a value.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::RequestLabel;
    ///
    /// let plan = RequestLabel::new("plan").from_header("x-plan").values(["free", "paid"]);
    /// # drop(plan);
    /// ```
    pub fn values<V: Into<String>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        let all = self.values.get_or_insert_default();
        all.extend(values.into_iter().map(Into::into));
        self
    }

    /// Exports the first `max_values` values that the instance sees. Every later value becomes
    /// `other`, until the process restarts.
    ///
    /// Use this for values that the service itself has verified, such as the tenant of a token. A
    /// client that chooses the value can fill the bound with values of its own: for such values use
    /// [`values`](Self::values).
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::RequestLabel;
    ///
    /// // Handlers call `request_label::set("tenant", …)`.
    /// let tenant = RequestLabel::new("tenant").at_most(50);
    /// # drop(tenant);
    /// ```
    pub fn at_most(mut self, max_values: usize) -> Self {
        self.at_most = Some(max_values);
        self
    }

    pub(super) fn has_two_sources(&self) -> bool {
        self.header.is_some() && self.extension.is_some()
    }

    /// Returns the bound on the values, unless there is none or there are two.
    pub(super) fn bound(&self) -> Option<RequestLabelBound> {
        match (&self.values, self.at_most) {
            (Some(values), None) => Some(RequestLabelBound::Values(values.clone())),
            (None, Some(max_values)) => Some(RequestLabelBound::AtMost(max_values)),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// Returns where the layer finds the value: nowhere if only handlers set it. Also nowhere if
    /// the header name is not valid, which `build` rejects.
    pub(super) fn source(&self) -> RequestLabelSource {
        let header = || HeaderName::from_bytes(self.header.as_ref()?.as_bytes()).ok();
        match &self.extension {
            Some(read) => RequestLabelSource::Extension(Arc::clone(read)),
            None => header().map_or(RequestLabelSource::Handler, RequestLabelSource::Header),
        }
    }
}

impl fmt::Debug for RequestLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLabel")
            .field("name", &self.name)
            .field("header", &self.header)
            .field("values", &self.values)
            .field("at_most", &self.at_most)
            .finish_non_exhaustive()
    }
}

impl MetricsBuilder {
    /// Adds a label whose value each request supplies to the families of requests, streams, calls,
    /// tokens and cost.
    ///
    /// By default there is no such label. The option may be used up to four times, with different
    /// names. [`RequestLabel`] lists the families, and says how its values are bounded.
    ///
    /// # Examples
    ///
    /// ```
    /// use streamgauge::{Metrics, RequestLabel};
    ///
    /// let metrics = Metrics::builder()
    ///     .request_label(RequestLabel::new("plan").from_header("x-plan").values(["free", "paid"]))
    ///     .build()?;
    /// # Ok::<(), streamgauge::BuildError>(())
    /// ```
    pub fn request_label(mut self, label: RequestLabel) -> Self {
        self.request_labels.push(label);
        self
    }
}

/// The part of a request in which the layer finds the value of a label.
pub(super) enum RequestLabelSource {
    Header(HeaderName),
    Extension(ReadExtension),
    /// The layer does not find the value: handlers set it.
    Handler,
}

impl RequestLabelSource {
    /// Returns the value that a request carries. It is empty if the request carries none.
    pub(super) fn read<'a, B>(&self, request: &'a Request<B>) -> &'a [u8] {
        let value = match self {
            Self::Header(name) => request.headers().get(name).map(HeaderValue::as_bytes),
            Self::Extension(read) => read(request.extensions()).map(str::as_bytes),
            Self::Handler => None,
        };
        value.unwrap_or_default()
    }
}
