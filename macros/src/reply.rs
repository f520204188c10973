//! What the tokens of a return type say about the stream in it.

use syn::{GenericArgument, Path, PathArguments, Type, TypeParamBound};

use crate::errors::Errors;

/// Where a reply's stream is: the reply itself, or the `Ok` of a `Result`.
pub(crate) struct StreamPlace<'a> {
    pub(crate) in_result: bool,
    pub(crate) form: StreamForm,
    pub(crate) ty: &'a Type,
}

/// The `Stream<Item = T>` of an `impl Stream<Item = T>`, and its `T`; of an `impl TryStream` the `Result` of
/// what it says. With its item named, either is a trait that an object can be of.
pub(crate) fn stream_bound(stream: &Type) -> Option<(Path, Type)> {
    let Type::ImplTrait(opaque) = stream else { return None };
    opaque.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let last = bound.path.segments.last()?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        let ty = |name: &str| {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::AssocType(item) if item.ident == name => Some(&item.ty),
                _ => None,
            })
        };
        let item = if last.ident == "Stream" {
            ty("Item")?.clone()
        } else if last.ident == "TryStream" {
            let (ok, error) = (ty("Ok")?, ty("Error")?);
            syn::parse_quote!(::core::result::Result<#ok, #error>)
        } else {
            return None;
        };
        let names_item = ty("Item").is_some();
        let mut bound = bound.path.clone();
        let arguments = bound.segments.last_mut().map(|last| &mut last.arguments);
        match arguments {
            Some(PathArguments::AngleBracketed(arguments)) if !names_item => {
                arguments.args.push(syn::parse_quote!(Item = #item));
            }
            _ => {}
        }
        Some((bound, item))
    })
}

/// A stream that comes back wrapped keeps the bounds it was promised with.
pub(crate) fn check_lost_bound(reply: &Type, errors: &mut Errors) {
    let place = StreamPlace::of(reply);
    if place.form != StreamForm::Opaque {
        return;
    }
    if let Some((bound, name)) = lost_bound(place.ty) {
        let message = format!("the stream comes back wrapped, and so is not `{name}` any more");
        errors.at(bound, message);
    }
}

/// A bound of an `impl Stream` that the wrapped stream does not satisfy.
fn lost_bound(stream: &Type) -> Option<(&Path, String)> {
    const KEPT: [&str; 6] = ["Stream", "TryStream", "FusedStream", "Send", "Sync", "Unpin"];
    let Type::ImplTrait(opaque) = stream else { return None };
    opaque.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let last = bound.path.segments.last()?;
        (!KEPT.iter().any(|kept| last.ident == kept)).then(|| (&bound.path, last.ident.to_string()))
    })
}

/// How a stream is written in a return type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamForm {
    /// `impl Stream<…>`
    Opaque,
    /// `impl` of something that is no stream: the reply is a response of hidden type.
    OpaqueResponse,
    /// A type that can be asked.
    Concrete,
}

impl<'a> StreamPlace<'a> {
    pub(crate) fn of(reply: &'a Type) -> Self {
        let ok = ok_type(reply);
        let ty = bare(ok.unwrap_or(reply));
        let form = match ty {
            Type::ImplTrait(opaque) => {
                let is_stream = opaque.bounds.iter().any(|bound| {
                    matches!(bound, TypeParamBound::Trait(bound)
                        if bound.path.segments.last().is_some_and(|last| ends_with(&last.ident, "Stream")))
                });
                if is_stream { StreamForm::Opaque } else { StreamForm::OpaqueResponse }
            }
            _ => StreamForm::Concrete,
        };
        Self { in_result: ok.is_some(), form, ty }
    }
}

impl StreamPlace<'_> {
    /// The name of what is at this place, if that is a response already.
    pub(crate) fn response(&self) -> Option<String> {
        match self.ty {
            Type::Path(path) => {
                let name = path.path.segments.last()?.ident.to_string();
                ["Response", "Body", "Sse"].contains(&name.as_str()).then_some(name)
            }
            _ => (self.form == StreamForm::OpaqueResponse).then(|| "impl IntoResponse".to_owned()),
        }
    }
}

/// The `T` of a `Result<T, …>`, also of an alias whose name ends so.
fn ok_type(reply: &Type) -> Option<&Type> {
    let Type::Path(reply) = bare(reply) else { return None };
    let last = reply.path.segments.last()?;
    if !ends_with(&last.ident, "Result") {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The type itself, which reaches an attribute inside an invisible group where a `macro_rules!` macro was
/// given it.
pub(crate) fn bare(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            ty => return ty,
        };
    }
}

/// [`bare`], to be changed.
pub(crate) fn bare_mut(ty: &mut Type) -> &mut Type {
    match ty {
        Type::Group(group) => bare_mut(&mut group.elem),
        Type::Paren(paren) => bare_mut(&mut paren.elem),
        ty => ty,
    }
}

fn ends_with(ident: &proc_macro2::Ident, end: &str) -> bool {
    ident.to_string().ends_with(end)
}

/// Replaces the type at a reply's stream place.
pub(crate) fn replace_stream(reply: &mut Type, with: Type) {
    if ok_type(reply).is_none() {
        *reply = with;
        return;
    }
    let Type::Path(path) = bare_mut(reply) else { return };
    let arguments = path.path.segments.last_mut().map(|last| &mut last.arguments);
    let Some(PathArguments::AngleBracketed(arguments)) = arguments else { return };
    let ok = arguments.args.iter_mut().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    if let Some(ty) = ok {
        *ty = with;
    }
}
