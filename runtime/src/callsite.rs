//! Call sites: the statics that attributes declare.
//!
//! Each attribute declares one [`Site`] in the annotated function. The linker gathers all sites of
//! the program in [`SITES`], so that an instance can create their series before the first request.
//! The index of a site in that slice is also its index in the table of endpoints of an instance.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::label::Method;
use crate::llm::{Operation, Protocol};
use crate::objective::Goal;

/// All call sites of the program.
#[doc(hidden)]
#[linkme::distributed_slice]
pub static SITES: [Site];

/// The call site of an attribute: where the attribute is, and its arguments.
#[doc(hidden)]
#[derive(Debug)]
pub struct Site {
    function: &'static str,
    endpoint: Option<&'static str>,
    /// Whether the endpoint is a name and not a route template, so that the function should not
    /// serve requests.
    is_named: bool,
    records: Records,
    operation: Operation,
    /// Whether the call always counts, whatever calls are made within it.
    is_separate: bool,
    /// The goals of the endpoint that the attribute names.
    #[cfg_attr(
        not(feature = "monitoring"),
        expect(dead_code, reason = "only the code of the feature reads the field")
    )]
    goals: &'static [Goal],
    warned_missing_layer: WarnOnce,
    warned_outside_requests: WarnOnce,
    warned_named_handler: WarnOnce,
}

/// Whether a warning has been logged.
#[derive(Debug)]
pub(crate) struct WarnOnce(AtomicBool);

impl WarnOnce {
    pub(crate) const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Returns true on the first call only.
    pub(crate) fn is_first(&self) -> bool {
        !self.0.load(Relaxed) && !self.0.swap(true, Relaxed)
    }
}

/// What the attribute of a call site records.
#[derive(Debug)]
pub(crate) enum Records {
    Requests(Method),
    Streams(Option<Protocol>),
    Tokens(Option<Protocol>),
}

impl Site {
    /// Creates the site of an `#[instrument_endpoint]`.
    #[must_use]
    pub const fn requests(
        function: &'static str,
        endpoint: Option<&'static str>,
        method: Method,
    ) -> Self {
        Self::new(function, endpoint, Records::Requests(method))
    }

    /// Creates the site of a `#[streaming_metrics]`.
    #[must_use]
    pub const fn streams(
        function: &'static str,
        endpoint: Option<&'static str>,
        protocol: Option<Protocol>,
    ) -> Self {
        Self::new(function, endpoint, Records::Streams(protocol))
    }

    /// Creates the site of a `#[track_tokens]`.
    #[must_use]
    pub const fn tokens(
        function: &'static str,
        endpoint: Option<&'static str>,
        protocol: Option<Protocol>,
    ) -> Self {
        Self::new(function, endpoint, Records::Tokens(protocol))
    }

    const fn new(function: &'static str, endpoint: Option<&'static str>, records: Records) -> Self {
        let is_named = match endpoint {
            Some(endpoint) => !matches!(endpoint.as_bytes(), [b'/', ..]),
            None => false,
        };
        Self {
            function,
            endpoint,
            is_named,
            records,
            operation: Operation::Unknown,
            is_separate: false,
            goals: &[],
            warned_missing_layer: WarnOnce::new(),
            warned_outside_requests: WarnOnce::new(),
            warned_named_handler: WarnOnce::new(),
        }
    }

    /// Sets the operation that the attribute names.
    #[must_use]
    pub const fn with_operation(self, operation: Operation) -> Self {
        Self { operation, ..self }
    }

    /// Makes each call of the function a call of its own, whatever calls are made within it.
    #[must_use]
    pub const fn separate(self) -> Self {
        Self { is_separate: true, ..self }
    }

    /// Sets the goals of the endpoint that the attribute names.
    #[must_use]
    pub const fn with_objective(self, goals: &'static [Goal]) -> Self {
        Self { goals, ..self }
    }

    /// Returns the goals of the endpoint that the attribute names.
    #[cfg(feature = "monitoring")]
    pub(crate) fn goals(&self) -> &'static [Goal] {
        self.goals
    }

    /// Returns what the attribute records.
    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// Returns the name of the annotated function.
    pub(crate) fn function(&self) -> &'static str {
        self.function
    }

    /// Returns the endpoint that the attribute names.
    pub(crate) fn endpoint(&self) -> Option<&'static str> {
        self.endpoint
    }

    /// Returns whether the attribute names an endpoint that is not a route template.
    pub(crate) fn is_named(&self) -> bool {
        self.is_named
    }

    /// Returns the method that the attribute names.
    pub(crate) fn method(&self) -> Method {
        match self.records {
            Records::Requests(method) => method,
            Records::Streams(_) | Records::Tokens(_) => Method::Unknown,
        }
    }

    /// Returns the protocol that the attribute names.
    pub(crate) fn protocol(&self) -> Option<Protocol> {
        match self.records {
            Records::Streams(protocol) | Records::Tokens(protocol) => protocol,
            Records::Requests(_) => None,
        }
    }

    /// Returns the operation that the attribute names.
    pub(crate) fn operation(&self) -> Operation {
        self.operation
    }

    /// Returns whether the call always counts, whatever calls are made within it.
    pub(crate) fn is_separate(&self) -> bool {
        self.is_separate
    }

    /// Returns the `endpoint` label outside any request: the endpoint that the attribute names,
    /// else the name of the function.
    pub(crate) fn endpoint_label(&self) -> &'static str {
        self.endpoint.unwrap_or(self.function)
    }

    /// Returns true on the first call only, so that a missing layer is logged once.
    pub(crate) fn is_first_without_layer(&self) -> bool {
        self.warned_missing_layer.is_first()
    }

    /// Returns true on the first call only, so that a call outside any request is logged once.
    pub(crate) fn is_first_outside_requests(&self) -> bool {
        self.warned_outside_requests.is_first()
    }

    /// Returns true on the first call only, so that a handler whose endpoint is not a route is
    /// logged once.
    pub(crate) fn is_first_named_handler(&self) -> bool {
        self.warned_named_handler.is_first()
    }

    /// Returns the index in [`SITES`], whose first element is at this address. The index of a site
    /// that the linker has not gathered is past the end of the slice.
    #[inline]
    pub(crate) fn index_from(&self, first_site: usize) -> usize {
        let offset = std::ptr::from_ref(self).addr().wrapping_sub(first_site);
        offset / size_of::<Self>()
    }
}
