//! The rules by which requests are served without being recorded.

use http::{Method, Request};

use super::BuildError;
use super::path_pattern::PathPattern;
use super::validate::Problems;

/// Patterns of paths, and methods.
#[derive(Debug)]
pub(super) struct SkipRules {
    paths: Box<[PathPattern]>,
    methods: Box<[Method]>,
    /// Whether requests that match no route are skipped too.
    pub(super) unmatched: bool,
}

impl SkipRules {
    pub(super) fn new(
        patterns: Vec<String>,
        methods: Vec<Method>,
        unmatched: bool,
        problems: &mut Problems,
    ) -> Self {
        let paths = patterns.into_iter().filter_map(|path| {
            let pattern = PathPattern::parse(&path);
            problems.check(pattern.map_err(|reason| BuildError::SkipPath { path, reason }))
        });
        Self { paths: paths.collect(), methods: methods.into(), unmatched }
    }

    /// Returns whether no rule looks at a request.
    pub(super) fn are_empty(&self) -> bool {
        self.paths.is_empty() && self.methods.is_empty()
    }

    /// Returns whether a request is skipped. `route` returns the route that it has matched, and is
    /// called only if a path is skipped.
    pub(super) fn matches<B>(
        &self,
        request: &Request<B>,
        route: impl FnOnce(&Request<B>) -> Option<&str>,
    ) -> bool {
        self.methods.contains(request.method())
            || (!self.paths.is_empty() && self.matches_path(request.uri().path(), route(request)))
    }

    fn matches_path(&self, path: &str, route: Option<&str>) -> bool {
        self.paths.iter().any(|pattern| pattern.matches(path, route))
    }
}
