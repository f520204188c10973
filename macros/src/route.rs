//! Route templates, as axum 0.8 writes them.

use syn::LitStr;

use crate::errors::Errors;

/// The longest endpoint that the label takes, in bytes.
const LONGEST: usize = 1024;

/// Checks an `endpoint`.
pub(crate) fn check(endpoint: Option<&LitStr>, errors: &mut Errors) {
    let Some(endpoint) = endpoint else { return };
    if let Some(problem) = problem(&endpoint.value()) {
        errors.at(endpoint, problem);
    }
}

fn problem(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        let rule = "an endpoint is a route template and begins with `/`";
        let mended = format!("/{path}");
        let is_address = path.contains("//");
        return Some(match problem(&mended) {
            None if !is_address => format!("{rule}: \"{mended}\""),
            _ => format!("{rule}, as in \"/items/{{id}}\""),
        });
    }
    if path.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Some("an endpoint has no spaces and no control characters".to_owned());
    }
    if path.contains(['?', '#']) {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        return Some(format!("an endpoint is the path alone: \"{path}\""));
    }
    if path.len() > LONGEST {
        return Some(format!("an endpoint has at most {LONGEST} bytes"));
    }
    let mut names = Vec::new();
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
        let name = match parameter(segment) {
            Ok(Some(name)) => name,
            Ok(None) => continue,
            Err(problem) => return Some(problem),
        };
        if name.starts_with('*') && segments.peek().is_some() {
            return Some(format!("the wildcard `{{{name}}}` must be the last part of the path"));
        }
        if names.contains(&name) {
            return Some(format!("the path parameter `{{{name}}}` is there twice"));
        }
        names.push(name);
    }
    None
}

/// The parameter of one segment. Doubled braces stand for themselves.
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
        return Err(format!("`{segment}` may have one path parameter, written as `{{name}}`"));
    }
    let name = &plain[open + 1..close];
    if name.trim_start_matches('*').is_empty() {
        return Err(format!("the path parameter of `{segment}` has no name"));
    }
    Ok(Some(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn templates_of_axum_pass() {
        for path in ["/", "/items", "/items/{id}", "/files/{*rest}", "/a/{b}/c/{d}", "/{{x}}"] {
            assert_eq!(problem(path), None, "{path}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_remedy() {
        for (path, remedy) in [
            ("items", "\"/items\""),
            ("", "begins with `/`"),
            ("items/:id", "as in \"/items/{id}\""),
            ("https://example.org", "as in \"/items/{id}\""),
            ("/files/*", "`{*name}`"),
            ("/items/:id", "`{id}`"),
            ("/files/*rest", "`{*rest}`"),
            ("/files/{*rest}/more", "last part"),
            ("/a/{id}/b/{id}", "twice"),
            ("/a/{id", "do not match"),
            ("/a/{}", "no name"),
            ("/a/{b}{c}", "one path parameter"),
            ("/a\n", "control characters"),
            ("/a b", "no spaces"),
            ("/items?page={page}", "\"/items\""),
            ("/items#top", "\"/items\""),
            (&format!("/{}", "a".repeat(1024)), "1024 bytes"),
        ] {
            let problem = problem(path).unwrap_or_default();
            assert!(problem.contains(remedy), "{path:?}: {problem}");
        }
    }
}
