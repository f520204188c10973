//! `#[streaming_metrics]`: meters the stream that a function returns.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Error, LitStr, Path};

use crate::arguments::Arguments;
use crate::errors::Errors;
use crate::function::Function;
use crate::model_call::{ModelCall, ModelCallArgs};
use crate::return_type::{DeclaredItem, Reply, ReplyValue, ValueKind, replace_value};
use crate::tokens::{hygienic, located_at};
use crate::wrap::{Recording, wrap};

const NAME: &str = "streaming_metrics";

/// Expands the attribute.
pub(crate) fn attribute(args: TokenStream, item: TokenStream) -> Result<TokenStream, Error> {
    let mut errors = Errors::default();
    let args = Args::parse(args, &mut errors);
    let function = errors.keep(Function::parse(NAME, item));
    let metered = MeteredFunction::validate(args, function, &mut errors);
    errors.finish()?;
    Ok(metered.map(MeteredFunction::expand).unwrap_or_default())
}

/// The arguments as written.
struct Args {
    call: ModelCallArgs,
    media_type: Option<LitStr>,
    krate: Path,
}

impl Args {
    fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let known = &["media_type", "protocol", "endpoint", "model", "provider", "crate"];
        let mut given = Arguments::parse(NAME, known, tokens, errors);
        Self {
            call: ModelCallArgs::take(&mut given, errors),
            media_type: given.string("media_type", errors),
            krate: given.crate_path(),
        }
    }
}

/// A valid use of the attribute.
struct MeteredFunction {
    function: Function,
    call: ModelCall,
    metering: Metering,
    /// Whether the stream is the `T` of a `Result<T, E>`.
    in_result: bool,
    /// The location of the stream's type, where the compiler reports that it cannot be metered.
    span: Span,
    krate: Path,
}

/// How the stream is metered.
enum Metering {
    /// With a `media_type`: the function returns a response with the stream as its body.
    Respond { media_type: LitStr, item: Option<Box<DeclaredItem>> },
    /// The function returns the stream wrapped.
    Wrap,
    /// The layer meters the body of the response that the reply becomes.
    ByLayer,
    /// The stream in the reply is replaced by a metered one of the same type.
    InPlace,
}

impl Metering {
    fn choose(value: &ReplyValue, media_type: Option<LitStr>) -> Self {
        if let Some(media_type) = media_type {
            let item = match &value.kind {
                ValueKind::OpaqueStream(stream) => stream.declared.clone(),
                _ => None,
            };
            return Self::Respond { media_type, item };
        }
        match value.kind {
            ValueKind::OpaqueStream(_) => Self::Wrap,
            ValueKind::OpaqueResponse => Self::ByLayer,
            ValueKind::Response(_) | ValueKind::Plain => Self::InPlace,
        }
    }

