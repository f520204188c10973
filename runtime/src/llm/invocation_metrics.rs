//! The counts that Bedrock adds to the last frame of a stream, whatever the model sends.

use super::bedrock;
use super::counts::RawCount;
use super::frame::Frame;
use super::schema::Container;
use crate::usage::{Usage, UsageCount};

/// Counts that replace the input or the output of a call if the frames of the model leave it out.
#[derive(Clone, Copy, Debug)]
pub(super) struct InvocationMetrics {
    usage: Option<Usage>,
    is_input_unread: bool,
    is_output_unread: bool,
}

impl InvocationMetrics {
    pub(super) const NONE: Self =
        Self { usage: None, is_input_unread: false, is_output_unread: false };

    /// Reads the metrics of a frame, if it has some.
    pub(super) fn read(frame: &Frame) -> Option<Self> {
        let container = Container::InvocationMetrics;
        let counts = frame.counts(container);
        frame.has_usage(&[container]).then(|| Self {
            usage: bedrock::normalize(counts),
            is_input_unread: counts.is_any_unreadable(&[RawCount::BedrockInput]),
            is_output_unread: counts.is_any_unreadable(&[RawCount::BedrockOutput]),
        })
    }

    /// Returns whether there are metrics, but no count that can be read.
    pub(super) fn is_unreadable(&self) -> bool {
        self.usage.is_none()
    }

    /// Returns the usage, with the input and the output that only the metrics have.
    pub(super) fn complete(&self, usage: Option<Usage>) -> Option<Usage> {
        const INPUT: [UsageCount; 3] =
            [UsageCount::Input, UsageCount::CacheRead, UsageCount::CacheWrite];
        let Some(metrics) = self.usage else { return usage };
        let Some(mut usage) = usage else { return Some(metrics) };
        let takes_input = usage.input_tokens().is_none();
        let takes_output = usage.output_tokens().is_none();
        let input = INPUT.iter().filter(|_| takes_input);
        for count in input.chain(Some(&UsageCount::Output).filter(|_| takes_output)) {
            if let Some(tokens) = metrics.get(*count) {
                usage = usage.with(*count, tokens);
            }
        }
        Some(usage)
    }

    /// Returns whether the input is missing, although the metrics or the frames had it.
    pub(super) fn is_input_missing(&self, is_unread: bool, usage: Usage) -> bool {
        let has_input = self.usage.is_some_and(|metrics| metrics.input_tokens().is_some());
        (is_unread && !has_input) || (self.is_input_unread && usage.input_tokens().is_none())
    }

    /// Returns whether the output is missing, although the metrics or the frames had it.
    pub(super) fn is_output_missing(&self, is_unread: bool, usage: Usage) -> bool {
        let has_output = self.usage.is_some_and(|metrics| metrics.output_tokens().is_some());
        (is_unread && !has_output) || (self.is_output_unread && usage.output_tokens().is_none())
    }
}
