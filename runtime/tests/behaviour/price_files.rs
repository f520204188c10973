//! Price files: their format, and the errors that name the line of a mistake.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use streamgauge::{Metrics, Price, PriceFileError, Prices};
use tempfile::TempDir;

fn file(directory: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, content).expect("the file is written");
    path
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

/// Prices that use every key.
fn all_keys() -> Prices {
    let long = Price::per_million(2.5, 15.0).cache_read(0.25);
    let longest = Price::per_million(5.0, 30.0);
    let large = Price::per_million(1.25, 10.0)
        .cache_read(0.125)
        .cache_write(1.5)
        .cache_write_1h(2.5)
        .input_audio(32.0)
        .input_image(5.0)
        .reasoning(12.0)
        .output_audio(64.0)
        .output_image(40.0)
        .above(200_000, long)
        .above(1_000_000, longest)
        .service_tier("batch", 0.5)
        .service_tier("priority", 2.0);
    Prices::new().price("large-1", large).price("house/small-1.5", Price::per_million(0.15, 0.0))
}

const ALL_KEYS_IN_JSON: &str = r#"{
  "large-1": {
    "input": 1.25, "output": 1e1, "cache_read": 0.125, "cache_write": 1.5,
    "cache_write_1h": 2.5, "input_audio": 32, "input_image": 5, "reasoning": 12,
    "output_audio": 64, "output_image": 40,
    "above": [
      { "tokens": 200000, "input": 2.5, "output": 15, "cache_read": 0.25 },
      { "tokens": 1000000, "input": 5, "output": 30 }
    ],
    "service_tiers": { "batch": 0.5, "priority": 2 }
  },
  "house\/small-1.\u0035": { "input": 0.15, "output": 0 }
}
"#;

#[cfg(feature = "toml")]
const ALL_KEYS_IN_TOML: &str = r#"
# The large model.
[large-1]
input = 1.25
output = 10
cache_read = 0.125
cache_write = 1.5
cache_write_1h = 2.5
input_audio = 3.2e1
input_image = 0x5
reasoning = 1_2
output_audio = 6_4.0
output_image = 40.0
service_tiers = { batch = 0.5, priority = 2 }

[[large-1.above]]
tokens = 200_000
input = 2.5
output = 15
cache_read = 0.25

[[large-1.above]]
tokens = 1_000_000
input = 5
output = 30

["house/small-1.5"]
input = 0.15
output = 0
"#;

#[test]
fn price_files_have_a_key_for_each_setting_of_a_price() {
    let directory = directory();
    for (name, content) in [
        ("prices.json", ALL_KEYS_IN_JSON),
        ("PRICES.JSON", &format!("\u{feff}{ALL_KEYS_IN_JSON}")),
        #[cfg(feature = "toml")]
        ("prices.toml", ALL_KEYS_IN_TOML),
        #[cfg(feature = "toml")]
        ("crlf.toml", &format!("\u{feff}{}", ALL_KEYS_IN_TOML.replace('\n', "\r\n"))),
    ] {
        let prices = Prices::from_file(file(&directory, name, content)).expect(name);
        assert_eq!(prices, all_keys(), "{name}");
        assert!(Metrics::builder().prices(prices).build().is_ok());
    }
    assert_eq!(all_keys().len(), 2);
    assert!(!all_keys().is_empty() && Prices::new().is_empty());
}

/// Asserts that the error of a text begins with its place, and contains the reason.
fn assert_refused(result: Result<Prices, PriceFileError>, line: usize, reason: &str, text: &str) {
    let error = result.expect_err(text);
    let PriceFileError::Content { line: at, reason: given, path: None } = &error else {
        panic!("{error:?}: {text}");
    };
    assert_eq!(*at, line, "{given}: {text}");
    assert!(given.contains(reason), "{given:?} does not contain {reason:?}: {text}");
    assert_eq!(error.to_string(), format!("prices, line {line}: {given}"));
    assert!(error.source().is_none());
}

