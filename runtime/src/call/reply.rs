//! What is known of a call when its reply has ended.

use std::borrow::Cow;
use std::time::Instant;

use crate::llm::Operation;
use crate::outcome::{ReplyEnd, Unread};
use crate::usage::{FinishReason, Usage};

/// The end of a reply, and what the reply says of the call.
#[derive(Clone)]
pub(crate) struct Reply<'a> {
    pub(crate) end: ReplyEnd,
    /// What the reply says why the model stopped.
    pub(crate) finish: FinishReason,
    /// The usage of the whole call.
    pub(crate) usage: Option<Usage>,
    /// The parts of the usage that belong to other models: one that the model asked for advice,
    /// for example.
    pub(crate) usage_by_other_models: Vec<(Cow<'a, str>, Usage)>,
    pub(crate) usage_source: UsageSource,
    pub(crate) unread: Unread,
    /// The model that the reply names.
    pub(crate) model: Option<Cow<'a, str>>,
    /// What the reply is, if it shows that.
    pub(crate) operation: Operation,
    pub(crate) service_tier: Option<Cow<'a, str>>,
    /// What the provider says that the call cost, in US dollars.
    pub(crate) provider_cost: Option<f64>,
    /// `None` for a reply that is not streamed.
    pub(crate) times: Option<StreamTimes>,
}

/// Where the usage of a reply comes from, which decides what becomes of usage that user code
/// records for the same call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum UsageSource {
    /// A value that the function returned. Recorded usage is added: it is that of other exchanges.
    Value,
    /// The bytes of the reply. Recorded usage describes the same reply, whose bytes may have been
    /// cut off before the usage. Per count, the larger one is used.
    Bytes,
}

/// When parts of a streamed reply were ready.
#[derive(Clone, Copy)]
pub(crate) struct StreamTimes {
    /// The first token of any kind.
    pub(crate) first_token: Instant,
    /// The first token that is not reasoning.
    pub(crate) first_answer: Option<Instant>,
    pub(crate) last_token: Instant,
}

impl<'a> Reply<'a> {
    /// A reply of which only the end is known.
    pub(crate) fn ended(end: ReplyEnd) -> Self {
        Self {
            end,
            finish: FinishReason::Unknown,
            usage: None,
            usage_by_other_models: Vec::new(),
            usage_source: UsageSource::Value,
            unread: Unread::Nothing,
            model: None,
            operation: Operation::Unknown,
            service_tier: None,
            provider_cost: None,
            times: None,
        }
    }

    /// Copies what the reply borrows.
    pub(super) fn into_owned(self) -> Reply<'static> {
        let Self { end, finish, usage, usage_source, unread, .. } = self;
        let Self { operation, provider_cost, times, .. } = self;
        let owned = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        let (model, service_tier) = (self.model.map(owned), self.service_tier.map(owned));
        let by_model = self.usage_by_other_models.into_iter();
        let usage_by_other_models = by_model.map(|(model, usage)| (owned(model), usage)).collect();
        Reply {
            end,
            finish,
            usage,
            usage_by_other_models,
            usage_source,
            unread,
            model,
            operation,
            service_tier,
            provider_cost,
            times,
        }
    }

    /// Returns the usage of the call: that of the reply, and what user code has recorded.
    pub(super) fn usage_with(&self, recorded: Option<Usage>) -> Option<Usage> {
        match (self.usage, recorded) {
            (Some(usage), Some(recorded)) => Some(match self.usage_source {
                UsageSource::Value => usage.plus(recorded),
                UsageSource::Bytes => usage.max_per_field(recorded),
            }),
            (usage, recorded) => usage.or(recorded),
        }
    }
}
