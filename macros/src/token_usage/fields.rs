//! What the fields of a reply hold, as `#[token_usage(…)]` on them says.

use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Error, Ident, Member, Path, Token, Type};

use crate::errors::Errors;

const ROLES: &str = "`input` or `uncached`, `output`, `cache_read`, `cache_write`, `reasoning`, `model`, \
                     `flatten` or `nested`";

/// The fields by role.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) input: Option<Field>,
    pub(super) uncached: Option<Field>,
    pub(super) output: Option<Field>,
    pub(super) cache_read: Option<Field>,
    pub(super) cache_write: Option<Field>,
    pub(super) reasoning: Option<Field>,
    pub(super) model: Option<Field>,
    pub(super) flatten: Vec<Field>,
    pub(super) nested: Vec<Field>,
    pub(super) krate: Option<Path>,
}

/// A field that has a role.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) member: Member,
    pub(super) ty: Type,
}

impl Counts {
    pub(super) fn read(input: &DeriveInput) -> Result<Self, Error> {
        let Data::Struct(data) = &input.data else {
            let message = "TokenUsage is derived for structs; implement the trait for other types";
            return Err(Error::new_spanned(&input.ident, message));
        };
        let mut counts = Self::default();
        let mut errors = Errors::default();
        for attribute in ours(&input.attrs) {
            errors.keep(counts.read_crate(attribute));
        }
        for (member, field) in data.fields.members().zip(&data.fields) {
            let field_of = Field { member, ty: field.ty.clone() };
            for attribute in ours(&field.attrs) {
                errors.keep(counts.read_field(&field_of, attribute));
            }
        }
        errors.none_or(())?;
        counts.check(&input.ident)?;
        Ok(counts)
    }

    /// The fields that hold a count.
    pub(super) fn numbers(&self) -> impl Iterator<Item = &Field> {
        let Self { input, uncached, output, cache_read, cache_write, reasoning, .. } = self;
        [input, uncached, output, cache_read, cache_write, reasoning].into_iter().flatten()
    }

    fn check(&self, ident: &Ident) -> Result<(), Error> {
        if self.numbers().next().is_some() || !self.flatten.is_empty() || !self.nested.is_empty() {
            return Ok(());
        }
        let message = match self.model {
            Some(_) => {
                "only the model is marked: mark a field `input`, `output` or `nested` as well"
                    .to_owned()
            }
            None => {
                format!("no field is marked with `#[token_usage(…)]`: mark those that hold {ROLES}")
            }
        };
        Err(Error::new_spanned(ident, message))
    }

    fn read_crate(&mut self, attribute: &Attribute) -> Result<(), Error> {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                let message = "on the struct, `#[token_usage(crate = path)]` is all there is";
                return Err(meta.error(message));
            }
            let path = meta.value()?.call(Path::parse_mod_style).map_err(|error| {
                Error::new(error.span(), "`crate` needs a path: crate = my::streamgauge")
            })?;
            self.krate = Some(path);
            Ok(())
        })
    }

    fn read_field(&mut self, field: &Field, attribute: &Attribute) -> Result<(), Error> {
        let parse = Punctuated::<Ident, Token![,]>::parse_terminated;
        let roles = attribute.parse_args_with(parse).map_err(|error| {
            let message = "roles are plain words: `#[token_usage(output)]`";
            Error::new(error.span(), message)
        })?;
        if roles.is_empty() {
            let message = format!("name what the field holds: {ROLES}");
            return Err(Error::new_spanned(attribute.path(), message));
        }
        for role in roles {
            let rival = match role.to_string().as_str() {
                "input" => &self.uncached,
                "uncached" => &self.input,
                _ => &None,
            };
            if rival.is_some() {
                let message = "`input` is all of the input, `uncached` what no cache had a part in: mark one of \
                               them";
                return Err(Error::new_spanned(&role, message));
            }
            let place = match role.to_string().as_str() {
                "input" => &mut self.input,
                "uncached" => &mut self.uncached,
                "output" => &mut self.output,
                "cache_read" => &mut self.cache_read,
                "cache_write" => &mut self.cache_write,
                "reasoning" => &mut self.reasoning,
                "model" => &mut self.model,
                "flatten" => {
                    self.flatten.push(field.clone());
                    continue;
                }
                "nested" => {
                    self.nested.push(field.clone());
                    continue;
                }
                other => {
                    let message = format!("`{other}` is no role: a field is marked {ROLES}");
                    return Err(Error::new_spanned(&role, message));
                }
            };
            if let Some(before) = place.replace(field.clone()) {
                let message = if before.member == field.member {
                    format!("`{role}` is there twice")
                } else {
                    format!("two fields are marked `{role}`; mark one")
                };
                return Err(Error::new_spanned(&role, message));
            }
        }
        Ok(())
    }
}

fn ours(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("token_usage"))
}
