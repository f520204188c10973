use super::{MAX_BYTES, is_same_error, short_type_name};

#[test]
fn short_type_names_of_errors_that_crates_define() {
    for (type_name, name) in [
        ("shop::stock::StockError", "StockError"),
        ("StockError", "StockError"),
        ("shop::Error", "shop::Error"),
        ("shop::error::Error", "shop::Error"),
        ("shop::stock::Error", "stock::Error"),
        ("std::io::error::Error", "io::Error"),
        ("std::io::error::ErrorKind", "io::ErrorKind"),
        ("core::fmt::Error", "fmt::Error"),
        ("core::num::error::ParseIntError", "ParseIntError"),
        ("core::str::error::Utf8Error", "Utf8Error"),
        ("std::env::VarError", "VarError"),
        ("std::sync::poison::PoisonError<u8>", "PoisonError<u8>"),
        ("serde_json::error::Error", "serde_json::Error"),
        ("toml::de::error::Error", "toml::Error"),
        ("reqwest::error::Error", "reqwest::Error"),
        ("hyper::error::Error", "hyper::Error"),
        ("hyper_util::client::legacy::client::Error", "client::Error"),
        ("h2::error::Error", "h2::Error"),
        ("http::error::Error", "http::Error"),
        ("http::status::StatusCode", "StatusCode"),
        ("sqlx_core::error::Error", "sqlx::Error"),
        ("diesel::result::Error", "diesel::Error"),
        ("tokio_postgres::error::Error", "tokio_postgres::Error"),
        ("redis::types::RedisError", "RedisError"),
        ("mongodb::error::Error", "mongodb::Error"),
        ("jsonwebtoken::errors::Error", "jsonwebtoken::Error"),
        ("anyhow::Error", "anyhow::Error"),
        ("eyre::Report", "eyre::Report"),
        ("axum_core::error::Error", "axum::Error"),
        ("axum_core::response::ErrorResponse", "ErrorResponse"),
        ("axum::extract::rejection::JsonRejection", "JsonRejection"),
        ("tonic::status::Status", "tonic::Status"),
        ("async_openai::error::OpenAIError", "OpenAIError"),
        ("tokio::runtime::task::error::JoinError", "JoinError"),
        ("tokio::time::error::Elapsed", "time::Elapsed"),
        ("tower::timeout::error::Elapsed", "timeout::Elapsed"),
        (
            "aws_smithy_runtime_api::client::result::SdkError<\
             aws_sdk_bedrockruntime::operation::converse::ConverseError, \
             aws_smithy_runtime_api::http::response::Response>",
            "SdkError<ConverseError, Response>",
        ),
    ] {
        assert_eq!(short_type_name(type_name), name, "{type_name}");
    }
}

#[test]
fn short_type_names_of_items_without_a_path_of_their_own() {
    for (type_name, name) in [
        ("shop::order::{{closure}}::InAsyncFn", "InAsyncFn"),
        ("shop::order::{{closure}}::{{closure}}::Error", "order::Error"),
        ("shop::sub::<impl shop::Foo<u8>>::buy::Inner", "Inner"),
        ("<shop::Foo<_> as shop::Tr<'_, [u8; 3]>>::buy::Error", "buy::Error"),
        ("shop::Foo<u8>::buy::Inner", "Inner"),
        ("shop::Fixed<3>", "Fixed<3>"),
        ("shop::Signed<-3>", "Signed<-3>"),
        ("shop::Letter<'<'>", "Letter<'<'>"),
        ("shop::Letter<'\\''>", "Letter<'\\''>"),
        ("shop::Flag<true>", "Flag<true>"),
        ("shop::main::{{closure}}", "main"),
        ("fn(u8, alloc::string::String) -> bool", "fn(u8, alloc::string::String) -> bool"),
        ("r#try::Error", "r#try::Error"),
        ("", ""),
        ("{{closure}}", "{{closure}}"),
        ("upstream: refused (<x", "upstream: refused (<x"),
        ("a::Error<", "a::Error<"),
        ("ä::Fehler<ö::Ü>", "Fehler<Ü>"),
    ] {
        assert_eq!(short_type_name(type_name), name, "{type_name}");
    }
}

#[test]
fn short_type_name_of_a_wrapper_is_that_of_the_error_in_it() {
    for (type_name, name) in [
        ("(http::status::StatusCode, axum::json::Json<shop::Quota>)", "Quota"),
        ("(http::status::StatusCode, alloc::string::String)", "StatusCode"),
        ("(http::status::StatusCode, &str)", "StatusCode"),
        ("(http::header::map::HeaderMap, alloc::string::String)", "String"),
        ("(shop::Quota, alloc::string::String)", "Quota"),
        (
            "(http::status::StatusCode, [(&str, alloc::string::String); 2], \
             axum::json::Json<serde_json::value::Value>)",
            "StatusCode",
        ),
        ("(http::status::StatusCode, axum::response::Html<alloc::string::String>)", "StatusCode"),
        ("axum::json::Json<shop::error::Error>", "shop::Error"),
        ("axum::json::Json<alloc::vec::Vec<shop::FieldError>>", "Vec<FieldError>"),
        ("axum::json::Json<serde_json::value::Value>", "Json"),
        ("axum::response::Html<alloc::string::String>", "Html"),
        ("http::response::Response<axum_core::body::Body>", "Response"),
        ("&mut alloc::boxed::Box<alloc::sync::Arc<shop::Quota>>", "Quota"),
        ("&'static str", "str"),
        ("()", "()"),
        ("(u8,)", "u8"),
        ("[u8]", "[u8]"),
        ("alloc::boxed::Box<dyn core::error::Error + core::marker::Send>", "dyn Error"),
        (
            "alloc::boxed::Box<dyn for<'a> core::ops::function::Fn(&'a str) -> \
             core::option::Option<u8> + core::marker::Send>",
            "dyn Fn",
        ),
        ("alloc::boxed::Box<dyn shop::Fault<Kind = u8>>", "dyn Fault<u8>"),
        ("shop::Both<(u8, *const u8), [std::io::error::Error; 2]>", "Both<(u8, u8), [io::Error]>"),
    ] {
        assert_eq!(short_type_name(type_name), name, "{type_name}");
    }
}

#[test]
fn short_type_name_leaves_out_parameters_that_are_too_long() {
    let long = format!("shop::error::Error<shop::{}>", "Long".repeat(MAX_BYTES / 4));
    assert_eq!(short_type_name(long.leak()), "shop::Error");
}

#[test]
fn same_error_may_be_wrapped() {
    let wrapped = "(http::status::StatusCode, axum::json::Json<one::Missing>)";
    assert!(is_same_error("one::Missing", wrapped));
    assert!(!is_same_error("two::Missing", wrapped));
    assert!(is_same_error("one::Missing", "alloc::boxed::Box<one::Missing>"));
}

/// The compiler may change how it writes names. They then stay what they are.
#[test]
fn short_type_names_of_any_text_do_not_panic() {
    let pieces =
        ["<", ">", "(", ")", "[", "]", "{", "}", "'", "é", ", ", "::", "-", "&", "dyn ", "a"];
    for one in pieces {
        for two in pieces {
            for three in pieces {
                for four in pieces {
                    let text = [one, two, three, four].concat();
                    drop(super::make_name(&text));
                }
            }
        }
    }
}
