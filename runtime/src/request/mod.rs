//! The request being served: what the layer and the attributes share about it.
//!
//! The layer opens a [`Scope`] for each request and lends it to the thread while it polls the
//! service or the response body. Everything that runs inside that poll reaches the scope with
//! [`current`].

mod context;
mod entry;
mod exception;
mod expected_body;
mod label;
#[cfg(feature = "axum")]
mod metrics_page;
mod scope;
mod upload;

pub(crate) use self::context::{ScopeHandle, Serving, current, enter, perhaps_disabled, serving};
pub(crate) use self::entry::RequestSize;
pub use self::exception::ExceptionName;
pub(crate) use self::exception::{ExceptionInfo, RequestError};
pub(crate) use self::expected_body::{ExpectedReply, StreamInfo};
pub use self::label::request_label;
#[cfg(feature = "axum")]
pub(crate) use self::metrics_page::MetricsPage;
pub(crate) use self::scope::{BodyEnd, Entry, Scope, begin_call};
pub(crate) use self::upload::UploadProgress;