    /// An expression that meters the stream in the variable `stream`.
    fn expand(&self, stream: &Ident, start: &Ident, span: Span, krate: &Path) -> TokenStream {
        let private = quote! { #krate::__private };
        let tokens = match self {
            Self::Respond { media_type, item } => {
                let respond = located_at(span, quote! { #private::response_from_stream });
                // A response does not show the type of the items, which the body may have to infer.
                let item = item.as_ref().map(|item| &item.ty).map(|ty| quote! { ::<#ty, _> });
                let arguments = located_at(span, quote! { (&#start, #media_type, #stream) });
                return quote! { #respond #item #arguments };
            }
            Self::Wrap => quote! { #private::stream(&#start, #stream) },
            Self::ByLayer => quote! { #private::expect_response(&#start, #stream) },
            Self::InPlace => quote! { #private::meter(&#start, #stream) },
        };
        located_at(span, tokens)
    }
}

impl MeteredFunction {
    fn validate(args: Args, function: Option<Function>, errors: &mut Errors) -> Option<Self> {
        let Args { call, media_type, krate } = args;
        let provider_alone = call.provider.clone().filter(|_| call.protocol.is_none());
        let call = ModelCall::validate(call, errors);
        // After another error, `protocol` may be missing because it was wrong.
        if let Some(provider) = provider_alone.filter(|_| errors.is_empty()) {
            let message = "`provider` labels the token usage that is read with a `protocol`: add a \
                           `protocol`, or remove `provider`";
            errors.at(provider, message);
        }
        if let Some(media_type) = &media_type {
            validate_media_type(media_type, errors);
            errors.require_axum("`media_type`", media_type);
        }
        let function = function?;
        let reason = match &function.returns.reply {
            Reply::Value(value) => {
                match &media_type {
                    Some(media_type) => refuse_response(value, media_type, errors),
                    None => value.validate_opaque(errors),
                }
                let (in_result, span) = (value.in_result, value.ty.span());
                let metering = Metering::choose(value, media_type);
                return Some(Self { function, call, metering, in_result, span, krate });
            }
            Reply::Unit => "returns nothing",
            Reply::Never => "never returns",
        };
        let message = format!(
            "#[{NAME}] meters the stream or response that a function returns, and this one \
             {reason}; annotate the function that returns the stream"
        );
        errors.at(function.reply_tokens(), message);
        None
    }

    fn expand(self) -> TokenStream {
        let Self { function, call, metering, in_result, span, krate } = self;
        let private = quote! { #krate::__private };
        let start = hygienic("__start");
        let arguments = call.open_arguments("streams", &function, &krate);
        let mut labels = call.bind_labels(&krate);
        if let Metering::Respond { item: Some(item), .. } = &metering {
            let bound = &item.bound;
            // The signature loses the trait, whose import would become unused.
            labels.extend(quote! { let _ = ::core::marker::PhantomData::<dyn #bound>; });
        }
        let close = |reply: &Ident| {
            if !in_result {
                return metering.expand(reply, &start, span, &krate);
            }
            let stream = hygienic("__stream");
            let metered = metering.expand(&stream, &start, span, &krate);
            quote! { ::core::result::Result::map(#reply, |#stream| #metered) }
        };
        let recording = Recording {
            attribute: NAME,
            krate: &krate,
            labels,
            identifiers: call.identifiers(),
            guard: start.clone(),
            open: quote! { #private::StreamStart::new(#arguments) },
            close: &close,
        };
        let mut wrapped = wrap(function, &recording);
        if matches!(metering, Metering::Respond { .. }) {
            let response = syn::parse_quote!(#private::Response);
            replace_value(&mut wrapped.signature, response);
        }
        wrapped.into_token_stream()
    }
}

/// Reports a `media_type` on a function that returns a response already.
fn refuse_response(value: &ReplyValue, media_type: &LitStr, errors: &mut Errors) {
    let name = match &value.kind {
        ValueKind::OpaqueResponse => "impl IntoResponse".to_owned(),
        ValueKind::Response(name) => name.to_string(),
        ValueKind::OpaqueStream(_) | ValueKind::Plain => return,
    };
    let message = format!(
        "`media_type` turns a stream into a response, and `{name}` is one already; remove \
         `media_type`"
    );
    errors.at(media_type, message);
}

/// Reports a media type that is not `type/subtype` with optional parameters, or that cannot be the
/// value of a header.
fn validate_media_type(media_type: &LitStr, errors: &mut Errors) {
    let is_token = |token: &str| {
        !token.is_empty()
            && token.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
    };
    let value = media_type.value();
    let (essence, parameters) = value.split_once(';').unwrap_or((&value, ""));
    let has_both = essence
        .trim_end()
        .split_once('/')
        .is_some_and(|(ty, subtype)| is_token(ty) && is_token(subtype));
    if !has_both || !parameters.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        let message = "a media type is written `type/subtype`, as in \"text/event-stream\"";
        errors.at(media_type, message);
    }
}
