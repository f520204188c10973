//! The elements of lists, whose members may come in any order. An element counts at its end.

use super::Frame;
use crate::llm::counts::RawCount;
use crate::llm::flags::FrameFlag;
use crate::llm::iterations::Iterations;
use crate::llm::scalar::name_or_start;
use crate::llm::schema::Field;
use crate::llm::vocabulary::FrameType;

impl Frame {
    /// Takes the iterations of the usage, if there are some.
    pub(in crate::llm) fn take_iterations(&mut self) -> Option<Box<Iterations>> {
        self.end_iteration();
        self.iterations.take()
    }

    /// Completes the counts of a frame whose members have all been read.
    pub(in crate::llm) fn complete_counts(&mut self) {
        self.end_list_item();
        // These calls have no output, so their total is their input.
        if self.has(FrameFlag::Embedding) || self.has(FrameFlag::RelevanceScore) {
            for counts in &mut self.counts {
                if let Some(total) = counts.get(RawCount::Total) {
                    counts.insert_max(RawCount::InputTotal, total);
                }
            }
        }
    }

    /// Adds the last element of a list of tokens by modality to the counts.
    pub(super) fn end_list_item(&mut self) {
        if let Some((container, item)) = self.list_item.take() {
            if let Some(counts) = self.counts_mut(container) {
                item.add_to(counts);
            }
        }
    }

    pub(super) fn end_iteration(&mut self) {
        if let Some(iterations) = &mut self.iterations {
            iterations.end_iteration();
        }
    }

    pub(super) fn note_iteration_type(&mut self, iteration_type: &[u8]) {
        if let Some(iterations) = &mut self.iterations {
            iterations.note_type(iteration_type);
        }
    }

    pub(super) fn note_iteration_model(&mut self, text: &[u8]) {
        if let Some(iterations) = &mut self.iterations {
            iterations.note_model(if self.has_parsed_text {
                std::str::from_utf8(text).ok().map(str::to_owned)
            } else {
                name_or_start(text)
            });
        }
    }

    /// Notes that there is usage, readable or not.
    pub(super) const fn note_usage(&mut self, field: Field) {
        if let Some(container) = field.usage_container() {
            self.set_has_usage(container);
        }
    }

    /// Returns whether the frame is an event of Cohere's with usage, readable or not.
    pub(super) const fn has_cohere_usage(&self) -> bool {
        self.has(FrameFlag::CohereUsage) && matches!(self.kind, FrameType::Cohere(_))
    }

    /// Returns whether the frame has a part of Gemini's that is not a thought.
    pub(in crate::llm) const fn has_answer_part(&self) -> bool {
        self.has(FrameFlag::AnswerItem)
            || (self.has(FrameFlag::PartContent) && !self.has(FrameFlag::PartThought))
    }

    pub(super) fn note_modality(&mut self, modality: &[u8]) {
        if let Some((_, item)) = &mut self.list_item {
            item.note_modality(modality);
        }
    }

    /// Begins a part of Gemini's. Its members may come in any order, so whether the content is a
    /// thought is known at the end of the part.
    pub(super) const fn begin_part(&mut self) {
        if self.has_answer_part() {
            self.set(FrameFlag::AnswerItem);
        }
        self.unset(FrameFlag::PartContent);
        self.unset(FrameFlag::PartThought);
    }

    pub(super) const fn note_part_content(&mut self) {
        self.set(FrameFlag::GeminiPart);
        self.set(FrameFlag::PartContent);
    }
}
