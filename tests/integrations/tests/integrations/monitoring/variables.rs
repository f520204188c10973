//! Variables of dashboards.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// The names of variables, as Grafana finds them in a query. The notations of Perses are among
/// these.
static VARIABLE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        \$(\w+)
        | \[\[(\w+?)(?::(\w+))?\]\]
        | \$\{(\w+)(?:\.([^:^\}]+))?(?::([^\}]+))?\}",
    )
    .expect("the expression is valid")
});

/// Replaces the variables of a query: those of the dashboard, and the window.
pub(crate) fn interpolate(query: &str, value: &str) -> String {
    let replaced = VARIABLE.replace_all(query, |found: &Captures<'_>| match &found[0] {
        "$__rate_interval" => "5m".to_owned(),
        "$instance" | "$endpoint" => value.to_owned(),
        other => panic!("there is no variable {other}: {query}"),
    });
    replaced.into_owned()
}

#[test]
#[should_panic = "there is no variable [[x]]"]
fn variable_in_brackets_is_found() {
    interpolate("a{b=\"[[x]]\"}", "");
}
