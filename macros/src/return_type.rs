//! Classifies a function's return type, once, for validation and for the expansion.
//!
//! Only tokens are known: an alias hides its type. Names are therefore compared by their last
//! segment, and whatever they do not decide is left to the traits that the expansion calls.

use std::mem;

use proc_macro2::Ident;
use syn::{GenericArgument, Path, PathArguments, Signature, Type, TypeParamBound};

use crate::errors::Errors;
use crate::types::{
    associated_type, has_impl_trait, traits, type_arguments, ungrouped, ungrouped_mut,
};

/// A classified return type.
pub(crate) struct ReturnType {
    /// The future that a function returns without being `async`.
    pub(crate) future: Option<FutureKind>,
    /// The type of the reply: the return type, or the output of the future.
    pub(crate) output: Type,
    /// The same, classified.
    pub(crate) reply: Reply,
}

/// A future that the expansion can replace by one that records.
///
/// A future of a named type, or with other bounds than `Send`, `Sync` and `Unpin`, cannot be
/// replaced and is classified as a plain reply.
#[derive(Clone, Copy)]
pub(crate) enum FutureKind {
    /// `impl Future<Output = T>`
    Opaque,
    /// `Pin<Box<dyn Future<Output = T>>>`, or the `BoxFuture` and `LocalBoxFuture` of the crate
    /// futures.
    Boxed,
}

/// What a call returns once it is complete.
pub(crate) enum Reply {
    /// `()`, or no return type.
    Unit,
    /// `!`
    Never,
    /// Any other type.
    Value(Box<ReplyValue>),
}

/// The part of a reply that can hold a stream or token usage.
pub(crate) struct ReplyValue {
    /// How many `Result`s the value is in: it is the `T` of `Result<T, E>`, of an alias with a name
    /// like that, or of several of them in each other.
    results: usize,
    /// Whether one of them is known as a `Result` only by the end of its name, as `ApiResult<T>`.
    by_suffix: bool,
    /// The type of the value.
    pub(crate) ty: Type,
    /// The type, classified.
    pub(crate) kind: ValueKind,
    /// The last element of a value that is a tuple of several elements.
    pub(crate) last: Option<TupleEnd>,
}

/// The last element of a tuple. The elements before it set the status and the headers of the
/// response that the tuple becomes.
pub(crate) struct TupleEnd {
    /// How many elements stand before it.
    pub(crate) parts: usize,
    /// The type of the element.
    pub(crate) ty: Type,
    /// The type, classified.
    pub(crate) kind: ValueKind,
}

/// The type of a reply's value.
pub(crate) enum ValueKind {
    /// `impl Stream<Item = T>`: the stream is returned wrapped.
    OpaqueStream(OpaqueStream),
    /// `impl IntoResponse`: the response is returned in a wrapper.
    OpaqueResponse,
    /// Any other `impl Trait`.
    Opaque,
    /// `Response`, `Body` or `Sse<…>`.
    Response(Ident),
    /// Any other type: its traits decide how it is metered.
    Plain,
}

/// An `impl Stream`.
pub(crate) struct OpaqueStream {
    /// The item, if its type is given and can be written in a function's body.
    pub(crate) declared: Option<Box<DeclaredItem>>,
    /// The first bound that the wrapped stream does not satisfy.
    lost_bound: Option<Path>,
}

/// The item of an `impl Stream`.
#[derive(Clone)]
pub(crate) struct DeclaredItem {
    /// A trait that can be used as `dyn Trait`: `Stream<Item = T>`, or `TryStream` with the `Item`
    /// that follows from `Ok` and `Error`.
    pub(crate) bound: Path,
    /// The type of the item.
    pub(crate) ty: Type,
}

impl ReturnType {
    /// Classifies the return type of a function.
    pub(crate) fn classify(signature: &Signature) -> Self {
        let mut returned: Type = match &signature.output {
            syn::ReturnType::Default => syn::parse_quote!(()),
            syn::ReturnType::Type(_, ty) => (**ty).clone(),
        };
        let (future, output) = match returned_future(signature, &mut returned) {
            Some((kind, output)) => (Some(kind), output.clone()),
            None => (None, returned),
        };
        let reply = match ungrouped(&output) {
            Type::Tuple(tuple) if tuple.elems.is_empty() => Reply::Unit,
            Type::Never(_) => Reply::Never,
            _ => Reply::Value(Box::new(ReplyValue::classify(&output))),
        };
        Self { future, output, reply }
    }
}