#[test]
fn mistakes_in_json_are_named_with_their_line() {
    let rates = r#""input": 1, "output": 2"#;
    let tier = |tier: &str| format!("{{\n\"a\": {{\n{rates},\n\"above\": {tier}}}}}");
    for (text, line, reason) in [
        (String::new(), 1, "the text is empty"),
        (" \n\t\n".to_owned(), 1, "the text is empty"),
        ("{}".to_owned(), 1, "no model has a price"),
        ("\n[]".to_owned(), 2, "expected a table of models, and found a list"),
        ("12".to_owned(), 1, "expected a table of models, and found a number"),
        ("{\n\"a\": {\n\"input\": 1,".to_owned(), 3, "not valid JSON"),
        (format!("{{\"a\": {{{rates}}}}}\n}}"), 2, "trailing characters"),
        ("{\n\"a\": {\n\"input\": -0.5, \"output\": 1}}".to_owned(), 3, "input costs -0.5 dollars"),
        ("{\n\"a\": {\n\n\"input\":\n\"1\", \"output\": 1}}".to_owned(), 5, "`input` is a text"),
        ("{\"a\": {\"input\": 1,\n\"output\": null}}".to_owned(), 2, "`output` is null"),
        ("{\"a\": {\"input\": 1,\n\"output\": true}}".to_owned(), 2, "`output` is a boolean"),
        ("{\"a\": {\"input\": 1,\n\"output\": [2]}}".to_owned(), 2, "`output` is a list"),
        ("{\"a\": {\"input\": 1,\n\"output\": 1e400}}".to_owned(), 2, "number out of range"),
        ("{\"a\": {\"input\": 1,\n\"output\": NaN}}".to_owned(), 2, "not valid JSON"),
        ("{\"a\": {\"input\": 1,\n\"output\": 1e300}}".to_owned(), 2, "at most 1e12"),
        (format!("{{\n\"a\": {{{rates},\n\"cache_raed\": 1}}}}"), 3, "did you mean `cache_read`?"),
        (format!("{{\n\"a\": {{{rates},\n\"Above\": []}}}}"), 3, "did you mean `above`?"),
        (
            format!("{{\n\"a\": {{{rates},\n\"note\": \"x\"}}}}"),
            3,
            "the keys are input, cache_read",
        ),
        (format!("{{\n\"a\": {{{rates}}},\n\"b\": 5}}"), 3, "price of \"b\": expected a table"),
        (format!("{{\n\"a\": {{{rates}}},\n\"a\": {{{rates}}}}}"), 3, "\"a\" is given on line 2"),
        (format!("{{\n\"a\": {{{rates},\n\n\"input\": 3}}}}"), 4, "\"input\" is given on line 2"),
        ("{\n\n\"a\": {\n\"output\": 1}}".to_owned(), 3, "`input` is missing"),
        ("{\n\"a\":\n{\"input\": 1}}".to_owned(), 2, "`output` is missing"),
        (format!("{{\n\"\": {{{rates}}}}}"), 2, "the model name is empty"),
        (format!("{{\n\"other\": {{{rates}}}}}"), 2, "`other` stands for several models"),
        (tier("5"), 4, "`above` is a number"),
        (tier(&format!("[\n{{{rates}}}]")), 5, "`tokens` is missing"),
        (tier(&format!("[\n{{\"tokens\": 1.5, {rates}}}]")), 5, "`tokens` is 1.5"),
        (tier(&format!("[\n{{\"tokens\": -1, {rates}}}]")), 5, "`tokens` is -1"),
        (tier(&format!("[\n{{\"tokens\": 1e17, {rates}}}]")), 5, "`tokens` is 1"),
        (tier("[\n{\"tokens\": 1, \"input\": 2}]"), 5, "`output` is missing"),
        (
            tier(&format!("[{{\"tokens\": 1, {rates}}},\n{{\"tokens\": 1, {rates}}}]")),
            5,
            "on line 4",
        ),
        (
            tier(&format!("[{{\"tokens\": 1, {rates},\n\"above\": []}}]")),
            5,
            "unknown key \"above\"",
        ),
        (format!("{{\"a\": {{{rates},\n\"tokens\": 1}}}}"), 2, "unknown key \"tokens\""),
        (
            format!("{{\"a\": {{{rates},\n\"service_tiers\": 1}}}}"),
            2,
            "`service_tiers` is a number",
        ),
        (
            format!("{{\"a\": {{{rates},\n\"service_tiers\": {{\n\"batch\": -0.5}}}}}}"),
            3,
            "service tier \"batch\" multiplies the price by -0.5",
        ),
        (
            format!("{{\"a\": {{{rates},\n\"service_tiers\": {{\n\"batch\": \"half\"}}}}}}"),
            3,
            "the multiplier of service tier \"batch\" is a text",
        ),
        (format!("{{\"a\": {{{rates},\n\"service_tiers\": {{\"\": 1}}}}}}"), 2, "an empty name"),
        ("[".repeat(10_000), 1, "recursion limit"),
        (format!("{{\"a\": {{\"b\": {}1{}}}}}", "[".repeat(99), "]".repeat(99)), 1, "unknown key"),
    ] {
        assert_refused(Prices::parse_json(&text), line, reason, &text);
    }
}

