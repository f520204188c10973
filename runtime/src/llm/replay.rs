//! Replies that are read without a call: the entry for the fuzz targets of this repository, and for
//! programs that compare recorded replies with known results.

use std::mem;

use serde_json::Value;

use super::completion::Completion;
use super::detect::Protocol;
use super::event_stream::{Decoder, EventStreamItem};
use super::operation::Operation;
use super::reader::{ChunkFindings, ReplyReader};
use super::value;
use crate::usage::{Usage, UsageCount};

/// All protocols, in the order of the enumeration.
pub const PROTOCOLS: [Protocol; 7] = [
    Protocol::Auto,
    Protocol::OpenAi,
    Protocol::Anthropic,
    Protocol::Gemini,
    Protocol::Ollama,
    Protocol::Bedrock,
    Protocol::Cohere,
];

/// What a reply contains, whether it comes as bytes or parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplySummary {
    /// The token counts.
    pub usage: Option<Usage>,
    /// The parts of the usage that belong to other models than the one that the reply names.
    pub usage_by_other_models: Vec<(String, Usage)>,
    /// The model that the reply names.
    pub model: Option<String>,
    /// The value of the `finish_reason` label.
    pub finish_reason: &'static str,
    /// What the call does.
    pub operation: Operation,
    /// The service tier that the reply names.
    pub service_tier: Option<String>,
    /// The reply has, or may have, usage in a form that cannot be read.
    pub unparsed: bool,
    /// The usage lacks a part of the input or of the output that could not be read.
    pub is_partly_unread: bool,
    /// The cost in US dollars that the provider states.
    pub provider_cost: Option<f64>,
}

/// What the bytes of a reply show.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the values are independent of each other")]
pub struct BytesSummary {
    /// What a parsed reply shows, too.
    pub reply: ReplySummary,
    /// How the reply ended, if its protocol is known.
    pub completion: Option<Completion>,
    /// The type of the first error within the protocol.
    pub error_type: Option<String>,
    /// The reply is an event stream, or consists of more than one object.
    pub is_streamed: bool,
    /// Any of the chunks has content: text, reasoning, or a tool call.
    pub has_content: bool,
    /// Any of the chunks has content that is not reasoning.
    pub has_answer: bool,
    /// Any of the chunks has an error within the protocol.
    pub has_error: bool,
}

/// Reads a whole reply from chunks that may be split at any byte.
pub fn read_bytes<'a>(
    protocol: Protocol,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> BytesSummary {
    let mut reader = ReplyReader::new(protocol);
    let mut all = ChunkFindings::default();
    let mut add = |chunk: ChunkFindings| {
        all.content |= chunk.content;
        all.answer |= chunk.answer;
        all.error |= chunk.error;
    };
    for chunk in chunks {
        add(reader.read(chunk));
    }
    add(reader.end());
    BytesSummary {
        reply: ReplySummary {
            usage: reader.usage(),
            usage_by_other_models: reader
                .usage_by_other_models()
                .map(|(model, usage)| (model.to_owned(), usage))
                .collect(),
            model: reader.model().map(str::to_owned),
            finish_reason: reader.finish_reason().as_str(),
            operation: reader.operation(),
            service_tier: reader.service_tier().map(str::to_owned),
            unparsed: reader.unparsed(),
            is_partly_unread: reader.is_partly_unread(),
            provider_cost: reader.provider_cost(),
        },
        completion: reader.completion(true),
        error_type: reader.error_type().map(str::to_owned),
        is_streamed: reader.is_streamed(),
        has_content: all.content,
        has_answer: all.answer,
        has_error: all.error,
    }
}

/// Reads a parsed reply, whose protocol is detected.
#[must_use]
pub fn read_value(value: &Value) -> ReplySummary {
    let findings = value::read_value(value);
    let service_tier = findings.service_tier().map(str::to_owned);
    ReplySummary {
        usage: findings.usage,
        usage_by_other_models: findings.usage_by_other_models,
        model: value::model_name(value).map(str::to_owned),
        finish_reason: findings.finish_reason.as_str(),
        operation: findings.operation,
        service_tier,
        unparsed: findings.unparsed,
        is_partly_unread: findings.is_partly_unread,
        provider_cost: findings.provider_cost,
    }
}

/// Returns the payload of each message of a binary event stream, up to the bytes that are no
/// message. An invalid message has none.
pub fn event_messages<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Option<Vec<u8>>> {
    let mut decoder = Decoder::new();
    let (mut messages, mut payload) = (Vec::new(), Vec::new());
    for mut chunk in chunks {
        while let Some(item) = decoder.next(&mut chunk) {
            match item {
                EventStreamItem::Payload(part) => payload.extend_from_slice(part),
                EventStreamItem::MessageEnd { is_valid } => {
                    messages.push(is_valid.then(|| mem::take(&mut payload)));
                    payload.clear();
                }
                EventStreamItem::NoMessage { .. } => return messages,
            }
        }
    }
    messages
}

/// Returns the counts of usage that are known, by name.
pub fn counts(usage: &Usage) -> impl Iterator<Item = (&'static str, u64)> {
    UsageCount::ALL.into_iter().filter_map(|count| Some((count.as_str(), usage.get(count)?)))
}
