//! What the fields of a reply hold, as `#[token_usage(…)]` on them says.

use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Ident, Member, Path, Token};

use crate::errors::Errors;

const ROLES: &str =
    "`input`, `output`, `cache_read`, `cache_write`, `reasoning`, `model` or `nested`";

/// The fields by role.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) input: Option<Member>,
    pub(super) output: Option<Member>,
    pub(super) cache_read: Option<Member>,
    pub(super) cache_write: Option<Member>,
    pub(super) reasoning: Option<Member>,
    pub(super) model: Option<Member>,
    pub(super) nested: Vec<Member>,
    pub(super) krate: Option<Path>,
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
            for attribute in ours(&field.attrs) {
                errors.keep(counts.read_field(&member, attribute));
            }
        }
        errors.into_result()?;
        if counts.is_empty() {
            let message = format!(
                "no field is marked with `#[token_usage(…)]`: mark those that hold {ROLES}"
            );
            return Err(Error::new_spanned(&input.ident, message));
        }
        Ok(counts)
    }

    fn is_empty(&self) -> bool {
        let counts =
            [&self.input, &self.output, &self.cache_read, &self.cache_write, &self.reasoning];
        self.nested.is_empty() && counts.into_iter().all(Option::is_none)
    }

    fn read_crate(&mut self, attribute: &Attribute) -> Result<(), Error> {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(
                    meta.error("on the struct, `#[token_usage(crate = path)]` is all there is")
                );
            }
            self.krate = Some(meta.value()?.call(Path::parse_mod_style)?);
            Ok(())
        })
    }

    fn read_field(&mut self, member: &Member, attribute: &Attribute) -> Result<(), Error> {
        let roles = attribute.parse_args_with(Punctuated::<Ident, Token![,]>::parse_terminated)?;
        if roles.is_empty() {
            return Err(Error::new(attribute.span(), format!("a field holds {ROLES}")));
        }
        for role in roles {
            let place = match role.to_string().as_str() {
                "input" => &mut self.input,
                "output" => &mut self.output,
                "cache_read" => &mut self.cache_read,
                "cache_write" => &mut self.cache_write,
                "reasoning" => &mut self.reasoning,
                "model" => &mut self.model,
                "nested" => {
                    self.nested.push(member.clone());
                    continue;
                }
                other => {
                    let message = format!("`{other}` is nothing that a field holds: {ROLES}");
                    return Err(Error::new_spanned(&role, message));
                }
            };
            if place.replace(member.clone()).is_some() {
                let message = format!("two fields are marked `{role}`; mark one");
                return Err(Error::new_spanned(&role, message));
            }
        }
        Ok(())
    }
}

fn ours(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("token_usage"))
}
