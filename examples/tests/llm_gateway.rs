//! The program `llm_gateway`, as a process: its greeting, its pages, and its answers to mistakes.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::{fd::OwnedFd, unix::net::UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Longer than any wait of a passing test.
const DEADLINE: Duration = Duration::from_secs(300);

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

const DEMONSTRATION: [&str; 2] = ["--pace", "0"];
/// An upstream that cannot be reached.
const PROXY: [&str; 2] = ["--upstream", "http://127.0.0.1:9"];

/// A running program. It is killed when this value is dropped.
struct Program {
    process: Child,
    /// Standard output and standard error, in the order in which they were written.
    output: BufReader<UnixStream>,
    address: String,
}

impl Program {
    /// Starts the program and reads its address, which must be on its first line.
    fn start(options: &[&str]) -> Self {
        let (output, theirs) = UnixStream::pair().expect("a pair of sockets can be made");
        output.set_read_timeout(Some(DEADLINE)).expect("the timeout is not zero");
        let stderr = theirs.try_clone().expect("a socket can be cloned");
        let process = Command::new(env!("CARGO_BIN_EXE_llm_gateway"))
            .args(["--listen", "127.0.0.1:0"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(OwnedFd::from(theirs))
            .stderr(OwnedFd::from(stderr))
            .spawn()
            .expect("the program starts");
        let mut program = Self { process, output: BufReader::new(output), address: String::new() };
        let line = program.next_line();
        let address = line.strip_prefix("listening on http://");
        address.unwrap_or_else(|| panic!("{line}")).trim_end().clone_into(&mut program.address);
        program
    }

    fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the output can be read");
        assert_ne!(line, "", "the program has ended");
        line
    }

    /// Sends a request with these header lines, and returns the status and the body.
    fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let mut socket = TcpStream::connect(&self.address).expect("the program listens");
        socket.set_read_timeout(Some(DEADLINE)).expect("the timeout is not zero");
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nhost: {}\r\ncontent-type: application/json\r\n{headers}\
             content-length: {length}\r\n\r\n{body}",
            self.address
        );
        socket.write_all(request.as_bytes()).expect("the request can be sent");
        let mut response = String::new();
        socket.read_to_string(&mut response).expect("the response ends");
        let (head, body) = response.split_once("\r\n\r\n").expect("the response has a head");
        let status = head.split(' ').nth(1).expect("the head begins with a status");
        (status.parse().expect("the status is a number"), body.to_owned())
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.request("GET", path, "", "")
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.request("POST", path, "", &body.to_string());
        (status, serde_json::from_str(&body).expect("the reply is JSON"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().expect("the process can be killed");
        self.process.wait().expect("the process ends");
    }
}

fn question(model: &str) -> Value {
    json!({
        "model": model, "prompt": "Hello", "max_tokens": 99,
        "messages": [{"role": "user", "content": "Hello"}],
    })
}

#[test]
fn address_is_printed_before_the_vocabulary_is_loaded() {
    let mut program = Program::start(&DEMONSTRATION);
    assert_eq!(program.get("/v1/models").0, 200);
    // Sent while the vocabulary is being loaded, or soon after it.
    for path in [CHAT, MESSAGES, "/generate"] {
        let (status, reply) = program.post(path, &question("demo-1"));
        assert_eq!(status, 200, "{reply}");
        assert!(reply.to_string().contains("You wrote: \\\"Hello\\\""), "{reply}");
    }
    while !program.next_line().contains("the vocabulary is loaded") {}
}

#[test]
fn live_page_is_named_at_start_and_linked_from_the_start_page() {
    for options in [&DEMONSTRATION[..], &PROXY] {
        let mut program = Program::start(options);
        let line = program.next_line();
        assert_eq!(line, format!("live page: http://{}/live\n", program.address));
        let (_, start_page) = program.request("GET", "/", "accept: text/html\r\n", "");
        assert!(start_page.contains("<a href=\"/live/\">"), "{start_page}");
        assert_eq!(program.get("/live").0, 308, "the page is below the path");
        let (status, page) = program.get("/live/");
        assert!(status == 200 && page.starts_with("<!doctype html>"), "{page}");
    }
}

#[test]
fn signal_ends_the_gateway_at_once_although_a_live_page_is_open() {
    let mut program = Program::start(&["--pace", "0", "--drain-seconds", "60"]);
    let mut viewer = TcpStream::connect(&program.address).expect("the program listens");
    viewer.set_read_timeout(Some(DEADLINE)).expect("the timeout is not zero");
    let request = b"GET /live/events HTTP/1.1\r\nhost: x\r\n\r\n";
    viewer.write_all(request).expect("the request can be sent");
    let mut viewer = BufReader::new(viewer);
    let mut line = String::new();
    while line != "event: reading\n" {
        line.clear();
        assert_ne!(viewer.read_line(&mut line).expect("the stream can be read"), 0);
    }

    let start = Instant::now();
    let process = program.process.id().to_string();
    let kill = Command::new("kill").arg(process).status().expect("the signal can be sent");
    assert!(kill.success());
    let mut rest = String::new();
    viewer.read_to_string(&mut rest).expect("the connection is not reset");
    assert!(rest.ends_with("\r\n0\r\n\r\n"), "the body has an end: {rest}");
    let status = program.process.wait().expect("the process ends");
    let elapsed = start.elapsed();
    assert!(status.success() && elapsed < Duration::from_secs(30), "{status} after {elapsed:?}");
    let mut output = String::new();
    program.output.read_to_string(&mut output).expect("the output can be read");
    assert!(!output.contains("did not end in time"), "{output}");
}

#[test]
fn unknown_models_are_answered_with_the_models_that_exist() {
    let program = Program::start(&DEMONSTRATION);
    let message = "the model `nobody` does not exist; the models are `demo-1`, `demo-1-mini`";
    for path in [CHAT, "/generate"] {
        let (status, reply) = program.post(path, &question("nobody"));
        assert_eq!(status, 404);
        assert_eq!(reply["error"]["message"], message);
        assert_eq!(reply["error"]["code"], "model_not_found");
    }
    let (status, reply) = program.post(MESSAGES, &question("nobody"));
    let error = json!({"type": "not_found_error", "message": message});
    assert_eq!((status, reply), (404, json!({"type": "error", "error": error})));
    assert!(!program.get("/metrics").1.contains("nobody"));
}

/// Returns the methods and paths that the answer to an unknown path lists.
fn listed_paths(program: &Program) -> Vec<(String, String)> {
    let (status, body) = program.get("/v1/chat");
    assert_eq!(status, 404);
    let reply: Value = serde_json::from_str(&body).expect("the reply is JSON");
    let message = reply["error"]["message"].as_str().expect("the error has a message");
    let (_, paths) = message.split_once("the paths are ").expect("the message lists the paths");
    let path = |text: &str| {
        let (method, path) = text.split_once(' ').expect("a path has a method");
        (method.to_owned(), path.to_owned())
    };
    paths.split(", ").map(path).collect()
}

#[test]
fn unknown_paths_are_answered_with_the_paths_that_exist() {
    for options in [DEMONSTRATION, PROXY] {
        let program = Program::start(&options);
        let paths = listed_paths(&program);
        assert!(paths.len() >= 9, "{paths:?}");
        for (method, path) in &paths {
            let (status, _) = program.request(method, path, "", "");
            assert!(![404, 405].contains(&status), "{method} {path}: {status}");
        }
        let header = "anthropic-version: 2023-06-01\r\n";
        let (status, body) = program.request("POST", "/v1/message", header, "{}");
        let reply: Value = serde_json::from_str(&body).expect("the reply is JSON");
        assert_eq!((status, &reply["type"]), (404, &json!("error")), "{reply}");
        assert_eq!(reply["error"]["type"], "not_found_error");
        assert!(program.get("/metrics").1.contains("endpoint=\"unmatched\",status=\"404\""));
    }
}

#[test]
fn root_is_a_page_of_the_gateway_and_is_not_recorded() {
    for options in [DEMONSTRATION, PROXY] {
        let program = Program::start(&options);
        let (status, text) = program.get("/");
        assert_eq!(status, 200);
        let command = format!("\ncurl http://{}/metrics\n", program.address);
        assert!(text.contains(&command), "{text}");
        let (status, html) = program.request("GET", "/", "accept: text/html\r\n", "");
        assert_eq!(status, 200);
        let links = html.split("href=\"").skip(1).filter_map(|link| link.split('"').next());
        let links: Vec<&str> = links.collect();
        assert!(links.len() >= 9, "{html}");
        for link in links {
            // The upstream that lists the models cannot be reached.
            let expected = if link == "/v1/models" && options == PROXY { 502 } else { 200 };
            assert_eq!(program.get(link).0, expected, "{link}");
        }
        let page = program.get("/metrics").1;
        assert!(!page.contains("endpoint=\"/\"") && !page.contains("/health"), "{page}");
    }
}
