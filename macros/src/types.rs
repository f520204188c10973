//! Helpers for types, which a macro sees as tokens only.

use syn::visit_mut::{self, VisitMut};
use syn::{GenericArgument, Path, PathArguments, Type, TypeImplTrait, TypeParamBound};

/// The type without parentheses and without the invisible group in which a type arrives that a
/// `macro_rules!` macro passes on.
pub(crate) fn ungrouped(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            ty => return ty,
        };
    }
}

/// [`ungrouped`] for a type that is to be changed.
pub(crate) fn ungrouped_mut(ty: &mut Type) -> &mut Type {
    match ty {
        Type::Group(group) => ungrouped_mut(&mut group.elem),
        Type::Paren(paren) => ungrouped_mut(&mut paren.elem),
        ty => ty,
    }
}

/// The types among the generic arguments of a path's last segment.
pub(crate) fn type_arguments(path: &mut Path) -> impl Iterator<Item = &mut Type> {
    let arguments = path.segments.last_mut().and_then(|last| match &mut last.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&mut arguments.args),
        _ => None,
    });
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The traits of an `impl Trait`.
pub(crate) fn traits(opaque: &TypeImplTrait) -> impl Iterator<Item = &Path> {
    opaque.bounds.iter().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => Some(&bound.path),
        _ => None,
    })
}

/// The type that a path assigns to an associated type: `T` of `Stream<Item = T>`.
pub(crate) fn associated_type<'a>(path: &'a Path, name: &str) -> Option<&'a Type> {
    let PathArguments::AngleBracketed(arguments) = &path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(assigned) if assigned.ident == name => Some(&assigned.ty),
        _ => None,
    })
}

/// Whether a type contains `impl Trait`, and so can only be written in a signature.
pub(crate) fn has_impl_trait(ty: &Type) -> bool {
    let mut erase = EraseImplTrait::default();
    erase.visit_type_mut(&mut ty.clone());
    erase.found
}

/// The type with `_` in place of every `impl Trait`, as it can be written in a function's body.
pub(crate) fn erase_impl_trait(ty: &Type) -> Type {
    let mut erased = ty.clone();
    EraseImplTrait::default().visit_type_mut(&mut erased);
    erased
}

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
