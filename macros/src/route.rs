//! Route templates, as axum 0.8 writes them.

use syn::{Error, LitStr};

/// Checks an `endpoint`.
pub(crate) fn check(endpoint: &LitStr) -> Result<(), Error> {
    problem(&endpoint.value()).map_or(Ok(()), |problem| Err(Error::new_spanned(endpoint, problem)))
}

fn problem(path: &str) -> Option<String> {
    if !path.starts_with('/') {
        return Some(format!("an endpoint is a route template and begins with `/`: \"/{path}\""));
    }
    if path.contains(char::is_control) {
        return Some("an endpoint has no control characters".to_owned());
    }
    let mut names = Vec::new();
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        if let Some(name) = segment.strip_prefix(':') {
            return Some(format!(
                "axum 0.8 writes a path parameter as `{{{name}}}`, not `:{name}`"
            ));
        }
        if let Some(name) = segment.strip_prefix('*') {
            return Some(format!("axum 0.8 writes a wildcard as `{{*{name}}}`, not `*{name}`"));
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
            ("/items/:id", "`{id}`"),
            ("/files/*rest", "`{*rest}`"),
            ("/files/{*rest}/more", "last part"),
            ("/a/{id}/b/{id}", "twice"),
            ("/a/{id", "do not match"),
            ("/a/{}", "no name"),
            ("/a/{b}{c}", "one path parameter"),
            ("/a\n", "control characters"),
        ] {
            let problem = problem(path).unwrap_or_default();
            assert!(problem.contains(remedy), "{path:?}: {problem}");
        }
    }
}
