//! Call sites: the statics that attributes declare.
//!
//! Each attribute declares one [`Site`] in the annotated function. The linker gathers all sites of
//! the program in [`SITES`], so that an instance can create their series before the first request.
//! The index of a site in that slice is also its index in the table of endpoints of an instance.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use crate::label::Method;
use crate::llm::{Operation, Protocol};

/// All call sites of the program.
#[doc(hidden)]
#[linkme::distributed_slice]
pub static SITES: [Site];

/// The call site of an attribute: where the attribute is, and its arguments.
#[doc(hidden)]
#[derive(Debug)]
pub struct Site {
    module: &'static str,
    /// Returns the path of a type in the function. Distinguishes functions with the same name
    /// and position, which one macro invocation can generate.
    type_path: fn() -> &'static str,
    /// Line and column of the function's name.
    position: (u32, u32),
    function: &'static str,
    endpoint: Option<&'static str>,
    records: Records,
    operation: Operation,
    /// Whether the call always counts, whatever calls are made within it.
    is_separate: bool,
    warned: AtomicBool,
    /// [`UNRESOLVED`], [`NOT_PARSED`] or [`PARSED`]: the cached result of
    /// [`is_parsed_by_stream_attribute`](Self::is_parsed_by_stream_attribute).
    parsed_by_stream_attribute: AtomicU8,
}

const UNRESOLVED: u8 = 0;
const NOT_PARSED: u8 = 1;
const PARSED: u8 = 2;

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
        Self {
            module: "",
            type_path: || "",
            position: (0, 0),
            function,
            endpoint,
            records,
            operation: Operation::Unknown,
            is_separate: false,
            warned: AtomicBool::new(false),
            parsed_by_stream_attribute: AtomicU8::new(UNRESOLVED),
        }
    }

    /// Sets the module of the function.
    #[must_use]
    pub const fn in_module(self, module: &'static str) -> Self {
        Self { module, ..self }
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

    /// Sets the function that returns the path of a type in the annotated function.
    #[must_use]
    pub const fn with_type_path(self, type_path: fn() -> &'static str) -> Self {
        Self { type_path, ..self }
    }

    /// Sets the position of the function's name in its source file.
    #[must_use]
    pub const fn at(self, line: u32, column: u32) -> Self {
        Self { position: (line, column), ..self }
    }

    /// Returns whether two sites belong to attributes of the same function.
    pub(crate) fn is_same_function(&self, other: &Self) -> bool {
        self.position == other.position
            && self.function == other.function
            && self.module == other.module
            && is_same_path((self.type_path)(), (other.type_path)())
    }

    /// Returns whether a `#[streaming_metrics]` of the same function parses the reply with a
    /// protocol. The reply of a `#[track_tokens]` is then not parsed a second time.
    pub(crate) fn is_parsed_by_stream_attribute(&self) -> bool {
        let known = self.parsed_by_stream_attribute.load(Relaxed);
        if known != UNRESOLVED {
            return known == PARSED;
        }
        let parses = |other: &Site| matches!(other.records, Records::Streams(Some(_)));
        let is_parsed = SITES.iter().any(|other| parses(other) && self.is_same_function(other));
        self.parsed_by_stream_attribute.store(if is_parsed { PARSED } else { NOT_PARSED }, Relaxed);
        is_parsed
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

    /// Returns true on the first call only, so that a warning about the site is logged once.
    pub(crate) fn is_first_warning(&self) -> bool {
        !self.warned.load(Relaxed) && !self.warned.swap(true, Relaxed)
    }

    /// Returns the index in [`SITES`]. The index of a site that the linker has not gathered is past
    /// the end of the slice.
    pub(crate) fn index(&self) -> usize {
        let offset = std::ptr::from_ref(self).addr().wrapping_sub(SITES.as_ptr().addr());
        offset / size_of::<Self>()
    }
}

/// Returns whether one path begins with the other. Closures, and the static that an attribute
/// declares, are ignored: they are in the paths only because attributes wrap the function's body.
fn is_same_path(one: &'static str, other: &'static str) -> bool {
    let names = |path: &'static str| {
        path.split("::").filter(|name| !name.starts_with("{{") && *name != "SITE")
    };
    names(one).zip(names(other)).all(|(one, other)| one == other)
}
