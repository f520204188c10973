//! Where the stream of a WebSocket is recorded.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use super::StreamRecorder;
use crate::call::current_request_calls;
use crate::label::Label;
use crate::metrics::Metrics;
use crate::request::{self, Serving, StreamInfo};
use crate::series::EndpointSeries;

/// The endpoint and the model of a WebSocket whose connection is still to be upgraded.
///
/// The response carries it as an extension, so that an attribute on the handler can name them. The
/// task of the socket reads it after the upgrade, when the response has been sent.
#[derive(Clone)]
pub(crate) struct SocketStream(Arc<Inner>);

struct Inner {
    entered: Instant,
    labels: Mutex<(&'static EndpointSeries, Label)>,
}

impl SocketStream {
    /// Places the stream at the endpoint of the current request. Outside any request, the stream is
    /// recorded in the global instance, with an empty endpoint. Returns `None` if the instance that
    /// would record the stream is disabled.
    pub(crate) fn new() -> Option<Self> {
        let in_request = request::serving(|scope| (scope.begin_stream(), scope.endpoint()));
        let (entered, endpoint) = match (in_request, current_request_calls()) {
            (Serving::Request(place), _) => place,
            (Serving::Disabled, _) => return None,
            (Serving::Nothing, Some(request)) => (request.entered(), request.endpoint(None)),
            (Serving::Nothing, None) => {
                let metrics =
                    Some(Metrics::global().instance()).filter(|instance| instance.is_enabled())?;
                (Instant::now(), metrics.endpoints().with_fixed_label(""))
            }
        };
        let labels = Mutex::new((endpoint, Label::Static("")));
        Some(Self(Arc::new(Inner { entered, labels })))
    }

    /// Moves the stream to the endpoint and the model that an attribute names.
    pub(crate) fn place(&self, endpoint: &'static EndpointSeries, model: Label) {
        *self.0.labels.lock() = (endpoint, model);
    }

    /// Opens the record of the stream.
    pub(crate) fn recorder(&self) -> Option<StreamRecorder> {
        let (endpoint, model) = self.0.labels.lock().clone();
        let info = StreamInfo { model, ..StreamInfo::for_endpoint(endpoint) };
        let mut recorder = StreamRecorder::without_scope(info, self.0.entered)?;
        // The lifetime starts with the first poll, which is now: the connection is upgraded.
        drop(recorder.begin_poll());
        recorder.end_poll(false);
        Some(recorder)
    }
}
