//! The fault server in a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use streamgauge_test_support::strict::{self, Format};
use streamgauge_test_support::{Scrape, assert_identities};

use crate::server::{Client, assert_bounded, ended, get};

struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fault_server"))
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("stdout is piped");
        BufReader::new(output).read_line(&mut line).expect("the server prints a line");
        let address = line
            .strip_prefix("listening on http://")
            .expect("the line contains the address")
            .trim();
        Self { child, address: address.parse().expect("the address is valid") }
    }

    async fn get(&self, path: &str) -> String {
        let request = get(path, "connection: close\r\n");
        Client::send(self.address, request.as_bytes()).await.rest().await
    }

    /// Scrapes until the page is as expected.
    async fn until(&self, expected: impl Fn(&Scrape) -> bool) -> Scrape {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.get("/metrics").await;
            let scrape =
                Scrape::parse(answer.split_once("\r\n\r\n").expect("the response has a body").1);
            if expected(&scrape) {
                return scrape;
            }
            assert!(
                Instant::now() < deadline,
                "the page is not as expected after 20 s: {scrape:#?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends SIGTERM, as a supervisor does.
    fn stop(mut self) -> ExitStatus {
        let kill = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(kill.expect("`kill` is installed").success());
        self.child.wait().expect("the server exits")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both calls fail if the process has exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn fault_server_prints_its_address_and_writes_its_metrics_file() {
    let directory = tempfile::tempdir().expect("a temporary directory can be created");
    let file = directory.path().join("faults.prom");
    let path = file.to_str().expect("the path is UTF-8");
    let server = Process::start(&["--prefix", "mine", "--metrics-file", path]);
    assert!(server.get("/ok").await.ends_with("ok"));
    assert!(server.stop().success());
    let page = std::fs::read_to_string(&file).expect("the file was written");
    strict::check(&page, Format::Text);
    let line =
        r#"mine_http_requests_total{method="GET",endpoint="/ok",status="200",outcome="success"} 1"#;
    assert!(page.lines().any(|candidate| candidate == line), "{page}");
}

#[tokio::test]
async fn fault_server_writes_its_metrics_file_after_its_streams_have_ended() {
    let directory = tempfile::tempdir().expect("a temporary directory can be created");
    let file = directory.path().join("faults.prom");
    let path = file.to_str().expect("the path is UTF-8");
    let server = Process::start(&["--metrics-file", path]);
    let request = get("/stream?n=1000000&ms=20", "");
    let _client = Client::send(server.address, request.as_bytes()).await;
    server.until(|scrape| scrape.sum("app_stream_chunks_total", &[]) > 0).await;
    assert!(server.stop().success());
    let page = std::fs::read_to_string(&file).expect("the file was written");
    let scrape = Scrape::parse(&page);
    assert_identities(&scrape);
    let dropped = [("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &dropped), 1);
    assert_eq!(ended(&scrape, "/stream", "200", "cancelled"), 1);
}

/// The server has a process of its own, so that each side needs half of the file descriptors.
#[tokio::test]
async fn client_disconnects_of_five_hundred_requests_leave_no_active_request() {
    let server = Process::start(&[]);
    let mut clients = Vec::new();
    for number in 0..500 {
        let path = match number % 3 {
            0 => "/stream?n=1000000&ms=50",
            1 => "/sse?n=1000000&ms=50",
            _ => "/slow?ms=3600000",
        };
        clients.push(Client::send(server.address, get(path, "").as_bytes()).await);
    }
    server.until(|scrape| scrape.sum("app_active_requests", &[]) == 500).await;
    for client in clients {
        client.reset();
    }
    let scrape = server.until(|scrape| scrape.sum("app_active_requests", &[]) == 0).await;
    assert_bounded(&scrape);
    assert_eq!(scrape.sum("app_http_requests_total", &[]), 500);
    assert_eq!(scrape.sum("app_http_requests_total", &[("outcome", "cancelled")]), 500);
    assert_eq!(scrape.sum("app_http_request_duration_seconds_count", &[]), 500);
    assert_eq!(ended(&scrape, "/slow", "499", "cancelled"), 166);
    assert_eq!(scrape.sum("app_active_streams", &[]), 0);
    let disconnected = [("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &disconnected), 334);
    assert!(server.stop().success());
}

#[tokio::test]
async fn client_disconnects_of_five_hundred_streams_are_each_counted() {
    let server = Process::start(&[]);
    let mut clients = Vec::new();
    for _ in 0..500 {
        let path = get("/stream?n=1000000&ms=20", "");
        clients.push(Client::send(server.address, path.as_bytes()).await);
    }
    server.until(|scrape| scrape.sum("app_active_streams", &[]) == 500).await;
    for client in clients {
        client.reset();
    }
    let scrape = server.until(|scrape| scrape.sum("app_active_requests", &[]) == 0).await;
    assert_eq!(scrape.sum("app_active_streams", &[]), 0);
    let disconnected = [("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &disconnected), 500);
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 500);
    assert_eq!(scrape.sum("app_stream_errors_total", &[]), 0);
    assert_eq!(scrape.sum("app_errors_total", &[]), 0);
    assert!(server.stop().success());
}
