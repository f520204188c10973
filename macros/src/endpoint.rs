//! The argument `endpoint`: a route template as axum 0.8 writes it, or the name of a function that
//! serves no requests.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::LitStr;

use crate::errors::Errors;

/// The longest `endpoint` that the library records, in bytes.
const MAX_BYTES: usize = 1024;

/// The value that the library records in place of values over the limits of a label.
const OVERFLOW: &str = "other";

/// The endpoint of requests that match no route.
const UNMATCHED: &str = "unmatched";

/// A valid route template or name.
pub(crate) struct Endpoint(LitStr);

impl Endpoint {
    /// Checks an `endpoint`, or reports what is wrong with it.
    pub(crate) fn validate(template: Option<LitStr>, errors: &mut Errors) -> Option<Self> {
        Self::check(template?, problem, errors)
    }

    /// Checks the `endpoint` of a function that serves requests, or reports what is wrong with it.
    pub(crate) fn validate_route(template: Option<LitStr>, errors: &mut Errors) -> Option<Self> {
        Self::check(template?, route_problem, errors)
    }

    fn check(
        template: LitStr,
        problem: fn(&str) -> Option<String>,
        errors: &mut Errors,
    ) -> Option<Self> {
        match problem(&template.value()) {
            None => Some(Self(template)),
            Some(problem) => {
                errors.at(template, problem);
                None
            }
        }
    }
}

impl ToTokens for Endpoint {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}

/// Describes why a text is neither a route template nor the name of a function.
fn problem(endpoint: &str) -> Option<String> {
    let is_path = endpoint.contains(['/', '{', '}', '?', '#']) || endpoint.starts_with([':', '*']);
    if endpoint.is_empty() || is_path {
        route_problem(endpoint)
    } else if [OVERFLOW, UNMATCHED].contains(&endpoint) {
        Some(format!("the library itself records the endpoint \"{endpoint}\"; use another name"))
    } else {
        text_problem(endpoint)
    }
}

/// Describes why a text cannot be the value of the label.
fn text_problem(endpoint: &str) -> Option<String> {
    let len = endpoint.len();
    if endpoint.contains(|c: char| c.is_control() || c.is_whitespace()) {
        Some("an endpoint must not contain whitespace or control characters".to_owned())
    } else if len > MAX_BYTES {
        Some(format!("an endpoint is at most {MAX_BYTES} bytes long, and this one has {len}"))
    } else {
        None
    }
}

/// Describes why a path is not a route template.
fn route_problem(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        let rule = "the endpoint of a handler is a route template and begins with `/`";
        let corrected = format!("/{path}");
        let is_url = path.contains("//");
        return Some(match route_problem(&corrected) {
            None if !is_url => format!("{rule}: \"{corrected}\""),
            _ => format!("{rule}, as in \"/items/{{id}}\""),
        });
    }
    if let Some(problem) = text_problem(path) {
        return Some(problem);
    }
    if path.contains(['?', '#']) {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        return Some(format!("an endpoint is a path without query and fragment: \"{path}\""));
    }
    let mut parameters = Vec::new();
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        if let Some(name) = segment.strip_prefix(':') {
            let shown = if name.is_empty() { "name" } else { name };
            return Some(format!(
                "axum 0.8 writes a path parameter as `{{{shown}}}`, not `:{name}`"
            ));
        }
        if let Some(name) = segment.strip_prefix('*') {
            let shown = if name.is_empty() { "name" } else { name };
            return Some(format!("axum 0.8 writes a wildcard as `{{*{shown}}}`, not `*{name}`"));
        }
        let parameter = match parameter(segment) {
            Ok(Some(parameter)) => parameter,
            Ok(None) => continue,
            Err(problem) => return Some(problem),
        };
        if parameter.starts_with('*') && segments.peek().is_some() {
            return Some(format!("the wildcard `{{{parameter}}}` must be the last segment"));
        }
        if parameters.contains(&parameter) {
            return Some(format!(
                "the path has two parameters `{{{parameter}}}`; give them different names"
            ));
        }
        parameters.push(parameter);
    }
    None
}

