//! What only some requests need: errors, calls, and an expected response body.

use std::sync::Arc;

use super::state::{AfterPoll, Recording};
use crate::call::{LlmCall, RequestCalls};
use crate::free_list::FreeList;
use crate::metrics::Instance;
#[cfg(feature = "live")]
use crate::metrics::KeptRequest;
use crate::outcome::ProtocolErrors;
use crate::request::exception::RequestExceptions;
use crate::request::{ExpectedReply, StreamInfo};
use crate::series::EndpointSeries;

thread_local! {
    static FREE: FreeList<OwnedDetails> = const { FreeList::new() };
}

/// The part of a scope that a request without errors, calls and streams does not have.
#[derive(Default)]
pub(super) struct Details {
    pub(super) exceptions: RequestExceptions,
    pub(super) expected_stream: Option<StreamInfo>,
    pub(super) expected_reply: Option<ExpectedReply>,
    /// Created with the first call.
    pub(super) calls: Option<Arc<RequestCalls>>,
    /// Created with the first stream whose protocol is parsed.
    pub(super) protocol_errors: Option<Arc<ProtocolErrors>>,
    /// The streams that were dropped while the response body was polled.
    pub(super) after_poll: Vec<AfterPoll>,
    /// Keeps the request for the live page, if the page was open when the request arrived.
    #[cfg(feature = "live")]
    pub(super) kept: Option<KeptRequest>,
}

impl Details {
    /// Returns the calls whose replies are expected to be the response body.
    pub(super) fn expected_calls(&self) -> impl Iterator<Item = &Arc<LlmCall>> {
        let of_reply = self.expected_reply.as_ref().map(|expected| &expected.call);
        let of_stream = self.expected_stream.as_ref().and_then(|stream| stream.call.as_ref());
        of_reply.into_iter().chain(of_stream)
    }

    /// Notes that the reply of `call` is expected to be the response body. If a layer or the
    /// handler has called the function again, the reply of the earlier call was replaced.
    pub(super) fn note_expected_again(&self, call: &LlmCall) {
        self.expected_calls().for_each(|expected| expected.note_replaced_by(call));
    }
}

/// The details of a request, if it has any. Their allocation is reused for later requests.
#[derive(Default)]
pub(super) struct RequestDetails(Option<OwnedDetails>);

type OwnedDetails = Box<Details>;

impl RequestDetails {
    /// Returns the details of a request that arrives at an endpoint: none, unless the live page is
    /// open and keeps the request.
    #[inline]
    #[cfg_attr(not(feature = "live"), expect(unused_variables, reason = "nothing is kept"))]
    pub(super) fn on_arrival(
        instance: &'static Instance,
        recording: Recording,
        endpoint: &'static EndpointSeries,
    ) -> Self {
        #[cfg(feature = "live")]
        if recording != Recording::Skipped && instance.live_hub().in_flight().is_watched() {
            let endpoint = (recording == Recording::Active).then(|| endpoint.label());
            let mut details = Self::default();
            details.get_or_create().kept = instance.live_hub().in_flight().keep(endpoint);
            return details;
        }
        Self::default()
    }

    #[inline]
    pub(super) fn get(&self) -> Option<&Details> {
        self.0.as_deref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self) -> Option<&mut Details> {
        self.0.as_deref_mut()
    }

    /// Returns the details, which are created if there are none.
    pub(super) fn get_or_create(&mut self) -> &mut Details {
        self.0.get_or_insert_with(|| FreeList::take(&FREE).unwrap_or_default())
    }
}

impl Drop for RequestDetails {
    fn drop(&mut self) {
        let Some(mut details) = self.0.take() else { return };
        // Dropping the contents may record.
        *details = Details::default();
        FreeList::keep(&FREE, details);
    }
}
