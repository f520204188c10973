//! Functions that are not `async` and return a future: what their call is about happens in there.

use syn::{GenericArgument, Path, PathArguments, Type, TypeParamBound};

use crate::reply::bare_mut;

/// A future that, by its type, can be made anew around the one that a body returns.
pub(crate) struct ReturnedFuture<'a> {
    /// What the future comes to.
    pub(crate) output: &'a mut Type,
    /// Whether it is a `Pin<Box<…>>`; else it is an `impl Future`.
    pub(crate) boxed: bool,
}

impl<'a> ReturnedFuture<'a> {
    /// The future of a return type: `impl Future<Output = T>`, `Pin<Box<dyn Future<Output = T>>>`, or one
    /// of the names that the futures crate has for the latter.
    pub(crate) fn of(reply: &'a mut Type) -> Option<Self> {
        match bare_mut(reply) {
            Type::ImplTrait(opaque) => {
                let output = output(&mut opaque.bounds)?;
                Some(Self { output, boxed: false })
            }
            Type::Path(reply) => boxed(&mut reply.path).map(|output| Self { output, boxed: true }),
            _ => None,
        }
    }
}

fn boxed(path: &mut Path) -> Option<&mut Type> {
    let name = path.segments.last()?.ident.to_string();
    // As those of the futures crate have; another of that name may be no future.
    let has_lifetime = matches!(&path.segments.last()?.arguments, PathArguments::AngleBracketed(
        arguments) if matches!(arguments.args.first(), Some(GenericArgument::Lifetime(_))));
    let argument = only_argument(path)?;
    if name == "BoxFuture" || name == "LocalBoxFuture" {
        return has_lifetime.then_some(argument);
    }
    let (Type::Path(pinned), true) = (bare_mut(argument), name == "Pin") else { return None };
    let is_box = pinned.path.segments.last().is_some_and(|last| last.ident == "Box");
    match bare_mut(only_argument(&mut pinned.path)?) {
        Type::TraitObject(object) if is_box => output(&mut object.bounds),
        _ => None,
    }
}

/// The only type among a path's last arguments.
fn only_argument(path: &mut Path) -> Option<&mut Type> {
    let arguments = &mut path.segments.last_mut()?.arguments;
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    let mut types = arguments.args.iter_mut().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.next().filter(|_| types.next().is_none())
}

/// The output of a future's bounds, if a future around it satisfies all of them.
fn output<'a>(bounds: impl IntoIterator<Item = &'a mut TypeParamBound>) -> Option<&'a mut Type> {
    let mut found = None;
    for bound in bounds {
        let TypeParamBound::Trait(bound) = bound else { continue };
        let last = bound.path.segments.last_mut()?;
        if last.ident == "Future" {
            let PathArguments::AngleBracketed(arguments) = &mut last.arguments else { return None };
            found = arguments.args.iter_mut().find_map(|argument| match argument {
                GenericArgument::AssocType(item) if item.ident == "Output" => Some(&mut item.ty),
                _ => None,
            });
        } else if !["Send", "Sync", "Unpin"].iter().any(|known| last.ident == known) {
            return None;
        }
    }
    found
}
