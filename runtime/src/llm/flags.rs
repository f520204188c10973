//! What a frame shows by the presence of its members.

/// A fact about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameFlag {
    /// `error` is not null.
    Error,
    /// `object` is that of a chat completion or of a text completion.
    ChatObject,
    /// `object` is that of a part of a streamed chat completion.
    ChatChunkObject,
    /// `object` is that of a text completion.
    CompletionObject,
    /// `object` is that of Responses.
    ResponseObject,
    /// The frame names a model.
    Model,
    Choices,
    /// A choice has a message, or a part of one.
    ChatChoice,
    /// A choice is text.
    TextChoice,
    /// A choice has content that is not reasoning.
    ChoiceAnswer,
    /// A choice has reasoning, or a list of parts.
    ChoiceReasoning,
    /// A message has tool calls, or a part of one.
    ChoiceToolCalls,
    /// `response` is text, as in Ollama's replies.
    Response,
    /// That text is not empty.
    ResponseText,
    /// The reply has output items, outputs or steps.
    Output,
    /// An output item is a tool call.
    OutputToolCall,
    /// `object` is that of an assistant: a run, its step, a message, or a part of one.
    AssistantObject,
    /// `object` is that of an assistant's run.
    AssistantRun,
    /// A part of an assistant's message has content.
    DeltaContent,
    /// `object` is that of a batch.
    BatchObject,
    /// A result of a batch.
    BatchResult,
    /// `object` is that of an interaction.
    InteractionObject,
    /// The usage is part of another object's usage.
    PartialUsage,
    /// An output item, a content block or a part of a message is not reasoning.
    AnswerItem,
    /// `delta` is text, as in Responses, and not empty.
    DeltaText,
    /// A text within `delta` is empty.
    EmptyDeltaText,
    /// A text within `delta` is not empty.
    NonEmptyDeltaText,
    /// `delta` names a type of reasoning.
    ReasoningDelta,
    ContentBlocks,
    /// A member that only Gemini has.
    Gemini,
    /// Candidates, or feedback on a prompt that has none.
    Candidates,
    /// A candidate has a part with content.
    GeminiPart,
    /// The part that was read last has content.
    PartContent,
    /// The part that was read last is a thought.
    PartThought,
    GeminiToolCall,
    PromptBlocked,
    /// `done` is true.
    Done,
    /// `done` is false.
    NotDone,
    /// `message` is an object.
    Message,
    OllamaText,
    OllamaThinking,
    /// The message has tool calls, as in Ollama's and Cohere's replies.
    MessageToolCalls,
    ConverseMessage,
    CostInDollars,
    // Replies other than chats
    Embedding,
    RelevanceScore,
    /// A result has scores of a moderation.
    CategoryScores,
    /// `created` is a number.
    Created,
    ImageBytes,
    /// An element of `data` has a URL.
    DataUrl,
    /// `text` is at the top level.
    Text,
    /// The usage is that of a transcription.
    AudioUsage,
    /// `task` is that of a transcription.
    AudioTask,
    // Cohere, and replies to Bedrock's invoke requests
    /// A text at a place where a reply has its text, and the text is not empty.
    TextContent,
    /// A content block, or a part of one, is text.
    CohereText,
    /// A content block, or a part of one, is thinking, or there is a plan for calling tools.
    CohereReasoning,
    CohereToolCalls,
    /// The delta has usage.
    CohereUsage,
    /// The metadata names the version of the API.
    CohereApiVersion,
    /// `response_type` is that of embeddings.
    CohereEmbeddings,
    /// A generation is text.
    Generation,
    /// `is_finished` is true.
    Finished,
    /// `is_finished` is false.
    NotFinished,
    /// `completion` is text, as in Anthropic's text completions.
    TextCompletion,
    // Bedrock
    /// A text at a place where only replies to Bedrock's invoke requests have one.
    InvokeText,
    /// An event of a Converse stream.
    ConverseEvent,
    ConverseStop,
    ConverseException,
    /// `role` is at the top level.
    Role,
    /// `delta` has a part of a tool call, as in Converse.
    ToolUse,
    /// `delta` has a part of the reasoning, as in Converse.
    DeltaReasoning,
}

/// A set of [`FrameFlag`].
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameFlags(u128);

// `DeltaReasoning` is the last flag.
const _: () = assert!((FrameFlag::DeltaReasoning as u32) < u128::BITS, "each flag has a bit");

impl FrameFlags {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn has(self, flag: FrameFlag) -> bool {
        self.0 & (1 << flag as u32) != 0
    }

    pub(super) const fn insert(&mut self, flag: FrameFlag) {
        self.0 |= 1 << flag as u32;
    }

    pub(super) const fn remove(&mut self, flag: FrameFlag) {
        self.0 &= !(1 << flag as u32);
    }
}
