//! The argument `operation`: what the model does in a call.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{LitStr, Path};

use crate::errors::Errors;
use crate::suggest::look_up;
use crate::tokens::hygienic;

/// The values of `operation`, each with the variant of `streamgauge::__private::Operation`.
const OPERATIONS: &[(&str, &str)] = &[
    ("chat", "Chat"),
    ("completion", "Completion"),
    ("embedding", "Embedding"),
    ("rerank", "Rerank"),
    ("transcription", "Transcription"),
    ("image", "Image"),
    ("other", "Other"),
];

/// An operation that the label `operation` can have.
pub(crate) struct Operation {
    variant: &'static str,
}

impl Operation {
    /// Looks up the operation that an argument names, or reports it.
    pub(crate) fn validate(name: Option<&LitStr>, errors: &mut Errors) -> Option<Self> {
        look_up("operation", OPERATIONS, name?, errors).map(|variant| Self { variant })
    }

    /// The path of the variant.
    pub(crate) fn expand(&self, krate: &Path) -> TokenStream {
        let variant = hygienic(self.variant);
        quote! { #krate::__private::Operation::#variant }
    }
}

#[cfg(test)]
mod tests {
    use streamgauge::__private::Operation;

    use super::OPERATIONS;

    /// All variants that an attribute can name. The `match` fails to compile when the runtime has
    /// another one.
    fn variants() -> [Operation; 7] {
        use Operation::{
            Chat, Completion, Embedding, Image, Other, Rerank, Transcription, Unknown,
        };
        match Unknown {
            Unknown | Chat | Completion | Embedding | Rerank | Transcription | Image | Other => {}
        }
        [Chat, Completion, Embedding, Rerank, Transcription, Image, Other]
    }

    #[test]
    fn operations_are_those_of_the_runtime() {
        let runtime = variants().map(|operation| (operation.as_str(), format!("{operation:?}")));
        let macros: Vec<_> = OPERATIONS.iter().map(|(name, variant)| (*name, *variant)).collect();
        let runtime: Vec<_> = runtime.iter().map(|(name, variant)| (*name, &**variant)).collect();
        assert_eq!(macros, runtime);
    }
}
