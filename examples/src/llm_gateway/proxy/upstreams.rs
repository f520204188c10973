//! Several upstreams: the first is tried first, the others are fallbacks.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{StatusCode, request::Parts},
};
use reqwest::Response as Reply;

use super::{upstream::Upstream, upstream_error::UpstreamError};

/// The upstreams of the proxy. Clones share their connections.
#[derive(Clone, Debug)]
pub(super) struct Upstreams {
    first: Upstream,
    fallbacks: Arc<[Upstream]>,
}

impl Upstreams {
    pub(super) fn new(first: Upstream, fallbacks: Vec<Upstream>) -> Self {
        Self { first, fallbacks: fallbacks.into() }
    }

    /// Returns the upstream that is tried first.
    pub(super) fn first(&self) -> &Upstream {
        &self.first
    }

    /// Returns the request for the first upstream, and the fallbacks.
    ///
    /// With fallbacks, the request's body is held in memory, because it may be sent again. Without
    /// fallbacks it is forwarded as it arrives.
    pub(super) async fn prepare(
        &self,
        request: Request,
    ) -> Result<(Request, Fallbacks<'_>), UpstreamError> {
        let mut fallbacks = Fallbacks { upstreams: &self.fallbacks, request: None };
        if fallbacks.upstreams.is_empty() {
            return Ok((request, fallbacks));
        }
        let (head, body) = request.into_parts();
        let limited = Request::from_parts(head.clone(), body);
        let body = Bytes::from_request(limited, &()).await;
        let body = body.map_err(|error| UpstreamError::from_upload(&error))?;
        fallbacks.request = Some((head.clone(), body.clone()));
        Ok((Request::from_parts(head, Body::from(body)), fallbacks))
    }
}

/// The upstreams that a request has not been sent to, and the request.
pub(super) struct Fallbacks<'a> {
    upstreams: &'a [Upstream],
    request: Option<(Parts, Bytes)>,
}

impl<'a> Fallbacks<'a> {
    /// Returns the next upstream and the request for it, if another upstream may give a better
    /// reply than this one.
    pub(super) fn after(
        &mut self,
        reply: &Result<Reply, UpstreamError>,
    ) -> Option<(&'a Upstream, Request)> {
        let is_failure = match reply {
            Ok(reply) => {
                reply.status() == StatusCode::TOO_MANY_REQUESTS || reply.status().is_server_error()
            }
            Err(error) => error.is_of_the_upstream(),
        };
        let (upstream, further) = self.upstreams.split_first().filter(|_| is_failure)?;
        self.upstreams = further;
        let (head, body) = self.request.clone()?;
        Some((upstream, Request::from_parts(head, Body::from(body))))
    }
}
