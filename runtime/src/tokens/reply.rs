//! Replies that carry the usage of a call.

use std::sync::Arc;

use crate::llm::Operation;
use crate::outcome::Unread;
use crate::usage::{FinishReason, Usage};

/// A value that may carry the token usage of a model call.
///
/// `#[track_tokens]` reads the usage of a call from the value that the function returns. Derive
/// this trait for reply types of your own, and mark the fields that hold the counts:
///
/// - `input`: all input tokens, cached ones included.
/// - `uncached`: the input tokens that were neither read from a cache nor written to it, as
///   Anthropic reports them. `cache_read`, `cache_write` and `cache_write_1h` are added to them.
/// - `cache_read`, `cache_write`: input tokens that were read from or written to a cache.
/// - `cache_write_1h`: input tokens that were written to a cache for one hour. They are not part of
///   `cache_write`, which are those written for five minutes.
/// - `input_audio`, `input_image`: input tokens that stand for audio or images.
/// - `output`: all output tokens, reasoning included.
/// - `reasoning`: output tokens that the model spent on reasoning.
/// - `output_audio`, `output_image`: output tokens that stand for audio or images.
/// - `model`: the model that the reply names.
/// - `flatten`: another struct with some of the counts. Counts that this struct has itself take
///   precedence.
/// - `nested`: another `TokenUsage`, which is used if this struct has no counts of its own. Of
///   several, the first that has usage is used.
///
/// Counts are integers of any type, [`NonZero`](std::num::NonZero) ones, or an `Option` of one. A
/// negative count is treated as not known.
///
/// References, `Box`, `Arc`, `Option`, `Result`, axum's `Json`, and tuples of two to four elements
/// whose last one carries usage pass the usage of the inner value on. An `Err` is a failed call,
/// with `finish_reason="error"`; [`CallError`](crate::call::CallError) says why it failed. A
/// [`serde_json::Value`] is read as the reply of a model API.
///
/// # Panics in an implementation
///
/// A panic in a method is caught: the call is recorded without usage or without model, and its
/// reply is returned. A `tracing` event at level `WARN` names the type.
///
/// # Examples
///
/// ```
/// use streamgauge::{TokenUsage, Usage};
///
/// #[derive(TokenUsage)]
/// struct Counts {
///     #[token_usage(input)]
///     prompt_tokens: u32,
///     #[token_usage(output)]
///     completion_tokens: u32,
///     #[token_usage(flatten)]
///     details: Option<Details>,
/// }
///
/// #[derive(TokenUsage)]
/// struct Details {
///     #[token_usage(reasoning)]
///     reasoning_tokens: Option<u32>,
/// }
///
/// #[derive(TokenUsage)]
/// struct Reply {
///     #[token_usage(model)]
///     model: String,
///     #[token_usage(nested)]
///     usage: Option<Counts>,
/// }
///
/// let details = Some(Details { reasoning_tokens: Some(30) });
/// let usage = Counts { prompt_tokens: 12, completion_tokens: 34, details };
/// let reply = Reply { model: "small-1".to_owned(), usage: Some(usage) };
/// assert_eq!(reply.token_usage(), Some(Usage::new(12, 34).reasoning(30)));
/// assert_eq!(reply.model(), Some("small-1"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` carries no token usage",
    label = "not a `TokenUsage`",
    note = "derive `TokenUsage` for the reply type, and mark the fields that hold the counts",
    note = "if the function cannot return its usage, call `token_usage_context::record(usage)` in it",
    note = "with a `protocol`, usage is read from the bytes of a `reqwest::Response` or of a response of axum",
    note = "for reply types of async-openai or aws-sdk-bedrockruntime, enable the feature of streamgauge \
            that has the name of the crate"
)]
pub trait TokenUsage {
    /// Returns the usage, or `None` if this value carries none.
    fn token_usage(&self) -> Option<Usage>;

    /// Returns the model that the reply names. It becomes the `model` label if the attribute names
    /// no model.
    fn model(&self) -> Option<&str> {
        None
    }

    #[doc(hidden)]
    fn __kind(&self) -> ReplyKind {
        ReplyKind::Value
    }

    #[doc(hidden)]
    fn __details(&self) -> ReplyDetails {
        ReplyDetails::default()
    }
}

