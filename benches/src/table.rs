//! The tables: one representation, written as markdown or as JSON.

use std::fmt;

use serde_json::{Map, Value, json};

/// One table of figures.
pub(crate) struct Table {
    pub(crate) topic: &'static str,
    pub(crate) caption: String,
    /// What stands above the rows' names.
    pub(crate) head: &'static str,
    pub(crate) columns: Vec<(&'static str, Figure)>,
    pub(crate) rows: Vec<Row>,
}

/// The figures of one contender, say, a column each.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) values: Vec<Option<f64>>,
    /// Whether its times are less certain than the others'.
    pub(crate) disturbed: bool,
}

/// What a figure is, and so how many digits it is written with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Figure {
    Time,
    Ratio,
    Count,
    Whole,
}

impl Figure {
    fn write(self, value: f64) -> String {
        let decimals = match self {
            Self::Time if value.abs() < 100.0 => 1,
            Self::Time | Self::Whole => 0,
            Self::Ratio => 2,
            Self::Count => return trimmed(value),
        };
        // No zero has a sign.
        let text = format!("{value:.decimals$}");
        if text.trim_start_matches('-').bytes().all(|byte| matches!(byte, b'0' | b'.')) {
            text.trim_start_matches('-').to_owned()
        } else {
            text
        }
    }
}

/// A count, which may be a mean: with as few decimals as tell it.
fn trimmed(value: f64) -> String {
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
            object.insert(self.head.to_owned(), json!(row.name));
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
        write!(f, "| {} |", self.head)?;
        for (title, _) in &self.columns {
            write!(f, " {title} |")?;
        }
        writeln!(f, "\n|---|{}", "--:|".repeat(self.columns.len()))?;
        for row in &self.rows {
            write!(f, "| {}{} |", row.name, if row.disturbed { " (disturbed)" } else { "" })?;
            for ((_, figure), value) in self.columns.iter().zip(&row.values) {
                let value = value.map_or_else(|| "–".to_owned(), |value| figure.write(value));
                write!(f, " {value} |")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
