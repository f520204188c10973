//! The expansion that all attributes have in common: a guard that is opened before a function's
//! body and closed with its reply.
//!
//! A guard that is dropped instead records that the call was cancelled or panicked. The body runs
//! so that `return` and `?` in it do not leave the function past the end of the guard, see
//! [`Body`].

mod body;
mod inspect;
mod rebind;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, Lifetime, Path, Signature};

use self::body::{Body, Evaluation};
use self::inspect::{EXPANSION_LABEL, is_expansion, is_placeholder, may_exit_early};
use crate::function::Function;
use crate::return_type::{FutureKind, Reply};
use crate::tokens::{hygienic, identifiers_in};
use crate::types::{erase_impl_trait, has_impl_trait};

/// The code that an attribute adds to a function.
pub(crate) struct Recording<'a> {
    /// The name of the attribute.
    pub(crate) attribute: &'a str,
    /// The path of streamgauge.
    pub(crate) krate: &'a Path,
    /// Statements that read the arguments, before the body moves them.
    pub(crate) labels: TokenStream,
    /// The identifiers in `labels`. Arguments of such names do not count as unused.
    pub(crate) identifiers: Vec<String>,
    /// The variable that holds the guard.
    pub(crate) guard: Ident,
    /// An expression that opens the guard.
    pub(crate) open: TokenStream,
    /// Statements and an expression that close the guard, given the variable that holds the reply.
    /// They evaluate to the value that the function returns.
    pub(crate) close: &'a dyn Fn(&Ident) -> TokenStream,
    /// Whether the body runs within the call of the guard, so that calls made in it find that call.
    pub(crate) enters_call: bool,
}

/// Replaces the body of a function by one that records.
pub(crate) fn wrap(function: Function, recording: &Recording<'_>) -> Function {
    let Function { attributes, visibility, mut signature, body: block, returns } = function;
    let Recording { attribute, krate, .. } = *recording;
    let returned = match &signature.output {
        syn::ReturnType::Default => None,
        syn::ReturnType::Type(_, returned) => Some(returned),
    };
    // The type behind an `impl Trait` is unknown until the body is written.
    let is_unwritten =
        is_placeholder(&block) && returned.is_some_and(|returned| has_impl_trait(returned));
    let diverges =
        is_unwritten || returns.future.is_none() && matches!(returns.reply, Reply::Never);
    let body = Body { attribute, krate, block: &block };
    // Only an async block can be polled within a call.
    let needs_async_block = recording.enters_call && signature.asyncness.is_some();
    let is_in_place = stays_in_place(&attributes, &signature, &block) && !needs_async_block;
    let evaluation = if diverges || is_in_place {
        body.in_place(&signature.output)
    } else {
        let used = recording.used_identifiers(&attributes);
        match signature.asyncness {
            Some(_) => {
                let enters = recording.enters_call.then_some(&recording.guard);
                body.in_async_block(&mut signature, &used, enters)
            }
            None => body.in_closure(&mut signature, &used),
        }
    };
    let statements = match returns.future {
        _ if diverges => diverging(recording, &evaluation),
        None => returning_reply(recording, &evaluation, signature.asyncness.is_some()),
        Some(FutureKind::Opaque) => {
            opaque_future(recording, &evaluation, &erase_impl_trait(&returns.output))
        }
        Some(FutureKind::Boxed) => {
            boxed_future(recording, &evaluation, &erase_impl_trait(&returns.output))
        }
    };
    let mut body = Group::new(Delimiter::Brace, statements);
    // With the user's braces the item counts as the user's, and the lint `dead_code` applies to it.
    body.set_span(block.span());
    Function { attributes, visibility, signature, body, returns }
}

/// Whether a body can stay in its function because it does not leave it early. The future of an
/// async function is then not nested in another one, and does not move its arguments once more.
///
/// Without need a synchronous body moves into a closure as well, because the compiler's errors
/// about borrows are better there. With `#[track_caller]` it stays, since in a closure the location
/// of the caller would be that of the attribute.
fn stays_in_place(attributes: &[Attribute], signature: &Signature, block: &Group) -> bool {
    let tracks_caller = || attributes.iter().any(|other| other.path().is_ident("track_caller"));
    let prefers_place = signature.asyncness.is_some() || tracks_caller();
    is_expansion(block) || prefers_place && !may_exit_early(block)
}

