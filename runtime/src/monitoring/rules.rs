//! Rule files of Prometheus.

use std::fmt::Write;

use super::query::Expr;

/// A group of rules, which Prometheus evaluates in order.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) rules: Vec<Rule>,
}

/// A recording rule or an alert.
pub(super) enum Rule {
    Recording { name: String, expr: Expr, labels: Vec<(String, String)> },
    Alert(Alert),
}

/// An alert.
pub(super) struct Alert {
    pub(super) name: String,
    pub(super) expr: Expr,
    /// How long the condition has to hold, in the notation of Prometheus.
    pub(super) pending: Option<&'static str>,
    pub(super) severity: Severity,
    /// The labels besides those of the result. Their values are no templates.
    pub(super) labels: Vec<(String, String)>,
    /// One line, which may use the labels of the result. For example, `{{ $labels.endpoint }}`.
    pub(super) summary: String,
    pub(super) description: String,
    /// The address of the section that says what to do.
    pub(super) runbook: String,
}

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// Now.
    Page,
    /// On the next working day.
    Ticket,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// Writes a rule file in YAML. `comment` is written at its beginning.
pub(super) fn rule_file(comment: &str, groups: &[Group]) -> String {
    let mut file = Yaml::default();
    for line in comment.lines() {
        file.line(0, &format!("# {line}"));
    }
    file.line(0, "groups:");
    for group in groups.iter().filter(|group| !group.rules.is_empty()) {
        file.line(1, &format!("- name: {}", quoted(&group.name)));
        file.line(2, "rules:");
        for rule in &group.rules {
            file.rule(rule);
        }
    }
    file.0
}

#[derive(Default)]
struct Yaml(String);

impl Yaml {
    fn line(&mut self, depth: usize, text: &str) {
        let indent = depth * 2;
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{:indent$}{text}", "");
    }

    fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::Recording { name, expr, labels } => {
                self.line(3, &format!("- record: {}", quoted(name)));
                self.line(4, &format!("expr: {}", quoted(&expr.to_string())));
                self.map(
                    "labels",
                    labels.iter().map(|(name, value)| (name.as_str(), value.as_str())),
                );
            }
            Rule::Alert(alert) => {
                self.line(3, &format!("- alert: {}", quoted(&alert.name)));
                self.line(4, &format!("expr: {}", quoted(&alert.expr.to_string())));
                if let Some(pending) = alert.pending {
                    self.line(4, &format!("for: {pending}"));
                }
                let labels: Vec<_> =
                    alert.labels.iter().map(|(name, value)| (name, literal(value))).collect();
                let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                let severity = [("severity", alert.severity.as_str())];
                self.map("labels", severity.into_iter().chain(labels));
                self.map(
                    "annotations",
                    [
                        ("summary", alert.summary.as_str()),
                        ("description", alert.description.as_str()),
                        ("runbook_url", alert.runbook.as_str()),
                    ],
                );
            }
        }
    }

    fn map<'a>(&mut self, name: &str, entries: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let mut entries = entries.into_iter().peekable();
        if entries.peek().is_some() {
            self.line(4, &format!("{name}:"));
        }
        for (key, value) in entries {
            self.line(5, &format!("{key}: {}", quoted(value)));
        }
    }
}

/// Returns a template that writes this text, whatever the text contains.
fn literal(text: &str) -> String {
    text.replace("{{", "{{ `{{` }}")
}

/// Returns a scalar of YAML. Printable ASCII text is in single quotes, within which only the quote
/// is escaped, so that queries stay readable. Other text is in double quotes.
fn quoted(text: &str) -> String {
    if text.chars().all(|character| matches!(character, ' '..='~')) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if must_be_escaped(character) => {
                // Writing to a string does not fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns whether YAML does not accept a character or takes it for the end of a line, or an editor
/// shows the text around the character in another order than Prometheus reads it.
fn must_be_escaped(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
                | '\u{fffe}'..='\u{ffff}'
        )
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn scalar_that_is_not_ascii_has_escapes_for_what_yaml_does_not_accept() {
        assert_eq!(quoted("it's \"a\\b\": #1"), "'it''s \"a\\b\": #1'");
        assert_eq!(quoted("\"ü\\😀\""), "\"\\\"ü\\\\😀\\\"\"");
        let special = "\n\u{7f}\u{85} \u{2028} \u{202e}\u{feff}\u{ffff}";
        assert_eq!(quoted(special), r#""\u000a\u007f\u0085 \u2028 \u202e\ufeff\uffff""#);
    }
}
