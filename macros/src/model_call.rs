//! What `#[track_tokens]` and `#[streaming_metrics]` have in common: arguments that describe a
//! model call.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{Expr, LitStr, Path};

use crate::arguments::Arguments;
use crate::endpoint::Endpoint;
use crate::errors::Errors;
use crate::function::Function;
use crate::label::LabelValue;
use crate::operation::Operation;
use crate::protocol::Protocol;
use crate::tokens::{hygienic, option};

/// The arguments as written.
pub(crate) struct ModelCallArgs {
    pub(crate) endpoint: Option<LitStr>,
    pub(crate) model: Option<Expr>,
    pub(crate) provider: Option<Expr>,
    pub(crate) operation: Option<LitStr>,
    pub(crate) protocol: Option<LitStr>,
}

impl ModelCallArgs {
    /// Takes these arguments from those of an attribute.
    pub(crate) fn take(given: &mut Arguments, errors: &mut Errors) -> Self {
        Self {
            endpoint: given.string("endpoint", errors),
            model: given.expression("model"),
            provider: given.expression("provider"),
            operation: given.string("operation", errors),
            protocol: given.string("protocol", errors),
        }
    }

    /// The arguments that only label a model call, if there is no `protocol` by which a stream is a
    /// model call. Each with its name.
    pub(crate) fn labels_without_protocol(&self) -> Vec<(&'static str, TokenStream)> {
        if self.protocol.is_some() {
            return Vec::new();
        }
        let provider = self.provider.as_ref().map(ToTokens::to_token_stream);
        let operation = self.operation.as_ref().map(ToTokens::to_token_stream);
        let labels = [("provider", provider), ("operation", operation)];
        labels.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// The arguments once they are valid.
pub(crate) struct ModelCall {
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) model: LabelValue,
    pub(crate) provider: LabelValue,
    pub(crate) operation: Option<Operation>,
    pub(crate) protocol: Option<Protocol>,
}

impl ModelCall {
    pub(crate) fn validate(args: ModelCallArgs, errors: &mut Errors) -> Self {
        Self {
            endpoint: Endpoint::validate(args.endpoint, errors),
            model: LabelValue::validate("model", args.model, errors),
            provider: LabelValue::validate("provider", args.provider, errors),
            operation: Operation::validate(args.operation.as_ref(), errors),
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
    /// the model. `kind` is the constructor of `streamgauge::__private::Site`; `settings` are calls
    /// of its other methods.
    pub(crate) fn open_arguments(
        &self,
        kind: &str,
        settings: &TokenStream,
        function: &Function,
        krate: &Path,
    ) -> TokenStream {
        let private = quote! { #krate::__private };
        let [provider, model] = label_variables();
        let (kind, name) = (hygienic(kind), function.name());
        let endpoint = option(self.endpoint.as_ref());
        let protocol = option(self.protocol.as_ref().map(|protocol| protocol.expand(krate)));
        let operation = self.operation.as_ref().map(|operation| {
            let operation = operation.expand(krate);
            quote! { .with_operation(#operation) }
        });
        quote! {
            #private::site!(
                #private::Site::#kind(#name, #endpoint, #protocol)#operation #settings
            ),
            #provider,
            #model,
        }
    }
}

/// The variables that hold the values of the labels `provider` and `model`.
fn label_variables() -> [Ident; 2] {
    ["__provider", "__model"].map(hygienic)
}
