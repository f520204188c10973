//! The endpoint of a request, and whether the request is recorded there.

use super::Scope;
use super::state::{EndpointSource, Handler, Recording};
use crate::callsite::Site;
#[cfg(feature = "exemplars")]
use crate::family::Trace;
use crate::label::Method;
use crate::metrics::Instance;
use crate::series::{EndpointSeries, PageRoute};

/// Returns whether a request that arrives at an endpoint is recorded.
#[inline]
pub(super) fn recording_at(
    endpoint: &EndpointSeries,
    instance: &'static Instance,
    method: Method,
) -> Recording {
    match endpoint.page_route() {
        PageRoute::No => Recording::Active,
        PageRoute::Perhaps if instance.endpoints().is_page_route_known() => Recording::Active,
        PageRoute::Yes if matches!(method, Method::Get | Method::Head) => Recording::Skipped,
        PageRoute::Perhaps | PageRoute::Yes => Recording::Deferred,
    }
}

impl Scope {
    /// Returns the endpoint of a call site within this request: the one that its attribute names,
    /// else the endpoint of the request. Its series have the values that the request labels have
    /// now.
    pub(crate) fn endpoint_for_site(&self, site: &'static Site) -> &'static EndpointSeries {
        let endpoint = match site.endpoint() {
            Some(_) => self.instance.endpoints().for_site(site),
            None => self.endpoint,
        };
        endpoint.with_request_labels(self.request_values)
    }

    /// Returns the endpoint with this label. Its series have the values that the request labels
    /// have now.
    pub(crate) fn endpoint_by_label(&self, label: &str) -> &'static EndpointSeries {
        let endpoint = self.instance.endpoints().with_run_time_label(label);
        endpoint.with_request_labels(self.request_values)
    }

    /// Sets the value of a request label. Returns whether the instance declares the label.
    pub(crate) fn set_request_label(&mut self, name: &str, value: &str) -> bool {
        let labels = self.instance.request_labels();
        let Some(index) = labels.index_of(name) else { return false };
        let value = labels.find(index, value.as_bytes());
        self.request_values = self.request_values.set(index, value);
        self.update_endpoint_of_details();
        true
    }

    /// Makes the function of a call site the handler of the request, if the request has none.
    /// Returns whether the function is the handler, which a layer may call again after it has
    /// ended. An endpoint that its attribute names replaces the route.
    pub(crate) fn claim(&mut self, site: &'static Site) -> bool {
        if let Some(handler) = &mut self.handler {
            let is_attempt = handler.begin_attempt(site);
            if is_attempt {
                if let Some(details) = self.details.get_mut() {
                    details.exceptions.begin_attempt();
                }
            }
            return is_attempt;
        }
        self.handler = Some(Handler::new(site));
        #[cfg(feature = "exemplars")]
        {
            // The handler may have entered a span of its own before this.
            self.trace = self.trace.or_else(Trace::current);
        }
        if self.recording == Recording::Deferred {
            self.recording = Recording::Active;
            self.begin_active(self.endpoint);
            self.update_endpoint_of_details();
        }
        if site.endpoint().is_some() || self.endpoint_source == EndpointSource::Unmatched {
            self.set_endpoint(self.instance.endpoints().for_site(site));
        }
        self.endpoint_source = EndpointSource::Handler;
        true
    }

    /// Sets the endpoint to the route that a nested layer has seen, if no endpoint is known. A
    /// layer around a whole router does not see the route itself.
    pub(crate) fn note_route(&mut self, route: &str) {
        if self.endpoint_source == EndpointSource::Unmatched {
            self.set_endpoint(self.instance.endpoints().of_route(route));
            self.endpoint_source = EndpointSource::Route;
        }
    }

    fn set_endpoint(&mut self, endpoint: &'static EndpointSeries) {
        match self.recording {
            Recording::Pending => {
                self.recording = Recording::Active;
                self.begin_active(endpoint);
            }
            Recording::Active => self.begin_active(endpoint),
            Recording::Skipped | Recording::Deferred | Recording::Done => {}
        }
        self.endpoint = endpoint;
        self.update_endpoint_of_details();
    }

    /// Tells the calls of the request, and the live page, the endpoint.
    pub(super) fn update_endpoint_of_details(&self) {
        let Some(details) = self.details.get() else { return };
        if let Some(calls) = &details.calls {
            calls.set_endpoint(self.endpoint());
        }
        #[cfg(feature = "live")]
        if let (Some(kept), Some(series)) = (&details.kept, self.active_in) {
            kept.set_endpoint(series.endpoint().label());
        }
    }

    /// Removes the request from the request families, as if the layer had not seen it, because it
    /// has reached the metrics endpoint. Later requests to the same route are not recorded from
    /// the beginning.
    pub(crate) fn skip_scrape(&mut self) {
        self.note_page_route();
        match self.recording {
            Recording::Active => {
                if let Some(series) = self.active_in.take() {
                    series.active().dec();
                }
                #[cfg(feature = "live")]
                if let Some(details) = self.details.get_mut() {
                    details.kept = None;
                }
                self.recording = Recording::Skipped;
            }
            Recording::Pending | Recording::Deferred => self.recording = Recording::Skipped,
            Recording::Skipped | Recording::Done => {}
        }
    }

    /// Notes that the route of this request is the one of the metrics endpoint. A route with
    /// parameters is not noted: other handlers may serve other paths of it.
    fn note_page_route(&self) {
        let endpoint = self.endpoint;
        let has_own_series = self.endpoint_source == EndpointSource::Route
            && !endpoint.is_beyond_limit()
            && !endpoint.label().contains('{');
        if has_own_series {
            endpoint.set_page_route(PageRoute::Yes);
            self.instance.endpoints().note_page_route();
        }
    }
}
