//! The build of a small application: how many crates each library adds to axum, and how long they take.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::measure::count;
use crate::table::{Figure, Row, Table};
use crate::topic::{Answer, Topic};

pub(crate) const TOPIC: Topic = Topic {
    name: "build",
    about: "crates and a clean build of a small application; only where asked for",
    answer: Answer::Asked(|| Ok(vec![table()?])),
};

/// An application: its name, what it depends on beside axum, and what its handler and its router get.
struct Application {
    name: &'static str,
    dependency: &'static str,
    attribute: &'static str,
    layer: &'static str,
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
    /// Writes the package, with the versions that this workspace has.
    fn write(&self, to: &Path) -> io::Result<()> {
        let Self { dependency, attribute, layer, page, .. } = self;
        let manifest = format!(
            "[package]\nname = \"application\"\nedition = \"2024\"\n\n[dependencies]\naxum = \"0.8\"\n\
             tokio = {{ version = \"1\", features = [\"macros\", \"net\", \"rt-multi-thread\"] }}\n\
             {dependency}\n\n[workspace]\n"
        );
        let program = format!(
            "use axum::{{Router, routing::get}};\n\n{attribute}\nasync fn hello() -> &'static str {{\n    \
             \"hello\"\n}}\n\n#[tokio::main]\nasync fn main() {{\n    let listener = \
             tokio::net::TcpListener::bind(\"127.0.0.1:0\").await.unwrap();\n    let app: Router = Router::new()\
             .route(\"/\", get(hello)).route(\"/metrics\", get(|| async {{ {page} }})){layer};\n    \
             axum::serve(listener, app).await.unwrap();\n}}\n"
        );
        fs::create_dir_all(to.join("src"))?;
        fs::write(to.join("Cargo.toml"), manifest)?;
        fs::write(to.join("src/main.rs"), program)?;
        fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"), to.join("Cargo.lock"))?;
        Ok(())
    }

    fn measure(&self) -> io::Result<Row> {
        let directory = tempfile::tempdir()?;
        self.write(directory.path())?;
        let crates = crates(directory.path())?;
        let before = children_time()?;
        let started = Instant::now();
        run(cargo(directory.path(), &["build", "--quiet", "--target-dir", "target"]))?;
        let wall = started.elapsed();
        let processor = children_time()?.saturating_sub(before);
        let values = [count(crates as u64), wall.as_secs_f64(), processor.as_secs_f64()];
        Ok(Row { name: self.name.to_owned(), values: values.map(Some).into(), disturbed: false })
    }
}

/// How many crates an application is built of, with itself.
fn crates(directory: &Path) -> io::Result<usize> {
    let tree = run(cargo(directory, &["tree", "--edges", "normal,build", "--prefix", "none"]))?;
    // A crate that is shown again is marked so.
    let mut lines: Vec<&str> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter(|it| !it.is_empty())
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

/// What a program prints.
fn run(mut command: Command) -> io::Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{command:?} has ended with {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The processor time of all programs that were run and waited for.
fn children_time() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // Behind the program's name, which may have spaces: proc_pid_stat(5), fields 16 and 17.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(13).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second()))
}

fn table() -> io::Result<Table> {
    let rows = APPLICATIONS.iter().map(Application::measure).collect::<io::Result<_>>()?;
    Ok(Table {
        topic: TOPIC.name,
        caption: "A small application: the crates it is built of, with itself, and a clean debug build, once. The \
                  machine is shared, so processor time tells more than wall time."
            .to_owned(),
        head: "dependencies",
        columns: vec![
            ("crates", Figure::Whole),
            ("wall, s", Figure::Time),
            ("processor, s", Figure::Time),
        ],
        rows,
    })
}
