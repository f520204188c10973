//! Call sites and the series they record into.
//!
//! Every attribute declares one [`Site`] in the function it stands on. The linker gathers them in
//! [`SITES`], so an instance knows all of them before the first request, and a site's place in that
//! slice is its place in the instance's table of resolved series.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use crate::label::Method;
use crate::llm::Protocol;

/// All call sites that are linked into the program.
#[doc(hidden)]
#[linkme::distributed_slice]
pub static SITES: [Site];

/// Where an attribute stands, and what it was told.
#[doc(hidden)]
#[derive(Debug)]
pub struct Site {
    module: &'static str,
    /// The name of something in the function: a macro may make several of one name at one place.
    within: fn() -> &'static str,
    /// Line and column of the function's name.
    place: (u32, u32),
    function: &'static str,
    endpoint: Option<&'static str>,
    records: Records,
    warned: AtomicBool,
    is_read: AtomicU8,
}

/// What is known of the attributes beside a site: nothing before the first call.
const UNASKED: u8 = 0;
const UNREAD: u8 = 1;
const READ: u8 = 2;

/// What a site records.
#[derive(Debug)]
pub(crate) enum Records {
    Requests(Method),
    Streams(Option<Protocol>),
    Tokens(Option<Protocol>),
}

impl Site {
    /// The site of an `#[instrument_endpoint]`.
    #[must_use]
    pub const fn requests(
        function: &'static str,
        endpoint: Option<&'static str>,
        method: Method,
    ) -> Self {
        Self::new(function, endpoint, Records::Requests(method))
    }

    /// The site of a `#[streaming_metrics]`.
    #[must_use]
    pub const fn streams(
        function: &'static str,
        endpoint: Option<&'static str>,
        protocol: Option<Protocol>,
    ) -> Self {
        Self::new(function, endpoint, Records::Streams(protocol))
    }

    /// The site of a `#[track_tokens]`.
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
            within: || "",
            place: (0, 0),
            function,
            endpoint,
            records,
            warned: AtomicBool::new(false),
            is_read: AtomicU8::new(UNASKED),
        }
    }

    /// The same site, in this module.
    #[must_use]
    pub const fn within(self, module: &'static str) -> Self {
        Self { module, ..self }
    }

    /// The same site, in the function that a type with this name stands in.
    #[must_use]
    pub const fn inside(self, within: fn() -> &'static str) -> Self {
        Self { within, ..self }
    }

    /// The same site, of a function whose name stands there.
    #[must_use]
    pub const fn at(self, line: u32, column: u32) -> Self {
        Self { place: (line, column), ..self }
    }

    /// Whether another attribute of the same function is at `other`.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        self.place == other.place
            && self.function == other.function
            && self.module == other.module
            && is_around((self.within)(), (other.within)())
    }

    /// Whether an attribute of the same function meters its stream and reads the protocol of that.
    pub(crate) fn is_read(&self) -> bool {
        let known = self.is_read.load(Relaxed);
        if known != UNASKED {
            return known == READ;
        }
        let reads = |other: &Site| matches!(other.records, Records::Streams(Some(_)));
        let is_read = SITES.iter().any(|other| reads(other) && self.is_beside(other));
        self.is_read.store(if is_read { READ } else { UNREAD }, Relaxed);
        is_read
    }

    /// What the attribute records.
    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// The annotated function's name.
    pub(crate) fn function(&self) -> &'static str {
        self.function
    }

    /// The endpoint that the attribute names.
    pub(crate) fn endpoint(&self) -> Option<&'static str> {
        self.endpoint
    }

    /// The method that the attribute names.
    pub(crate) fn method(&self) -> Method {
        match self.records {
            Records::Requests(method) => method,
            Records::Streams(_) | Records::Tokens(_) => Method::Unknown,
        }
    }

    /// The protocol that the attribute says its reply is of.
    pub(crate) fn protocol(&self) -> Option<Protocol> {
        match self.records {
            Records::Streams(protocol) | Records::Tokens(protocol) => protocol,
            Records::Requests(_) => None,
        }
    }

    /// The endpoint label outside any request: the attribute's, else the function's name.
    pub(crate) fn label(&self) -> &'static str {
        self.endpoint.unwrap_or(self.function)
    }

    /// True once in a program: for a warning that need not be repeated.
    pub(crate) fn warns_now(&self) -> bool {
        !self.warned.load(Relaxed) && !self.warned.swap(true, Relaxed)
    }

    /// The place among [`SITES`]; past its end for a site that the linker did not gather.
    pub(crate) fn index(&self) -> usize {
        let offset = std::ptr::from_ref(self).addr().wrapping_sub(SITES.as_ptr().addr());
        offset / size_of::<Self>()
    }
}

/// Whether one path begins like the other, but for the closures and the site's own name that attributes put in.
fn is_around(one: &'static str, other: &'static str) -> bool {
    let names = |path: &'static str| {
        path.split("::").filter(|name| !name.starts_with("{{") && *name != "SITE")
    };
    names(one).zip(names(other)).all(|(one, other)| one == other)
}
