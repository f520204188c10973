//! `#[streaming_metrics]`: meters the stream that a function returns.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Error, LitStr, Path};

use crate::arguments::Arguments;
use crate::errors::Errors;
use crate::function::Function;
use crate::model_call::{ModelCall, ModelCallArgs};
use crate::objective::{Condition, Objective};
use crate::return_type::{DeclaredItem, Reply, ReplyValue, TupleEnd, ValueKind, replace_value};
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
    objective: Option<(Ident, TokenStream)>,
    krate: Path,
}

impl Args {
    fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let known = &[
            "media_type",
            "protocol",
            "endpoint",
            "model",
            "provider",
            "operation",
            "objective",
            "crate",
        ];
        let mut given = Arguments::parse(NAME, known, tokens, errors);
        Self {
            call: ModelCallArgs::take(&mut given, errors),
            media_type: given.string("media_type", errors),
            objective: given.list("objective"),
            krate: given.crate_path(),
        }
    }
}

/// A valid use of the attribute.
struct MeteredFunction {
    function: Function,
    call: ModelCall,
    metering: Metering,
    /// How many `Result`s the stream is in.
    results: usize,
    /// The location of the stream's type, where the compiler reports that it cannot be metered.
    span: Span,
    objective: Objective,
    krate: Path,
}

/// How the stream is metered.
enum Metering {
    /// With a `media_type`: the function returns a response with the stream as its body.
    Respond { media_type: LitStr, item: Option<Box<DeclaredItem>>, head: Option<TupleHead> },
    /// The function returns the stream wrapped.
    Wrap,
    /// The function returns the response in a wrapper, which meters the response when axum creates
    /// it.
    WrapResponse,
    /// The type of the reply stays. Its traits decide whether the stream in it is replaced by a
    /// metered one, or the layer meters the body of the response that the reply becomes.
    Keep,
}

/// The elements of a tuple before the stream, which set the status and the headers.
struct TupleHead {
    parts: usize,
    /// The location of the tuple, where the compiler reports that a response cannot have a part.
    span: Span,
}

impl Metering {
    fn choose(value: &ReplyValue, media_type: Option<LitStr>) -> Self {
        if let Some(media_type) = media_type {
            let kind = value.last.as_ref().map_or(&value.kind, |last| &last.kind);
            let head = value
                .last
                .as_ref()
                .map(|last| TupleHead { parts: last.parts, span: value.ty.span() });
            let item = match kind {
                ValueKind::OpaqueStream(stream) => stream.declared.clone(),
                _ => None,
            };
            return Self::Respond { media_type, item, head };
        }
        match value.kind {
            ValueKind::OpaqueStream(_) => Self::Wrap,
            _ if value.is_opaque_response() => Self::WrapResponse,
            _ => Self::Keep,
        }
    }

