//! What attributes say of the response body, for the layer to act on.

use std::sync::Arc;

use super::{CallId, Label};
use crate::site::{EndpointSeries, Site};

/// A handler's word that the response body is its stream.
pub(crate) struct StreamClaim {
    /// The stream is one of server-sent events: a body of another kind is not it.
    pub(crate) events: bool,
    pub(crate) content: Content,
    pub(crate) endpoint: Arc<EndpointSeries>,
    /// Whose stream it is, where an attribute says so.
    pub(crate) site: Option<&'static Site>,
    /// The call of the model that has begun already.
    pub(crate) call: Option<CallId>,
    pub(crate) provider: Label,
    pub(crate) model: Label,
}

/// A tracked call's word that its reply is the response body.
#[derive(Clone, Copy)]
pub(crate) struct CallClaim {
    pub(crate) call: CallId,
    /// The reply is one of server-sent events: a body of another kind is not it.
    pub(crate) events: bool,
}

/// What a response's head says of the bytes that a protocol would be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// They may be the protocol's.
    Readable,
    /// Nobody can read them here: they are compressed, or of a type that no protocol is of.
    Opaque,
    /// They are what an HTTP error has to say, and no reply of a model.
    Error,
}

impl StreamClaim {
    /// A stream of which no more is known than where it belongs.
    pub(crate) fn of(endpoint: Arc<EndpointSeries>) -> Self {
        let unknown = Label::Static("");
        Self {
            events: false,
            content: Content::Readable,
            endpoint,
            site: None,
            call: None,
            provider: unknown.clone(),
            model: unknown,
        }
    }
}
