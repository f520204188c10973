//! The content of one frame, collected before its protocol is known.

mod elements;

use super::counts::{RawCount, RawCounts};
use super::flags::{FrameFlag, FrameFlags};
use super::iterations::Iterations;
use super::modality::TokenListItem;
use super::scalar::{
    Identifier, MAX_BUFFERED_TEXT, Scalar, StatedCost, TICKS_PER_DOLLAR, identifier, name_or_start,
    token_count,
};
use super::schema::{Container, Field};
use super::vocabulary::{
    FinishMember, FrameType, finish_reason, gemini_finish_reason, is_audio_task, is_audio_usage,
    is_reasoning, is_reasoning_delta, is_tool_call, object_flags,
};
use crate::usage::FinishReason;

/// The content of one frame.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: FrameType,
    flags: FrameFlags,
    finish_reasons: [FinishReason; FinishMember::COUNT],
    counts: [RawCounts; Container::COUNT],
    iterations: Option<Box<Iterations>>,
    /// The element of a list of tokens by modality that was read last. The list belongs to the
    /// usage of the container.
    list_item: Option<(Container, TokenListItem)>,
    /// Whether each container has usage, readable or not.
    has_usage: [bool; Container::COUNT],
    /// Whether to copy the model's name. The reader clears it once it has the name.
    pub(super) wants_model: bool,
    /// Texts are those of parsed strings, without escapes.
    pub(super) has_parsed_text: bool,
    model: Option<(Field, String)>,
    error_type: Option<String>,
    /// The cost that the provider states.
    pub(super) provider_cost: StatedCost,
    /// The last service tier of all frames so far. Not copied from frame to frame, because many
    /// streams repeat the tier in each.
    pub(super) service_tier: Identifier,
}

impl Frame {
    pub(super) const fn new() -> Self {
        Self {
            kind: FrameType::Unknown,
            flags: FrameFlags::NONE,
            finish_reasons: [FinishReason::Unknown; FinishMember::COUNT],
            counts: [const { RawCounts::new() }; Container::COUNT],
            iterations: None,
            list_item: None,
            has_usage: [false; Container::COUNT],
            wants_model: true,
            has_parsed_text: false,
            model: None,
            error_type: None,
            provider_cost: StatedCost::Absent,
            service_tier: Identifier::EMPTY,
        }
    }

    pub(super) fn clear(&mut self) {
        self.kind = FrameType::Unknown;
        self.flags = FrameFlags::NONE;
        self.finish_reasons = [FinishReason::Unknown; FinishMember::COUNT];
        self.counts.iter_mut().for_each(RawCounts::clear);
        self.iterations = None;
        self.list_item = None;
        self.has_usage = [false; Container::COUNT];
        self.model = None;
        self.error_type = None;
        self.provider_cost = StatedCost::Absent;
    }

    pub(super) const fn has(&self, flag: FrameFlag) -> bool {
        self.flags.has(flag)
    }

    pub(super) const fn finish_reason(&self, member: FinishMember) -> FinishReason {
        self.finish_reasons[member as usize]
    }

    pub(super) const fn counts(&self, container: Container) -> &RawCounts {
        &self.counts[container as usize]
    }

    /// Returns whether one of the containers has usage, readable or not.
    pub(super) fn has_usage(&self, containers: &[Container]) -> bool {
        let has_usage = |container: &Container| {
            self.has_usage[*container as usize]
                || (*container == Container::Meta && self.has_cohere_usage())
        };
        !self.has(FrameFlag::PartialUsage) && containers.iter().any(has_usage)
    }

    /// Takes the model's name, if one of the fields has it. Any field may have it while the
    /// protocol is not known.
    pub(super) fn take_model(&mut self, fields: Option<&[Field]>) -> Option<String> {
        let is_named = |field: &Field| fields.is_none_or(|fields| fields.contains(field));
        self.model.take_if(|(field, _)| is_named(field)).map(|(_, name)| name)
    }

