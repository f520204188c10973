//! The patterns of paths to skip: whole paths, prefixes and route templates.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// The ASCII characters that a request path has only percent-encoded. The crate `http` refuses a
/// path with any of them, and takes some others that the standard excludes, such as `"`.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'<').add(b'>').add(b'`');

/// A pattern of request paths.
#[derive(Debug)]
pub(super) struct PathPattern {
    /// The pattern, compared with the template of a route. A prefix is without its `*`.
    route: Box<str>,
    path: PathMatcher,
}

/// The paths that a pattern matches. Braces are not escaped here.
#[derive(Debug)]
enum PathMatcher {
    Whole(Box<str>),
    Prefix(Box<str>),
    Template(Box<[TemplatePart]>),
}

/// A part of a route template.
#[derive(Debug)]
enum TemplatePart {
    Literal(Box<str>),
    /// `{name}`: the rest of a segment.
    Segment,
    /// `{*name}`: the rest of the path.
    Rest,
}

impl PathPattern {
    /// Parses a pattern. Returns why it cannot match any request path, and what would match.
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        if !pattern.starts_with('/') {
            let path = encoded(pattern.trim());
            return Err(format!("a path begins with `/`: use \"/{path}\""));
        }
        if let Some(template) = in_braces(pattern) {
            return Err(format!("axum writes parameters in braces: use {template:?}"));
        }
        for (mark, what) in [('?', "the query"), ('#', "the fragment")] {
            if let Some((path, _)) = pattern.split_once(mark) {
                return Err(format!("{what} is not a part of the path: use {path:?}"));
            }
        }
        let (route, is_prefix) = match pattern.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (pattern, false),
        };
        let parts = parse_parts(route)?;
        for part in &parts {
            if let TemplatePart::Literal(literal) = part {
                check_literal(literal, pattern)?;
            }
        }
        let path = match (&*parts, is_prefix) {
            ([TemplatePart::Literal(literal)], false) => PathMatcher::Whole(literal.clone()),
            ([TemplatePart::Literal(literal)], true) => PathMatcher::Prefix(literal.clone()),
            (_, false) => PathMatcher::Template(parts.into_boxed_slice()),
            (_, true) => {
                let reason = "a route template ends in `{*rest}` instead of `*`";
                return Err(format!("{reason}: use \"{route}{{*rest}}\""));
            }
        };
        Ok(Self { route: route.into(), path })
    }

    /// Returns whether the pattern matches the path of a request, or the template of the route that
    /// the request matched.
    pub(super) fn matches(&self, path: &str, route: Option<&str>) -> bool {
        match &self.path {
            PathMatcher::Whole(whole) => **whole == *path || route == Some(&*self.route),
            PathMatcher::Prefix(prefix) => {
                path.starts_with(&**prefix)
                    || route.is_some_and(|route| route.starts_with(&*self.route))
            }
            PathMatcher::Template(parts) => {
                matches_template(parts, path) || route == Some(&*self.route)
            }
        }
    }
}

/// Returns whether a template matches a path, as axum does for a router with only this route.
fn matches_template(parts: &[TemplatePart], path: &str) -> bool {
    let mut rest = path;
    for part in parts {
        match part {
            TemplatePart::Literal(literal) => match rest.strip_prefix(&**literal) {
                Some(after) => rest = after,
                None => return false,
            },
            TemplatePart::Segment => {
                let length = rest.find('/').unwrap_or(rest.len());
                if length == 0 {
                    return false;
                }
                rest = &rest[length..];
            }
            TemplatePart::Rest => return !rest.is_empty(),
        }
    }
    rest.is_empty()
}

/// Splits a route template at its parameters.
///
/// # Errors
///
/// If axum does not accept the template, returns a text that names the mistake.
fn parse_parts(template: &str) -> Result<Vec<TemplatePart>, String> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from_brace) = rest.split_at(at);
        literal.push_str(before);
        if let Some(after) = ["{{", "}}"].iter().find_map(|two| from_brace.strip_prefix(two)) {
            literal.push_str(&from_brace[..1]);
            rest = after;
            continue;
        }
        let Some(inside) = from_brace.strip_prefix('{') else {
            return Err("a `}` has no `{` before it: write `}}` for the character".to_owned());
        };
        let Some((name, after)) = inside.split_once('}') else {
            return Err(
                "a `{` has no `}` after it: write `{name}` for a parameter, or `{{` for the \
                        character"
                    .to_owned(),
            );
        };
        let (part, name) = match name.strip_prefix('*') {
            Some(name) => (TemplatePart::Rest, name),
            None => (TemplatePart::Segment, name),
        };
        if name.is_empty() || name.contains(['*', '/', '{']) {
            return Err(
                "the name of a parameter is missing or has a `*`, `/` or `{`: write `{name}` \
                        for a segment, and `{*name}` for the rest of the path"
                    .to_owned(),
            );
        }
        if matches!(part, TemplatePart::Rest) && !after.is_empty() {
            return Err(format!("`{{*{name}}}` is the rest of the path: end the pattern with it"));
        }
        if !(after.is_empty() || after.starts_with('/')) {
            return Err(format!("`{{{name}}}` does not end its segment: write a `/` after it"));
        }
        if !literal.is_empty() {
            parts.push(TemplatePart::Literal(std::mem::take(&mut literal).into()));
        }
        parts.push(part);
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(TemplatePart::Literal(literal.into()));
    }
    Ok(parts)
}

