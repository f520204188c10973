//! The series that belong to one endpoint. Each is looked up once, when it is first needed.

mod endpoint;
mod endpoints;
mod event;
mod stream;
mod tokens;

pub(crate) use self::endpoint::{EndpointSeries, RequestLabels, RequestSeries};
pub(crate) use self::endpoints::Endpoints;
pub(crate) use self::stream::{PaceSeries, StreamSeries};
pub(crate) use self::tokens::TokenSeries;
