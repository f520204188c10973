//! What attributes expect of the response body, for the layer to meter or parse.

use std::sync::Arc;

use crate::call::LlmCall;
use crate::label::Label;
use crate::media_type::BodyContent;
use crate::series::EndpointSeries;

/// Where a stream belongs: its endpoint, its model, and the call whose reply it is.
pub(crate) struct StreamInfo {
    /// If true, the response body is metered only if it is a stream of server-sent events.
    pub(crate) events_only: bool,
    pub(crate) content: BodyContent,
    pub(crate) endpoint: &'static EndpointSeries,
    /// The call whose reply the stream is; `None` if no protocol is named.
    pub(crate) call: Option<Arc<LlmCall>>,
    pub(crate) model: Label,
}

/// A call whose reply is expected to be the response body.
pub(crate) struct ExpectedReply {
    pub(crate) call: Arc<LlmCall>,
    /// If true, the response body is parsed only if it is a stream of server-sent events.
    pub(crate) events_only: bool,
}

impl StreamInfo {
    /// Describes a stream of which only the endpoint is known.
    pub(crate) fn for_endpoint(endpoint: &'static EndpointSeries) -> Self {
        Self {
            events_only: false,
            content: BodyContent::Readable,
            endpoint,
            call: None,
            model: Label::Static(""),
        }
    }

    /// Returns whether the body is a stream. With a protocol, the reply decides: a JSON document
    /// and an error are not one.
    pub(crate) fn is_stream(&self) -> bool {
        match self.content {
            BodyContent::Document | BodyContent::Error(_) => self.call.is_none(),
            BodyContent::Readable | BodyContent::Opaque => true,
        }
    }
}
