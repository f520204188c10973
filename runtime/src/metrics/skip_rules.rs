//! The rules by which requests are served without being recorded.

use http::{Method, Request};

use super::BuildError;

/// Exact paths, path prefixes (written with a `*` at the end), and methods.
#[derive(Debug, Default)]
pub(super) struct SkipRules {
    exact: Vec<Box<str>>,
    prefixes: Vec<Box<str>>,
    methods: Vec<Method>,
    /// Whether requests that match no route are skipped too.
    pub(super) unmatched: bool,
}

impl SkipRules {
    pub(super) fn new(
        patterns: &[String],
        methods: Vec<Method>,
        unmatched: bool,
    ) -> Result<Self, BuildError> {
        let mut rules = Self { methods, unmatched, ..Self::default() };
        for pattern in patterns {
            if !pattern.starts_with('/') {
                return Err(BuildError::SkipPath { path: pattern.clone() });
            }
            match pattern.strip_suffix('*') {
                Some(prefix) => rules.prefixes.push(prefix.into()),
                None => rules.exact.push(pattern.as_str().into()),
            }
        }
        Ok(rules)
    }

    pub(super) fn matches<B>(&self, request: &Request<B>) -> bool {
        let has_paths = !(self.exact.is_empty() && self.prefixes.is_empty());
        self.methods.contains(request.method())
            || (has_paths && self.matches_path(request.uri().path()))
    }

    fn matches_path(&self, path: &str) -> bool {
        self.exact.iter().any(|exact| **exact == *path)
            || self.prefixes.iter().any(|prefix| path.starts_with(&**prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::SkipRules;

    #[test]
    fn skip_paths_match_whole_paths_or_prefixes() {
        let paths = ["/health".to_owned(), "/internal/*".to_owned()];
        let rules = SkipRules::new(&paths, Vec::new(), false).expect("the paths are valid");
        assert!(rules.matches_path("/health"));
        assert!(rules.matches_path("/internal/"));
        assert!(rules.matches_path("/internal/state"));
        assert!(!rules.matches_path("/healthz"));
        assert!(!rules.matches_path("/internal"));
        assert!(!rules.matches_path("/"));
    }
}
