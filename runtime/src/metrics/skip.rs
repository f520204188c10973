//! The requests that are served without being recorded.

use http::{Method, Request};

use super::BuildError;

/// Exact paths, prefixes written with a `*` at their end, and methods.
#[derive(Debug, Default)]
pub(super) struct Skip {
    exact: Vec<Box<str>>,
    prefixes: Vec<Box<str>>,
    methods: Vec<Method>,
    pub(super) unmatched: bool,
}

impl Skip {
    pub(super) fn new(
        patterns: &[String],
        methods: Vec<Method>,
        unmatched: bool,
    ) -> Result<Self, BuildError> {
        let mut skip = Self { methods, unmatched, ..Self::default() };
        for pattern in patterns {
            if !pattern.starts_with('/') {
                return Err(BuildError::SkipPath { path: pattern.clone() });
            }
            match pattern.strip_suffix('*') {
                Some(prefix) => skip.prefixes.push(prefix.into()),
                None => skip.exact.push(pattern.as_str().into()),
            }
        }
        Ok(skip)
    }

    pub(super) fn matches<B>(&self, request: &Request<B>) -> bool {
        let is_none = self.exact.is_empty() && self.prefixes.is_empty();
        self.methods.contains(request.method())
            || (!is_none && self.matches_path(request.uri().path()))
    }

    fn matches_path(&self, path: &str) -> bool {
        self.exact.iter().any(|exact| **exact == *path)
            || self.prefixes.iter().any(|prefix| path.starts_with(&**prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::Skip;

    #[test]
    fn a_path_is_skipped_as_a_whole_or_below_a_star() {
        let paths = ["/health".to_owned(), "/internal/*".to_owned()];
        let skip = Skip::new(&paths, Vec::new(), false).expect("the paths are paths");
        assert!(skip.matches_path("/health"));
        assert!(skip.matches_path("/internal/"));
        assert!(skip.matches_path("/internal/state"));
        assert!(!skip.matches_path("/healthz"));
        assert!(!skip.matches_path("/internal"));
        assert!(!skip.matches_path("/"));
    }
}
