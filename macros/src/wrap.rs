//! The shape that all attributes give a function: something before its body, something after.

use std::mem;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Expr, FnArg, Lifetime, Pat, Path, ReturnType, Signature, Token, Type, Visibility,
};

use crate::function::Function;
use crate::reply::bare;

/// The function with its body between `before` and `after` (an expression of the reply,
/// which is bound to the name given).
///
/// The body keeps its tokens and runs inside an async block, or in a closure, so that `return` and
/// `?` end there and not before `after` has run. A function that never returns has no `after`.
pub(crate) fn wrap(
    function: Function,
    krate: &Path,
    before: &Before<'_>,
    after: impl FnOnce(&Ident) -> TokenStream,
) -> Wrapped {
    let reply = Ident::new("__reply", Span::mixed_site());
    let never_returns = function.never_returns();
    let Function { attributes, visibility, mut signature, body } = function;
    let rebound = rebind(&mut signature.inputs, &before.mentioned());
    let before = &before.statements;
    let output = &signature.output;
    let label = Lifetime::new("'__body", Span::mixed_site());
    let body = quote! { { #rebound #label: #body } };
    let run = if signature.asyncness.is_some() {
        let edge = fake_return(output);
        quote! { async move { #edge #body }.await }
    } else if never_returns {
        body
    } else {
        let returns = closure_output(output);
        let edge = returns.is_none().then(|| fake_return(output));
        quote! { #krate::__private::call(move || #returns { #edge #body }) }
    };
    let run = if never_returns {
        run
    } else {
        let after = after(&reply);
        quote! { let #reply = #run; #after }
    };
    Wrapped { attributes, visibility, signature, body: quote! { { #before #run } } }
}

/// A function that has been wrapped.
pub(crate) struct Wrapped {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    pub(crate) signature: Signature,
    body: TokenStream,
}

impl ToTokens for Wrapped {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attributes, visibility, signature, body } = self;
        tokens.extend(quote! { #(#attributes)* #visibility #signature #body });
    }
}

/// What comes before a function's body.
pub(crate) struct Before<'a> {
    pub(crate) statements: TokenStream,
    /// The expressions over the arguments that the attribute was given, and that stand in the
    /// statements: an argument that only they use is no unused one.
    pub(crate) mentions: &'a [&'a Option<Expr>],
}

impl Before<'_> {
    fn mentioned(&self) -> Vec<String> {
        let expressions = self.mentions.iter().map(ToTokens::to_token_stream);
        expressions.flat_map(names_in).collect()
    }
}

/// Binds the arguments again, inside: they are moved in whether the body mentions them or not, and
/// dropped when and in the order the plain function drops them.
fn rebind<'a>(
    inputs: impl IntoIterator<Item = &'a mut FnArg>,
    mentioned: &[String],
) -> TokenStream {
    let mut rebound = TokenStream::new();
    for input in inputs {
        if let FnArg::Typed(argument) = input {
            let mut bindings = Bindings::default();
            bindings.visit_pat_mut(&mut argument.pat);
            let (kept, inner) = attributes_inside(mem::take(&mut argument.attrs));
            argument.attrs = kept;
            for (mutability, name) in bindings.0 {
                let used = mentioned.iter().any(|mentioned| name == mentioned);
                let used = used.then(|| quote! { #(#inner)* let _ = &#name; });
                // Clippy sees the user's name in `let x = x;` and takes it for the user's doing.
                rebound.extend(quote! {
                    #[allow(
                        clippy::no_effect_underscore_binding,
                        clippy::shadow_same,
                        clippy::used_underscore_binding
                    )]
                    #(#inner)*
                    let #mutability #name = #name;
                    #used
                });
            }
        }
    }
    rebound
}

/// An argument's attributes: those that stay on it, and those that its inner binding needs. Where an
/// argument is not configured in, neither is its binding; what is allowed of it is allowed there; and
/// what is expected of it can only happen there.
fn attributes_inside(attributes: Vec<Attribute>) -> (Vec<Attribute>, Vec<Attribute>) {
    let is = |attribute: &Attribute, names: &[&str]| {
        names.iter().any(|name| attribute.path().is_ident(name))
    };
    let inner = attributes.iter().filter(|attribute| {
        is(attribute, &["cfg", "cfg_attr", "allow", "warn", "deny", "forbid", "expect"])
    });
    let inner = inner.cloned().collect();
    let kept = attributes.into_iter().filter(|attribute| !is(attribute, &["expect"])).collect();
    (kept, inner)
}

/// Every identifier in some tokens, but for those of fields and methods.
pub(crate) fn names_in(tokens: TokenStream) -> Vec<String> {
    let mut names = Vec::new();
    let mut after_dot = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(name) if !after_dot => names.push(name.to_string()),
            TokenTree::Group(group) => names.extend(names_in(group.stream())),
            _ => {}
        }
        after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
    }
    names
}

/// Collects the names that a pattern binds by value. `mut` moves along to the inner binding.
#[derive(Default)]
struct Bindings(Vec<(Option<Token![mut]>, Ident)>);

impl VisitMut for Bindings {
    fn visit_pat_mut(&mut self, pattern: &mut Pat) {
        if let Pat::Ident(binding) = pattern
            && binding.by_ref.is_none()
        {
            self.0.push((binding.mutability.take(), binding.ident.clone()));
        }
        visit_mut::visit_pat_mut(self, pattern);
    }
}

/// An edge that is never taken, from which the compiler learns what the block returns before it
/// reads the body, so that coercions and errors are where they would be without the attribute.
fn fake_return(output: &ReturnType) -> TokenStream {
    let mut reply = match output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, reply) => (**reply).clone(),
    };
    EraseImplTrait::default().visit_type_mut(&mut reply);
    if matches!(bare(&reply), Type::Never(_) | Type::Infer(_)) {
        return TokenStream::new();
    }
    let value = Ident::new("__value", Span::mixed_site());
    quote! {
        if let ::core::option::Option::Some(#value) = ::core::option::Option::None::<#reply> {
            return #value;
        }
    }
}

/// The return type of a closure, where it can be written.
fn closure_output(output: &ReturnType) -> Option<TokenStream> {
    let ReturnType::Type(_, reply) = output else { return Some(quote! { -> () }) };
    (!has_impl_trait(reply)).then(|| output.to_token_stream())
}

/// Whether a type can only be written in a signature.
pub(crate) fn has_impl_trait(ty: &Type) -> bool {
    let mut erase = EraseImplTrait::default();
    erase.visit_type_mut(&mut ty.clone());
    erase.found
}

/// Replaces every `impl Trait` by `_`.
#[derive(Default)]
struct EraseImplTrait {
    found: bool,
}

impl VisitMut for EraseImplTrait {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if matches!(ty, Type::ImplTrait(_)) {
            self.found = true;
            *ty = syn::parse_quote!(_);
        }
        visit_mut::visit_type_mut(self, ty);
    }
}
