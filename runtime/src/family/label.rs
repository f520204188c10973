//! The closed sets of label values: what is not in a set cannot become a label.

/// Declares an enum whose variants are the only values of one label. An `indexed` one can stand as
/// the index of a table.
macro_rules! closed_set {
    (indexed $(#[$doc:meta])* $vis:vis $set:ident { $($body:tt)* }) => {
        closed_set! { $(#[$doc])* $vis $set { $($body)* } }
        closed_set! { @index $vis $set { $($body)* } }
    };
    (@index $vis:vis $set:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        impl $set {
            /// How many values the set has: the length of a table indexed by [`Self::index`].
            $vis const COUNT: usize = [$($text),*].len();

            /// The place of this value in a table of [`Self::COUNT`] entries.
            $vis const fn index(self) -> usize {
                self as usize
            }
        }
    };
    ($(#[$doc:meta])* $vis:vis $set:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $set { $($(#[$variant_doc])* $variant,)* }

        impl $set {
            /// The label's value.
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

closed_set! {
    /// The `method` label: the methods of RFC 9110 and PATCH, and one value for all others, because
    /// a client may send any token it likes.
    #[doc(hidden)]
    pub Method {
        /// GET
        Get = "GET",
        /// HEAD
        Head = "HEAD",
        /// POST
        Post = "POST",
        /// PUT
        Put = "PUT",
        /// DELETE
        Delete = "DELETE",
        /// PATCH
        Patch = "PATCH",
        /// OPTIONS
        Options = "OPTIONS",
        /// TRACE
        Trace = "TRACE",
        /// CONNECT
        Connect = "CONNECT",
        /// Any other token.
        Other = "_OTHER",
        /// Not known: a function that was called outside any request.
        Unknown = "",
    }
}

impl From<&http::Method> for Method {
    fn from(method: &http::Method) -> Self {
        match *method {
            http::Method::GET => Self::Get,
            http::Method::HEAD => Self::Head,
            http::Method::POST => Self::Post,
            http::Method::PUT => Self::Put,
            http::Method::DELETE => Self::Delete,
            http::Method::PATCH => Self::Patch,
            http::Method::OPTIONS => Self::Options,
            http::Method::TRACE => Self::Trace,
            http::Method::CONNECT => Self::Connect,
            _ => Self::Other,
        }
    }
}

closed_set! {
    /// The `outcome` label of a request.
    pub(crate) Outcome {
        Success = "success",
        ClientError = "client_error",
        ServerError = "server_error",
        Cancelled = "cancelled",
        Panic = "panic",
    }
}

closed_set! {
    /// The `error_type` label of a request.
    pub(crate) ErrorType {
        Client = "client",
        Server = "server",
        Stream = "stream",
        Panic = "panic",
    }
}

closed_set! { indexed
    /// The `outcome` label of a stream.
    pub(crate) StreamOutcome {
        Complete = "complete",
        ClientDisconnect = "client_disconnect",
        StreamError = "stream_error",
        ErrorEvent = "error_event",
        Truncated = "truncated",
        Panic = "panic",
    }
}

closed_set! { indexed
    /// The pair of labels `token_type` and `detail`, as one place in the partition of a call's tokens.
    pub(crate) TokenClass {
        InputUncached = "uncached",
        InputCacheRead = "cache_read",
        InputCacheWrite = "cache_write",
        InputUnspecified = "unspecified",
        OutputResponse = "response",
        OutputReasoning = "reasoning",
        OutputUnspecified = "unspecified",
    }
}

impl TokenClass {
    /// The side of the call that the class belongs to.
    pub(crate) const fn token_type(self) -> TokenType {
        match self {
            Self::InputUncached
            | Self::InputCacheRead
            | Self::InputCacheWrite
            | Self::InputUnspecified => TokenType::Input,
            Self::OutputResponse | Self::OutputReasoning | Self::OutputUnspecified => {
                TokenType::Output
            }
        }
    }
}

closed_set! { indexed
    /// The `token_type` label.
    pub(crate) TokenType {
        Input = "input",
        Output = "output",
    }
}

closed_set! { indexed
    /// The `finish_reason` label of a model call.
    pub FinishReason {
        Unknown = "",
        Stop = "stop",
        Length = "length",
        ToolCalls = "tool_calls",
        ContentFilter = "content_filter",
        Error = "error",
        Cancelled = "cancelled",
        Other = "other",
    }
}

closed_set! { indexed
    /// The `reason` label of a model call that closed without usage.
    pub(crate) MissingReason {
        NotSent = "not_sent",
        Disconnected = "disconnected",
        Unparsed = "unparsed",
    }
}
