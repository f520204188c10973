//! Runs the body of a function as an expression, in one of three ways.

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Lifetime, Path, ReturnType, Signature, Type};

use super::inspect::may_exit_early;
use super::rebind::rebind;
use crate::tokens::{hygienic, located_at};
use crate::types::{erase_impl_trait, has_impl_trait, ungrouped};

/// The body of an annotated function.
pub(super) struct Body<'a> {
    /// The name of the attribute that is being expanded.
    pub(super) attribute: &'a str,
    /// The path of streamgauge.
    pub(super) krate: &'a Path,
    /// The body with its braces.
    pub(super) block: &'a Group,
}

/// An expression that runs a body and evaluates to its value.
pub(super) enum Evaluation {
    /// A block. The variable that its value is assigned to has the type `ty`.
    Block { expression: TokenStream, ty: Option<TokenStream> },
    /// A call of a closure, which declares its own type.
    Closure { expression: TokenStream },
}

impl Evaluation {
    /// Statements that run the body and bind its value.
    ///
    /// Clippy's findings about the type are allowed here, because Clippy also reports them where
    /// the user wrote the type.
    pub(super) fn bind(&self, name: &Ident) -> TokenStream {
        match self {
            // A `let` with the body as its initializer could extend the life of temporaries. The
            // lints are allowed because Clippy has already judged these types in the user's
            // signature.
            Self::Block { expression, ty } => {
                let ty = ty.as_ref().map(|ty| quote! { : #ty });
                quote! {
                    #[allow(clippy::type_complexity)]
                    let #name #ty;
                    #name = #expression;
                }
            }
            Self::Closure { expression } => quote! {
                #[allow(clippy::result_large_err, clippy::type_complexity)]
                let #name = #expression;
            },
        }
    }
}

impl ToTokens for Evaluation {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let (Self::Block { expression, .. } | Self::Closure { expression }) = self;
        expression.to_tokens(tokens);
    }
}

impl Body<'_> {
    /// Leaves the body in the function. The body must not leave the function early.
    ///
    /// ```text
    /// '__end: {
    ///     if false { /* type hint */ }
    ///     '__instrument_endpoint: { /* body */ }
    /// }
    /// ```
    pub(super) fn in_place(&self, output: &ReturnType) -> Evaluation {
        let ty = writable(output);
        let expression = self.hinted_block(ty.as_ref(), &quote! { _ });
        Evaluation::Block { expression, ty: ty.map(ToTokens::into_token_stream) }
    }

