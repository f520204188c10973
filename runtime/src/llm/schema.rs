//! The schema of a frame: the paths of the members that some protocol names.

mod bedrock;
mod cohere;
mod gemini;
mod openai;
mod root;
mod usage;

use super::counts::RawCount;
use super::flags::FrameFlag;
use super::modality::TokenList;
use super::vocabulary::FinishMember;

/// The object that has the usage or names the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    /// The frame itself.
    Frame,
    /// The frame's member `message`.
    Message,
    /// The frame's member `response`, or the reply within it of a batch result; Groq's `x_groq`, or
    /// Gemini's `interaction`. A frame has one of them at most.
    Response,
    /// Metadata of the reply: Cohere's `meta` or `delta`, Bedrock's `metadata` or the counts among
    /// the members of a reply to an invoke request.
    Meta,
    /// The counts that Bedrock adds to the last frame of a stream.
    InvocationMetrics,
    /// The iteration of Anthropic's usage that was read last.
    Iteration,
}

impl Container {
    /// The containers that show usage by themselves.
    pub(super) const ALL: [Self; 5] =
        [Self::Frame, Self::Message, Self::Response, Self::Meta, Self::InvocationMetrics];
    pub(super) const COUNT: usize = Self::ALL.len();
}

/// The meaning of a value by its path within a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// No protocol names the value or anything within it.
    Ignored,
    /// The frame itself.
    Root,
    /// The member `type` of the frame.
    Type,
    /// The member `object` of the frame.
    Object,
    Model(Container),
    ModelVersion,
    Error,
    /// The member `error` of a response.
    ResponseError,
    ErrorType,
    FinishReason(FinishMember),
    BlockReason,
    // Usage
    Usage(Container),
    UsageMetadata,
    PromptDetails(Container),
    CompletionDetails(Container),
    InputDetails(Container),
    OutputDetails(Container),
    /// The parts of cached tokens by modality.
    CachedDetails(Container),
    Count(Container, RawCount),
    /// Anthropic's cache writes by lifetime.
    CacheCreation(Container),
    Iterations,
    Iteration,
    IterationType,
    IterationModel,
    /// A cost in US dollars: a number, or an object with a total.
    Cost,
    /// A cost in xAI's units.
    CostTicks,
    /// A name, or an object with a name.
    ServiceTier,
    // OpenAI's chat completions
    Choices,
    Choice,
    ChoiceMessage,
    /// Text, or a list of parts.
    ChoiceText,
    ChoicePart,
    ChoicePartType,
    /// The text of a completion.
    ChoiceCompletion,
    /// Text, a refusal, or a list of tool calls.
    ChoiceAnswer,
    ChoiceReasoning,
    ChoiceToolCalls,
    ChoiceFunctionCall,
    ChoiceFunctionName,
    /// The member `x_groq` of the frame.
    Groq,
    // OpenAI's Responses
    Response,
    IncompleteDetails,
    Output,
    OutputItem,
    OutputItemType,
    // Batches, assistants and moderations
    CustomId,
    BatchBody,
    BatchResult,
    DeltaContent,
    CategoryScores,
    // Anthropic
    Delta,
    DeltaText,
    DeltaType,
    ContentBlocks,
    ContentBlock,
    ContentBlockType,
    // Gemini
    Candidates,
    Candidate,
    CandidateContent,
    Parts,
    Part,
    PartText,
    PartData,
    PartThought,
    FunctionCall,
    PromptFeedback,
    TokenList(Container, TokenList),
    TokenListItem(Container, TokenList),
    Modality,
    ModalityTokens,
    Interaction,
    /// The steps of an interaction, or its outputs.
    Steps,
    Predictions,
    Prediction,
    // Ollama
    Done,
    /// The member `message` of the frame. Anthropic has it, too.
    Message,
    /// Text, or Cohere's list of parts.
    MessageContent,
    OllamaThinking,
    MessageToolCalls,
    // Bedrock
    ConverseMessage,
    ConverseContent,
    ConversePart,
    ConverseAnswer,
    /// An event of a Converse stream that has a delta.
    ConverseDelta,
    ConverseStop,
    ConverseMetadata,
    ConverseUsage,
    InvocationMetrics,
    /// Mistral's `outputs` on Bedrock, and those of Gemini's Interactions.
    RootOutputs,
    RootOutput,
    Completions,
    Completion,
    CompletionReason,
    CompletionData,
    // Cohere
    IsFinished,
    ResponseType,
    CohereMeta,
    CohereUsage,
    CohereTokens(Container),
    BilledUnits(Container),
    CohereMessage,
    /// A content block, or a part of one.
    CohereContent,
    Generations,
    Generation,
    /// Any value but null sets the flag.
    Present(FrameFlag),
    /// A text, object or array sets the flag unless it is empty.
    NonEmpty(FrameFlag),
    /// The text of a reply. It sets the flag even if it is empty.
    ModelText(FrameFlag),
    // Replies other than chats
    Embeddings,
    Created,
    Data,
    DataItem,
    DataObject,
    DataUrl,
    ImageBytes,
    Results,
    /// A ranked document, the result of a moderation, or one of Titan's texts.
    ResultItem,
    RelevanceScore,
    Text,
    Task,
    /// The member `type` of usage.
    UsageType,
}

