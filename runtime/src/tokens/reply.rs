//! Replies that carry token usage.

use std::sync::Arc;

use crate::usage::FinishReason;
use crate::usage::Usage;

/// A value that may carry the token usage of a model call.
///
/// Derive it for a reply of your own, and name the fields that hold the counts. A field marked
/// `nested` has usage of its own, which counts where the struct itself has none; of several the first that has
/// any. One marked `flatten` has a part of the struct's: the counts that the struct itself does not have.
///
/// `input` is all of the input. Where a reply tells it without what was read from a cache or written to it, as
/// Anthropic's does, mark it `uncached` instead: `cache_read` and `cache_write`, of the same struct or flattened
/// into it, are added.
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
///
/// Replies may be references, boxed, in an `Option`, a `Result`, axum's `Json`, or last in a tuple with status
/// and headers. A [`serde_json::Value`] is read as the reply of a model API that it is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` carries no token usage",
    label = "not a `TokenUsage`",
    note = "`#[derive(TokenUsage)]` on your reply names the fields that hold the counts",
    note = "a handler that cannot return its usage records it: `token_usage_context::record(usage)`",
    note = "for replies of async-openai and aws-sdk-bedrockruntime, enable streamgauge's feature of that name"
)]
pub trait TokenUsage {
    /// The usage; `None` if this value carries none.
    fn token_usage(&self) -> Option<Usage>;

    /// The model that the reply names, where it names one.
    fn model(&self) -> Option<&str> {
        None
    }

    #[doc(hidden)]
    fn __kind(&self) -> ReplyKind {
        ReplyKind::Value
    }

    #[doc(hidden)]
    fn __finish_reason(&self) -> FinishReason {
        FinishReason::Unknown
    }

    /// Whether there is usage that cannot be read.
    #[doc(hidden)]
    fn __unparsed(&self) -> bool {
        false
    }
}

/// When a reply's usage is known.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// Now.
    Value,
    /// When the stream in it has ended: usage is recorded by hand until then.
    Stream,
    /// Never: the call failed.
    Failed,
}

impl TokenUsage for Usage {
    fn token_usage(&self) -> Option<Usage> {
        Some(*self)
    }
}

/// Passes the trait through to what a value holds.
macro_rules! look_through {
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

            fn __finish_reason(&$self) -> FinishReason {
                $inner.__finish_reason()
            }

            fn __unparsed(&$self) -> bool {
                $inner.__unparsed()
            }
        }
    )*};
}

look_through! {
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

    fn __finish_reason(&self) -> FinishReason {
        self.as_ref().map_or(FinishReason::Unknown, T::__finish_reason)
    }

    fn __unparsed(&self) -> bool {
        self.as_ref().is_some_and(T::__unparsed)
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

    fn __finish_reason(&self) -> FinishReason {
        self.as_ref().map_or(FinishReason::Error, T::__finish_reason)
    }

    fn __unparsed(&self) -> bool {
        self.as_ref().is_ok_and(T::__unparsed)
    }
}

#[cfg(feature = "axum")]
mod of_axum {
    use std::pin::Pin;

    use axum::Json;
    use axum::body::Body;
    use axum::response::Sse;
    use futures_core::Stream;
    use http::Response;

    use super::{FinishReason, ReplyKind, TokenUsage, Usage};

    look_through! {
        [T: TokenUsage] Json<T>, self => self.0;
    }

    /// Replies that only stream: their usage comes by `token_usage_context`.
    macro_rules! streams {
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

    streams! {
        [] Body;
        [] Response<Body>;
        [S] Sse<S>;
        ['a, T] Pin<Box<dyn Stream<Item = T> + 'a>>;
        ['a, T] Pin<Box<dyn Stream<Item = T> + Send + 'a>>;
        ['a, T] Pin<Box<dyn Stream<Item = T> + Send + Sync + 'a>>;
    }
}
