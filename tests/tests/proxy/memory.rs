//! A long reply is held by nobody.

use allocation_counter::measure;
use http_body_util::BodyExt;
use streamgauge_examples::llm_gateway::proxy::Settings;
use tokio::runtime::Builder;

use crate::client::{post, send};
use crate::peer::{Gateway, Script, soon};
use crate::samples::{CHAT, CHAT_TOKENS, JSON, QUESTION};

const LENGTH: usize = 10 * 1024 * 1024;
const PIECE: usize = 16 * 1024;

/// Passes a reply of ten megabytes on, of which the usage is the end.
async fn pass() {
    let script = Script::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let (start, end) = (
        "{\"object\":\"chat.completion\",\"model\":\"m-1\",\"choices\":[{\"message\":{\"content\":\"",
        "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":6,\
         \"prompt_tokens_details\":{\"cached_tokens\":3},\"completion_tokens_details\":{\"reasoning_tokens\":2}}}",
    );
    let upstream = async {
        let mut peer = script.accept().await;
        peer.request().await;
        let length = start.len() + LENGTH + end.len();
        peer.say(format!("HTTP/1.1 200 OK\r\n{JSON}content-length: {length}\r\n\r\n{start}")).await;
        let piece = vec![b'x'; PIECE];
        for _ in 0..LENGTH / PIECE {
            peer.say(&piece).await;
        }
        peer.say(end).await;
    };
    let client = async {
        let mut response = send(proxy.address, post(CHAT, QUESTION)).await;
        let mut length = 0;
        while let Some(frame) = soon(response.body_mut().frame()).await {
            let data = frame.expect("the body does not fail").into_data();
            length += data.expect("there are no trailers").len();
        }
        length
    };
    let ((), length) = tokio::join!(upstream, client);
    assert_eq!(length, start.len() + LENGTH + end.len());
    let total: i64 = CHAT_TOKENS.iter().map(|(.., tokens)| tokens).sum();
    assert_eq!(proxy.at_rest(1).await.sum("app_token_usage_total", &[("model", "m-1")]), total);
}

#[test]
fn ten_megabytes_pass_through_one() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("it can be made");
    let most = measure(|| runtime.block_on(pass())).bytes_max;
    // Mostly the buffers of four connections' ends, and the certificates that the client knows.
    assert!(most < LENGTH as u64 / 4, "{most} bytes at once");
}