impl ReplyValue {
    fn classify(output: &Type) -> Self {
        let (mut results, mut by_suffix) = (0, false);
        let mut ty = output.clone();
        while let Some((ok, is_suffix)) = ok_type(&mut ty) {
            results += 1;
            by_suffix |= is_suffix;
            ty = ok.clone();
        }
        let ty = ungrouped(&ty).clone();
        let last = match &ty {
            Type::Tuple(tuple) if tuple.elems.len() > 1 => {
                tuple.elems.last().map(|last| TupleEnd {
                    parts: tuple.elems.len() - 1,
                    ty: last.clone(),
                    kind: ValueKind::classify(ungrouped(last)),
                })
            }
            _ => None,
        };
        let kind = ValueKind::classify(&ty);
        Self { results, by_suffix, ty, kind, last }
    }

    /// How many `Result`s the expansion takes off the reply before it handles the value.
    ///
    /// A type that is perhaps no `Result` is left to the traits that the expansion calls, except
    /// that an `impl Stream` must be wrapped, and `replaces_value` that the value is replaced.
    pub(crate) fn results(&self, replaces_value: bool) -> usize {
        let is_wrapped = matches!(self.kind, ValueKind::OpaqueStream(_));
        if self.by_suffix && !is_wrapped && !replaces_value { 0 } else { self.results }
    }

    /// Whether the value is an `impl IntoResponse` that is returned wrapped.
    pub(crate) fn is_opaque_response(&self) -> bool {
        matches!(self.kind, ValueKind::OpaqueResponse) && !self.by_suffix
    }

    /// Reports an `impl Trait` that cannot be metered: one with a bound that the wrapped stream
    /// loses, or a response in a build without axum.
    pub(crate) fn validate_opaque(&self, errors: &mut Errors) {
        match (&self.kind, &self.ty) {
            (ValueKind::OpaqueStream(OpaqueStream { lost_bound: Some(bound), .. }), _) => {
                let name = bound.segments.last().map(|last| last.ident.to_string());
                let message = format!(
                    "the returned stream is wrapped, and the wrapper does not implement `{}`; \
                     remove this bound",
                    name.unwrap_or_default()
                );
                errors.at(bound, message);
            }
            (ValueKind::OpaqueResponse | ValueKind::Opaque, Type::ImplTrait(opaque))
                if traits(opaque).any(|path| is_named(path, &["IntoResponse"])) =>
            {
                errors.require_axum("`impl IntoResponse`", opaque);
            }
            _ => {}
        }
    }
}

impl ValueKind {
    fn classify(ty: &Type) -> Self {
        match ty {
            Type::ImplTrait(opaque) => {
                let is_stream = traits(opaque).any(|path| ends_with(path, "Stream"));
                if !is_stream {
                    let is_response = traits(opaque).any(|path| is_named(path, &["IntoResponse"]));
                    let is_kept = traits(opaque).all(|path| is_named(path, KEPT_RESPONSE_BOUNDS));
                    return if is_response && is_kept {
                        Self::OpaqueResponse
                    } else {
                        Self::Opaque
                    };
                }
                let declared = traits(opaque).find_map(DeclaredItem::from_bound);
                Self::OpaqueStream(OpaqueStream {
                    declared: declared.filter(|item| !has_impl_trait(&item.ty)).map(Box::new),
                    lost_bound: traits(opaque).find(|path| !is_named(path, KEPT_BOUNDS)).cloned(),
                })
            }
            Type::Path(path) if is_named(&path.path, &["Response", "Body", "Sse"]) => {
                let last = path.path.segments.last();
                last.map_or(Self::Plain, |last| Self::Response(last.ident.clone()))
            }
            _ => Self::Plain,
        }
    }
}

/// The traits that a wrapped stream implements if the stream in it does.
const KEPT_BOUNDS: &[&str] = &["Stream", "TryStream", "FusedStream", "Send", "Sync", "Unpin"];

/// The traits that a wrapped response implements if the response in it does.
const KEPT_RESPONSE_BOUNDS: &[&str] = &["IntoResponse", "Send", "Sync", "Unpin"];

/// The traits that a future around another one implements if that one does.
const FUTURE_BOUNDS: &[&str] = &["Send", "Sync", "Unpin"];

