//! Arguments bound again, inside the block or closure that a body moves into.
//!
//! There they are moved in whether the body mentions them or not, and dropped when and in the order
//! the plain function drops them.

use std::mem;

use proc_macro2::{Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, FnArg, Pat, PatType, Receiver, ReceiverKind, Token};

use crate::body::names_in;
use crate::site::located;

/// The bindings that stand before `body`, of the arguments in `inputs`. An argument that is
/// `mentioned` is used by the attribute, and so is no unused one.
pub(crate) fn rebind<'a>(
    inputs: impl IntoIterator<Item = &'a mut FnArg>,
    body: &Group,
    mentioned: &[String],
) -> TokenStream {
    inputs
        .into_iter()
        .enumerate()
        .map(|(place, input)| match input {
            FnArg::Receiver(receiver) => whole_self(receiver, body).unwrap_or_default(),
            FnArg::Typed(argument) => typed(argument, place, mentioned),
        })
        .collect()
}

/// A closure captures the parts of `self` that it names; mentioned as a whole, it is captured so. A body
/// that does not name it leaves it where it is, to be dropped last as ever.
fn whole_self(receiver: &Receiver, body: &Group) -> Option<TokenStream> {
    let itself = &receiver.self_token;
    let by_value = !matches!(receiver.kind, ReceiverKind::Reference(..));
    let is_named = by_value && names_in(body.stream()).iter().any(|name| name == "self");
    is_named.then(|| quote! { let _ = &#itself; })
}

fn typed(argument: &mut PatType, place: usize, mentioned: &[String]) -> TokenStream {
    let (kept, inner) = attributes_inside(mem::take(&mut argument.attrs));
    argument.attrs = kept;
    let is_mentioned = |name: &String| mentioned.contains(name);
    let stays = is_plain(&argument.pat)
        || names_in(argument.pat.to_token_stream()).iter().any(is_mentioned);
    if !stays {
        return taken_apart_inside(argument, place, &inner);
    }
    let mut bindings = Bindings::default();
    bindings.visit_pat_mut(&mut argument.pat);
    let bindings = bindings.0.into_iter().map(|(mutability, name)| {
        let used = is_mentioned(&name.to_string());
        let used = used.then(|| quote! { #(#inner)* let _ = &#name; });
        // Clippy sees the user's name in `let x = x;` and takes it for the user's doing.
        quote! {
            #[allow(
                clippy::no_effect_underscore_binding,
                clippy::shadow_same,
                clippy::used_underscore_binding
            )]
            #(#inner)*
            let #mutability #name = #name;
            #used
        }
    });
    bindings.collect()
}

/// A name, and nothing more.
fn is_plain(pattern: &Pat) -> bool {
    matches!(pattern, Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none())
}

/// An argument without a name of its own is given one, and its pattern moves along: what that leaves
/// behind is dropped where the plain function drops it.
fn taken_apart_inside(
    argument: &mut PatType,
    place: usize,
    attributes: &[Attribute],
) -> TokenStream {
    let name = Ident::new(&format!("__arg{place}"), Span::mixed_site());
    let mut pattern = mem::replace(&mut *argument.pat, syn::parse_quote!(#name));
    let mut borrows = BorrowsMutably(false);
    borrows.visit_pat_mut(&mut pattern);
    let mutability = borrows.0.then(|| quote! { mut });
    // At the pattern, where one that does not always match is to be mended.
    let bind = located(pattern.span(), quote! { let });
    let take_apart = (!matches!(pattern, Pat::Wild(_))).then(|| {
        quote! { #(#attributes)* #bind #pattern = #name; }
    });
    quote! { #(#attributes)* let #mutability #name = #name; #take_apart }
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

/// Collects the names that a pattern binds by value. `mut` moves along to the inner binding.
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

/// Whether a pattern has a `ref mut` in it.
struct BorrowsMutably(bool);

impl VisitMut for BorrowsMutably {
    fn visit_pat_mut(&mut self, pattern: &mut Pat) {
        if let Pat::Ident(binding) = pattern {
            self.0 |= binding.by_ref.is_some() && binding.mutability.is_some();
        }
        visit_mut::visit_pat_mut(self, pattern);
    }
}