    pub(super) fn take_error_type(&mut self) -> Option<String> {
        self.error_type.take()
    }

    /// Notes that the framing names an event of a Converse stream.
    pub(super) const fn note_converse_event(&mut self) {
        self.set(FrameFlag::ConverseEvent);
    }

    const fn set(&mut self, flag: FrameFlag) {
        self.flags.insert(flag);
    }

    const fn unset(&mut self, flag: FrameFlag) {
        self.flags.remove(flag);
    }

    /// Returns the counts of a container.
    fn counts_mut(&mut self, container: Container) -> Option<&mut RawCounts> {
        match container {
            Container::Iteration => self.iterations.as_mut().map(|iterations| iterations.current()),
            container => self.counts.get_mut(container as usize),
        }
    }

    fn note_unreadable(&mut self, container: Container, count: RawCount) {
        if let Some(counts) = self.counts_mut(container) {
            counts.set_unreadable(count);
        }
    }

    const fn set_has_usage(&mut self, container: Container) {
        if !matches!(container, Container::Iteration) {
            self.has_usage[container as usize] = true;
        }
    }

    /// Notes the start of an object or array.
    pub(super) fn note_open(&mut self, field: Field) {
        match field {
            Field::Count(container, count) => self.note_unreadable(container, count),
            Field::Iterations => self.iterations = Some(Box::default()),
            Field::Iteration => self.end_iteration(),
            Field::TokenList(container, list) => {
                self.end_list_item();
                // Of a list that an object has twice the last one counts, as in parsed JSON.
                if let Some(counts) = self.counts_mut(container) {
                    counts.remove(&list.counts());
                }
            }
            Field::TokenListItem(container, list) => {
                self.end_list_item();
                self.list_item = Some((container, TokenListItem::new(list)));
            }
            Field::CategoryScores => self.set(FrameFlag::CategoryScores),
            Field::Error => self.set(FrameFlag::Error),
            Field::Choices => self.set(FrameFlag::Choices),
            Field::ChoiceMessage => self.set(FrameFlag::ChatChoice),
            Field::Message => self.set(FrameFlag::Message),
            Field::ConverseMessage => self.set(FrameFlag::ConverseMessage),
            Field::UsageMetadata => self.set(FrameFlag::Gemini),
            Field::Candidates | Field::PromptFeedback => {
                self.set(FrameFlag::Gemini);
                self.set(FrameFlag::Candidates);
            }
            Field::Part => self.begin_part(),
            Field::PartData => self.note_part_content(),
            Field::FunctionCall => {
                self.note_part_content();
                self.set(FrameFlag::GeminiToolCall);
            }
            Field::ConverseAnswer => self.set(FrameFlag::AnswerItem),
            Field::ConverseDelta => self.set(FrameFlag::ConverseEvent),
            Field::ConverseStop => self.set(FrameFlag::ConverseStop),
            Field::Present(flag) => self.set(flag),
            _ => {}
        }
    }

    /// Notes that an object or array is not empty.
    pub(super) fn note_not_empty(&mut self, field: Field) {
        match field {
            Field::CohereUsage => self.set(FrameFlag::CohereUsage),
            // The parts show whether the text is an answer.
            Field::ChoiceText | Field::ChoiceReasoning => self.set(FrameFlag::ChoiceReasoning),
            Field::ChoiceAnswer | Field::ChoiceCompletion => self.set(FrameFlag::ChoiceAnswer),
            Field::ChoiceToolCalls => {
                self.set(FrameFlag::ChoiceAnswer);
                self.set(FrameFlag::ChoiceToolCalls);
            }
            Field::DeltaContent => self.set(FrameFlag::DeltaContent),
            Field::Embeddings => self.set(FrameFlag::Embedding),
            Field::Output | Field::RootOutputs | Field::Steps => self.set(FrameFlag::Output),
            Field::ContentBlocks => self.set(FrameFlag::ContentBlocks),
            Field::MessageToolCalls => self.set(FrameFlag::MessageToolCalls),
            Field::NonEmpty(flag) => self.set(flag),
            _ => self.note_usage(field),
        }
    }

