//! Streamed replies of model APIs, frame by frame, and metered streams that send them.

use async_stream::stream;
use axum::body::Bytes;
use futures_core::Stream;
use streamgauge::streaming_metrics;

pub(crate) type Io<T> = Result<T, std::io::Error>;

/// A streamed reply in a published format.
pub(crate) struct Sample {
    pub(crate) protocol: &'static str,
    /// Frames before the first token.
    pub(crate) opening: &'static str,
    pub(crate) tokens: [&'static str; 2],
    pub(crate) closing: &'static str,
    pub(crate) end: &'static str,
    pub(crate) error: &'static str,
    pub(crate) error_type: &'static str,
    /// Usage of the whole reply by token type and detail.
    pub(crate) usage: &'static [(&'static str, &'static str, i64)],
    /// Usage known after both tokens: the sum over all token types.
    pub(crate) partial_tokens: i64,
}

impl Sample {
    /// The frames before the end marker.
    pub(crate) fn frames_before_end(&self) -> Vec<&'static str> {
        vec![self.opening, self.tokens[0], self.tokens[1], self.closing]
    }

    /// All frames, with the end marker.
    pub(crate) fn frames(&self) -> Vec<&'static str> {
        let mut frames = self.frames_before_end();
        frames.push(self.end);
        frames
    }

    pub(crate) fn total(&self) -> i64 {
        self.usage.iter().map(|(.., tokens)| tokens).sum()
    }
}

pub(crate) const OPENAI: Sample = Sample {
    protocol: "openai",
    opening: "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    tokens: [
        "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"},\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    ],
    closing: "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\ndata: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":5,\"total_tokens\":17,\"prompt_tokens_details\":{\"cached_tokens\":8},\"completion_tokens_details\":{\"reasoning_tokens\":3}}}\n\n",
    end: "data: [DONE]\n\n",
    error: "data: {\"error\":{\"message\":\"The server had an error\",\"type\":\"server_error\",\"code\":null}}\n\n",
    error_type: "server_error",
    usage: &[
        ("input", "uncached", 4),
        ("input", "cache_read", 8),
        ("output", "response", 2),
        ("output", "reasoning", 3),
    ],
    partial_tokens: 0,
};

pub(crate) const ANTHROPIC: Sample = Sample {
    protocol: "anthropic",
    opening: "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"m-1\",\"stop_reason\":null,\"usage\":{\"input_tokens\":25,\"cache_creation_input_tokens\":110,\"cache_read_input_tokens\":1000,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n",
    tokens: [
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"lo\"}}\n\n",
    ],
    closing: "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":15}}\n\n",
    end: "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    error: "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
    error_type: "overloaded_error",
    usage: &[
        ("input", "uncached", 25),
        ("input", "cache_read", 1000),
        ("input", "cache_write", 110),
        ("output", "unspecified", 15),
    ],
    partial_tokens: 1136,
};

pub(crate) const GEMINI: Sample = Sample {
    protocol: "gemini",
    opening: "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},\"index\":0}],\"modelVersion\":\"m-1\"}\n\n",
    tokens: [
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hel\"}],\"role\":\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":1,\"totalTokenCount\":5},\"modelVersion\":\"m-1\"}\n\n",
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"lo\"}],\"role\":\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":2,\"totalTokenCount\":6},\"modelVersion\":\"m-1\"}\n\n",
    ],
    closing: "data: {\"candidates\":[{\"index\":0}],\"modelVersion\":\"m-1\"}\n\n",
    end: "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":4,\"candidatesTokenCount\":7,\"thoughtsTokenCount\":20,\"totalTokenCount\":31},\"modelVersion\":\"m-1\"}\n\n",
    error: "data: {\"error\":{\"code\":503,\"message\":\"The model is overloaded.\",\"status\":\"UNAVAILABLE\"}}\n\n",
    error_type: "UNAVAILABLE",
    usage: &[("input", "unspecified", 4), ("output", "response", 7), ("output", "reasoning", 20)],
    partial_tokens: 6,
};

pub(crate) const OLLAMA: Sample = Sample {
    protocol: "ollama",
    opening: "{\"model\":\"m-1\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":false}\n",
    tokens: [
        "{\"model\":\"m-1\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n",
        "{\"model\":\"m-1\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"lo\"},\"done\":false}\n",
    ],
    closing: "{\"model\":\"m-1\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":false}\n",
    end: "{\"model\":\"m-1\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done_reason\":\"stop\",\"done\":true,\"total_duration\":9,\"prompt_eval_count\":26,\"prompt_eval_duration\":3,\"eval_count\":29,\"eval_duration\":5}\n",
    error: "{\"error\":\"an error was encountered while running the model\"}\n",
    error_type: "error_event",
    usage: &[("input", "unspecified", 26), ("output", "unspecified", 29)],
    partial_tokens: 0,
};

pub(crate) const SAMPLES: [Sample; 4] = [OPENAI, ANTHROPIC, GEMINI, OLLAMA];

/// How a source continues after its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Complete,
    Pending,
    Error,
    Panic,
}

/// A stream of the frames, which continues as `ending` says.
pub(crate) fn source(
    frames: Vec<&'static str>,
    ending: Ending,
) -> impl Stream<Item = Io<Bytes>> + Send + use<> {
    stream! {
        for frame in frames {
            yield Ok(Bytes::from_static(frame.as_bytes()));
        }
        match ending {
            Ending::Complete => {}
            Ending::Pending => std::future::pending().await,
            Ending::Error => yield Err(std::io::Error::other("on purpose")),
            Ending::Panic => panic!("on purpose"),
        }
    }
}

/// A boxed stream: the return type that the functions of all protocols share.
pub(crate) type Frames = std::pin::Pin<Box<dyn Stream<Item = Io<Bytes>> + Send>>;

macro_rules! metered_streams {
    ($($name:ident = $protocol:literal;)*) => {
        $(
            #[streaming_metrics(protocol = $protocol, provider = "house")]
            fn $name(frames: Vec<&'static str>, ending: Ending) -> Frames {
                Box::pin(source(frames, ending))
            }
        )*

        /// A metered stream that is parsed with this protocol.
        pub(crate) fn metered_stream(
            protocol: &str,
            frames: Vec<&'static str>,
            ending: Ending,
        ) -> Frames {
            match protocol {
                $($protocol => $name(frames, ending),)*
                other => panic!("unknown protocol: {other}"),
            }
        }
    };
}

metered_streams! {
    openai = "openai";
    anthropic = "anthropic";
    gemini = "gemini";
    ollama = "ollama";
    auto = "auto";
}
