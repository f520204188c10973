//! Checks the form of the README and of the chapters.

use crate::markdown::Document;

#[test]
fn readme_is_short() {
    let readme = Document::read("README.md").text;
    let (lines, words) = (readme.lines().count(), readme.split_whitespace().count());
    assert!(lines <= 200 && words <= 1_200, "{lines} lines and {words} words");
}

#[test]
fn chapters_are_in_the_summary_and_in_rustdoc() {
    let summary = Document::read("docs/SUMMARY.md");
    let listed = summary.inline_targets();
    let modules = Document::read("runtime/src/guide/mod.rs").text;
    for chapter in Document::chapters() {
        let stem = chapter.stem();
        assert!(chapter.text.starts_with("# "), "{stem} does not begin with its title");
        let count = listed.iter().filter(|target| **target == format!("{stem}.md")).count();
        assert_eq!(count, 1, "{stem} in docs/SUMMARY.md");
        let module = format!("{} \"{stem}.md\"", stem.replace('-', "_"));
        assert_eq!(modules.matches(&module).count(), 1, "{stem} in runtime/src/guide/mod.rs");
    }
    assert_eq!(listed.len(), Document::chapters().len());
}

#[test]
fn snippets_are_compiled() {
    let mut documents = Document::chapters();
    documents.push(Document::read("README.md"));
    for document in documents {
        let path = document.path.display();
        for fence in document.fences() {
            assert!(!fence.is_empty(), "{path}: a fence without a language is Rust to rustdoc");
            assert!(!fence.split(',').any(|word| word == "ignore"), "{path}: an ignored snippet");
        }
    }
}
