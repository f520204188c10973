//! What `#[track_tokens]` and `#[streaming_metrics]` have in common: arguments that describe a
//! model call, and a call site by which two attributes of one function recognize each other.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, LitStr, Path};

use crate::arguments::Arguments;
use crate::endpoint::Endpoint;
use crate::errors::Errors;
use crate::function::Function;
use crate::label::LabelValue;
use crate::protocol::Protocol;
use crate::tokens::{hygienic, option};

/// The arguments as written.
pub(crate) struct ModelCallArgs {
    pub(crate) endpoint: Option<LitStr>,
    pub(crate) model: Option<Expr>,
    pub(crate) provider: Option<Expr>,
    pub(crate) protocol: Option<LitStr>,
}

impl ModelCallArgs {
    /// Takes these arguments from those of an attribute.
    pub(crate) fn take(given: &mut Arguments, errors: &mut Errors) -> Self {
        Self {
            endpoint: given.string("endpoint", errors),
            model: given.expression("model"),
            provider: given.expression("provider"),
            protocol: given.string("protocol", errors),
        }
    }
}

/// The arguments once they are valid.
pub(crate) struct ModelCall {
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) model: LabelValue,
    pub(crate) provider: LabelValue,
    pub(crate) protocol: Option<Protocol>,
}

impl ModelCall {
    pub(crate) fn validate(args: ModelCallArgs, errors: &mut Errors) -> Self {
        Self {
            endpoint: Endpoint::validate(args.endpoint, errors),
            model: LabelValue::validate("model", args.model, errors),
            provider: LabelValue::validate("provider", args.provider, errors),
            protocol: Protocol::validate(args.protocol.as_ref(), errors),
        }
    }

    /// The identifiers in the label values.
    pub(crate) fn identifiers(&self) -> Vec<String> {
        let Self { model, provider, .. } = self;
        provider.identifiers().into_iter().chain(model.identifiers()).collect()
    }

    /// A statement that evaluates the label values.
    pub(crate) fn bind_labels(&self, krate: &Path) -> TokenStream {
        let [provider, model] = label_variables();
        let values = [&self.provider, &self.model].map(|label| label.expand(krate));
        let [provider_value, model_value] = values;
        quote! { let (#provider, #model) = (#provider_value, #model_value); }
    }

    /// The arguments of the runtime function that opens the guard: the call site, the provider and
    /// the model. `kind` is the constructor of `streamgauge::__private::Site`.
    pub(crate) fn open_arguments(
        &self,
        kind: &str,
        function: &Function,
        krate: &Path,
    ) -> TokenStream {
        let private = quote! { #krate::__private };
        let [provider, model] = label_variables();
        let (kind, name) = (hygienic(kind), function.name());
        let endpoint = option(self.endpoint.as_ref());
        let protocol = option(self.protocol.as_ref().map(|protocol| protocol.expand(krate)));
        let position = position(&function.signature.ident);
        quote! {
            #private::site!(#private::Site::#kind(#name, #endpoint, #protocol)#position),
            #provider,
            #model,
        }
    }
}

/// The variables that hold the values of the labels `provider` and `model`.
fn label_variables() -> [Ident; 2] {
    ["__provider", "__model"].map(hygienic)
}

/// The call `.at(line, column)` on a call site: the position of the function's name in the source,
/// by which attributes of one function recognize each other.
///
/// The position comes from `line!` and `column!` at the span of the name, because the methods of
/// `proc_macro::Span` that return it need Rust 1.88. For a name in the body of a `macro_rules!`
/// macro it is the position of the macro's invocation. Two functions of one name that one
/// invocation declares in two blocks of the same function are therefore taken for one.
fn position(name: &Ident) -> TokenStream {
    quote_spanned! { name.span() => .at(::core::line!(), ::core::column!()) }
}
