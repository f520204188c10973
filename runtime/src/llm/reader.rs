//! The entry of this module: reads the bytes of one reply.

mod events;
mod messages;

use memchr::memchr;

use super::detect::Protocol;
use super::event_stream::Decoder;
use super::frame::Frame;
use super::json::JsonScanner;
use super::message_scanner::MessageScanner;
use super::operation::{Operation, operation};
use super::reply_usage::ReplyUsage;
use super::scalar::StatedCost;
use super::schema::Container;
use super::spec::{Content, FrameFindings};
use super::sse::{SseParser, skip_preamble};
use super::template::Template;
use super::vocabulary::reply_finish_reason;
use crate::usage::{FinishReason, Usage};

/// What one chunk of a reply contained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChunkFindings {
    /// Content: text, reasoning, or a tool call. A role alone is not content.
    pub(crate) content: bool,
    /// Content that is not reasoning.
    pub(crate) answer: bool,
    /// The bytes that belong to comments of an event stream, or to blank lines that end no event.
    /// A keep-alive consists of them alone.
    pub(crate) comment_bytes: usize,
    /// The first error within the protocol. A reply has one at most.
    pub(crate) error: bool,
}

impl ChunkFindings {
    /// Returns whether the chunk, of which these are the findings, consists of comments alone.
    pub(crate) const fn is_keep_alive(&self, chunk: &[u8]) -> bool {
        !chunk.is_empty() && self.comment_bytes == chunk.len()
    }

    const fn add_content(&mut self, content: Content) {
        self.content = true;
        self.answer |= matches!(content, Content::Answer);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// Not known yet. Holds the number of bytes that match the byte order mark.
    Unknown(usize),
    Events,
    /// The messages of a binary event stream.
    Messages,
    /// JSON objects: a single one, JSON lines, or an array.
    Objects,
}

/// What the frames so far show of how the reply is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    /// No frame so far.
    Unknown,
    /// A single object so far.
    Object,
    Streamed,
}

/// Reads one reply, streamed or not, from chunks that may be split at any byte.
#[derive(Debug)]
pub(crate) struct ReplyReader {
    /// The protocol that was named.
    declared: Protocol,
    /// The protocol that interprets the frames, as far as it is known.
    protocol: Protocol,
    framing: Framing,
    delivery: Delivery,
    sse: SseParser,
    /// Exists only for a binary event stream, because few replies are one.
    messages: Option<Box<MessageScanner>>,
    json: JsonScanner,
    usage: ReplyUsage,
    model: Option<String>,
    operation: Operation,
    finish_reason: FinishReason,
    has_tool_calls: bool,
    ended: bool,
    /// The type of the first error that has a type. Empty if no error so far has one.
    error_type: Option<String>,
    /// The last cost that the provider has stated.
    provider_cost: StatedCost,
    /// The content of the last scanned frame, if frames with the same members need no scan.
    repeatable: Option<Content>,
    /// Created with the first such frame.
    template: Option<Box<Template>>,
}

impl ReplyReader {
    pub(crate) const fn new(protocol: Protocol) -> Self {
        Self {
            declared: protocol,
            protocol,
            framing: Framing::Unknown(0),
            delivery: Delivery::Unknown,
            sse: SseParser::new(),
            messages: None,
            json: JsonScanner::new(),
            usage: ReplyUsage::new(),
            model: None,
            operation: Operation::Unknown,
            finish_reason: FinishReason::Unknown,
            has_tool_calls: false,
            ended: false,
            error_type: None,
            provider_cost: StatedCost::Absent,
            repeatable: None,
            template: None,
        }
    }

    /// Reads the next chunk.
    pub(crate) fn read(&mut self, chunk: &[u8]) -> ChunkFindings {
        let mut findings = ChunkFindings::default();
        let rest = self.detect_framing(chunk, &mut findings);
        match self.framing {
            Framing::Unknown(_) => {}
            Framing::Objects => self.read_lines(rest, &mut findings),
            Framing::Events => self.read_events(rest, &mut findings),
            Framing::Messages => self.read_messages(rest, &mut findings),
        }
        if self.framing == Framing::Events {
            findings.comment_bytes += self.sse.take_comment_bytes();
        }
        findings
    }

    /// Ends the reply. The last line may lack its line end.
    pub(crate) fn end(&mut self) -> ChunkFindings {
        let mut findings = ChunkFindings::default();
        if let Some(item) = self.sse.end() {
            self.read_event_item(item, &mut findings);
        }
        if let Some(messages) = &mut self.messages {
            messages.end(&mut self.json);
        }
        self.json.finish();
        findings
    }

