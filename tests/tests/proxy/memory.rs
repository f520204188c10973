//! A long reply is forwarded without being held in memory.

use allocation_counter::measure;
use http_body_util::BodyExt;
use streamgauge_examples::llm_gateway::proxy::Settings;
use tokio::runtime::Builder;

use crate::client::{post, send};
use crate::samples::{CHAT, CHAT_TOKENS, JSON, QUESTION};
use crate::scripted_upstream::{Gateway, ScriptedUpstream, within_deadline};

const LENGTH: usize = 10 * 1024 * 1024;
const PIECE: usize = 16 * 1024;

/// Forwards a reply of ten megabytes that ends with its usage.
async fn forward_large_reply() {
    let script = ScriptedUpstream::new().await;
    let proxy = Gateway::proxy(Settings::new(script.url())).await;
    let (start, end) = (
        "{\"object\":\"chat.completion\",\"model\":\"m-1\",\"choices\":[{\"message\":{\"content\":\"",
        "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":6,\
         \"prompt_tokens_details\":{\"cached_tokens\":3},\"completion_tokens_details\":{\"reasoning_tokens\":2}}}",
    );
    let upstream = async {
        let mut connection = script.accept().await;
        connection.request().await;
        let length = start.len() + LENGTH + end.len();
        connection
            .write(format!("HTTP/1.1 200 OK\r\n{JSON}content-length: {length}\r\n\r\n{start}"))
            .await;
        let piece = vec![b'x'; PIECE];
        for _ in 0..LENGTH / PIECE {
            connection.write(&piece).await;
        }
        connection.write(end).await;
    };
    let client = async {
        let mut response = send(proxy.address, post(CHAT, QUESTION)).await;
        let mut length = 0;
        while let Some(frame) = within_deadline(response.body_mut().frame()).await {
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
fn memory_stays_small_while_ten_megabytes_are_forwarded() {
    let runtime =
        Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let peak = measure(|| runtime.block_on(forward_large_reply())).bytes_max;
    // Mostly the buffers of four sockets and the root certificates of the proxy's client.
    assert!(peak < LENGTH as u64 / 4, "{peak} bytes allocated at once");
}
