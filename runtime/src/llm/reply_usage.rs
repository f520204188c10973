//! The usage of a reply, from the frames that have some.

use super::counts::{RawCount, RawCounts};
use super::flags::FrameFlag;
use super::frame::Frame;
use super::invocation_metrics::InvocationMetrics;
use super::iterations::Iterations;
use super::spec::ProtocolSpec;
use crate::usage::{Usage, UsageCount};

/// The totals of all protocols.
const TOTALS: [RawCount; 4] =
    [RawCount::Total, RawCount::InputTotal, RawCount::GeminiTotal, RawCount::BedrockTotal];

/// Collects the token counts of a reply's frames.
#[derive(Debug)]
pub(super) struct ReplyUsage {
    /// The last value of each token count, as its protocol names it.
    last: RawCounts,
    /// The largest value of each count after normalization.
    largest: Option<Usage>,
    iterations: Option<Box<Iterations>>,
    /// What Bedrock adds to the frames of any model.
    metrics: InvocationMetrics,
    /// The sum over the results of a batch, each of which is a reply of its own.
    batch: Option<Usage>,
    /// A frame had usage without a readable count.
    has_unreadable: bool,
}

impl ReplyUsage {
    pub(super) const fn new() -> Self {
        Self {
            last: RawCounts::new(),
            largest: None,
            iterations: None,
            metrics: InvocationMetrics::NONE,
            batch: None,
            has_unreadable: false,
        }
    }

    /// Notes that a frame of an unknown protocol had usage.
    pub(super) const fn note_unknown(&mut self) {
        self.has_unreadable = true;
    }

    /// Adds the metrics of Bedrock, if a frame has some.
    pub(super) fn add_invocation_metrics(&mut self, frame: &Frame) {
        if let Some(metrics) = InvocationMetrics::read(frame) {
            self.has_unreadable |= metrics.is_unreadable();
            self.metrics = metrics;
        }
    }

    /// Adds a frame that has usage. `model` is the one that the reply names.
    pub(super) fn add(&mut self, spec: &ProtocolSpec, frame: &mut Frame, model: Option<&str>) {
        frame.complete_counts();
        let counts = spec.counts(frame);
        self.has_unreadable |= !spec.has_any(&counts) && (spec.normalize)(&counts).is_none();
        if frame.has(FrameFlag::BatchResult) {
            let sum = self.batch.unwrap_or_default();
            self.batch = (spec.normalize)(&counts).map(|usage| sum.plus(usage)).or(self.batch);
            return;
        }
        if spec.has_any(&counts) {
            // A total shows nothing about counts that were not sent with it.
            self.last.remove(&TOTALS);
        }
        self.last.replace_by(&counts);
        // A chat completion that a gateway has made of Anthropic's reply has counts of its own.
        if let Some(iterations) = frame.take_iterations().filter(|_| !counts.has(RawCount::Prompt))
        {
            self.iterations = Some(iterations);
        }
        // An earlier value must not stand in for one that cannot be read.
        if spec.is_input_unread(&counts) {
            self.largest = self.largest.and_then(|usage| usage.without_input().non_empty());
        }
        if spec.is_output_unread(&counts) {
            self.largest = self.largest.and_then(|usage| usage.without_output().non_empty());
        }
        self.largest = match (self.largest, self.last(spec, model)) {
            (Some(largest), Some(usage)) => Some(largest.max_per_field(usage)),
            (largest, usage) => largest.or(usage),
        };
    }

    /// Returns the usage of the call. The counts of a reply that has finished are the last ones
    /// that it sent, because some servers correct a count downwards. Those of a reply that was cut
    /// off are the largest ones.
    pub(super) fn total(
        &self,
        spec: &ProtocolSpec,
        model: Option<&str>,
        has_finished: bool,
    ) -> Option<Usage> {
        let usage = if has_finished { self.last(spec, model) } else { self.largest };
        self.batch.or_else(|| self.metrics.complete(usage))
    }

    fn last(&self, spec: &ProtocolSpec, model: Option<&str>) -> Option<Usage> {
        let stated = (spec.normalize)(&self.last);
        let Some((_, sum)) = self.summed_iterations(spec, model) else { return stated };
        // Iterations may lack the count of reasoning that is beside them.
        let reasoning = stated.and_then(|usage| usage.get(UsageCount::Reasoning));
        match reasoning {
            Some(tokens) if sum.get(UsageCount::Reasoning).is_none() => {
                Some(sum.with(UsageCount::Reasoning, tokens))
            }
            _ => sum.non_empty(),
        }
    }

    /// Returns the parts of the usage that belong to other models than the one that the reply
    /// names.
    pub(super) fn by_other_models<'a>(
        &'a self,
        spec: &ProtocolSpec,
        model: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, Usage)> {
        let iterations = self.summed_iterations(spec, model).map(|(iterations, _)| iterations);
        iterations.into_iter().flat_map(move |iterations| usage_of_others(iterations, spec, model))
    }

    /// Returns the iterations that the call is the sum of, and that sum.
    ///
    /// Returns `None` if the counts beside them are larger. A later frame has then left out the
    /// iterations.
    fn summed_iterations(
        &self,
        spec: &ProtocolSpec,
        model: Option<&str>,
    ) -> Option<(&Iterations, Usage)> {
        let iterations = self.iterations.as_deref().filter(|iterations| iterations.is_sum())?;
        let own = (spec.normalize)(&iterations.own(model)).unwrap_or_default();
        let others = usage_of_others(iterations, spec, model);
        let sum = others.fold(own, |sum, (_, usage)| sum.plus(usage));
        let stated = (spec.normalize)(&self.last).unwrap_or_default();
        let is_sum = sum.input_tokens() >= stated.input_tokens()
            && sum.output_tokens() >= stated.output_tokens();
        is_sum.then_some((iterations, sum))
    }

    /// Returns whether a frame had usage without a readable count.
    pub(super) const fn has_unreadable(&self) -> bool {
        self.has_unreadable
    }

    /// Returns whether the usage lacks a part of the input or of the output, because the last value
    /// of that part could not be read. At least one other count was read.
    pub(super) fn is_partly_unread(&self, spec: &ProtocolSpec) -> bool {
        let usage = self.metrics.complete((spec.normalize)(&self.last));
        usage.is_some_and(|usage| {
            let is_read = usage.input_tokens().or(usage.output_tokens()).is_some();
            let is_unread = |parts| {
                let iterations = self.iterations.as_deref();
                self.last.is_any_unreadable(parts)
                    || iterations.is_some_and(|iterations| iterations.is_any_unreadable(parts))
            };
            is_read
                && (self.metrics.is_input_missing(is_unread(spec.input_parts), usage)
                    || self.metrics.is_output_missing(is_unread(spec.output_parts), usage))
        })
    }
}

/// Returns the sums over the iterations of each model other than the one that the reply names.
fn usage_of_others<'a>(
    iterations: &'a Iterations,
    spec: &ProtocolSpec,
    model: Option<&'a str>,
) -> impl Iterator<Item = (&'a str, Usage)> + use<'a> {
    let normalize = spec.normalize;
    let others = iterations.others(model);
    others.filter_map(move |(name, counts)| Some((name, normalize(counts)?)))
}