impl Field {
    /// Returns whether no protocol names the value or anything within it.
    pub(super) const fn is_ignored(self) -> bool {
        matches!(self, Self::Ignored)
    }

    /// Returns the container that has this usage. That of Cohere's `delta` is not among them: other
    /// protocols have a member of this name, too.
    pub(super) const fn usage_container(self) -> Option<Container> {
        match self {
            Self::Usage(container) | Self::CohereTokens(container) => Some(container),
            Self::UsageMetadata => Some(Container::Frame),
            Self::ConverseUsage => Some(Container::Meta),
            Self::InvocationMetrics => Some(Container::InvocationMetrics),
            _ => None,
        }
    }

    /// Returns the field of an object's member.
    pub(super) fn member(self, key: &[u8]) -> Self {
        match self {
            Self::Root => root::member(key),
            Self::Error | Self::ResponseError => match key {
                b"type" | b"code" | b"status" => Self::ErrorType,
                _ => Self::Ignored,
            },
            Self::Usage(container) => usage::member(container, key),
            Self::UsageMetadata => gemini::metadata_member(key),
            Self::PromptDetails(container) => usage::prompt_details_member(container, key),
            Self::InputDetails(container) => usage::input_details_member(container, key),
            Self::CompletionDetails(container) => usage::completion_details_member(container, key),
            Self::OutputDetails(container) => usage::output_details_member(container, key),
            Self::CacheCreation(container) => usage::cache_creation_member(container, key),
            Self::Iteration => usage::iteration_member(key),
            Self::Choice => match key {
                b"delta" | b"message" => Self::ChoiceMessage,
                b"text" => Self::ChoiceCompletion,
                b"finish_reason" => Self::FinishReason(FinishMember::Choice),
                _ => Self::Ignored,
            },
            Self::ChoiceMessage => match key {
                b"content" => Self::ChoiceText,
                b"reasoning_content" | b"reasoning" => Self::ChoiceReasoning,
                b"refusal" => Self::ChoiceAnswer,
                b"tool_calls" => Self::ChoiceToolCalls,
                b"function_call" => Self::ChoiceFunctionCall,
                _ => Self::Ignored,
            },
            Self::ChoiceFunctionCall => openai::function_call_member(key),
            Self::ChoicePart => match key {
                b"type" => Self::ChoicePartType,
                b"text" => Self::ChoiceAnswer,
                _ => Self::Ignored,
            },
            Self::Response => match key {
                b"usage" => Self::Usage(Container::Response),
                b"model" => Self::Model(Container::Response),
                b"status" => Self::FinishReason(FinishMember::Status),
                b"error" => Self::ResponseError,
                b"incomplete_details" => Self::IncompleteDetails,
                b"output" => Self::Output,
                b"service_tier" => Self::ServiceTier,
                b"body" => Self::BatchBody,
                _ => cohere::response_member(key),
            },
            Self::BatchBody => openai::batch_body_member(key),
            Self::BatchResult if key == b"message" => Self::Message,
            Self::Groq if key == b"usage" => Self::Usage(Container::Response),
            Self::CachedDetails(container) => usage::cached_details_member(container, key),
            Self::Interaction => gemini::interaction_member(key),
            Self::TokenListItem(..) => gemini::token_list_item_member(key),
            Self::Prediction if key == b"embeddings" => Self::Embeddings,
            Self::Cost if key == b"total_cost" => Self::Cost,
            Self::ServiceTier if key == b"type" => Self::ServiceTier,
            Self::IncompleteDetails if key == b"reason" => Self::FinishReason(FinishMember::Status),
            // The content of an interaction is an item, too.
            Self::OutputItem | Self::RootOutput | Self::ContentBlocks if key == b"type" => {
                Self::OutputItemType
            }
            Self::Message => match key {
                b"usage" => Self::Usage(Container::Message),
                b"model" => Self::Model(Container::Message),
                b"stop_reason" => Self::FinishReason(FinishMember::StopReason),
                b"content" => Self::MessageContent,
                b"thinking" => Self::OllamaThinking,
                b"tool_calls" => Self::MessageToolCalls,
                b"tool_plan" => cohere::message_member(key),
                _ => Self::Ignored,
            },
            Self::Delta => match key {
                b"text" | b"thinking" | b"partial_json" => Self::DeltaText,
                b"type" => Self::DeltaType,
                b"stop_reason" => Self::FinishReason(FinishMember::StopReason),
                b"content" => Self::DeltaContent,
                b"toolUse" | b"reasoningContent" => bedrock::delta_member(key),
                _ => cohere::delta_member(key),
            },
            Self::ContentBlock if key == b"type" => Self::ContentBlockType,
            Self::Candidate | Self::CandidateContent | Self::Part | Self::PromptFeedback => {
                gemini::reply_member(self, key)
            }
            Self::Output if key == b"message" => Self::ConverseMessage,
            Self::ConverseMessage if key == b"content" => Self::ConverseContent,
            Self::ConversePart => bedrock::part_member(key),
            Self::DataItem => openai::data_item_member(key),
            Self::ResultItem if key == b"category_scores" => Self::CategoryScores,
            Self::ResultItem if matches!(key, b"relevance_score" | b"relevanceScore") => {
                Self::RelevanceScore
            }
            Self::ResultItem => bedrock::result_member(key),
            Self::CohereMeta
            | Self::CohereUsage
            | Self::CohereTokens(_)
            | Self::BilledUnits(_)
            | Self::CohereMessage
            | Self::CohereContent
            | Self::Generation => cohere::member(self, key),
            _ => bedrock::member(self, key),
        }
    }

    /// Returns the field of an array's element.
    pub(super) const fn element(self) -> Self {
        match self {
            Self::Choices => Self::Choice,
            Self::Candidates => Self::Candidate,
            Self::Parts => Self::Part,
            Self::Output | Self::Steps => Self::OutputItem,
            Self::TokenList(container, list) => Self::TokenListItem(container, list),
            Self::Predictions => Self::Prediction,
            Self::ChoiceText => Self::ChoicePart,
            Self::ContentBlocks => Self::ContentBlock,
            Self::ConverseContent => Self::ConversePart,
            Self::Data => Self::DataItem,
            Self::Results => Self::ResultItem,
            Self::Iterations => Self::Iteration,
            Self::MessageContent => Self::CohereContent,
            Self::Generations => Self::Generation,
            Self::RootOutputs => Self::RootOutput,
            Self::Completions => Self::Completion,
            _ => Self::Ignored,
        }
    }
}
