//! `#[track_tokens]`: records the token usage of a model call.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Error, Path, Type};

use crate::arguments::Arguments;
use crate::errors::Errors;
use crate::function::Function;
use crate::model_call::{ModelCall, ModelCallArgs};
use crate::return_type::{Reply, ReplyValue, ValueKind};
use crate::tokens::{hygienic, located_at};
use crate::wrap::{Recording, wrap};

const NAME: &str = "track_tokens";

/// Expands the attribute.
pub(crate) fn attribute(args: TokenStream, item: TokenStream) -> Result<TokenStream, Error> {
    let mut errors = Errors::default();
    let args = Args::parse(args, &mut errors);
    let function = errors.keep(Function::parse(NAME, item));
    let tracked = TrackedFunction::validate(args, function, &mut errors);
    errors.finish()?;
    Ok(tracked.map(TrackedFunction::expand).unwrap_or_default())
}

/// The arguments as written.
struct Args {
    call: ModelCallArgs,
    separate: bool,
    krate: Path,
}

impl Args {
    fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let known =
            &["model", "provider", "operation", "protocol", "endpoint", "separate", "crate"];
        let mut given = Arguments::parse(NAME, known, tokens, errors);
        Self {
            call: ModelCallArgs::take(&mut given, errors),
            separate: given.flag("separate"),
            krate: given.crate_path(),
        }
    }
}

/// A valid use of the attribute.
struct TrackedFunction {
    function: Function,
    call: ModelCall,
    usage: UsageSource,
    /// Whether each call of the function counts, whatever calls are made within it.
    separate: bool,
    krate: Path,
}

/// Where the usage of a call comes from.
enum UsageSource {
    /// The reply implements `TokenUsage`. The compiler reports at `span` that a reply does not.
    Reply { span: Span },
    /// The reply is an `impl Stream`. The handler records its usage while the stream is sent.
    Manual,
    /// The bytes of the reply, with a `protocol`.
    Bytes(ReplyBytes),
}

/// A reply whose bytes are read.
struct ReplyBytes {
    reached: BytesReached,
    /// How many `Result`s they are in.
    results: usize,
    /// The location of their type, where the compiler reports that the type has no bytes.
    span: Span,
}

/// How the expansion reaches the bytes.
enum BytesReached {
    /// The reply is an `impl Stream`, which is returned wrapped.
    InStream,
    /// The reply is an `impl IntoResponse`, which is returned in a wrapper that reads the response
    /// when axum creates it.
    InResponse,
    /// The traits that the type of the reply implements decide.
    ByType,
}

impl UsageSource {
    fn choose(value: &ReplyValue, output: &Type, has_protocol: bool) -> Self {
        if has_protocol {
            let reached = match value.kind {
                ValueKind::OpaqueStream(_) => BytesReached::InStream,
                _ if value.is_opaque_response() => BytesReached::InResponse,
                _ => BytesReached::ByType,
            };
            let (results, span) = (value.results(false), value.ty.span());
            return Self::Bytes(ReplyBytes { reached, results, span });
        }
        match value.last.as_ref().map_or(&value.kind, |last| &last.kind) {
            ValueKind::OpaqueStream(_) => Self::Manual,
            _ => Self::Reply { span: output.span() },
        }
    }

    /// Statements and an expression that end the call in the variable `call` and evaluate to the
    /// reply.
    fn expand(&self, call: &Ident, reply: &Ident, krate: &Path) -> TokenStream {
        let private = quote! { #krate::__private };
        match self {
            Self::Reply { span } => {
                let finish = quote! { #private::finish_call(#call, &#reply); };
                let finish = located_at(*span, finish);
                quote! { #finish #reply }
            }
            Self::Manual => quote! {
                #private::finish_stream_call(#call, #private::inspect!(&#reply));
                #reply
            },
            Self::Bytes(ReplyBytes { reached, results, span }) => {
                let variables = |depth: usize| match depth {
                    0 => [call.clone(), reply.clone()],
                    depth => ["call", "ok"].map(|name| hygienic(&format!("__{name}{depth}"))),
                };
                let [call, reply] = variables(*results);
                let read = match reached {
                    BytesReached::InStream => quote! { #private::read_stream(#call, #reply) },
                    BytesReached::InResponse => quote! { #private::read_opaque(#call, #reply) },
                    BytesReached::ByType => {
                        quote! { #private::read_kind!(&#reply).read(#call, #reply) }
                    }
                };
                let read = located_at(*span, read);
                (0..*results).rev().fold(read, |read, depth| {
                    let [[call, result], [ok_call, ok]] = [depth, depth + 1].map(variables);
                    quote! { #private::read_ok(#call, #result, |#ok_call, #ok| #read) }
                })
            }
        }
    }
}

impl TrackedFunction {
    fn validate(args: Args, function: Option<Function>, errors: &mut Errors) -> Option<Self> {
        let has_protocol = args.call.protocol.is_some();
        let call = ModelCall::validate(args.call, errors);
        let function = function?;
        let reason = match &function.returns.reply {
            Reply::Value(value) => {
                // Without a protocol the reply is not wrapped.
                if has_protocol {
                    value.validate_opaque(errors);
                }
                let usage = UsageSource::choose(value, &function.returns.output, has_protocol);
                let Args { separate, krate, .. } = args;
                return Some(Self { function, call, usage, separate, krate });
            }
            Reply::Unit => {
                "returns nothing; call `token_usage_context::record` in it, and annotate its caller"
            }
            Reply::Never => "never returns; annotate a function that returns the reply of a model",
        };
        let message = format!(
            "#[{NAME}] reads token usage from the value that a function returns, and this one \
             {reason}"
        );
        errors.at(function.reply_tokens(), message);
        None
    }

    fn expand(self) -> TokenStream {
        let Self { function, call, usage, separate, krate } = self;
        let private = quote! { #krate::__private };
        let guard = hygienic("__call");
        let settings = if separate {
            quote! { .separate() }
        } else {
            TokenStream::new()
        };
        let arguments = call.open_arguments("tokens", &settings, &function, &krate);
        let recording = Recording {
            attribute: NAME,
            krate: &krate,
            labels: call.bind_labels(&krate),
            identifiers: call.identifiers(),
            guard: guard.clone(),
            open: quote! { #private::start_call(#arguments) },
            enters_call: true,
            close: &|reply| {
                let close = usage.expand(&guard, reply, &krate);
                quote! { #private::note_failure_of!(&#guard, &#reply); #close }
            },
        };
        wrap(function, &recording).into_token_stream()
    }
}
