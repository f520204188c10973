//! Tools that a client offers. The model calls one only where the client insists: it has no opinion.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::llm_gateway::refusal::Refusal;

/// A function that the client would run.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tool {
    pub(crate) name: String,
    /// What it takes, as a JSON schema; each API has its own word for it.
    #[serde(default, alias = "input_schema")]
    parameters: Value,
}

/// Whether a tool is to be called.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The model may, and would rather talk.
    Free,
    /// Any of them.
    Any,
    Named(String),
}

/// The tool that must be called, if there is one.
pub(crate) fn choose(tools: Vec<Tool>, choice: Choice) -> Result<Option<Tool>, Refusal> {
    let mut tools = tools.into_iter();
    let chosen = match choice {
        Choice::Free => return Ok(None),
        Choice::Any => tools.next(),
        Choice::Named(name) => tools.find(|tool| tool.name == name),
    };
    chosen.map(Some).ok_or(Refusal::NoSuchTool)
}

impl Tool {
    /// What the tool is called with: each parameter that it requires, and for text the question.
    pub(crate) fn arguments(&self, question: &str) -> String {
        let required = self.parameters["required"].as_array().into_iter().flatten();
        let arguments: Map<String, Value> = required
            .filter_map(Value::as_str)
            .map(|name| (name.to_owned(), of_type(&self.parameters["properties"][name], question)))
            .collect();
        Value::Object(arguments).to_string()
    }
}

fn of_type(schema: &Value, question: &str) -> Value {
    match schema["type"].as_str() {
        Some("string") => json!(question),
        Some("integer" | "number") => json!(0),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::from_value;

    use super::*;

    fn tools() -> Vec<Tool> {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "days": {"type": "integer"},
                "units": {"type": "string"},
                "hourly": {"type": "boolean"},
                "also": {"type": "array"},
                "more": {"type": "object"},
                "else": {"anyOf": []},
            },
            "required": ["city", "days", "hourly", "also", "more", "else"],
        });
        vec![
            from_value(json!({"name": "weather", "parameters": schema})).unwrap(),
            from_value(json!({"name": "search", "input_schema": {"required": ["q"]}})).unwrap(),
            from_value(json!({"name": "now"})).unwrap(),
        ]
    }

    #[test]
    fn only_who_insists_has_a_tool_called() {
        let called = |choice| choose(tools(), choice).map(|tool| tool.map(|tool| tool.name));
        assert_eq!(called(Choice::Free).unwrap(), None);
        assert_eq!(called(Choice::Any).unwrap().as_deref(), Some("weather"));
        assert_eq!(called(Choice::Named("now".to_owned())).unwrap().as_deref(), Some("now"));
        assert!(matches!(called(Choice::Named("dig".to_owned())), Err(Refusal::NoSuchTool)));
        assert!(matches!(choose(Vec::new(), Choice::Any), Err(Refusal::NoSuchTool)));
    }

    #[test]
    fn a_tool_is_given_what_it_requires() {
        let arguments: Vec<Value> = tools()
            .iter()
            .map(|tool| serde_json::from_str(&tool.arguments("Oslo?")).unwrap())
            .collect();
        let weather = json!({
            "city": "Oslo?", "days": 0, "hourly": false, "also": [], "more": {}, "else": null,
        });
        assert_eq!(arguments, [weather, json!({"q": null}), json!({})]);
    }
}
