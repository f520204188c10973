//! Names of error types, as values of the labels `exception_type` and `error_type`.
//!
//! The compiler names a type by its whole path. The label is the shortest part of this name that
//! still identifies the error:
//!
//! 1. A tuple, a pointer such as `Box<E>` and a response body such as `Json<E>` have the name of
//!    the error in them. In a tuple, the error is the last element that is not text, bytes or
//!    headers. A tuple of a status and such elements has the name of the status.
//! 2. A path is cut to its last segment. A name that many crates use, such as `Error`, keeps the
//!    module, function or crate before it that says more: `std::io::error::Error` is `io::Error`.
//! 3. Type parameters are cut in the same way, and are left out if the name is longer than a label
//!    value may be.
//!
//! The names come from the program's source, so that there is a bounded number of them.

mod parse;
mod words;

use std::borrow::Cow;

use self::parse::{Kind, Type};
use crate::family::AppendList;

/// The longest value of a label, in bytes.
const MAX_BYTES: usize = 128;

/// The names that are not a part of the compiler's name, by the compiler's name. They are made
/// once.
static MADE_NAMES: AppendList<&'static str, Box<str>> = AppendList::new();

/// Returns the label value of an error type, from its name in [`std::any::type_name`].
pub(crate) fn short_type_name(type_name: &'static str) -> &'static str {
    let is_plain_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let last = type_name.rsplit("::").next().unwrap_or(type_name);
    if type_name.chars().all(is_plain_path) && !words::is_common(last) {
        return last;
    }
    MADE_NAMES
        .find_or_append(|known| *known == type_name, || (type_name, make_name(type_name).into()))
}

/// Returns whether two type names are of the same error. Either may be in a tuple or a wrapper.
pub(crate) fn is_same_error(one: &'static str, other: &'static str) -> bool {
    one == other || error_in(one) == error_in(other)
}

/// Returns the path of the error in a tuple or a wrapper.
fn error_in(type_name: &'static str) -> &'static str {
    parse::parse(type_name).map_or(type_name, |ty| wrapped_error(&ty).1.source)
}

fn make_name(type_name: &str) -> String {
    let Some(ty) = parse::parse(type_name) else { return type_name.to_owned() };
    let (_, error) = wrapped_error(&ty);
    let name = error.name();
    if name.len() <= MAX_BYTES { name } else { error.name_without_parameters().into_owned() }
}

/// How much the name of a type says about an error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Text, bytes or headers.
    Content,
    /// A status, or an error whose type is erased.
    Anonymous,
    Error,
}

/// Returns the error that a type wraps, or the type itself.
fn wrapped_error<'a, 't>(ty: &'t Type<'a>) -> (Rank, &'t Type<'a>) {
    match &ty.kind {
        Kind::Pointer(inner) => wrapped_error(inner),
        Kind::Tuple(elements) => elements
            .iter()
            .map(wrapped_error)
            .max_by_key(|(rank, _)| *rank)
            .unwrap_or((Rank::Content, ty)),
        Kind::Slice(_) | Kind::Other => (Rank::Content, ty),
        Kind::Dyn(_) => (Rank::Anonymous, ty),
        Kind::Path { segments, parameters } => {
            let name = segments.last().copied().unwrap_or_default();
            let first = parameters.first().map(wrapped_error);
            match (name, first) {
                _ if words::is_content(name) => (Rank::Content, ty),
                ("StatusCode", _) => (Rank::Anonymous, ty),
                (_, Some(inner)) if words::is_pointer(name) => inner,
                (_, Some((Rank::Error, inner))) if words::is_body(name) => (Rank::Error, inner),
                _ if words::is_body(name) => (Rank::Content, ty),
                _ if words::is_collection(name) => {
                    let ranks = parameters.iter().map(|parameter| wrapped_error(parameter).0);
                    (ranks.max().unwrap_or(Rank::Content), ty)
                }
                _ => (Rank::Error, ty),
            }
        }
    }
}

impl<'a> Type<'a> {
    fn name(&self) -> String {
        match &self.kind {
            Kind::Pointer(inner) => inner.name(),
            Kind::Tuple(elements) => format!("({})", names(elements)),
            Kind::Slice(item) => format!("[{}]", item.name()),
            Kind::Dyn(bound) => format!("dyn {}", bound.name()),
            Kind::Other => self.source.to_owned(),
            Kind::Path { segments, parameters } => {
                let name = self.name_without_parameters();
                let is_body = segments.last().is_some_and(|name| words::is_body(name));
                if parameters.is_empty() || is_body {
                    name.into_owned()
                } else {
                    format!("{name}<{}>", names(parameters))
                }
            }
        }
    }

    /// Returns the name without type parameters. A common name follows the segment that identifies
    /// it.
    fn name_without_parameters(&self) -> Cow<'a, str> {
        let Kind::Path { segments, .. } = &self.kind else { return Cow::Borrowed(self.source) };
        let Some((name, before)) = segments.split_last() else {
            return Cow::Borrowed(self.source);
        };
        let origin = if words::is_common(name) { words::origin(name, before) } else { None };
        origin.map_or(Cow::Borrowed(name), |origin| Cow::Owned(format!("{origin}::{name}")))
    }
}

fn names(types: &[Type<'_>]) -> String {
    types.iter().map(Type::name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
