//! What `#[exception_type(…)]` says.

use syn::{Attribute, Error, Path};

/// The path of the runtime crate.
pub(super) fn crate_path(attributes: &[Attribute]) -> Result<Path, Error> {
    let mut krate = syn::parse_quote!(::streamgauge);
    for attribute in attributes.iter().filter(|a| a.path().is_ident("exception_type")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                let message = "`#[exception_type(crate = path)]` is all there is";
                return Err(meta.error(message));
            }
            krate = meta.value()?.call(Path::parse_mod_style).map_err(|error| {
                Error::new(error.span(), "`crate` needs a path: crate = my::streamgauge")
            })?;
            Ok(())
        })?;
    }
    Ok(krate)
}
