//! The server of faults as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use streamgauge_test_support::Scrape;
use streamgauge_test_support::strict::{self, Format};

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
            .expect("it starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("it writes a line");
        let address = line.strip_prefix("listening on http://").expect("it says where").trim();
        Self { child, address: address.parse().expect("it is an address") }
    }

    async fn get(&self, path: &str) -> String {
        let request = get(path, "connection: close\r\n");
        Client::send(self.address, request.as_bytes()).await.rest().await
    }

    /// Reads the page until it is as expected.
    async fn until(&self, expected: impl Fn(&Scrape) -> bool) -> Scrape {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.get("/metrics").await;
            let scrape = Scrape::parse(answer.split_once("\r\n\r\n").expect("there is a page").1);
            if expected(&scrape) {
                return scrape;
            }
            assert!(Instant::now() < deadline, "not so within 20 s: {scrape:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks it to stop, as a supervisor does.
    fn stop(mut self) -> ExitStatus {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.expect("there is a `kill`").success());
        self.child.wait().expect("it ends")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn it_says_where_it_listens_and_leaves_its_metrics_in_a_file() {
    let directory = tempfile::tempdir().expect("there is room");
    let file = directory.path().join("faults.prom");
    let path = file.to_str().expect("it is text");
    let server = Process::start(&["--prefix", "mine", "--metrics-file", path]);
    assert!(server.get("/ok").await.ends_with("ok"));
    assert!(server.stop().success());
    let page = std::fs::read_to_string(&file).expect("it was written");
    strict::check(&page, Format::Text);
    let line =
        r#"mine_http_requests_total{method="GET",endpoint="/ok",status="200",outcome="success"} 1"#;
    assert!(page.lines().any(|there| there == line), "{page}");
}

/// In a process of its own, so that each side needs half of the descriptors.
#[tokio::test]
async fn five_hundred_clients_that_leave_at_once_leave_nothing_open() {
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
    let left = [("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &left), 334);
    assert!(server.stop().success());
}

#[tokio::test]
async fn five_hundred_streams_that_are_cut_are_as_many_disconnects() {
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
    let left = [("outcome", "client_disconnect")];
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &left), 500);
    assert_eq!(scrape.sum("app_stream_duration_seconds_count", &[]), 500);
    assert_eq!(scrape.sum("app_stream_errors_total", &[]), 0);
    assert_eq!(scrape.sum("app_errors_total", &[]), 0);
    assert!(server.stop().success());
}
