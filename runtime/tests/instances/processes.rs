//! Scenarios in processes of their own.

use std::env;
use std::process::Command;

/// Marks the process that runs a scenario.
const CHILD: &str = "STREAMGAUGE_TEST_SCENARIO";

/// Runs the test `name` in a new process, in which `scenario` is called.
pub(crate) fn in_new_process(name: &str, scenario: impl FnOnce()) {
    in_new_process_with(name, &[], scenario);
}

/// Runs the test `name` in a new process with these environment variables, in which `scenario` is
/// called.
pub(crate) fn in_new_process_with(name: &str, variables: &[(&str, &str)], scenario: impl FnOnce()) {
    if env::var_os(CHILD).is_some() {
        scenario();
        return;
    }
    let this = env::current_exe().expect("the executable has a path");
    let output = Command::new(this)
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .envs(variables.iter().copied())
        .output()
        .expect("the test binary runs");
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success() && text[0].contains("1 passed"), "{}", text.concat());
}

/// Runs a future on a new runtime.
pub(crate) fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be created")
        .block_on(future);
}
