//! The fields of a reply by their roles, from `#[token_usage(…)]`.

use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Error, Ident, Member, Path, Token, Type};

use crate::arguments::parse_crate_path;
use crate::errors::Errors;

const ROLES: &str = "`input` or `uncached`, `cache_read`, `cache_write`, `cache_write_1h`, \
                     `input_audio`, `input_image`, `output`, `reasoning`, `output_audio`, \
                     `output_image`, `model`, `flatten` or `nested`";

/// The roles of counts, each with the variant of `streamgauge::__private::UsageCount`.
const COUNT_ROLES: &[(&str, &str)] = &[
    ("input", "Input"),
    ("cache_read", "CacheRead"),
    ("cache_write", "CacheWrite"),
    ("cache_write_1h", "CacheWrite1h"),
    ("input_audio", "InputAudio"),
    ("input_image", "InputImage"),
    ("output", "Output"),
    ("reasoning", "Reasoning"),
    ("output_audio", "OutputAudio"),
    ("output_image", "OutputImage"),
];

/// The fields of a struct by role.
#[derive(Default)]
pub(super) struct Fields {
    /// By index of [`COUNT_ROLES`].
    counts: [Option<Field>; COUNT_ROLES.len()],
    pub(super) uncached: Option<Field>,
    pub(super) model: Option<Field>,
    pub(super) flatten: Vec<Field>,
    pub(super) nested: Vec<Field>,
    /// The path of streamgauge, if `#[token_usage(crate = …)]` gives one.
    pub(super) krate: Option<Path>,
}

/// A field with a role.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) member: Member,
    pub(super) ty: Type,
}

impl Fields {
    /// Parses and validates the attributes of a struct.
    pub(super) fn parse(input: &DeriveInput) -> Result<Self, Error> {
        let Data::Struct(data) = &input.data else {
            let message = "`TokenUsage` can only be derived for structs; implement the trait by \
                           hand";
            return Err(Error::new_spanned(&input.ident, message));
        };
        let mut fields = Self::default();
        let mut errors = Errors::default();
        for attribute in ours(&input.attrs) {
            errors.keep(fields.parse_crate(attribute));
        }
        for (member, field) in data.fields.members().zip(&data.fields) {
            let named = Field { member, ty: field.ty.clone() };
            for attribute in ours(&field.attrs) {
                errors.keep(fields.parse_roles(&named, attribute));
            }
        }
        errors.finish()?;
        fields.validate(&input.ident)?;
        Ok(fields)
    }

    /// The fields that hold a count of `UsageCount`, with the variant.
    pub(super) fn usage_counts(&self) -> impl Iterator<Item = (&'static str, &Field)> {
        let counts = COUNT_ROLES.iter().zip(&self.counts);
        counts.filter_map(|((_, variant), field)| Some((*variant, field.as_ref()?)))
    }

    fn input(&self) -> Option<&Field> {
        self.counts[0].as_ref()
    }

    /// The fields that hold any count.
    pub(super) fn counts(&self) -> impl Iterator<Item = &Field> {
        self.counts.iter().chain([&self.uncached]).flatten()
    }

    /// Reports a struct without any count.
    fn validate(&self, ident: &Ident) -> Result<(), Error> {
        if self.counts().next().is_some() || !self.flatten.is_empty() || !self.nested.is_empty() {
            return Ok(());
        }
        let message = match self.model {
            Some(_) => "only a `model` is marked: mark a field `input`, `output` or `nested` as \
                        well"
                .to_owned(),
            None => format!(
                "no field is marked with `#[token_usage(…)]`: mark the fields that hold {ROLES}"
            ),
        };
        Err(Error::new_spanned(ident, message))
    }

    fn parse_crate(&mut self, attribute: &Attribute) -> Result<(), Error> {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                let message = "on a struct, the only argument is `crate`: \
                               #[token_usage(crate = path)]; mark fields with roles";
                return Err(meta.error(message));
            }
            self.krate = Some(parse_crate_path(meta.value()?)?);
            Ok(())
        })
    }

    fn parse_roles(&mut self, field: &Field, attribute: &Attribute) -> Result<(), Error> {
        let parse = Punctuated::<Ident, Token![,]>::parse_terminated;
        let roles = attribute.parse_args_with(parse).map_err(|error| {
            let message = "a role is a single word, as in #[token_usage(output)]";
            Error::new(error.span(), message)
        })?;
        if roles.is_empty() {
            let message = format!("expected the role of the field: {ROLES}");
            return Err(Error::new_spanned(attribute.path(), message));
        }
        roles.iter().try_for_each(|role| self.assign(role, field))
    }

    fn assign(&mut self, role: &Ident, field: &Field) -> Result<(), Error> {
        let name = role.to_string();
        let rival = match name.as_str() {
            "input" => self.uncached.as_ref(),
            "uncached" => self.input(),
            _ => None,
        };
        if rival.is_some() {
            let message = "`input` counts all input tokens, `uncached` those that no cache \
                           served: mark one of the two";
            return Err(Error::new_spanned(role, message));
        }
        let holder = match name.as_str() {
            "uncached" => &mut self.uncached,
            "model" => &mut self.model,
            "flatten" => {
                self.flatten.push(field.clone());
                return Ok(());
            }
            "nested" => {
                self.nested.push(field.clone());
                return Ok(());
            }
            other => match COUNT_ROLES.iter().position(|(known, _)| *known == other) {
                Some(index) => &mut self.counts[index],
                None => {
                    let message = format!("unknown role `{other}`: a field is marked {ROLES}");
                    return Err(Error::new_spanned(role, message));
                }
            },
        };
        match holder.replace(field.clone()) {
            None => Ok(()),
            Some(before) => {
                let message = if before.member == field.member {
                    format!("`{role}` is given twice; remove one of the two")
                } else {
                    format!("two fields are marked `{role}`; mark only one")
                };
                Err(Error::new_spanned(role, message))
            }
        }
    }
}

fn ours(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("token_usage"))
}

#[cfg(test)]
mod tests {
    use streamgauge::__private::UsageCount;

    use super::{COUNT_ROLES, ROLES};

    #[test]
    fn roles_of_counts_are_the_counts_of_the_runtime() {
        let names = UsageCount::ALL.map(UsageCount::as_str);
        let variants = UsageCount::ALL.map(|count| format!("{count:?}"));
        assert!(COUNT_ROLES.iter().map(|(role, _)| *role).eq(names));
        assert!(COUNT_ROLES.iter().map(|(_, variant)| *variant).eq(variants));
    }

    #[test]
    fn error_text_names_all_roles_of_counts() {
        for (role, _) in COUNT_ROLES {
            assert!(ROLES.contains(&format!("`{role}`")), "{role}");
        }
    }
}
