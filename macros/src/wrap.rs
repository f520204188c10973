//! The shape that all attributes give a function: something before its body, something after.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Expr, Lifetime, Path, ReturnType, Signature, Type, Visibility};

use crate::body::{CAUGHT, is_caught, is_stub, may_leave, names_in};
use crate::function::Function;
use crate::future::ReturnedFuture;
use crate::rebind::rebind;
use crate::reply::bare;
use crate::site::{located, mixed_site};

/// The function with its body between `before` and `after` (an expression of the reply,
/// which is bound to the name given).
///
/// A function that never returns has no `after`. One that returns a future has both in there.
pub(crate) fn wrap(
    function: Function,
    krate: &Path,
    before: &Before<'_>,
    after: impl FnOnce(&Ident) -> TokenStream,
) -> Wrapped {
    let never_returns = function.never_returns().is_some();
    let mut output = function.outcome();
    EraseImplTrait::default().visit_type_mut(&mut output);
    let Function { attributes, visibility, mut signature, body, .. } = function;
    let is_async = signature.asyncness.is_some();
    // Of a body that is still to be written it is not known what it returns.
    let is_stub = is_stub(&body)
        && matches!(&signature.output, ReturnType::Type(_, reply) if has_impl_trait(reply));
    let future = match &mut signature.output {
        ReturnType::Type(_, reply) if !is_async && !is_stub => ReturnedFuture::of(reply),
        _ => None,
    };
    let boxed = future.map(|future| future.boxed);
    let never_returns = never_returns || is_stub;
    let in_place =
        stays_in_place(&attributes, &signature, &body) || boxed.is_none() && never_returns;
    let run = if in_place {
        in_its_place(before.attribute, &signature.output, &body)
    } else {
        caught(before.attribute, &mut signature, krate, &body, &before.mentioned(&attributes))
    };
    let reply = mixed_site("__reply");
    let Before { labels, guard, start, .. } = before;
    let mark = Lifetime::new(&format!("'{CAUGHT}"), Span::mixed_site());
    let recorded = match boxed {
        None if never_returns => {
            let run = run.forever();
            quote! { #mark: { #labels let #guard = #start; #run } }
        }
        None => {
            let (run, after) = (run.bind(&reply), after(&reply));
            quote! { #mark: { #labels let #guard = #start; #run #after } }
        }
        Some(boxed) => {
            let made = mixed_site("__future");
            let (run, after) = (run.bind(&made), after(&reply));
            if boxed {
                // As an async trait's method ends, and as others who look for one will find it.
                quote! {
                    #labels
                    #run
                    ::std::boxed::Box::pin(async move {
                        let #guard = #start;
                        let #reply: #output = #made.await;
                        #after
                    })
                }
            } else {
                quote! {
                    #mark: {
                        #labels
                        #run
                        #[allow(clippy::result_large_err)]
                        let #made = #krate::__private::returned::<#output, _, _, _, _, _>(
                            #made,
                            move || #start,
                            move |#guard, #reply| { #after },
                        );
                        #made
                    }
                }
            }
        }
    };
    let mut whole = Group::new(Delimiter::Brace, recorded);
    // An item that ends with a brace of ours would not be the user's: no one would miss it if it were
    // never called.
    whole.set_span(body.span());
    Wrapped { attributes, visibility, signature, body: whole }
}

/// Whether a body stays in its function, since nothing needs to catch what it leaves with. The future of
/// an async function is then no deeper than it was, and its arguments are not moved once more. What a
/// synchronous one has to say of borrows the compiler says better of a closure; but in one,
/// `#[track_caller]` would track the attribute.
fn stays_in_place(attributes: &[Attribute], signature: &Signature, body: &Group) -> bool {
    let tracks_caller = || attributes.iter().any(|other| other.path().is_ident("track_caller"));
    is_caught(body) || (signature.asyncness.is_some() || tracks_caller()) && !may_leave(body)
}

/// The value of a body, and the type that its binding must be given.
enum Run {
    /// In the function itself.
    Here { tokens: TokenStream, ty: Option<TokenStream> },
    /// In a closure that is called.
    Called(TokenStream),
}

