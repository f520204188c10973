//! Binds a function's arguments again, inside the async block or closure that its body moves into.
//!
//! The block then captures every argument, whether the body mentions it or not, and drops them at
//! the time and in the order in which the plain function would.

use std::mem;

use proc_macro2::{Group, Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, FnArg, Pat, PatType, Receiver, ReceiverKind, Token};

use crate::tokens::{hygienic, identifiers_in, located_at};

/// Returns the statements that bind `inputs` again before `body`, and changes patterns among the
/// inputs to plain names.
///
/// `used` are the identifiers that attributes of the function use. Arguments of such names do not
/// count as unused.
pub(super) fn rebind<'a>(
    inputs: impl IntoIterator<Item = &'a mut FnArg>,
    body: &Group,
    used: &[String],
) -> TokenStream {
    inputs
        .into_iter()
        .enumerate()
        .map(|(index, input)| match input {
            FnArg::Receiver(receiver) => capture_self(receiver, body).unwrap_or_default(),
            FnArg::Typed(argument) => rebind_argument(argument, index, used),
        })
        .collect()
}

/// Captures all of a `self` that is passed by value. A closure would otherwise capture only the
/// fields that the body mentions. A body without `self` does not capture it, so that it is dropped
/// last, like in the plain function.
fn capture_self(receiver: &Receiver, body: &Group) -> Option<TokenStream> {
    let token = &receiver.self_token;
    let by_value = !matches!(receiver.kind, ReceiverKind::Reference(..));
    let is_used = by_value && identifiers_in(body.stream()).iter().any(|name| name == "self");
    is_used.then(|| quote! { let _ = &#token; })
}

fn rebind_argument(argument: &mut PatType, index: usize, used: &[String]) -> TokenStream {
    let (outer, inner) = split_attributes(mem::take(&mut argument.attrs));
    argument.attrs = outer;
    let is_used = |name: &String| used.contains(name);
    let keeps_pattern = is_plain_name(&argument.pat)
        || identifiers_in(argument.pat.to_token_stream()).iter().any(is_used);
    if !keeps_pattern {
        return destructure_inside(argument, index, &inner);
    }
    let mut bindings = Bindings::default();
    bindings.visit_pat_mut(&mut argument.pat);
    let bindings = bindings.0.into_iter().map(|(mutability, name)| {
        let is_used = is_used(&name.to_string());
        let usage = is_used.then(|| quote! { #(#inner)* let _ = &#name; });
        // In `let x = x;` both names are the user's tokens, which Clippy takes for the user's code.
        quote! {
            #[allow(
                clippy::no_effect_underscore_binding,
                clippy::shadow_same,
                clippy::used_underscore_binding
            )]
            #(#inner)*
            let #mutability #name = #name;
            #usage
        }
    });
    bindings.collect()
}

fn is_plain_name(pattern: &Pat) -> bool {
    matches!(pattern, Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none())
}

/// Names an argument and moves its pattern inside, where the parts that the pattern does not bind
/// are dropped as in the plain function.
fn destructure_inside(
    argument: &mut PatType,
    index: usize,
    attributes: &[Attribute],
) -> TokenStream {
    let name = hygienic(&format!("__arg{index}"));
    let mut pattern = mem::replace(&mut *argument.pat, syn::parse_quote!(#name));
    let mut borrows = HasRefMut(false);
    borrows.visit_pat_mut(&mut pattern);
    let mutability = borrows.0.then(|| quote! { mut });
    // The compiler's error about a refutable pattern points at the pattern.
    let bind = located_at(pattern.span(), quote! { let });
    let destructure = (!matches!(pattern, Pat::Wild(_))).then(|| {
        quote! { #(#attributes)* #bind #pattern = #name; }
    });
    quote! { #(#attributes)* let #mutability #name = #name; #destructure }
}

/// Splits an argument's attributes into those that stay on it and those that its inner binding
/// needs: conditions and lint levels apply to both, but a lint that is expected can only fire
/// inside.
fn split_attributes(attributes: Vec<Attribute>) -> (Vec<Attribute>, Vec<Attribute>) {
    let is = |attribute: &Attribute, names: &[&str]| {
        names.iter().any(|name| attribute.path().is_ident(name))
    };
    let inner = attributes.iter().filter(|attribute| {
        is(attribute, &["cfg", "cfg_attr", "allow", "warn", "deny", "forbid", "expect"])
    });
    let inner = inner.cloned().collect();
    let outer = attributes.into_iter().filter(|attribute| !is(attribute, &["expect"])).collect();
    (outer, inner)
}

/// Collects the names that a pattern binds by value, and removes their `mut`, which belongs on the
/// inner binding.
#[derive(Default)]
struct Bindings(Vec<(Option<Token![mut]>, Ident)>);

impl VisitMut for Bindings {
    fn visit_pat_mut(&mut self, pattern: &mut Pat) {
        match pattern {
            Pat::Ident(binding) if binding.by_ref.is_none() => {
                self.0.push((binding.mutability.take(), binding.ident.clone()));
            }
            _ => {}
        }
        visit_mut::visit_pat_mut(self, pattern);
    }
}

/// Whether a pattern contains `ref mut`.
struct HasRefMut(bool);

impl VisitMut for HasRefMut {
    fn visit_pat_mut(&mut self, pattern: &mut Pat) {
        if let Pat::Ident(binding) = pattern {
            self.0 |= binding.by_ref.is_some() && binding.mutability.is_some();
        }
        visit_mut::visit_pat_mut(self, pattern);
    }
}