    /// The body in a block of this type, which the body must not leave early. `annotation` is `_`
    /// if the compiler expects the type of the block there.
    fn hinted_block(&self, ty: Option<&Type>, annotation: &impl ToTokens) -> TokenStream {
        let block = self.labelled();
        let Some(ty) = ty else { return block };
        let end = Lifetime::new("'__end", Span::mixed_site().located_at(self.block.span()));
        let hint = type_hint(ty, annotation, &quote! { break #end });
        quote! { #end: { #hint #block } }
    }

    /// Moves the body into an async block, which catches `return` and `?`.
    ///
    /// ```text
    /// async move {
    ///     if false { /* type hint */ }
    ///     {
    ///         let argument = argument;
    ///         '__instrument_endpoint: { /* body */ }
    ///     }
    /// }.await
    /// ```
    ///
    /// With `entered`, the variable of a guard, the block is polled within the call of that guard:
    /// it becomes `within_call(&guard, async move { … }).await`.
    pub(super) fn in_async_block(
        &self,
        signature: &mut Signature,
        used: &[String],
        entered: Option<&Ident>,
    ) -> Evaluation {
        let ty = writable(&signature.output);
        // The hint with `break` adds nothing to the compiler's errors about the type of the body.
        let (hint, block) = if may_exit_early(self.block) {
            let hint = ty.as_ref().map(|ty| type_hint(ty, ty, &quote! { return }));
            (hint, self.labelled())
        } else {
            (None, self.hinted_block(ty.as_ref(), &ty))
        };
        let inside = self.with_arguments(signature, used, &block);
        let mut future = quote! { async move { #hint #inside } };
        if let Some(guard) = entered {
            let krate = self.krate;
            future = quote! { #krate::__private::within_call(&#guard, #future) };
        }
        Evaluation::Block {
            expression: quote! { #future.await },
            ty: ty.map(ToTokens::into_token_stream),
        }
    }

    /// Moves the body into a closure, which catches `return` and `?`.
    ///
    /// ```text
    /// streamgauge::__private::call(move || -> T {
    ///     let argument = argument;
    ///     '__instrument_endpoint: { /* body */ }
    /// })
    /// ```
    ///
    /// A return type with `impl Trait` cannot be written on the closure, and becomes a type hint.
    pub(super) fn in_closure(&self, signature: &mut Signature, used: &[String]) -> Evaluation {
        let inside = self.with_arguments(signature, used, &self.labelled());
        // The compiler's errors about the closure point at the function's name.
        let place = signature.ident.span();
        let closure = located_at(place, quote! { move || });
        let closure = match &signature.output {
            ReturnType::Default => {
                let unit = located_at(place, quote! { -> () });
                quote! { #closure #unit #inside }
            }
            ReturnType::Type(_, returned) if has_impl_trait(returned) => {
                let ty = writable(&signature.output);
                let hint = ty.map(|ty| type_hint(&ty, &ty, &quote! { return }));
                quote! { #closure { #hint #inside } }
            }
            output @ ReturnType::Type(..) => quote! { #closure #output #inside },
        };
        let krate = self.krate;
        Evaluation::Closure { expression: quote! { #krate::__private::call(#closure) } }
    }

    /// The body, which is in `block`, after statements that bind the arguments again.
    fn with_arguments(
        &self,
        signature: &mut Signature,
        used: &[String],
        block: &TokenStream,
    ) -> Group {
        let arguments = rebind(&mut signature.inputs, self.block, used);
        let mut inside = Group::new(self.block.delimiter(), quote! { #arguments #block });
        inside.set_span(Span::mixed_site().located_at(self.block.span()));
        inside
    }

    /// The body with a label, so that the lint `unused_braces` does not apply to a short one.
    ///
    /// The label has the body's location and edition, because the edition decides how long the
    /// temporaries of the block's last expression live. It is therefore visible to the user's code,
    /// and named after the attribute to differ from labels there. The compiler's error about a
    /// missing last expression points at the labelled block.
    fn labelled(&self) -> TokenStream {
        let label = Lifetime::new(&format!("'__{}", self.attribute), self.block.span());
        let block = self.block;
        quote! { #label: #block }
    }
}

/// A branch that is never taken, in which the block around it evaluates to a `ty`.
///
/// From it the compiler infers the block's type before it checks the body. Coercions in the body
/// and type errors are then the same as without the attribute. The compiler also learns that the
/// code after the block is reachable.
///
/// ```text
/// if false {
///     if let Some(__value) = None::<T> {
///         return __value;
///     }
/// }
/// ```
///
/// No code is generated for `if false`, not even in a debug build, so that a debugger steps over
/// the hint. The value comes from an `Option` because a call that returns an uninhabited type would
/// be reported as making the code after it unreachable.
fn type_hint(ty: &Type, annotation: &impl ToTokens, leave: &TokenStream) -> TokenStream {
    let value = hygienic("__value");
    let leave = located_at(ty.span(), quote! { #leave #value });
    quote! {
        if false {
            if let ::core::option::Option::Some(#value) =
                ::core::option::Option::None::<#annotation>
            {
                #leave;
            }
        }
    }
}

/// The return type as it can be written in a function's body, with `_` for `impl Trait`. `None` if
/// that would tell the compiler nothing.
fn writable(output: &ReturnType) -> Option<Type> {
    let returned = match output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, returned) => erase_impl_trait(returned),
    };
    (!matches!(ungrouped(&returned), Type::Never(_) | Type::Infer(_))).then_some(returned)
}