/// A function that never returns. Only a drop of the guard, by a panic or cancellation, records it.
///
/// ```text
/// '__streamgauge: {
///     let (__provider, __model) = (/* labels */);
///     let __guard = start(&SITE);
///     /* body */
/// }
/// ```
fn diverging(recording: &Recording<'_>, body: &Evaluation) -> TokenStream {
    let Recording { labels, guard, open, .. } = recording;
    let label = expansion_label();
    quote! { #label: { #labels let #guard = #open; #body } }
}

/// A function, async or not, that returns its reply itself. A synchronous body that runs within the
/// call enters it here; an async one is polled within it, see [`Body::in_async_block`].
///
/// ```text
/// '__streamgauge: {
///     let (__provider, __model) = (/* labels */);
///     let __guard = start(&SITE);
///     let __entered = enter_call(&__guard);
///     let __reply: T;
///     __reply = /* body */;
///     drop(__entered);
///     finish(__guard, inspect(&__reply));
///     __reply
/// }
/// ```
fn returning_reply(recording: &Recording<'_>, body: &Evaluation, is_async: bool) -> TokenStream {
    let Recording { krate, labels, guard, open, close, enters_call, .. } = recording;
    let [reply, entered] = ["__reply", "__entered"].map(hygienic);
    let (label, mut bind, close) = (expansion_label(), body.bind(&reply), close(&reply));
    if *enters_call && !is_async {
        // Declared after the guard, so that a panic leaves the call before it closes it.
        bind = quote! {
            let #entered = #krate::__private::enter_call(&#guard);
            #bind
            ::core::mem::drop(#entered);
        };
    }
    quote! { #label: { #labels let #guard = #open; #bind #close } }
}

/// A function that returns an `impl Future`. The call lasts from the first poll of the future to
/// its end.
///
/// ```text
/// '__streamgauge: {
///     let (__provider, __model) = (/* labels */);
///     let __future = /* body */;
///     let __future = returned::<T, _, _, _, _, _>(
///         __future,
///         move || start(&SITE),
///         move |__guard, __reply| {
///             finish(__guard, inspect(&__reply));
///             __reply
///         },
///     );
///     __future
/// }
/// ```
fn opaque_future(recording: &Recording<'_>, body: &Evaluation, output: &syn::Type) -> TokenStream {
    let Recording { krate, labels, guard, open, close, .. } = recording;
    let [reply, future] = ["__reply", "__future"].map(hygienic);
    let (label, bind, close) = (expansion_label(), body.bind(&future), close(&reply));
    // Clippy reports a large `Err` of the closure, which only passes it on.
    quote! {
        #label: {
            #labels
            #bind
            #[allow(clippy::result_large_err)]
            let #future = #krate::__private::returned::<#output, _, _, _, _, _>(
                #future,
                move || #open,
                move |#guard, #reply| { #close },
            );
            #future
        }
    }
}

/// A function that returns a boxed future, such as a method of an `#[async_trait]` impl. The call
/// lasts from the first poll of the future to its end.
///
/// ```text
/// let (__provider, __model) = (/* labels */);
/// let __future = /* body */;
/// Box::pin(async move {
///     let __guard = start(&SITE);
///     let __reply: T = within_call(&__guard, __future).await;
///     finish(__guard, inspect(&__reply));
///     __reply
/// })
/// ```
///
/// The function ends with `Box::pin(async move { … })` because attributes of other crates look for
/// that in such methods.
fn boxed_future(recording: &Recording<'_>, body: &Evaluation, output: &syn::Type) -> TokenStream {
    let Recording { krate, labels, guard, open, close, enters_call, .. } = recording;
    let [reply, future] = ["__reply", "__future"].map(hygienic);
    let (bind, close) = (body.bind(&future), close(&reply));
    let awaited = if *enters_call {
        quote! { #krate::__private::within_call(&#guard, #future) }
    } else {
        quote! { #future }
    };
    quote! {
        #labels
        #bind
        ::std::boxed::Box::pin(async move {
            let #guard = #open;
            let #reply: #output = #awaited.await;
            #close
        })
    }
}

fn expansion_label() -> Lifetime {
    Lifetime::new(&format!("'{EXPANSION_LABEL}"), Span::mixed_site())
}

impl Recording<'_> {
    /// The identifiers that this attribute uses, or another one that will be expanded after it.
    fn used_identifiers(&self, attributes: &[Attribute]) -> Vec<String> {
        let attributes = attributes.iter().map(ToTokens::to_token_stream);
        let others = attributes.flat_map(identifiers_in);
        self.identifiers.iter().cloned().chain(others).collect()
    }
}
