//! Request labels that user code sets while a request is served.

/// Sets the value of a request label from within a handler or a middleware.
///
/// [`RequestLabel`](crate::RequestLabel) declares the label and says which families have it.
///
/// # Examples
///
/// ```
/// use streamgauge::{Metrics, RequestLabel, request_label};
///
/// let tenant = RequestLabel::new("tenant").at_most(50);
/// let metrics = Metrics::builder().request_label(tenant).build()?;
///
/// async fn handler() {
///     request_label::set("tenant", "acme");
/// }
/// # drop(handler());
/// # Ok::<(), streamgauge::BuildError>(())
/// ```
pub mod request_label {
    use crate::request;

    /// Sets the value of a request label for the request being served.
    ///
    /// The value replaces the one from a header or an extension, and an earlier one. Set it before
    /// the handler returns its stream: what is recorded already, and a stream that exists already,
    /// keeps the earlier value. A model call has the value that is known when it ends.
    /// `active_requests` keeps the value that was known when the request arrived. An empty value
    /// stands for "not known".
    ///
    /// The bound of the label applies: a value beyond it becomes `other`.
    ///
    /// A label that the instance does not declare is not recorded. A `tracing` event at level
    /// `WARN` names the label, once for each name and for at most 16 names. Outside any request, as
    /// in a spawned task, this function does nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::http::StatusCode;
    /// use streamgauge::request_label;
    ///
    /// fn tenant_of(key: &str) -> Option<&'static str> {
    ///     (key == "secret").then_some("acme")
    /// }
    ///
    /// async fn handler(key: String) -> StatusCode {
    ///     let Some(tenant) = tenant_of(&key) else { return StatusCode::UNAUTHORIZED };
    ///     request_label::set("tenant", tenant);
    ///     StatusCode::OK
    /// }
    /// # drop(handler(String::new()));
    /// ```
    pub fn set(name: &str, value: &str) {
        let undeclared_in = request::current(|scope| {
            let is_declared = scope.set_request_label(name, value);
            (!is_declared).then(|| scope.instance())
        });
        if let Some(instance) = undeclared_in.flatten() {
            instance.warn_undeclared_label(name);
        }
    }
}