impl DeclaredItem {
    fn from_bound(bound: &Path) -> Option<Self> {
        if is_named(bound, &["Stream"]) {
            let ty = associated_type(bound, "Item")?.clone();
            return Some(Self { bound: bound.clone(), ty });
        }
        if !is_named(bound, &["TryStream"]) {
            return None;
        }
        let (ok, error) = (associated_type(bound, "Ok")?, associated_type(bound, "Error")?);
        let ty: Type = syn::parse_quote!(::core::result::Result<#ok, #error>);
        let mut bound = bound.clone();
        if associated_type(&bound, "Item").is_none() {
            let last = bound.segments.last_mut()?;
            if let PathArguments::AngleBracketed(arguments) = &mut last.arguments {
                arguments.args.push(syn::parse_quote!(Item = #ty));
            }
        }
        Some(Self { bound, ty })
    }
}

/// Replaces the type of a reply's value in a signature: in a `Result`, and in the output of a
/// returned future.
pub(crate) fn replace_value(signature: &mut Signature, with: Type) {
    let written = mem::replace(&mut signature.output, syn::ReturnType::Default);
    let syn::ReturnType::Type(arrow, mut returned) = written else { return };
    let output = match returned_future(signature, &mut returned) {
        Some((_, output)) => output,
        None => &mut *returned,
    };
    replace_innermost_ok(output, with);
    signature.output = syn::ReturnType::Type(arrow, returned);
}

/// The future in the return type of a function that is not `async`, and its output.
fn returned_future<'a>(
    signature: &Signature,
    returned: &'a mut Type,
) -> Option<(FutureKind, &'a mut Type)> {
    if signature.asyncness.is_some() {
        return None;
    }
    match ungrouped_mut(returned) {
        Type::ImplTrait(opaque) => Some((FutureKind::Opaque, output_of(&mut opaque.bounds)?)),
        Type::Path(path) => Some((FutureKind::Boxed, output_of_boxed(&mut path.path)?)),
        _ => None,
    }
}

/// The output of `BoxFuture<'_, T>`, or of `Pin<Box<dyn Future<Output = T>>>`.
fn output_of_boxed(path: &mut Path) -> Option<&mut Type> {
    let last = path.segments.last()?;
    // Without a lifetime it is not the alias of the crate futures.
    let has_lifetime = matches!(&last.arguments, PathArguments::AngleBracketed(arguments)
        if matches!(arguments.args.first(), Some(GenericArgument::Lifetime(_))));
    let is_alias = has_lifetime && is_named(path, &["BoxFuture", "LocalBoxFuture"]);
    let is_pin = is_named(path, &["Pin"]);
    let argument = only_type_argument(path)?;
    if is_alias {
        return Some(argument);
    }
    match ungrouped_mut(argument) {
        Type::Path(pinned) if is_pin && is_named(&pinned.path, &["Box"]) => {
            match ungrouped_mut(only_type_argument(&mut pinned.path)?) {
                Type::TraitObject(object) => output_of(&mut object.bounds),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The output of `Future<Output = T> + …`, if a future around it satisfies all bounds.
fn output_of<'a>(bounds: impl IntoIterator<Item = &'a mut TypeParamBound>) -> Option<&'a mut Type> {
    let mut output = None;
    for bound in bounds {
        let TypeParamBound::Trait(bound) = bound else { continue };
        if is_named(&bound.path, &["Future"]) {
            let last = bound.path.segments.last_mut()?;
            let PathArguments::AngleBracketed(arguments) = &mut last.arguments else { return None };
            output = arguments.args.iter_mut().find_map(|argument| match argument {
                GenericArgument::AssocType(item) if item.ident == "Output" => Some(&mut item.ty),
                _ => None,
            });
        } else if !is_named(&bound.path, FUTURE_BOUNDS) {
            return None;
        }
    }
    output
}

/// The `T` of a `Result<T, …>`, or of an alias whose name ends in `Result`. Also returns whether
/// only the end of the name is `Result`.
fn ok_type(reply: &mut Type) -> Option<(&mut Type, bool)> {
    match ungrouped_mut(reply) {
        Type::Path(reply) if ends_with(&reply.path, "Result") => {
            let is_suffix = !is_named(&reply.path, &["Result"]);
            type_arguments(&mut reply.path).next().map(|ok| (ok, is_suffix))
        }
        _ => None,
    }
}

/// Replaces the value of a reply that is in any number of `Result`s.
fn replace_innermost_ok(reply: &mut Type, with: Type) {
    match ok_type(reply) {
        Some((ok, _)) => replace_innermost_ok(ok, with),
        None => *reply = with,
    }
}

fn only_type_argument(path: &mut Path) -> Option<&mut Type> {
    let mut types = type_arguments(path);
    types.next().filter(|_| types.next().is_none())
}

fn is_named(path: &Path, names: &[&str]) -> bool {
    path.segments.last().is_some_and(|last| names.iter().any(|name| last.ident == name))
}

fn ends_with(path: &Path, end: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident.to_string().ends_with(end))
}
