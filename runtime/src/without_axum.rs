//! The seam of the feature `axum`.
//!
//! Without the feature there is no layer, so that no request is ever current. The attributes record
//! functions, streams and calls into the global instance. This serves programs without an HTTP
//! server: batch jobs and queue workers that call models, and write a file or push to a gateway.
//!
//! The functions that only the layer and axum's response types call stay in the build. They are
//! named here once, so that the compiler does not report them as dead code in every module.

use http::Request;

use crate::call::{CallGuard, LlmCall};
use crate::callsite::Site;
use crate::media_type::{content_of, is_event_stream};
use crate::metrics::{Instance, ServiceHandle};
use crate::request::{BodyEnd, Entry, RequestSize, Scope, ScopeHandle, UploadProgress, enter};
use crate::series::{Endpoints, ScrapeRefusal};
use crate::stream::StreamRecorder;

const _: () = {
    let _ = Site::is_first_without_layer;
    let _ = Site::function;
    let _ = content_of;
    let _ = is_event_stream;
    let _ = |instance: &Instance, request: &Request<()>| instance.skips(request, |_| None);
    let _ = Instance::request_label_values::<()>;
    let _ = Instance::is_plain;
    let _ = Instance::note_layer;
    let _ = Instance::deduplicates_by_mark;
    let _ = ServiceHandle::new;
    let _ = ServiceHandle::instance;
    let _ = |handle: &ServiceHandle| handle.clone();
    let _ = Endpoints::count_refused_scrape;
    let _ = [ScrapeRefusal::TooMany, ScrapeRefusal::Stalled];
    let _ = |open: fn(&mut Option<Scope>)| ScopeHandle::new(open);
    let _ = |handle: &mut ScopeHandle, f: fn()| enter(handle, f);
    let _ = |entry: Entry<'_>| drop(entry);
    let _ = [RequestSize::InMemory(0), RequestSize::Unknown];
    let _ = RequestSize::Read;
    let _ = UploadProgress::new;
    let _ = UploadProgress::add;
    let _ = UploadProgress::note_cut_off;
    let _ = Scope::open_in;
    let _ = Scope::is_same_request;
    let _ = Scope::note_route;
    let _ = Scope::note_head;
    let _ = Scope::count_held_error;
    let _ = Scope::note_body_error;
    let _ = Scope::note_body_end;
    let _ = Scope::take_deferred;
    let _ = Scope::has_deferred;
    let _ = Scope::opens_tunnel;
    let _ = Scope::is_upload_open;
    let _ = [BodyEnd::Delivered, BodyEnd::Failed, BodyEnd::Dropped];
    let _ = Scope::has_expected_body;
    let _ = Scope::expect_stream;
    let _ = Scope::expect_reply;
    let _ = Scope::take_expected_stream;
    let _ = Scope::take_expected_reply;
    let _ = Scope::skip_scrape;
    let _ = Scope::is_parsing_reply;
    let _ = StreamRecorder::of_body;
    let _ = StreamRecorder::with_event_stream;
    let _ = LlmCall::note_headers;
    let _ = CallGuard::note_headers;
    let _ = CallGuard::call;
};