/// What a reply says of its call besides usage and model.
#[doc(hidden)]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplyDetails {
    pub(crate) finish: FinishReason,
    pub(crate) unread: Unread,
    pub(crate) operation: Operation,
    pub(crate) service_tier: Option<String>,
    /// In US dollars.
    pub(crate) provider_cost: Option<f64>,
    /// The parts of the usage that belong to other models than the one that the reply names.
    pub(crate) usage_by_other_models: Vec<(String, Usage)>,
}

/// When the usage of a reply is known.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// The value carries it.
    Value,
    /// When the stream that the value contains has ended. Until then the handler records it.
    Stream,
    /// Never: the call has failed.
    Failed,
}

impl TokenUsage for Usage {
    fn token_usage(&self) -> Option<Usage> {
        Some(*self)
    }
}

/// Implements the trait for a type by calling it on an inner value.
macro_rules! delegate {
    ($([$($generics:tt)*] $outer:ty, $self:ident => $inner:expr;)*) => {$(
        impl<$($generics)*> TokenUsage for $outer {
            fn token_usage(&$self) -> Option<Usage> {
                $inner.token_usage()
            }

            fn model(&$self) -> Option<&str> {
                $inner.model()
            }

            fn __kind(&$self) -> ReplyKind {
                $inner.__kind()
            }

            fn __details(&$self) -> ReplyDetails {
                $inner.__details()
            }
        }
    )*};
}

delegate! {
    [T: TokenUsage + ?Sized] &T, self => (**self);
    [T: TokenUsage + ?Sized] &mut T, self => (**self);
    [T: TokenUsage + ?Sized] Box<T>, self => (**self);
    [T: TokenUsage + ?Sized] Arc<T>, self => (**self);
    [A, T: TokenUsage] (A, T), self => self.1;
    [A, B, T: TokenUsage] (A, B, T), self => self.2;
    [A, B, C, T: TokenUsage] (A, B, C, T), self => self.3;
}

impl<T: TokenUsage> TokenUsage for Option<T> {
    fn token_usage(&self) -> Option<Usage> {
        self.as_ref()?.token_usage()
    }

    fn model(&self) -> Option<&str> {
        self.as_ref()?.model()
    }

    fn __kind(&self) -> ReplyKind {
        self.as_ref().map_or(ReplyKind::Value, T::__kind)
    }

    fn __details(&self) -> ReplyDetails {
        self.as_ref().map(T::__details).unwrap_or_default()
    }
}

impl<T: TokenUsage, E> TokenUsage for Result<T, E> {
    fn token_usage(&self) -> Option<Usage> {
        self.as_ref().ok()?.token_usage()
    }

    fn model(&self) -> Option<&str> {
        self.as_ref().ok()?.model()
    }

    fn __kind(&self) -> ReplyKind {
        self.as_ref().map_or(ReplyKind::Failed, T::__kind)
    }

    fn __details(&self) -> ReplyDetails {
        self.as_ref().map(T::__details).unwrap_or_default()
    }
}

#[cfg(feature = "axum")]
mod axum_replies {
    use std::pin::Pin;

    use axum::Json;
    use axum::body::Body;
    use axum::response::Sse;
    use futures_core::Stream;
    use http::Response;

    use super::{ReplyDetails, ReplyKind, TokenUsage, Usage};

    delegate! {
        [T: TokenUsage] Json<T>, self => self.0;
    }

    /// Replies that are streams: the handler records their usage with `token_usage_context`.
    macro_rules! impl_for_streams {
        ($([$($generics:tt)*] $reply:ty;)*) => {$(
            impl<$($generics)*> TokenUsage for $reply {
                fn token_usage(&self) -> Option<Usage> {
                    None
                }

                fn __kind(&self) -> ReplyKind {
                    ReplyKind::Stream
                }
            }
        )*};
    }

    impl_for_streams! {
        [] Body;
        [] Response<Body>;
        [S] Sse<S>;
        ['a, T] Pin<Box<dyn Stream<Item = T> + 'a>>;
        ['a, T] Pin<Box<dyn Stream<Item = T> + Send + 'a>>;
        ['a, T] Pin<Box<dyn Stream<Item = T> + Send + Sync + 'a>>;
    }
}