/// Returns why no path contains this text, and what to write instead of the whole `pattern`.
fn check_literal(literal: &str, pattern: &str) -> Result<(), String> {
    if literal.contains('*') {
        let parameters = pattern.trim_end_matches('*').replace('*', "{name}");
        let end = if pattern.ends_with('*') { "*" } else { "" };
        let reason = "a `*` stands at the end of a pattern only";
        return Err(if parameters.contains("{name}") {
            format!("{reason}: use `{{name}}` for one segment, as in \"{parameters}{end}\"")
        } else {
            format!("{reason}, and once: use \"{parameters}{end}\"")
        });
    }
    if encoded(literal).to_string() != literal {
        let path = encoded(pattern);
        return Err(format!("clients send this path percent-encoded: use \"{path}\""));
    }
    Ok(())
}

/// Rewrites a pattern with parameters as axum 0.7 writes them: `:name` and `*name`. Returns `None`
/// if there are none.
fn in_braces(pattern: &str) -> Option<String> {
    let segments = pattern.split('/').map(|segment| {
        let is_old = segment.starts_with(':') || (segment.starts_with('*') && segment.len() > 1);
        let name = segment.strip_prefix(':').unwrap_or(segment);
        let is_name = !name.trim_start_matches('*').is_empty() && !name[1..].contains('*');
        if is_old && is_name { format!("{{{name}}}") } else { segment.to_owned() }
    });
    let template = segments.collect::<Vec<_>>().join("/");
    (template != pattern).then_some(template)
}

fn encoded(path: &str) -> impl std::fmt::Display {
    utf8_percent_encode(path, ENCODED)
}

#[cfg(test)]
mod tests {
    use super::PathPattern;

    fn matches(pattern: &str, path: &str) -> bool {
        PathPattern::parse(pattern).expect("the pattern is valid").matches(path, None)
    }

    #[test]
    fn path_patterns_match_whole_paths_or_prefixes() {
        assert!(matches("/health", "/health"));
        assert!(!matches("/health", "/healthz"));
        assert!(!matches("/health", "/health/"));
        assert!(matches("/internal/*", "/internal/"));
        assert!(matches("/internal/*", "/internal/state"));
        assert!(!matches("/internal/*", "/internal"));
        assert!(matches("/*", "/"));
        assert!(matches("/a%20b", "/a%20b"));
        assert!(matches("/{{a}}", "/{a}"));
        assert!(matches("/{{a*", "/{ab"));
    }

    #[test]
    fn path_patterns_match_route_templates_segment_by_segment() {
        for (template, path, expected) in [
            ("/items/{id}", "/items/1", true),
            ("/items/{id}", "/items/a%2Fb", true),
            ("/items/{id}", "/items/", false),
            ("/items/{id}", "/items", false),
            ("/items/{id}", "/items/1/", false),
            ("/items/{id}", "/items/1/parts", false),
            ("/items/{id}/", "/items/1/", true),
            ("/items/{id}/parts/{part}", "/items/1/parts/2", true),
            ("/items/{id}/parts/{part}", "/items//parts/2", false),
            ("/items-{id}", "/items-1", true),
            ("/items-{id}", "/items-", false),
            ("/{tenant}/{*rest}", "/acme/a/b", true),
            ("/admin/{*rest}", "/admin/a", true),
            ("/admin/{*rest}", "/admin/a/b/", true),
            ("/admin/{*rest}", "/admin//", true),
            ("/admin/{*rest}", "/admin/", false),
            ("/admin/{*rest}", "/admin", false),
            ("/{{{id}", "/{1", true),
            ("/{id}/}}", "/1/}", true),
        ] {
            assert_eq!(matches(template, path), expected, "{template} {path}");
        }
    }

    #[test]
    fn path_patterns_match_the_route_that_a_request_has_matched() {
        for (pattern, route, expected) in [
            ("/api/items/{id}", "/api/items/{id}", true),
            ("/api/items/{id}", "/api/items/{name}", false),
            ("/api/health", "/api/health", true),
            ("/api/*", "/api/items/{id}", true),
            ("/api/*", "/apis", false),
        ] {
            let pattern_of = PathPattern::parse(pattern).expect("the pattern is valid");
            let matched = pattern_of.matches("/path-in-the-nest", Some(route));
            assert_eq!(matched, expected, "{pattern} {route}");
        }
    }

    #[test]
    fn path_patterns_that_match_nothing_say_what_would_match() {
        for (pattern, way_out) in [
            ("", "\"/\""),
            ("health", "\"/health\""),
            ("with space", "\"/with%20space\""),
            ("/with space", "\"/with%20space\""),
            ("/häuser/{id}", "\"/h%C3%A4user/{id}\""),
            ("/a\n", "\"/a%0A\""),
            ("/a<b>`", "\"/a%3Cb%3E%60\""),
            ("/a?b", "\"/a\""),
            ("/health#x", "\"/health\""),
            ("/{id}?b", "\"/{id}\""),
            ("/api/*/x", "\"/api/{name}/x\""),
            ("/api/*/x*", "\"/api/{name}/x*\""),
            ("/api/**", "\"/api/*\""),
            ("*", "\"/*\""),
            ("/items/:id/:x", "\"/items/{id}/{x}\""),
            ("/*rest", "\"/{*rest}\""),
            ("/items/{id}/*", "\"/items/{id}/{*rest}\""),
            ("/items/{id", "`{name}`"),
            ("/items/id}", "`}}`"),
            ("/items/{}", "`{name}`"),
            ("/items/{*}", "`{*name}`"),
            ("/items/{a/b}", "`{name}`"),
            ("/items/{*rest}/x", "`{*rest}`"),
            ("/items/{a}{b}", "`{a}`"),
            ("/items/{a}.json", "`{a}`"),
        ] {
            let reason = PathPattern::parse(pattern).expect_err("the pattern matches nothing");
            assert!(reason.contains(way_out), "{pattern}: {reason}");
        }
    }
}
