//! The rules and dashboards that the library generates, read by parsers of other crates.
//!
//! The queries are checked against the table of families. promtool and Prometheus run the queries
//! in the end-to-end tests.

mod buckets;
mod instances;
mod kept_files;
mod objectives;
mod output;
mod program;
mod promql;
mod unusual_text;
mod variables;
