//! Protocols of model APIs, as an attribute names them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{LitStr, Path};

use crate::errors::Errors;
use crate::suggest::nearest;

/// The protocols by name, and by the name of our enum's variant.
const PROTOCOLS: &[(&str, &str)] = &[
    ("openai", "OpenAi"),
    ("anthropic", "Anthropic"),
    ("gemini", "Gemini"),
    ("ollama", "Ollama"),
    ("bedrock", "Bedrock"),
    ("auto", "Auto"),
];

/// Checks the name of a protocol.
pub(crate) fn check(protocol: Option<&LitStr>, errors: &mut Errors) {
    let Some(protocol) = protocol else { return };
    let value = protocol.value();
    if variant(&value).is_some() {
        return;
    }
    let names: Vec<_> = PROTOCOLS.iter().map(|(name, _)| *name).collect();
    let message = match nearest(&value.to_lowercase(), &names) {
        Some(meant) => format!("{value:?} is no protocol that is read; did you mean \"{meant}\"?"),
        None => format!("{value:?} is no protocol that is read; those are {}", names.join(", ")),
    };
    errors.at(protocol, message);
}

fn variant(name: &str) -> Option<&'static str> {
    PROTOCOLS.iter().find(|(known, _)| *known == name).map(|(_, variant)| *variant)
}

/// The protocol, as an `Option`.
pub(crate) fn expand(krate: &Path, protocol: Option<&LitStr>) -> TokenStream {
    match protocol.and_then(|protocol| variant(&protocol.value())) {
        Some(variant) => {
            let variant = Ident::new(variant, Span::mixed_site());
            quote! { ::core::option::Option::Some(#krate::__private::Protocol::#variant) }
        }
        None => quote! { ::core::option::Option::None },
    }
}
