//! What a program has that can be monitored.

use crate::callsite::{Records, SITES};
use crate::family::described;
use crate::metrics::Instance;

/// The parts of a program that have rows, rules and alerts of their own.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each part is there or not")]
pub(super) struct Program {
    pub(super) has_streams: bool,
    pub(super) has_calls: bool,
    /// Whether replies are parsed while they are streamed, so that the first token is known.
    pub(super) has_streamed_replies: bool,
    pub(super) has_cost: bool,
    /// The largest bound of the histogram of request durations, in seconds.
    pub(super) longest_duration: f64,
    /// The largest bound of the histogram of first tokens, in seconds.
    pub(super) longest_first_token: f64,
}

impl Program {
    /// Describes the program from the attributes that the linker has gathered, and from the
    /// settings of the instance.
    pub(super) fn of(instance: &'static Instance) -> Self {
        let any = |records: fn(&Records) -> bool| SITES.iter().any(|site| records(site.records()));
        let has_calls = any(|it| matches!(it, Records::Tokens(_) | Records::Streams(Some(_))));
        Self {
            has_streams: any(|it| matches!(it, Records::Streams(_))),
            has_calls,
            has_streamed_replies: any(|it| {
                matches!(it, Records::Tokens(Some(_)) | Records::Streams(Some(_)))
            }),
            has_cost: has_calls && instance.endpoints().prices().are_used(),
            longest_duration: instance.largest_bound(described::http_request_duration.name()),
            longest_first_token: instance.largest_bound(described::time_to_first_token.name()),
        }
    }
}
