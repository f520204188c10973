//! The names of types and modules that are treated specially in the name of an error.

/// Returns whether many crates have a type of this name.
pub(super) fn is_common(name: &str) -> bool {
    const COMMON: &[&str] = &[
        "Elapsed",
        "Err",
        "Error",
        "ErrorKind",
        "Errors",
        "Exception",
        "Failure",
        "Kind",
        "Rejection",
        "Report",
        "Status",
        "Unspecified",
    ];
    COMMON.contains(&name)
}

/// Returns the module, function or crate in `path` that identifies the type `name` best.
pub(super) fn origin<'a>(name: &str, path: &[&'a str]) -> Option<&'a str> {
    /// Modules whose names do not distinguish the errors in them.
    const GENERAL: &[&str] = &[
        "de",
        "err",
        "error",
        "errors",
        "exception",
        "exceptions",
        "imp",
        "inner",
        "internal",
        "kind",
        "private",
        "rejection",
        "result",
        "ser",
        "types",
    ];
    let (&krate, modules) = path.split_first()?;
    let says_more =
        |module: &&&str| !GENERAL.contains(*module) && !module.eq_ignore_ascii_case(name);
    if let Some(module) = modules.iter().rev().find(says_more) {
        return Some(module);
    }
    // `axum_core` and `sqlx_core` are the crates in which axum and sqlx define their errors.
    let krate = krate.strip_suffix("_core").unwrap_or(krate);
    (!["alloc", "core", "std"].contains(&krate)).then_some(krate)
}

/// Returns whether a type of this name points to its first parameter.
pub(super) fn is_pointer(name: &str) -> bool {
    ["Arc", "Box", "Cow", "Pin", "Rc"].contains(&name)
}

/// Returns whether a type of this name is a response with its first parameter as the body.
pub(super) fn is_body(name: &str) -> bool {
    const BODIES: &[&str] = &[
        "Cbor",
        "Extension",
        "Form",
        "Html",
        "JavaScript",
        "Json",
        "JsonLines",
        "MsgPack",
        "Protobuf",
        "Response",
        "Sse",
        "Toml",
        "Xml",
        "Yaml",
    ];
    BODIES.contains(&name)
}

/// Returns whether a type of this name contains any number of its parameters.
pub(super) fn is_collection(name: &str) -> bool {
    const COLLECTIONS: &[&str] =
        &["BTreeMap", "BTreeSet", "HashMap", "HashSet", "IndexMap", "Option", "Vec", "VecDeque"];
    COLLECTIONS.contains(&name)
}

/// Returns whether a type of this name is text, bytes, a number, headers or any JSON: a part of
/// a response that does not say which error it is.
pub(super) fn is_content(name: &str) -> bool {
    const CONTENT: &[&str] = &[
        "AppendHeaders",
        "Body",
        "Bytes",
        "BytesMut",
        "ErasedJson",
        "Extensions",
        "HeaderMap",
        "HeaderName",
        "HeaderValue",
        "Map",
        "NoContent",
        "Parts",
        "RawValue",
        "String",
        "TypedHeader",
        "Value",
        "bool",
        "char",
        "f32",
        "f64",
        "i128",
        "i16",
        "i32",
        "i64",
        "i8",
        "isize",
        "str",
        "u128",
        "u16",
        "u32",
        "u64",
        "u8",
        "usize",
    ];
    CONTENT.contains(&name)
}
