//! Checks the links of the guide and of the other Markdown files.
//!
//! The stage `docs` of `.ci/run` checks links into the documentation of the API.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::Path;

use crate::markdown::{Document, ROOT};

/// Where the labels of the chapters lead in rustdoc.
const LABELS_IN_RUSTDOC: &str = "runtime/src/guide/links.md";

/// A transparent picture of one pixel, in place of each picture in rustdoc: the package has no
/// pictures, and a path to one would show as a broken picture.
const NO_PICTURE: &str =
    "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/// Returns whether a target is outside the repository.
fn is_external(target: &str) -> bool {
    target.starts_with("https://") || target.starts_with("http://")
}

/// Returns whether a label is that of a picture.
fn is_picture(label: &str) -> bool {
    label.starts_with("images/")
}

/// Adds a line to `broken` if a target, relative to the file's directory, does not exist.
fn check_target(document: &Document, target: &str, broken: &mut Vec<String>) {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(p, a)| (p, Some(a)));
    let path = if path.is_empty() {
        document.path.clone()
    } else {
        document.path.parent().expect("it is a file").join(path)
    };
    let exists = Path::new(ROOT).join(&path).exists()
        && anchor.is_none_or(|anchor| Document::read(path).has_anchor(anchor));
    if !exists {
        broken.push(format!("{}: {target} does not exist", document.path.display()));
    }
}

#[test]
fn links_between_chapters_are_references_that_follow_the_rule() {
    let mut broken = Vec::new();
    for document in Document::chapters() {
        let mut broken_in_it = Vec::new();
        let definitions = document.definitions();
        for (label, target) in definitions.iter().filter(|(_, target)| !is_external(target)) {
            let stem = label.split('#').next().expect("a split text has a first part");
            let expected = if is_picture(label) {
                (*label).to_owned()
            } else {
                label.replacen(stem, &format!("{stem}.md"), 1)
            };
            if *target != expected {
                broken_in_it.push(format!("[{label}]: {target}: label and target differ"));
            }
            check_target(&document, target, &mut broken);
        }
        for label in document.references().iter().filter(|label| !definitions.contains_key(*label))
        {
            broken_in_it.push(format!("[{label}] is not defined"));
        }
        for target in document.inline_targets() {
            if target.starts_with('#') {
                check_target(&document, target, &mut broken);
            } else if !is_external(target) {
                broken_in_it.push(format!("({target}) must be a reference"));
            }
        }
        let path = document.path.display();
        broken.extend(broken_in_it.into_iter().map(|message| format!("{path}: {message}")));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn links_in_rustdoc_are_those_of_the_chapters() {
    let chapters = Document::chapters();
    let definitions: BTreeMap<_, _> = chapters.iter().flat_map(Document::definitions).collect();
    let labels: BTreeSet<_> =
        definitions.into_iter().filter(|(_, target)| !is_external(target)).collect();
    let lines = labels.into_iter().map(|(label, _)| {
        if is_picture(label) {
            return format!("[{label}]: {NO_PICTURE}\n");
        }
        let (stem, anchor) = label.split_once('#').map_or((label, None), |(s, a)| (s, Some(a)));
        let anchor = anchor.map_or_else(String::new, |anchor| format!("#{anchor}"));
        format!("[{label}]: crate::guide::{}{anchor}\n", stem.replace('-', "_"))
    });
    let lines: String = lines.collect();
    let path = Path::new(ROOT).join(LABELS_IN_RUSTDOC);
    if env::var_os("STREAMGAUGE_WRITE_DOCS").is_some() {
        fs::write(&path, &lines).expect("the file can be written");
    }
    let written = fs::read_to_string(path).expect("the file can be read");
    assert!(
        written == lines,
        "{LABELS_IN_RUSTDOC} is out of date; this writes it: \
         STREAMGAUGE_WRITE_DOCS=1 cargo test -p streamgauge-tests --test guide links"
    );
}

#[test]
fn links_of_other_files_lead_to_files_and_headings_that_exist() {
    let mut broken = Vec::new();
    let names = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "macros/README.md"];
    for document in names.map(Document::read).into_iter().chain([Document::read("docs/SUMMARY.md")])
    {
        let targets = document.inline_targets().into_iter();
        let targets = targets.chain(document.definitions().into_values());
        for target in targets.filter(|target| !is_external(target)) {
            check_target(&document, target, &mut broken);
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
