//! The paths that are served without being recorded.

/// Exact paths, and prefixes written with a `*` at their end.
#[derive(Debug, Default)]
pub(super) struct SkipPaths {
    exact: Vec<Box<str>>,
    prefixes: Vec<Box<str>>,
}

impl SkipPaths {
    pub(super) fn new(patterns: &[String]) -> Self {
        let mut paths = Self::default();
        for pattern in patterns {
            match pattern.strip_suffix('*') {
                Some(prefix) => paths.prefixes.push(prefix.into()),
                None => paths.exact.push(pattern.as_str().into()),
            }
        }
        paths
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        self.exact.iter().any(|exact| **exact == *path)
            || self.prefixes.iter().any(|prefix| path.starts_with(&**prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::SkipPaths;

    #[test]
    fn a_path_is_skipped_as_a_whole_or_below_a_star() {
        let paths = SkipPaths::new(&["/health".to_owned(), "/internal/*".to_owned()]);
        assert!(paths.matches("/health"));
        assert!(paths.matches("/internal/"));
        assert!(paths.matches("/internal/state"));
        assert!(!paths.matches("/healthz"));
        assert!(!paths.matches("/internal"));
        assert!(!paths.matches("/"));
    }
}