    /// Returns whether the end marker has been read, or the whole object of a reply that is not
    /// streamed.
    pub(crate) const fn ended(&self) -> bool {
        self.ended
    }

    /// Returns whether the protocol is known, so that a complete reply has an end marker.
    pub(crate) fn has_end_marker(&self) -> bool {
        self.protocol != Protocol::Auto
    }

    /// Returns whether the reply has had an error within the protocol.
    pub(crate) const fn failed(&self) -> bool {
        self.error_type.is_some()
    }

    /// Returns the type of the first error that has a type.
    pub(crate) fn error_type(&self) -> Option<&str> {
        self.error_type.as_deref().filter(|name| !name.is_empty())
    }

    /// Returns the usage so far, also that of other models than the one that the reply names.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let has_finished = self.ended || self.finish_reason != FinishReason::Unknown;
        self.usage.total(self.protocol.spec()?, self.model(), has_finished)
    }

    /// Returns the parts of the usage that belong to other models than the one that the reply
    /// names: another model may have advised it.
    pub(crate) fn usage_by_other_models(&self) -> impl Iterator<Item = (&str, Usage)> {
        let spec = self.protocol.spec().into_iter();
        spec.flat_map(|spec| self.usage.by_other_models(spec, self.model()))
    }

    /// Returns the model that the reply names.
    pub(crate) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// Returns what the call does, as far as the frames show it.
    pub(crate) const fn operation(&self) -> Operation {
        self.operation
    }

    /// Returns whether the reply is an event stream, or consists of more than one object.
    pub(crate) const fn is_streamed(&self) -> bool {
        matches!(self.delivery, Delivery::Streamed)
    }

    /// Returns the service tier that the last object with one names, such as `priority`: at most 64
    /// bytes.
    pub(crate) fn service_tier(&self) -> Option<&str> {
        self.json.service_tier()
    }

    /// Returns the cost that the provider states for the call, in US dollars: from zero to a
    /// million.
    ///
    /// `OpenRouter` and Vercel send `usage.cost`, Perplexity `usage.cost.total_cost`, and xAI
    /// `usage.cost_in_usd_ticks`, in units of 10^-10 dollars.
    pub(crate) const fn provider_cost(&self) -> Option<f64> {
        self.provider_cost.usd()
    }

    /// Returns whether the reply so far is one object, which is complete.
    pub(crate) const fn is_one_object(&self) -> bool {
        matches!(self.delivery, Delivery::Object)
    }

    /// Returns why the model stopped.
    pub(crate) const fn finish_reason(&self) -> FinishReason {
        reply_finish_reason(self.failed(), self.finish_reason, self.has_tool_calls)
    }

    /// Returns whether the reply has had, or may have had, usage that could not be read.
    pub(crate) fn unparsed(&self) -> bool {
        self.usage.has_unreadable()
            || self.json.may_have_lost_usage()
            || self.messages.as_ref().is_some_and(|messages| messages.may_have_lost_usage())
    }

    /// Returns whether the usage lacks a part of the input or of the output, because the last value
    /// of that part could not be read. At least one other count was read.
    pub(crate) fn is_partly_unread(&self) -> bool {
        self.protocol.spec().is_some_and(|spec| self.usage.is_partly_unread(spec))
    }

    /// Decides the framing by the first byte that is neither white space nor part of a byte order
    /// mark. Returns the bytes from there on.
    fn detect_framing<'a>(&mut self, chunk: &'a [u8], findings: &mut ChunkFindings) -> &'a [u8] {
        let Framing::Unknown(mark_bytes) = &mut self.framing else { return chunk };
        let (rest, blank_lines) = skip_preamble(chunk, mark_bytes);
        findings.comment_bytes = blank_lines;
        if let Some(byte) = rest.first() {
            self.framing = if matches!(byte, b'{' | b'[') {
                self.json.allow_json_lines();
                Framing::Objects
            } else if Decoder::may_begin_with(*byte) {
                self.messages = Some(Box::new(MessageScanner::new()));
                Framing::Messages
            } else {
                Framing::Events
            };
        }
        rest
    }

    /// Skips frames that match the template.
    #[inline]
    fn skip_repeated(&mut self, bytes: &mut &[u8], findings: &mut ChunkFindings) {
        let Some(template) = &mut self.template else { return };
        while let Some(content) = template.take_match(bytes) {
            findings.add_content(content);
        }
    }

    /// Makes a frame the template, if the frame is repeatable. `framed` is the object together with
    /// its framing, and `object` begins at `start` of it.
    fn keep_as_template(&mut self, framed: &[u8], start: usize, object: &[u8]) {
        if let Some(content) = self.repeatable {
            let template = self.template.get_or_insert_with(|| Box::new(Template::NONE));
            template.keep(framed, start, object, content);
        }
    }

    /// Reads objects that have no other framing than perhaps their lines.
    fn read_lines(&mut self, mut bytes: &[u8], findings: &mut ChunkFindings) {
        while self.json.has_lines() && !bytes.is_empty() {
            let is_start = self.json.is_between_lines();
            if is_start {
                self.skip_repeated(&mut bytes, findings);
            }
            let length = memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
            let (line, rest) = bytes.split_at(length);
            bytes = rest;
            self.repeatable = None;
            self.read_objects(line, findings);
            if let Some(object) = line.strip_suffix(b"\n").filter(|_| is_start) {
                self.keep_as_template(line, 0, object);
            }
        }
        self.read_objects(bytes, findings);
    }

    fn read_objects(&mut self, mut bytes: &[u8], findings: &mut ChunkFindings) {
        while !bytes.is_empty() {
            if let Some(template) = &mut self.template {
                template.discard();
            }
            let (scanned, is_object_end) = self.json.scan(bytes);
            if is_object_end {
                self.read_frame(findings);
            }
            bytes = &bytes[scanned..];
        }
    }

    /// Reads the object that the scanner has completed.
    fn read_frame(&mut self, findings: &mut ChunkFindings) {
        self.repeatable = None;
        let in_array = self.json.in_array();
        let frame = self.json.frame();
        let protocol = self.protocol.or_detect(frame);
        // Only Gemini streams its frames as the elements of an array.
        if in_array && protocol != Protocol::Gemini {
            return;
        }
        self.protocol = protocol;
        let is_first = self.delivery == Delivery::Unknown;
        let is_event = protocol.is_event(frame);
        let is_object = is_first && !in_array && !is_event;
        self.delivery = if is_object { Delivery::Object } else { Delivery::Streamed };
        self.provider_cost = frame.provider_cost.or(self.provider_cost);
        if self.operation == Operation::Unknown {
            self.operation = operation(frame);
        }
        let frame_findings = protocol.read_frame(frame);
        if let Some(content) = frame_findings.content {
            findings.add_content(content);
        }
        self.ended |= frame_findings.is_end;
        self.has_tool_calls |= frame_findings.has_tool_calls;
        if frame_findings.finish_reason != FinishReason::Unknown {
            self.finish_reason = frame_findings.finish_reason;
        }
        let spec = protocol.spec();
        if self.model.is_none() {
            self.model = frame.take_model(spec.map(|spec| spec.model_fields));
            frame.wants_model = self.model.is_none();
        }
        match spec {
            Some(spec) if frame.has_usage(spec.containers) => {
                self.usage.add(spec, frame, self.model.as_deref());
            }
            None if frame.has_usage(&Container::ALL) => self.usage.note_unknown(),
            _ => {}
        }
        if self.declared.has_invocation_metrics() {
            self.usage.add_invocation_metrics(frame);
        }
        let is_repeatable = !is_object && is_repeatable(frame, frame_findings);
        self.repeatable = frame_findings.content.filter(|_| is_repeatable);
        let error_type = frame_findings.is_error.then(|| frame.take_error_type());
        if let Some(error_type) = error_type {
            self.note_error(error_type, findings);
        }
        if self.framing == Framing::Objects {
            self.ended |= protocol.ends_with_object() && !is_event;
        }
    }

    /// Returns whether frames that repeat the last one are not scanned.
    #[cfg(test)]
    pub(crate) fn has_template(&self) -> bool {
        self.template.as_ref().is_some_and(|template| template.has_content())
    }

    fn note_error(&mut self, error_type: Option<String>, findings: &mut ChunkFindings) {
        // Both the name of an event and its data can show an error. OpenAI's Responses API sends an
        // `error` event before `response.failed`.
        findings.error |= !self.failed();
        let first = self.error_type.get_or_insert_default();
        if let Some(error_type) = error_type.filter(|_| first.is_empty()) {
            *first = error_type;
        }
    }
}

/// Returns whether a frame like the last one changes nothing but the times of its content. A frame
/// that has usage may differ from the next one in its counts.
fn is_repeatable(frame: &Frame, findings: FrameFindings) -> bool {
    !findings.is_end
        && !findings.is_error
        && findings.finish_reason == FinishReason::Unknown
        && frame.provider_cost == StatedCost::Absent
        && !frame.has_usage(&Container::ALL)
}