/// The name of the path parameter in a segment, if there is one. `{{` and `}}` are literal braces.
fn parameter(segment: &str) -> Result<Option<String>, String> {
    let plain = segment.replace("{{", "").replace("}}", "");
    let (Some(open), Some(close)) = (plain.find('{'), plain.find('}')) else {
        return if plain.contains(['{', '}']) {
            Err(format!("the braces of `{segment}` do not match"))
        } else {
            Ok(None)
        };
    };
    if close < open
        || plain[close + 1..].contains(['{', '}'])
        || plain[open + 1..close].contains('{')
    {
        return Err(format!(
            "`{segment}` must contain at most one path parameter, written as `{{name}}`"
        ));
    }
    let name = &plain[open + 1..close];
    if name.trim_start_matches('*').is_empty() {
        return Err(format!("the path parameter of `{segment}` has no name, as in `{{id}}`"));
    }
    Ok(Some(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use async_stream::stream;
    use streamgauge::Metrics;

    use super::{MAX_BYTES, problem, route_problem};

    #[test]
    fn endpoint_may_be_any_route_template_of_axum() {
        for path in ["/", "/items", "/items/{id}", "/files/{*rest}", "/a/{b}/c/{d}", "/{{x}}"] {
            assert_eq!(problem(path), None, "{path}");
        }
    }

    #[test]
    fn endpoint_may_be_the_name_of_a_function_that_serves_no_requests() {
        for name in ["nightly_import", "nightly-import", "jobs::import", "queue.orders", "größe"]
        {
            assert_eq!(problem(name), None, "{name}");
            let problem = route_problem(name).unwrap_or_default();
            assert!(problem.ends_with(&format!("\"/{name}\"")), "{name}: {problem}");
        }
    }

    #[test]
    fn endpoint_errors_say_what_to_write() {
        for (path, remedy) in [
            ("items/new", "\"/items/new\""),
            ("", "begins with `/`"),
            (":id", "as in \"/items/{id}\""),
            ("other", "use another name"),
            ("unmatched", "use another name"),
            ("nightly import", "whitespace"),
            (&"n".repeat(MAX_BYTES + 1), "1024 bytes"),
            ("items/:id", "as in \"/items/{id}\""),
            ("https://example.org", "as in \"/items/{id}\""),
            ("/files/*", "`{*name}`"),
            ("/items/:id", "`{id}`"),
            ("/files/*rest", "`{*rest}`"),
            ("/files/{*rest}/more", "last segment"),
            ("/a/{id}/b/{id}", "different names"),
            ("/a/{id", "do not match"),
            ("/a/{}", "no name"),
            ("/a/{b}{c}", "at most one path parameter"),
            ("/a\n", "control characters"),
            ("/a b", "whitespace"),
            ("/items?page={page}", "\"/items\""),
            ("/items#top", "\"/items\""),
            (&format!("/{}", "a".repeat(MAX_BYTES)), "1024 bytes"),
        ] {
            let problem = problem(path).unwrap_or_default();
            assert!(problem.contains(remedy), "{path:?}: {problem}");
        }
    }

    #[test]
    fn endpoint_limit_is_that_of_the_runtime() {
        let longest = format!("/{}", "e".repeat(MAX_BYTES - 1));
        assert_eq!(problem(&longest), None);
        let too_long = format!("{longest}e");
        for endpoint in [&longest, &too_long] {
            let stream = stream! { yield String::new() };
            drop(streamgauge::wrap_streaming_response(stream, endpoint));
        }
        let page = Metrics::global().encode_text().expect("the page can be encoded");
        assert!(page.contains(&format!("endpoint=\"{longest}\"")), "{page}");
        assert!(!page.contains(&format!("endpoint=\"{too_long}\"")), "{page}");
    }
}