    pub(super) fn note_scalar(&mut self, field: Field, value: Scalar<'_>) {
        match value {
            _ if field.is_ignored() => {}
            Scalar::Text(text) => self.note_text(field, &text[..text.len().min(MAX_BUFFERED_TEXT)]),
            Scalar::Literal(b"null") => {}
            Scalar::Literal(literal) => self.note_literal(field, literal),
        }
    }

    fn note_text(&mut self, field: Field, text: &[u8]) {
        match field {
            Field::Type => self.kind = FrameType::from_word(text),
            Field::Object => object_flags(text).iter().for_each(|flag| self.set(*flag)),
            Field::CustomId => self.set(FrameFlag::BatchResult),
            Field::Modality => self.note_modality(text),
            Field::Model(_) | Field::ModelVersion => self.note_model(field, text),
            Field::IterationType => self.note_iteration_type(text),
            Field::IterationModel => self.note_iteration_model(text),
            Field::Error => self.set(FrameFlag::Error),
            Field::ErrorType if self.error_type.is_none() => {
                self.error_type = identifier(text).map(str::to_owned);
            }
            Field::FinishReason(member) => self.note_finish_reason(member, text),
            Field::BlockReason => self.set(FrameFlag::PromptBlocked),
            Field::DeltaText if text.is_empty() => self.set(FrameFlag::EmptyDeltaText),
            Field::ChoiceCompletion => {
                self.set(FrameFlag::TextChoice);
                if !text.is_empty() {
                    self.set(FrameFlag::ChoiceAnswer);
                }
            }
            Field::Response => {
                self.set(FrameFlag::Response);
                if !text.is_empty() {
                    self.set(FrameFlag::ResponseText);
                }
            }
            Field::Text => self.note_model_text(FrameFlag::Text, text),
            Field::ModelText(flag) => self.note_model_text(flag, text),
            Field::Present(flag) => self.set(flag),
            Field::ResponseType if text.starts_with(b"embeddings_") => {
                self.set(FrameFlag::CohereEmbeddings);
            }
            // Empty text is not a number either.
            Field::Count(..) => self.note_unreadable_usage(field),
            Field::ServiceTier => self.service_tier.replace(text),
            Field::Cost => self.note_cost(text),
            Field::CostTicks => self.note_cost_in_ticks(StatedCost::Unreadable),
            Field::DeltaType if is_reasoning_delta(text) => self.set(FrameFlag::ReasoningDelta),
            Field::DeltaType if is_tool_call(text) => self.set(FrameFlag::OutputToolCall),
            _ if text.is_empty() => {}
            Field::DeltaText => self.set(FrameFlag::NonEmptyDeltaText),
            Field::NonEmpty(flag) => self.set(flag),
            Field::OutputItemType | Field::ContentBlockType => {
                if is_tool_call(text) {
                    self.set(FrameFlag::OutputToolCall);
                }
                self.note_item_type(text);
            }
            // Text is an answer only if it is not empty.
            Field::ChoicePartType if text != b"text" && !is_reasoning(text) => {
                self.set(FrameFlag::ChoiceAnswer);
            }
            Field::Delta => self.set(FrameFlag::DeltaText),
            Field::ChoiceFunctionName => {
                self.set(FrameFlag::ChoiceAnswer);
                self.set(FrameFlag::ChoiceToolCalls);
            }
            Field::ChoiceText
            | Field::ChoicePart
            | Field::ChoiceAnswer
            | Field::ChoiceToolCalls => {
                self.set(FrameFlag::ChoiceAnswer);
            }
            Field::ChoiceReasoning => self.set(FrameFlag::ChoiceReasoning),
            Field::PartText => self.note_part_content(),
            Field::ConverseAnswer => self.set(FrameFlag::AnswerItem),
            Field::MessageContent => self.set(FrameFlag::OllamaText),
            Field::OllamaThinking => self.set(FrameFlag::OllamaThinking),
            Field::Task if is_audio_task(text) => self.set(FrameFlag::AudioTask),
            Field::UsageType if is_audio_usage(text) => self.set(FrameFlag::AudioUsage),
            Field::DataObject if text == b"embedding" => self.set(FrameFlag::Embedding),
            Field::DataUrl => self.set(FrameFlag::DataUrl),
            Field::ImageBytes => self.set(FrameFlag::ImageBytes),
            _ => self.note_unreadable_usage(field),
        }
    }

