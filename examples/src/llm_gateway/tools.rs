//! Tools that a client offers. The demonstration model calls a tool only if the client requires a
//! call.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::llm_gateway::request_error::RequestError;

/// A function that the client can run.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tool {
    pub(crate) name: String,
    /// JSON schema of the arguments: `parameters` in `OpenAI`'s API, `input_schema` in Anthropic's.
    #[serde(default, alias = "input_schema")]
    parameters: Value,
}

/// Whether the client requires the call of a tool.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ToolChoice {
    /// No call is required, so the model replies with text.
    NotRequired,
    /// Any of the offered tools must be called.
    Any,
    /// The tool with this name must be called.
    Named(String),
}

/// Returns the tool that must be called, or `None` if no call is required.
pub(crate) fn required_tool(
    tools: Vec<Tool>,
    choice: ToolChoice,
) -> Result<Option<Tool>, RequestError> {
    let mut tools = tools.into_iter();
    let chosen = match choice {
        ToolChoice::NotRequired => return Ok(None),
        ToolChoice::Any => tools.next(),
        ToolChoice::Named(name) => tools.find(|tool| tool.name == name),
    };
    chosen.map(Some).ok_or(RequestError::UnknownTool)
}

impl Tool {
    /// Returns arguments for a call, as JSON: a placeholder for each required parameter, and the
    /// question for parameters of type `string`.
    pub(crate) fn arguments(&self, question: &str) -> String {
        let required = self.parameters["required"].as_array().into_iter().flatten();
        let arguments: Map<String, Value> = required
            .filter_map(Value::as_str)
            .map(|name| {
                (name.to_owned(), placeholder(&self.parameters["properties"][name], question))
            })
            .collect();
        Value::Object(arguments).to_string()
    }
}

/// Returns a value that matches `schema`.
fn placeholder(schema: &Value, question: &str) -> Value {
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
    fn tool_is_called_only_if_the_client_requires_a_call() {
        let called = |choice| required_tool(tools(), choice).map(|tool| tool.map(|tool| tool.name));
        assert_eq!(called(ToolChoice::NotRequired).unwrap(), None);
        assert_eq!(called(ToolChoice::Any).unwrap().as_deref(), Some("weather"));
        assert_eq!(called(ToolChoice::Named("now".to_owned())).unwrap().as_deref(), Some("now"));
        assert!(matches!(
            called(ToolChoice::Named("dig".to_owned())),
            Err(RequestError::UnknownTool)
        ));
        assert!(matches!(
            required_tool(Vec::new(), ToolChoice::Any),
            Err(RequestError::UnknownTool)
        ));
    }

    #[test]
    fn tool_arguments_are_the_required_parameters() {
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
