//! The argument `protocol`: which model API the bytes of a reply come from.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{LitStr, Path};

use crate::errors::Errors;
use crate::suggest::look_up;
use crate::tokens::hygienic;

/// The values of `protocol`, each with the variant of `streamgauge::__private::Protocol`.
const PROTOCOLS: &[(&str, &str)] = &[
    ("openai", "OpenAi"),
    ("anthropic", "Anthropic"),
    ("gemini", "Gemini"),
    ("ollama", "Ollama"),
    ("bedrock", "Bedrock"),
    ("cohere", "Cohere"),
    ("auto", "Auto"),
];

/// A protocol that the library can parse.
pub(crate) struct Protocol {
    variant: &'static str,
}

impl Protocol {
    /// Looks up the protocol that an argument names, or reports it.
    pub(crate) fn validate(name: Option<&LitStr>, errors: &mut Errors) -> Option<Self> {
        look_up("protocol", PROTOCOLS, name?, errors).map(|variant| Self { variant })
    }

    /// The path of the variant.
    pub(crate) fn expand(&self, krate: &Path) -> TokenStream {
        let variant = hygienic(self.variant);
        quote! { #krate::__private::Protocol::#variant }
    }
}

#[cfg(test)]
mod tests {
    use streamgauge::__private::Protocol;

    use super::PROTOCOLS;

    /// All variants. The `match` fails to compile when the runtime has another one.
    fn variants() -> [Protocol; 7] {
        use Protocol::{Anthropic, Auto, Bedrock, Cohere, Gemini, Ollama, OpenAi};
        match Auto {
            OpenAi | Anthropic | Gemini | Ollama | Bedrock | Cohere | Auto => {}
        }
        [OpenAi, Anthropic, Gemini, Ollama, Bedrock, Cohere, Auto]
    }

    #[test]
    fn protocols_are_those_of_the_runtime() {
        let runtime = variants().map(|protocol| format!("{protocol:?}"));
        let macros: Vec<_> = PROTOCOLS.iter().map(|(_, variant)| *variant).collect();
        assert_eq!(macros, runtime);
    }

    #[test]
    fn protocol_names_are_the_variants_in_lower_case() {
        for (name, variant) in PROTOCOLS {
            assert_eq!(*name, variant.to_lowercase());
        }
    }
}