impl Run {
    /// Runs the body and binds its value. What clippy has to say of the type it says where the user wrote
    /// it.
    fn bind(&self, name: &Ident) -> TokenStream {
        match self {
            // It is assigned: what initialises a `let` may keep the body's temporaries alive.
            Self::Here { tokens, ty } => {
                let ty = ty.as_ref().map(|ty| quote! { : #ty });
                quote! {
                    #[allow(clippy::type_complexity)]
                    let #name #ty;
                    #name = #tokens;
                }
            }
            Self::Called(tokens) => quote! {
                #[allow(clippy::result_large_err, clippy::type_complexity)]
                let #name = #tokens;
            },
        }
    }

    /// Runs a body that gives no value.
    fn forever(&self) -> &TokenStream {
        match self {
            Self::Here { tokens, .. } | Self::Called(tokens) => tokens,
        }
    }
}

fn in_its_place(attribute: &str, output: &ReturnType, body: &Group) -> Run {
    let labelled = labelled(attribute, body);
    let Some(ty) = written(output) else { return Run::Here { tokens: labelled, ty: None } };
    let end = Lifetime::new("'__end", Span::mixed_site().located_at(body.span()));
    let edge = edge(&ty, &quote! { _ }, &quote! { break #end });
    Run::Here { tokens: quote! { #end: { #edge #labelled } }, ty: Some(ty.into_token_stream()) }
}

/// The body as an expression that is not merely braces. Its label is the body's own in place and edition,
/// or that block's temporaries would live as in ours; so it is none that another attribute gives it, nor
/// likely the user. Where the body lacks its last value, the compiler says so of the labelled block.
fn labelled(attribute: &str, body: &Group) -> TokenStream {
    let label = Lifetime::new(&format!("'__{attribute}"), body.span());
    quote! { #label: #body }
}

/// The body in an async block or a closure, where `return` and `?` end.
fn caught(
    attribute: &str,
    signature: &mut Signature,
    krate: &Path,
    body: &Group,
    mentioned: &[String],
) -> Run {
    let rebound = rebind(&mut signature.inputs, body, mentioned);
    let labelled = labelled(attribute, body);
    let mut inside = Group::new(Delimiter::Brace, quote! { #rebound #labelled });
    inside.set_span(Span::mixed_site().located_at(body.span()));
    let ty = written(&signature.output);
    let edge = ty.as_ref().map(|ty| edge(ty, &ty.to_token_stream(), &quote! { return }));
    if signature.asyncness.is_some() {
        let ty = ty.map(ToTokens::into_token_stream);
        return Run::Here { tokens: quote! { async move { #edge #inside }.await }, ty };
    }
    // What is wrong with the closure is wrong with the function.
    let place = signature.ident.span();
    let closure = located(place, quote! { move || });
    let closure = match &signature.output {
        ReturnType::Default => {
            let unit = located(place, quote! { -> () });
            quote! { #closure #unit #inside }
        }
        ReturnType::Type(_, reply) if has_impl_trait(reply) => {
            quote! { #closure { #edge #inside } }
        }
        ReturnType::Type(..) => {
            let output = &signature.output;
            quote! { #closure #output #inside }
        }
    };
    Run::Called(quote! { #krate::__private::call(#closure) })
}

/// A function that has been wrapped.
pub(crate) struct Wrapped {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    pub(crate) signature: Signature,
    body: Group,
}

impl ToTokens for Wrapped {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attributes, visibility, signature, body } = self;
        tokens.extend(quote! { #(#attributes)* #visibility #signature #body });
    }
}

/// What comes before a function's body.
pub(crate) struct Before<'a> {
    /// The attribute's name.
    pub(crate) attribute: &'a str,
    /// Statements that read the arguments, before the body takes them.
    pub(crate) labels: TokenStream,
    /// The record that is open while the body runs.
    pub(crate) guard: Ident,
    /// What opens it, when the body begins.
    pub(crate) start: TokenStream,
    /// The expressions over the arguments that the attribute was given, and that stand in `labels`:
    /// an argument that only they use is no unused one.
    pub(crate) mentions: &'a [&'a Option<Expr>],
}

impl Before<'_> {
    /// The names that this attribute uses, or another that is still to come.
    fn mentioned(&self, attributes: &[Attribute]) -> Vec<String> {
        let expressions = self.mentions.iter().map(ToTokens::to_token_stream);
        let attributes = attributes.iter().map(ToTokens::to_token_stream);
        expressions.chain(attributes).flat_map(names_in).collect()
    }
}

/// An edge that is never taken, on which a value of a type `leave`s. From it the compiler learns that
/// what follows can be reached, and what the block comes to before it reads the body, so that
/// coercions and errors are where they would be without the attribute.
fn edge(ty: &Type, shown: &TokenStream, leave: &TokenStream) -> TokenStream {
    let value = mixed_site("__value");
    let leave = located(ty.span(), quote! { #leave #value });
    quote! {
        if let ::core::option::Option::Some(#value) = ::core::option::Option::None::<#shown> {
            #leave;
        }
    }
}

/// The return type as it can be written in a body; `None` where that would say nothing.
fn written(output: &ReturnType) -> Option<Type> {
    let mut reply = match output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, reply) => (**reply).clone(),
    };
    EraseImplTrait::default().visit_type_mut(&mut reply);
    (!matches!(bare(&reply), Type::Never(_) | Type::Infer(_))).then_some(reply)
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

#[cfg(test)]
mod tests {
    use proc_macro2::{TokenStream, TokenTree};
    use quote::{ToTokens, quote};

    use crate::instrument_endpoint::attribute;

    fn tokens(source: &str) -> TokenStream {
        source.parse().expect("tokens")
    }

    /// Everything up to the body, and the body.
    fn split(expanded: TokenStream) -> (String, TokenStream) {
        let mut tokens: Vec<TokenTree> = expanded.into_iter().collect();
        let body = tokens.pop().map(TokenTree::into_token_stream).unwrap_or_default();
        (tokens.into_iter().collect::<TokenStream>().to_string(), body)
    }

    fn holds(tokens: TokenStream, wanted: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Group(group) => group.to_string() == wanted || holds(group.stream(), wanted),
            _ => false,
        })
    }

    /// As it is while someone types: an editor asks for what may follow the dot.
    #[test]
    fn an_unfinished_body_stays_in_a_function_that_resolves() {
        for body in ["{ request. }", "{ let x = request. ; if x { return } }", "{ request.id? + }"]
        {
            let body = tokens(body).to_string();
            for start in ["async fn f(request: Request) -> u32", "pub fn f(request: Request)"] {
                let item = tokens(&format!("{start} {body}"));
                let expanded = attribute(quote! {}, item).expect("the function is recorded");
                let (signature, expanded) = split(expanded);
                assert_eq!(signature, tokens(start).to_string());
                assert!(holds(expanded, &body), "{body}");
            }
        }
    }
}
