//! The files in `monitoring/` are what the programs write.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// With this variable, the test writes the files of the repository.
const OVERWRITE: &str = "STREAMGAUGE_WRITE_DOCS";

/// The files that the gateway writes.
const WRITTEN: [&str; 3] = ["rules.yml", "grafana.json", "perses.json"];

/// The beginning of the manifest that has the rules for the Prometheus Operator.
const MANIFEST: &str = "\
# For the Prometheus Operator: the rules of rules.yml.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: app
spec:
";

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitoring")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Compares a file of the repository with a text, or writes it.
fn compare(path: &Path, text: &str) {
    if env::var_os(OVERWRITE).is_some() {
        fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    assert!(
        path.exists() && read(path) == text,
        "{} is out of date: {OVERWRITE}=1 cargo test -p streamgauge-examples --test monitoring",
        path.display()
    );
}

#[test]
fn files_of_the_repository_are_those_that_the_gateway_writes() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("monitoring");
    let status = Command::new(env!("CARGO_BIN_EXE_llm_gateway"))
        .arg("--monitoring")
        .arg(&directory)
        .status()
        .expect("the gateway starts");
    assert!(status.success(), "{status}");
    for name in WRITTEN {
        compare(&kept().join(name), &read(directory.join(name)));
    }
    let rules = read(directory.join("rules.yml"));
    let groups = rules.lines().filter(|line| !line.starts_with('#'));
    let groups: Vec<_> = groups.map(|line| format!("  {line}")).collect();
    let manifest = format!("{MANIFEST}{}\n", groups.join("\n"));
    compare(&kept().join("kubernetes/prometheus-rule.yaml"), &manifest);
}
