//! The label value that stands for a Rust type.

use std::borrow::Cow;

/// A type's name without the modules it lies in: `Box<dyn core::error::Error>` is `Box<dyn Error>`.
pub(crate) fn short_name(type_name: &str) -> Cow<'_, str> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    if type_name.chars().all(is_path) {
        return Cow::Borrowed(type_name.rsplit("::").next().unwrap_or(type_name));
    }
    let mut short = String::with_capacity(type_name.len());
    let mut rest = type_name;
    while !rest.is_empty() {
        let path = rest.find(|c| !is_path(c)).unwrap_or(rest.len());
        short.push_str(rest[..path].rsplit("::").next().unwrap_or_default());
        let other = rest[path..].find(is_path).map_or(rest.len(), |next| path + next);
        short.push_str(&rest[path..other]);
        rest = &rest[other..];
    }
    Cow::Owned(short)
}

#[cfg(test)]
mod tests {
    use super::short_name;

    #[test]
    fn a_short_name_keeps_the_type_and_drops_its_modules() {
        assert_eq!(short_name("shop::stock::StockError"), "StockError");
        assert_eq!(short_name("u8"), "u8");
        assert_eq!(
            short_name("alloc::boxed::Box<dyn core::error::Error + core::marker::Send>"),
            "Box<dyn Error + Send>"
        );
        assert_eq!(
            short_name("(http::status::StatusCode, alloc::string::String)"),
            "(StatusCode, String)"
        );
    }
}
