//! The server of faults as a process.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn it_says_where_it_listens_and_leaves_its_metrics_in_a_file() {
    let directory = tempfile::tempdir().expect("there is room");
    let file = directory.path().join("faults.prom");
    let mut server = Command::new(env!("CARGO_BIN_EXE_fault_server"))
        .args(["--listen", "127.0.0.1:0", "--prefix", "mine", "--metrics-file"])
        .arg(&file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    let output = server.stdout.take().expect("it is piped");
    BufReader::new(output).read_line(&mut line).expect("it writes a line");
    let address = line.strip_prefix("listening on http://").expect("it says where").trim();
    let mut socket = TcpStream::connect(address).await.expect("it listens there");
    let request = "GET /ok HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("it answers");
    assert!(answer.ends_with("ok"), "{answer}");

    let stopped = Command::new("kill").arg(server.id().to_string()).status();
    assert!(stopped.expect("there is a `kill`").success());
    assert!(server.wait().expect("it ends").success());
    let page = std::fs::read_to_string(&file).expect("it was written");
    let line =
        r#"mine_http_requests_total{method="GET",endpoint="/ok",status="200",outcome="success"} 1"#;
    assert!(page.lines().any(|there| there == line), "{page}");
}
