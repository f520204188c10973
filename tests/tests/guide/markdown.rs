//! Reads links, headings and fences of Markdown files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The directory of the repository.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A Markdown file of the repository.
pub(crate) struct Document {
    /// The path from the root of the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// The text without fenced blocks and code spans, whose brackets are not links.
    prose: String,
}

impl Document {
    pub(crate) fn read(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let text = fs::read_to_string(Path::new(ROOT).join(&path));
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let prose = without_code(&text);
        Self { path, text, prose }
    }

    /// Reads the chapters of the guide, without the summary.
    pub(crate) fn chapters() -> Vec<Self> {
        let entries = fs::read_dir(Path::new(ROOT).join("docs")).expect("docs can be read");
        let names = entries.map(|entry| entry.expect("docs can be read").file_name());
        let paths = names.map(|name| Path::new("docs").join(name));
        let paths = paths.filter(|path| path.extension().is_some_and(|it| it == "md"));
        let mut paths: Vec<_> = paths.filter(|path| !path.ends_with("SUMMARY.md")).collect();
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    /// Returns the file's name without its extension.
    pub(crate) fn stem(&self) -> &str {
        self.path.file_stem().and_then(|stem| stem.to_str()).expect("the file has a name in UTF-8")
    }

    /// Returns the first line of each fenced block, without the backticks.
    pub(crate) fn fences(&self) -> Vec<&str> {
        let fences = self.text.lines().filter_map(|line| line.trim_start().strip_prefix("```"));
        fences.step_by(2).collect()
    }

    /// Returns the targets of link definitions, `[label]: target`, by their labels.
    pub(crate) fn definitions(&self) -> BTreeMap<&str, &str> {
        let lines = self.prose.lines().filter_map(|line| line.strip_prefix('['));
        lines.filter_map(|line| line.split_once("]: ")).collect()
    }

    /// Returns the labels of reference links, `[text][label]`.
    pub(crate) fn references(&self) -> BTreeSet<&str> {
        let labels = self.prose.split("][").skip(1);
        let labels = labels.filter_map(|rest| rest.split_once(']')).map(|(label, _)| label);
        // The label of a link to an item is a code span.
        labels.filter(|label| !label.is_empty()).collect()
    }

    /// Returns the targets of inline links, `[text](target)`.
    pub(crate) fn inline_targets(&self) -> Vec<&str> {
        let targets = self.prose.split("](").skip(1);
        targets.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
    }

    /// Returns whether a heading has this anchor.
    pub(crate) fn has_anchor(&self, anchor: &str) -> bool {
        let (base, number) = match anchor.rsplit_once('-') {
            Some((base, number)) => (base, number.parse().unwrap_or(0)),
            None => (anchor, 0),
        };
        let count = |anchor| self.anchors().filter(|candidate| candidate == anchor).count();
        count(anchor) > 0 || count(base) > number && number > 0
    }

    /// Returns the titles of the headings, with their number signs.
    pub(crate) fn headings(&self) -> impl Iterator<Item = &str> {
        let mut in_fence = false;
        self.text.lines().filter(move |line| {
            in_fence ^= line.trim_start().starts_with("```");
            !in_fence && line.starts_with('#')
        })
    }

    /// Returns the anchors of the headings; equal headings have equal ones here.
    fn anchors(&self) -> impl Iterator<Item = String> {
        self.headings().map(|heading| {
            let title = heading.trim_start_matches('#').trim().to_lowercase();
            let title = title.replace(' ', "-");
            title.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
        })
    }

    /// Returns the cells of each row of the table below a line that begins with `header`, without
    /// the table's two first lines.
    pub(crate) fn table(&self, header: &str) -> Vec<Vec<&str>> {
        let lines = self.text.lines().skip_while(|line| !line.starts_with(header)).skip(2);
        let rows = lines.take_while(|line| line.starts_with('|'));
        rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
    }
}

fn without_code(text: &str) -> String {
    let mut prose = String::new();
    let mut in_fence = false;
    for line in text.lines() {
        let delimits = line.trim_start().starts_with("```");
        in_fence ^= delimits;
        if !in_fence && !delimits {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    // A code span may go on in the next line.
    prose.split('`').step_by(2).collect()
}
