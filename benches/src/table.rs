//! Tables of results, and their output as markdown and JSON.

use std::fmt;

use serde_json::{Map, Value, json};

/// A table of results.
pub(crate) struct Table {
    pub(crate) topic: &'static str,
    pub(crate) caption: String,
    /// Title of the first column, which has the names of the rows.
    pub(crate) row_header: &'static str,
    pub(crate) columns: Vec<(&'static str, NumberFormat)>,
    pub(crate) rows: Vec<Row>,
}

/// A row: the name of a contender and one figure per column.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) values: Vec<Option<f64>>,
    /// True if the times are less certain, because other programs disturbed too many samples.
    pub(crate) disturbed: bool,
}

/// Kind of a figure, which determines the number of its digits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NumberFormat {
    Time,
    Ratio,
    Count,
    Integer,
}

impl NumberFormat {
    fn format(self, value: f64) -> String {
        let decimals = match self {
            Self::Time if value.abs() < 100.0 => 1,
            Self::Time | Self::Integer => 0,
            Self::Ratio => 2,
            Self::Count => return format_count(value),
        };
        // A small negative value may round to zero, which is written without a sign.
        let text = format!("{value:.decimals$}");
        if text.trim_start_matches('-').bytes().all(|byte| matches!(byte, b'0' | b'.')) {
            text.trim_start_matches('-').to_owned()
        } else {
            text
        }
    }
}

/// Formats a count, which may be a mean, without trailing zeros.
fn format_count(value: f64) -> String {
    let decimals = if value.abs() < 1.0 { 3 } else { 1 };
    let text = format!("{value:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if matches!(text, "" | "-" | "-0") { "0".to_owned() } else { text.to_owned() }
}

impl Table {
    pub(crate) fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let values = self.columns.iter().zip(&row.values);
            let mut object: Map<String, Value> =
                values.map(|((title, _), value)| ((*title).to_owned(), json!(value))).collect();
            object.insert(self.row_header.to_owned(), json!(row.name));
            object.insert("disturbed".to_owned(), json!(row.disturbed));
            Value::Object(object)
        });
        let rows: Vec<Value> = rows.collect();
        json!({ "topic": self.topic, "caption": self.caption, "rows": rows })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.caption)?;
        write!(f, "| {} |", self.row_header)?;
        for (title, _) in &self.columns {
            write!(f, " {title} |")?;
        }
        writeln!(f, "\n|---|{}", "--:|".repeat(self.columns.len()))?;
        for row in &self.rows {
            write!(f, "| {}{} |", row.name, if row.disturbed { " (disturbed)" } else { "" })?;
            for ((_, format), value) in self.columns.iter().zip(&row.values) {
                let value = value.map_or_else(|| "–".to_owned(), |value| format.format(value));
                write!(f, " {value} |")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