#[cfg(feature = "toml")]
#[test]
fn mistakes_in_toml_are_named_with_their_line() {
    let rates = "input = 1\noutput = 2";
    for (text, line, reason) in [
        (String::new(), 1, "the text is empty"),
        ("# No price yet.\n".to_owned(), 1, "no model has a price"),
        ("input = 1".to_owned(), 1, "price of \"input\": expected a table"),
        ("[a]\ninput = ".to_owned(), 2, "not valid TOML"),
        ("[a]\ninput = 1\nout".to_owned(), 3, "not valid TOML"),
        ("[a]\ninput = 1\n\n[b".to_owned(), 4, "not valid TOML"),
        ("[a]\ninput = -0.5\noutput = 1".to_owned(), 2, "input costs -0.5 dollars"),
        ("[a]\ninput = 1\noutput = \"1\"".to_owned(), 3, "`output` is a text"),
        ("[a]\ninput = 1\noutput = \"\"\"\n1\"\"\"".to_owned(), 3, "`output` is a text"),
        ("[a]\ninput = 1\noutput = 2026-01-01".to_owned(), 3, "`output` is a date or a time"),
        ("[a]\ninput = 1\noutput = nan".to_owned(), 3, "output costs NaN dollars"),
        ("[a]\ninput = 1\noutput = -inf".to_owned(), 3, "output costs -inf dollars"),
        ("[a]\ninput = 1e400\noutput = 1".to_owned(), 2, "input"),
        ("[a]\ninput = 99999999999999999999\noutput = 1".to_owned(), 2, "at most 1e12"),
        (format!("[a]\n{rates}\nouput_audio = 1"), 4, "did you mean `output_audio`?"),
        (format!("[a]\n{rates}\ncurrency = \"EUR\""), 4, "unknown key \"currency\""),
        (format!("[a]\n{rates}\n[b]\n{rates}\n[a]\n{rates}"), 7, "duplicate key"),
        (format!("[a]\n{rates}\ninput = 2"), 4, "duplicate key"),
        ("\n[a]\noutput = 1".to_owned(), 2, "`input` is missing"),
        ("\n[a]".to_owned(), 2, "`input` is missing"),
        (format!("[a]\n{rates}\n[small-1.5]\n{rates}"), 4, "quote the whole name"),
        (format!("[a]\n{rates}\nabove = 5"), 4, "`above` is a number"),
        (format!("[a]\n{rates}\n[[a.above]]\n{rates}"), 4, "`tokens` is missing"),
        (
            format!("[a]\n{rates}\n[a.service_tiers]\nbatch = inf"),
            5,
            "by inf: give a finite number",
        ),
        // The first mistake is reported, whatever the order of the names.
        ("[b]\ninput = -1\noutput = 1\n[a]\ninput = -2\noutput = 1".to_owned(), 2, "costs -1"),
    ] {
        assert_refused(Prices::parse_toml(&text), line, reason, &text);
    }
}

/// No text may overflow the stack.
#[cfg(feature = "toml")]
#[test]
fn deeply_nested_toml_is_refused() {
    for text in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}1{}", "[".repeat(60), "]".repeat(60)),
        format!("{}a = 1", "a.".repeat(100_000)),
        format!("[{}a]\ninput = 1", "a.".repeat(100_000)),
        format!("a = {}", "{ a = ".repeat(100_000)),
    ] {
        Prices::parse_toml(&text).expect_err("the text contains no price");
    }
}

#[test]
fn mistakes_in_a_file_are_named_with_its_path() {
    let directory = directory();
    let path = file(&directory, "prices.json", "{\n\"a\": {\"input\": -1, \"output\": 1}}");
    let error = Prices::from_file(&path).expect_err("a price is negative");
    let place = format!("price file {}, line 2: price of \"a\": input costs", path.display());
    assert!(error.to_string().starts_with(&place), "{error}");

    let path = file(&directory, "latin1.json", b"{\n\n\"caf\xe9\": {\"input\": 1, \"output\": 1}}");
    let error = Prices::from_file(&path).expect_err("the text is not UTF-8").to_string();
    assert!(error.contains("line 3: the text is not valid UTF-8"), "{error}");

    let path = file(&directory, "empty.json", "");
    let error = Prices::from_file(&path).expect_err("the file is empty").to_string();
    assert!(error.contains("line 1: the text is empty"), "{error}");
}

#[test]
fn unreadable_files_are_refused() {
    let directory = directory();
    let missing = directory.path().join("missing.json");
    let folder = directory.path().join("folder.json");
    fs::create_dir(&folder).expect("the directory is created");
    for path in [&*missing, &*folder, Path::new("nul\0.json")] {
        let error = Prices::from_file(path).expect_err("the file cannot be read");
        assert!(matches!(error, PriceFileError::Io { .. }), "{error:?}");
        assert!(error.source().is_some() && error.to_string().contains("must be a readable file"));
    }
    for name in ["prices", "prices.yaml", ".json", ""] {
        let error = Prices::from_file(directory.path().join(name)).expect_err("no known format");
        assert!(matches!(error, PriceFileError::UnknownFormat { .. }), "{name}: {error:?}");
    }
    let large = file(&directory, "large.json", vec![b' '; (16 << 20) + 1]);
    let error = Prices::from_file(large).expect_err("the file is too large");
    assert!(matches!(error, PriceFileError::TooLarge { .. }), "{error:?}");
}

#[cfg(not(feature = "toml"))]
#[test]
fn toml_files_need_the_feature() {
    let directory = directory();
    let path = file(&directory, "prices.toml", "[a]\ninput = 1\noutput = 1");
    let error = Prices::from_file(path).expect_err("the feature is not enabled");
    assert!(error.to_string().contains("enable the feature `toml`"), "{error}");
}
