//! Benchmark of a clean build: the number of crates that each library adds to a small axum
//! application, and the build time.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::measure::to_f64;
use crate::table::{NumberFormat, Row, Table};
use crate::topic::{Source, Topic};

pub(crate) const TOPIC: Topic = Topic {
    name: "build",
    about: "crates and clean build time of a small application; runs only on request",
    source: Source::SlowTables(|| Ok(vec![table()?])),
};

/// An axum application with one library: fragments of its manifest and program.
struct Application {
    name: &'static str,
    /// Lines of the manifest.
    dependency: &'static str,
    /// Attribute of the handler.
    attribute: &'static str,
    /// Method call on the router.
    layer: &'static str,
    /// Expression for the metrics page.
    page: &'static str,
}

const APPLICATIONS: [Application; 5] = [
    Application { name: "axum", dependency: "", attribute: "", layer: "", page: "String::new()" },
    Application {
        name: "axum, `prometheus` without its default features",
        dependency: "prometheus = { version = \"0.14\", default-features = false }",
        attribute: "",
        layer: "",
        page: "prometheus::TextEncoder::new().encode_to_string(&prometheus::gather()).unwrap()",
    },
    Application {
        name: "axum, streamgauge",
        dependency: concat!(
            "streamgauge = { path = \"",
            env!("CARGO_MANIFEST_DIR"),
            "/../runtime\" }"
        ),
        attribute: "#[streamgauge::instrument_endpoint]",
        layer: ".layer(streamgauge::PrometheusLayer::new())",
        page: "streamgauge::Metrics::global().encode_text().unwrap()",
    },
    Application {
        name: "axum, axum-prometheus 0.10",
        dependency: "axum-prometheus = \"0.10\"",
        attribute: "",
        layer: ".layer(axum_prometheus::PrometheusMetricLayer::pair().0)",
        page: "String::new()",
    },
    Application {
        name: "axum, autometrics 3.0 (`prometheus-0_14`)",
        dependency: "autometrics = { version = \"3.0\", features = [\"prometheus-0_14\"] }\n\
                     prometheus = { version = \"0.14\", default-features = false }",
        attribute: "#[autometrics::autometrics]",
        layer: "",
        page: "prometheus::TextEncoder::new().encode_to_string(&prometheus::gather()).unwrap()",
    },
];

impl Application {
    /// Writes the package into a directory, with the lock file of this workspace.
    fn write(&self, directory: &Path) -> io::Result<()> {
        let Self { dependency, attribute, layer, page, .. } = self;
        let manifest = format!(
            r#"[package]
name = "application"
edition = "2024"

[dependencies]
axum = "0.8"
tokio = {{ version = "1", features = ["macros", "net", "rt-multi-thread"] }}
{dependency}

[workspace]
"#
        );
        let program = format!(
            r#"use axum::{{Router, routing::get}};

{attribute}
async fn hello() -> &'static str {{
    "hello"
}}

#[tokio::main]
async fn main() {{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app: Router = Router::new()
        .route("/", get(hello))
        .route("/metrics", get(|| async {{ {page} }})){layer};
    axum::serve(listener, app).await.unwrap();
}}
"#
        );
        fs::create_dir_all(directory.join("src"))?;
        fs::write(directory.join("Cargo.toml"), manifest)?;
        fs::write(directory.join("src/main.rs"), program)?;
        fs::copy(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"),
            directory.join("Cargo.lock"),
        )?;
        Ok(())
    }

    fn measure(&self) -> io::Result<Row> {
        let directory = tempfile::tempdir()?;
        self.write(directory.path())?;
        let crates = count_crates(directory.path())?;
        let before = child_processor_time()?;
        let started = Instant::now();
        output_of(cargo(directory.path(), &["build", "--quiet", "--target-dir", "target"]))?;
        let wall = started.elapsed();
        let processor = child_processor_time()?.saturating_sub(before);
        let values = [to_f64(crates as u64), wall.as_secs_f64(), processor.as_secs_f64()];
        Ok(Row { name: self.name.to_owned(), values: values.map(Some).into(), disturbed: false })
    }
}

/// Counts the crates of an application, including itself.
fn count_crates(directory: &Path) -> io::Result<usize> {
    let tree =
        output_of(cargo(directory, &["tree", "--edges", "normal,build", "--prefix", "none"]))?;
    // `cargo tree` marks repeated crates with `(*)`.
    let mut lines: Vec<&str> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter(|line| !line.is_empty())
        .collect();
    lines.sort_unstable();
    lines.dedup();
    Ok(lines.len())
}

fn cargo(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(directory).args(arguments).stderr(Stdio::inherit());
    command
}

/// Runs a program and returns its standard output.
fn output_of(mut command: Command) -> io::Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{command:?} failed: {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns the processor time of all finished child processes.
fn child_processor_time() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // Fields 16 and 17 of proc_pid_stat(5), counted from after the program's name, because the name
    // may contain spaces.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(13).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second()))
}

fn table() -> io::Result<Table> {
    let rows = APPLICATIONS.iter().map(Application::measure).collect::<io::Result<_>>()?;
    Ok(Table {
        topic: TOPIC.name,
        caption:
            "A small application: the number of its crates, including itself, and the time of \
                  one clean debug build. On a shared machine, processor time is more reliable than \
                  wall time."
                .to_owned(),
        row_header: "dependencies",
        columns: vec![
            ("crates", NumberFormat::Integer),
            ("wall, s", NumberFormat::Time),
            ("processor, s", NumberFormat::Time),
        ],
        rows,
    })
}
