//! Handles to the series of one endpoint.
//!
//! A handle is resolved when it is first needed and kept, so that recording neither looks up nor
//! allocates.

mod cost;
mod endpoint;
mod endpoints;
mod events;
mod stream;
mod tokens;

pub(crate) use self::endpoint::{EndpointSeries, RequestLabels, RequestSeries};
pub(crate) use self::endpoints::Endpoints;
pub(crate) use self::stream::{PaceSeries, StreamSeries};
pub(crate) use self::tokens::TokenSeries;
