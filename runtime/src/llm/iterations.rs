//! The iterations of Anthropic's usage: the samplings that one call consists of.
//!
//! With compaction, or with tools that ask another model, the counts beside the iterations leave
//! some of them out. The tokens of the call are then the sum over its iterations.

use std::mem;

use super::counts::{RawCount, RawCounts};

/// The most models that are kept apart. The iterations of further ones are added to the last.
const MAX_NAMED: usize = 4;

/// The iterations of one usage object.
#[derive(Clone, Debug, Default)]
pub(super) struct Iterations {
    /// The counts of the iteration that was read last.
    current: RawCounts,
    /// The model that this iteration names.
    model: Option<String>,
    /// An iteration was read by another model after the first one failed. The counts beside the
    /// iterations are then right.
    has_fallback: bool,
    /// An iteration had a count, readable or not.
    has_counts: bool,
    /// The sum over the iterations that name no model.
    unnamed: RawCounts,
    /// The sums over the iterations that name a model.
    named: Vec<(String, RawCounts)>,
}

impl Iterations {
    pub(super) fn note_type(&mut self, iteration_type: &[u8]) {
        self.has_fallback |= iteration_type.starts_with(b"fallback");
    }

    pub(super) fn note_model(&mut self, model: Option<String>) {
        self.model = model;
    }

    /// Returns the counts of the iteration that was begun last.
    pub(super) const fn current(&mut self) -> &mut RawCounts {
        &mut self.current
    }

    /// Adds the iteration that was read last.
    pub(super) fn end_iteration(&mut self) {
        let counts = &mem::take(&mut self.current);
        self.has_counts |= !counts.is_empty();
        match self.model.take() {
            None => self.unnamed.add(counts),
            Some(model) => {
                let is_full = self.named.len() == MAX_NAMED;
                match self.named.iter_mut().find(|(known, _)| *known == model) {
                    Some((_, sum)) => sum.add(counts),
                    None if is_full => self.named[MAX_NAMED - 1].1.add(counts),
                    None => self.named.push((model, *counts)),
                }
            }
        }
    }

    /// Returns whether the call is the sum over its iterations.
    pub(super) const fn is_sum(&self) -> bool {
        self.has_counts && !self.has_fallback
    }

    /// Returns whether an iteration has one of the counts, but one that cannot be read.
    pub(super) fn is_any_unreadable(&self, counts: &[RawCount]) -> bool {
        self.unnamed.is_any_unreadable(counts)
            || self.named.iter().any(|(_, sum)| sum.is_any_unreadable(counts))
    }

    /// Returns the sum over the iterations of the model that the reply names, or that name none.
    pub(super) fn own(&self, model: Option<&str>) -> RawCounts {
        let mut own = self.unnamed;
        for (name, counts) in &self.named {
            if Some(&**name) == model {
                own.add(counts);
            }
        }
        own
    }

    /// Returns the sums over the iterations of each other model.
    pub(super) fn others<'a>(
        &'a self,
        model: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, &'a RawCounts)> {
        let named = self.named.iter().map(|(name, counts)| (&**name, counts));
        named.filter(move |(name, _)| Some(*name) != model)
    }
}