    fn note_literal(&mut self, field: Field, literal: &[u8]) {
        match field {
            Field::Count(container, count) => {
                match (token_count(literal), self.counts_mut(container)) {
                    (Some(tokens), Some(counts)) => counts.insert_max(count, tokens),
                    _ => self.note_unreadable(container, count),
                }
                self.set_has_usage(container);
            }
            Field::Done => {
                let is_done = literal == b"true";
                self.set(if is_done { FrameFlag::Done } else { FrameFlag::NotDone });
            }
            Field::IsFinished => {
                let is_finished = literal == b"true";
                self.set(if is_finished { FrameFlag::Finished } else { FrameFlag::NotFinished });
            }
            Field::Present(flag) => self.set(flag),
            Field::FinishReason(member @ FinishMember::Candidate) => {
                self.note_finish_reason(member, gemini_finish_reason(literal));
            }
            Field::Cost => self.note_cost(literal),
            Field::CostTicks => {
                self.note_cost_in_ticks(StatedCost::parse(literal, TICKS_PER_DOLLAR));
            }
            Field::Modality => self.note_modality(literal),
            Field::ModalityTokens => {
                if let Some((_, item)) = &mut self.list_item {
                    item.note_tokens(token_count(literal));
                }
            }
            Field::Created => self.set(FrameFlag::Created),
            Field::RelevanceScore => self.set(FrameFlag::RelevanceScore),
            Field::PartThought if literal == b"true" => self.set(FrameFlag::PartThought),
            Field::Error => self.set(FrameFlag::Error),
            _ => self.note_unreadable_usage(field),
        }
    }

    fn note_cost(&mut self, dollars: &[u8]) {
        self.provider_cost = StatedCost::parse(dollars, 1.0);
        self.set(FrameFlag::CostInDollars);
    }

    /// Notes xAI's cost, unless a gateway has stated its own beside it.
    const fn note_cost_in_ticks(&mut self, cost: StatedCost) {
        if !self.has(FrameFlag::CostInDollars) {
            self.provider_cost = cost;
        }
    }

    const fn note_model_text(&mut self, flag: FrameFlag, text: &[u8]) {
        self.set(flag);
        if !text.is_empty() {
            self.set(FrameFlag::TextContent);
        }
    }

    /// Notes the type of an output item or content block.
    fn note_item_type(&mut self, item_type: &[u8]) {
        if !is_reasoning(item_type) {
            self.set(FrameFlag::AnswerItem);
        }
    }

    /// Notes usage that is not an object, or a count that is not a number.
    fn note_unreadable_usage(&mut self, field: Field) {
        match field {
            Field::Count(container, count) => {
                self.note_unreadable(container, count);
                self.set_has_usage(container);
            }
            Field::CohereUsage => self.set(FrameFlag::CohereUsage),
            _ => self.note_usage(field),
        }
    }

    fn note_model(&mut self, field: Field, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        self.set(FrameFlag::Model);
        if self.wants_model && self.model.is_none() {
            self.model = name_or_start(text).map(|name| (field, name));
        }
    }

    /// Keeps the most specific of several finish reasons.
    fn note_finish_reason(&mut self, member: FinishMember, word: &[u8]) {
        if word.is_empty() {
            return;
        }
        let current = &mut self.finish_reasons[member as usize];
        match finish_reason(word) {
            FinishReason::Unknown => {}
            FinishReason::Other if *current != FinishReason::Unknown => {}
            reason => *current = reason,
        }
    }
}
