//! Runs requests in OpenTelemetry spans, so that exemplars carry trace IDs.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Instrument, info_span};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

const TRACE_ID: HeaderName = HeaderName::from_static("trace-id");

/// Installs a subscriber that connects all spans of the process to OpenTelemetry. The spans are
/// sampled but not exported.
///
/// # Errors
///
/// If the process has a subscriber already.
pub fn install() -> Result<(), TryInitError> {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("fault_server"));
    tracing_subscriber::registry().with(layer).try_init()
}

/// Wraps each request in a span and adds a `trace-id` header to the response.
pub fn traced(app: Router) -> Router {
    app.layer(from_fn(in_span))
}

async fn in_span(request: Request, next: Next) -> Response {
    async {
        let mut response = next.run(request).await;
        let trace = Context::map_current(|context| context.span().span_context().trace_id());
        if let Ok(trace) = HeaderValue::from_str(&trace.to_string()) {
            response.headers_mut().insert(TRACE_ID, trace);
        }
        response
    }
    .instrument(info_span!("request"))
    .await
}
