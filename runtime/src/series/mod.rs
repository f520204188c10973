//! Handles to the series of one endpoint.
//!
//! A handle is resolved when it is first needed and kept, so that recording neither looks up nor
//! allocates.

mod calls;
mod cost;
mod endpoint;
mod endpoints;
mod events;
mod page_route;
mod siblings;
mod stream;
mod templates;

pub(crate) use self::calls::{CallRecord, CallSeries, Resource};
pub(crate) use self::endpoint::{EndedRequest, EndpointSeries, RequestSeries};
pub(crate) use self::endpoints::{Endpoints, ScrapeRefusal};
pub(crate) use self::events::{
    warn_call_outside_requests, warn_function_outside_requests, warn_named_handler,
    warn_undeclared_label, warn_usage_outside_requests,
};
#[cfg(feature = "axum")]
pub(crate) use self::events::{
    warn_other_axum, warn_page_outside_layers, warn_reply_without_layer, warn_stream_without_layer,
};
pub(crate) use self::page_route::PageRoute;
pub(crate) use self::stream::{PaceSeries, StreamSeries};
pub(crate) use self::templates::RouteTemplate;
#[cfg(feature = "axum")]
pub(crate) use self::templates::SharedTemplate;