    /// An expression that meters the stream in the variable `stream`.
    fn expand(&self, stream: &Ident, start: &Ident, span: Span, krate: &Path) -> TokenStream {
        let private = quote! { #krate::__private };
        let tokens = match self {
            Self::Respond { media_type, item, head } => {
                // A response does not show the type of the items, which the body may have to infer.
                let item = item.as_ref().map(|item| &item.ty).map(|ty| quote! { ::<#ty, _> });
                let Some(head) = head else {
                    let respond = located_at(span, quote! { #private::response_from_stream });
                    let arguments = located_at(span, quote! { (&#start, #media_type, #stream) });
                    return quote! { #respond #item #arguments };
                };
                let parts = (0..head.parts).map(|index| hygienic(&format!("__part{index}")));
                let parts: Vec<_> = parts.collect();
                let [head_variable, last] = ["__head", "__last"].map(hygienic);
                let build = quote! { #private::response_head((#(#parts,)* #private::StreamHead)) };
                let build = located_at(head.span, build);
                let respond = located_at(span, quote! { #private::response_with_head });
                let arguments = quote! { (&#start, #media_type, #head_variable, #last) };
                let arguments = located_at(span, arguments);
                return quote! {{
                    let (#(#parts,)* #last) = #stream;
                    let #head_variable = #build;
                    #respond #item #arguments
                }};
            }
            Self::Wrap => quote! { #private::stream(&#start, #stream) },
            Self::WrapResponse => quote! { #private::meter_opaque(&#start, #stream) },
            Self::Keep => quote! { #private::meter_kind!(&#stream).meter(&#start, #stream) },
        };
        located_at(span, tokens)
    }
}

impl MeteredFunction {
    fn validate(args: Args, function: Option<Function>, errors: &mut Errors) -> Option<Self> {
        let Args { call, media_type, objective, krate } = args;
        let conditions = [Condition::FirstToken];
        let objective_name = objective.as_ref().map(|(name, _)| name.clone());
        let objective = Objective::validate(objective, &conditions, call.endpoint.as_ref(), errors);
        let without_protocol = call.labels_without_protocol();
        let call = ModelCall::validate(call, errors);
        // After another error, `protocol` may be missing because it was wrong.
        if errors.is_empty() {
            for (name, value) in without_protocol {
                let message = format!(
                    "`{name}` labels the model call that is read with a `protocol`: add a \
                     `protocol`, or remove `{name}`"
                );
                errors.at(value, message);
            }
            if let Some(name) = objective_name.filter(|_| call.protocol.is_none()) {
                let message = "the first token is read from a reply with a `protocol`: add a \
                               `protocol`, such as `protocol = \"openai\"`";
                errors.at(&name, message.to_owned());
            }
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
                    None => {
                        value.validate_opaque(errors);
                        refuse_tuple_of_stream(value, errors);
                    }
                }
                let results = value.results(media_type.is_some());
                let last = value.last.as_ref().filter(|_| media_type.is_some());
                let span = last.map_or(value.ty.span(), |last| last.ty.span());
                let metering = Metering::choose(value, media_type);
                return Some(Self { function, call, metering, results, span, objective, krate });
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
        let Self { function, call, metering, results, span, objective, krate } = self;
        let objective = objective.expand(&krate);
        let private = quote! { #krate::__private };
        let start = hygienic("__start");
        let arguments = call.open_arguments("streams", &objective, &function, &krate);
        let mut labels = call.bind_labels(&krate);
        if let Metering::Respond { item: Some(item), .. } = &metering {
            let bound = &item.bound;
            // The signature loses the trait, whose import would become unused.
            labels.extend(quote! { let _ = ::core::marker::PhantomData::<dyn #bound>; });
        }
        let is_call = call.protocol.is_some();
        let close = |reply: &Ident| {
            let stream = |depth: usize| match depth {
                0 => reply.clone(),
                depth => hygienic(&format!("__ok{depth}")),
            };
            let metered = metering.expand(&stream(results), &start, span, &krate);
            let close = (0..results).rev().fold(metered, |metered, depth| {
                let [result, ok] = [depth, depth + 1].map(stream);
                quote! { #private::meter_ok(&#start, #result, |#ok| #metered) }
            });
            let note = is_call.then(|| quote! { #private::note_failure_of!(&#start, &#reply); });
            quote! { #note #close }
        };
        let recording = Recording {
            attribute: NAME,
            krate: &krate,
            labels,
            identifiers: call.identifiers(),
            guard: start.clone(),
            open: quote! { #private::StreamStart::new(#arguments) },
            enters_call: is_call,
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
    let kind = value.last.as_ref().map_or(&value.kind, |last| &last.kind);
    let name = match kind {
        ValueKind::OpaqueResponse => "impl IntoResponse".to_owned(),
        ValueKind::Response(name) => name.to_string(),
        ValueKind::OpaqueStream(_) | ValueKind::Opaque | ValueKind::Plain => return,
    };
    let message = format!(
        "`media_type` turns a stream into a response, and `{name}` is one already; remove \
         `media_type`"
    );
    errors.at(media_type, message);
}

/// Reports a tuple with an `impl Stream`, which only a `media_type` makes a response.
fn refuse_tuple_of_stream(value: &ReplyValue, errors: &mut Errors) {
    let Some(TupleEnd { kind: ValueKind::OpaqueStream(_), ty, .. }) = &value.last else { return };
    let message = "a stream in a tuple becomes a response only with a `media_type`, as in \
                   media_type = \"text/event-stream\"";
    errors.at(ty, message);
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
