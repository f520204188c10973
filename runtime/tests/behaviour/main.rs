//! Behaviour of the library, tested through its public interface.

#![expect(
    clippy::items_after_statements,
    clippy::unused_async,
    reason = "handlers are async, and each test defines its own next to their use"
)]

mod attribute_order;
mod binary_event_streams;
mod broken_bodies;
mod build_info;
mod call_edges;
mod call_families;
mod call_times;
mod cancellation;
mod chunk_boundaries;
mod delivered_bodies;
mod detached_calls;
mod disabled;
mod disabled_pages;
mod disabled_state;
mod exception_names;
mod exception_reports;
mod exception_types;
mod exceptions;
#[cfg(feature = "exemplars")]
mod exemplars;
mod forwarded_requests;
#[cfg(feature = "gzip")]
mod gzip;
mod hook_panics;
mod instances;
mod labels;
mod large_pages;
mod layer_placement;
mod layer_transparency;
#[cfg(feature = "live")]
mod live;
mod log;
mod malformed_replies;
mod manual_usage;
mod metered_stream;
mod metrics_page;
#[cfg(feature = "monitoring")]
mod monitoring;
mod named_endpoints;
mod nested_calls;
mod nested_layers;
mod nested_replies;
mod nested_values;
mod overflow;
mod page_route;
mod pages_under_load;
mod panics;
mod price_files;
mod price_reloads;
mod prices;
#[cfg(feature = "process")]
mod process_metrics;
mod protocol_concurrency;
mod protocol_content_types;
mod protocol_return_types;
mod protocol_streams;
#[cfg(feature = "push")]
mod push;
mod registries;
mod repeated_calls;
mod repeated_handlers;
mod replaced_responses;
mod request_labels;
mod request_size;
mod requests;
mod response_return_types;
mod routes;
mod sample_replies;
mod scrape_limit;
mod scrapes;
mod settings;
mod skipped_requests;
mod streams;
mod tokens;
mod tracing_events;
mod tracked_replies;
mod tracked_return_types;
mod tracked_streams;
mod unassigned_statuses;
mod usage_by_model;
mod usage_handles;
