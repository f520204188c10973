//! Sample requests and replies.

pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const RESPONSES: &str = "/v1/responses";
pub(crate) const MESSAGES: &str = "/v1/messages";

/// A request. Its model must not become a label: only the reply names the model that was used.
pub(crate) const QUESTION: &str = "{\"model\":\"whatever\",\"messages\":[]}";

pub(crate) const JSON: &str = "content-type: application/json\r\n";
pub(crate) const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                                      transfer-encoding: chunked\r\n\r\n";
/// The end of a chunked body.
pub(crate) const END: &str = "0\r\n\r\n";

/// Input: 7 uncached and 3 cached tokens. Output: 4 response and 2 reasoning tokens.
pub(crate) const CHAT_REPLY: &str = "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m-1\",\
    \"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Grüße 🦀\"},\
    \"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":6,\"total_tokens\":16,\
    \"prompt_tokens_details\":{\"cached_tokens\":3},\"completion_tokens_details\":{\"reasoning_tokens\":2}}}\n";

pub(crate) const CHAT_OPENING: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":\
    [{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
pub(crate) const CHAT_TOKEN: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":\
    [{\"index\":0,\"delta\":{\"content\":\"Grü\"},\"finish_reason\":null}]}\r\n\r\n";
pub(crate) const CHAT_COMMENT: &str = ": still thinking\n\n";
pub(crate) const CHAT_CALL: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":\
    [{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"t\",\"type\":\"function\",\"function\":\
    {\"name\":\"weather\",\"arguments\":\"{}\"}}]},\"finish_reason\":null}]}\n\n";
pub(crate) const CHAT_STOP: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":\
    [{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
pub(crate) const CHAT_CALLED: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":\
    [{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n";
/// The same usage as in [`CHAT_REPLY`].
pub(crate) const CHAT_USAGE: &str = "data: {\"object\":\"chat.completion.chunk\",\"model\":\"m-1\",\"choices\":[],\
    \"usage\":{\"prompt_tokens\":10,\"completion_tokens\":6,\"total_tokens\":16,\"prompt_tokens_details\":\
    {\"cached_tokens\":3},\"completion_tokens_details\":{\"reasoning_tokens\":2}}}\n\n";
pub(crate) const DONE: &str = "data: [DONE]\n\n";

/// The usage of [`CHAT_REPLY`], by type and detail.
pub(crate) const CHAT_TOKENS: [(&str, &str, i64); 4] = [
    ("input", "uncached", 7),
    ("input", "cache_read", 3),
    ("output", "response", 4),
    ("output", "reasoning", 2),
];

/// Input: 5 uncached tokens, 20 read from a cache and 10 written to it.
pub(crate) const MESSAGE_START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":\
    {\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m-2\",\"content\":[],\"stop_reason\":null,\
    \"usage\":{\"input_tokens\":5,\"cache_creation_input_tokens\":10,\"cache_read_input_tokens\":20,\
    \"output_tokens\":1}}}\n\n";
pub(crate) const MESSAGE_BLOCK: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\
    \"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"weather\",\"input\":{}}}\n\n\
    event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":\
    {\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\nevent: content_block_stop\ndata: \
    {\"type\":\"content_block_stop\",\"index\":0}\n\n";
pub(crate) const MESSAGE_END: &str = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":\
    {\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":9}}\n\n\
    event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
pub(crate) const MESSAGE_REPLY: &str = "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m-2\",\
    \"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"weather\",\"input\":{}}],\"stop_reason\":\"tool_use\",\
    \"stop_sequence\":null,\"usage\":{\"input_tokens\":5,\"cache_creation_input_tokens\":10,\
    \"cache_read_input_tokens\":20,\"output_tokens\":9}}";

pub(crate) const MESSAGE_TOKENS: [(&str, &str, i64); 4] = [
    ("input", "uncached", 5),
    ("input", "cache_read", 20),
    ("input", "cache_write", 10),
    ("output", "unspecified", 9),
];
