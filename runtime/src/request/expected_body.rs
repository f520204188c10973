//! What attributes expect of the response body, for the layer to meter or parse.

use std::sync::Arc;

use crate::call::CallId;
use crate::callsite::Site;
use crate::label::Label;
use crate::media_type::BodyContent;
use crate::series::EndpointSeries;

/// Where a stream belongs: its endpoint, its call site, its model call and the labels of that call.
pub(crate) struct StreamInfo {
    /// If true, the response body is metered only if it is a stream of server-sent events.
    pub(crate) events_only: bool,
    pub(crate) content: BodyContent,
    pub(crate) endpoint: Arc<EndpointSeries>,
    /// The attribute that meters the stream; `None` for `wrap_streaming_response`.
    pub(crate) site: Option<&'static Site>,
    /// The call that another attribute of the same function has opened.
    pub(crate) call: Option<CallId>,
    pub(crate) provider: Label,
    pub(crate) model: Label,
}

/// A call whose reply is expected to be the response body.
#[derive(Clone, Copy)]
pub(crate) struct ExpectedReply {
    pub(crate) call: CallId,
    /// If true, the response body is parsed only if it is a stream of server-sent events.
    pub(crate) events_only: bool,
}

impl StreamInfo {
    /// Describes a stream of which only the endpoint is known.
    pub(crate) fn for_endpoint(endpoint: Arc<EndpointSeries>) -> Self {
        let unknown = Label::Static("");
        Self {
            events_only: false,
            content: BodyContent::Readable,
            endpoint,
            site: None,
            call: None,
            provider: unknown.clone(),
            model: unknown,
        }
    }
}
