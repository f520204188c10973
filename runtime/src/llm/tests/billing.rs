//! What a reply says about its price: service tier, cost, and counts that cannot be read.

use serde_json::Value;

use super::{read_chunks, samples};
use crate::llm::{Protocol, ReplyReader, read_value};

/// What a reply says about its price.
#[derive(Clone, Debug, PartialEq)]
struct Billing {
    service_tier: Option<String>,
    provider_cost: Option<f64>,
    is_partly_unread: bool,
}

impl Billing {
    fn of(reader: &ReplyReader) -> Self {
        Self {
            service_tier: reader.service_tier().map(str::to_owned),
            provider_cost: reader.provider_cost(),
            is_partly_unread: reader.is_partly_unread(),
        }
    }

    fn of_value(reply: &str) -> Option<Self> {
        let findings = read_value(&serde_json::from_str::<Value>(reply).ok()?);
        Some(Self {
            service_tier: findings.service_tier().map(str::to_owned),
            provider_cost: findings.provider_cost,
            is_partly_unread: findings.is_partly_unread,
        })
    }
}

/// Reads a reply in one chunk, and asserts that it is read alike when split or parsed.
fn read_alike(protocol: Protocol, reply: &str) -> Billing {
    let whole = Billing::of(&read_chunks(protocol, [reply.as_bytes()]).0);
    for at in 0..reply.len() {
        let (first, second) = reply.as_bytes().split_at(at);
        let split = Billing::of(&read_chunks(protocol, [first, second]).0);
        assert_eq!(split, whole, "{reply} split at {at}");
    }
    let bytes = Billing::of(&read_chunks(protocol, reply.as_bytes().chunks(1)).0);
    assert_eq!(bytes, whole, "{reply} byte by byte");
    if let Some(parsed) = Billing::of_value(reply) {
        assert_eq!(parsed, whole, "{reply} parsed");
    }
    whole
}

/// Reads a JSON object as a whole reply, as an event, and with its protocol detected.
fn read_object(protocol: Protocol, object: &str) -> Billing {
    let whole = read_alike(protocol, object);
    let event = format!("data: {object}\n\n");
    for (protocol, reply) in
        [(Protocol::Auto, object), (protocol, event.as_str()), (Protocol::Auto, event.as_str())]
    {
        assert_eq!(read_alike(protocol, reply), whole, "{protocol:?}: {reply}");
    }
    whole
}

#[test]
fn service_tier_is_found_where_a_protocol_names_it() {
    for (protocol, reply, tier) in [
        (Protocol::OpenAi, r#"{"choices":[],"service_tier":"priority"}"#, Some("priority")),
        (Protocol::OpenAi, r#"{"object":"response","service_tier":"flex"}"#, Some("flex")),
        (
            Protocol::OpenAi,
            r#"{"type":"response.completed","response":{"service_tier":"default"}}"#,
            Some("default"),
        ),
        (
            Protocol::Anthropic,
            r#"{"type":"message","content":[],"usage":{"input_tokens":1,"service_tier":"batch"}}"#,
            Some("batch"),
        ),
        (
            Protocol::Anthropic,
            r#"{"type":"message_start","message":{"usage":{"input_tokens":1,"service_tier":"standard"}}}"#,
            Some("standard"),
        ),
        (
            Protocol::Bedrock,
            r#"{"usage":{"inputTokens":1,"outputTokens":2},"serviceTier":{"type":"priority"}}"#,
            Some("priority"),
        ),
        (Protocol::OpenAi, r#"{"choices":[{"service_tier":"flex"}]}"#, None),
        (Protocol::OpenAi, r#"{"choices":[],"service_tier":null}"#, None),
        (Protocol::OpenAi, r#"{"choices":[],"service_tier":""}"#, None),
        (Protocol::OpenAi, r#"{"choices":[],"service_tier":5}"#, None),
        (Protocol::OpenAi, r#"{"choices":[],"service_tier":["flex"]}"#, None),
        (Protocol::OpenAi, r#"{"choices":[],"service_tier":"two words"}"#, None),
    ] {
        assert_eq!(read_object(protocol, reply).service_tier.as_deref(), tier, "{reply}");
    }
}

#[test]
fn service_tier_is_bounded() {
    for (length, is_found) in [(64, true), (65, false), (1_000, false)] {
        let tier = "t".repeat(length);
        let reply = format!("{{\"choices\":[],\"service_tier\":\"{tier}\"}}");
        let found = read_object(Protocol::OpenAi, &reply).service_tier;
        assert_eq!(found, is_found.then_some(tier));
    }
}

#[test]
fn service_tier_of_the_last_frame_with_one_counts() {
    let reply = concat!(
        r#"data: {"type":"response.created","response":{"service_tier":"auto"}}"#,
        "\n\n",
        r#"data: {"type":"response.completed","response":{"service_tier":"default"}}"#,
        "\n\n",
        r#"data: {"type":"response.completed","response":{"service_tier":""}}"#,
        "\n\n",
        r#"data: {"type":"response.completed","response":{}}"#,
        "\n\n",
    );
    let tier = read_alike(Protocol::Auto, reply).service_tier;
    assert_eq!(tier.as_deref(), Some("default"));
}

#[test]
fn provider_cost_is_found_where_a_provider_states_it() {
    for (usage, cost) in [
        (r#"{"prompt_tokens":1,"cost":0.00007159}"#, Some(0.000_071_59)),
        (r#"{"prompt_tokens":1,"cost":"0.000685"}"#, Some(0.000_685)),
        (r#"{"prompt_tokens":1,"cost":{"input_tokens_cost":1,"total_cost":6e-3}}"#, Some(0.006)),
        (r#"{"prompt_tokens":1,"cost_in_usd_ticks":731000}"#, Some(0.000_073_1)),
        (r#"{"cost_in_usd_ticks":37756000,"prompt_tokens":1,"cost":0.5}"#, Some(0.5)),
        (r#"{"prompt_tokens":1,"cost":0.5,"cost_in_usd_ticks":37756000}"#, Some(0.5)),
        (r#"{"prompt_tokens":1,"cost":null,"cost_in_usd_ticks":10000000000}"#, Some(1.0)),
        (r#"{"prompt_tokens":1,"cost":0}"#, Some(0.0)),
        (r#"{"prompt_tokens":1,"cost":{"a":1},"cost_details":{"total_cost":5}}"#, None),
        (r#"{"prompt_tokens":1,"market_cost":5}"#, None),
        (r#"{"prompt_tokens":1,"cost":"\t1.5 "}"#, None),
        (r#"{"prompt_tokens":1}"#, None),
    ] {
        let reply = format!("{{\"choices\":[],\"usage\":{usage}}}");
        assert_eq!(read_object(Protocol::OpenAi, &reply).provider_cost, cost, "{usage}");
        let reply =
            format!("{{\"type\":\"response.completed\",\"response\":{{\"usage\":{usage}}}}}");
        assert_eq!(read_object(Protocol::OpenAi, &reply).provider_cost, cost, "{usage}");
    }
    let reply = r#"{"choices":[],"cost":5,"usage":{"prompt_tokens":1}}"#;
    assert_eq!(read_object(Protocol::OpenAi, reply).provider_cost, None, "not in usage");
}

#[test]
fn provider_cost_that_no_call_has_is_ignored() {
    let long = format!("1.{}e9", "0".repeat(200));
    let huge = "9".repeat(400);
    let small = format!("0.{}1", "0".repeat(100));
    for (number, cost) in [
        ("1e6", Some(1e6)),
        ("1000000.0", Some(1e6)),
        ("1000000.1", None),
        ("1e-400", Some(0.0)),
        (&small, Some(1e-101)),
        ("-0.0", Some(0.0)),
        ("-0.1", None),
        ("-1e-9", None),
        ("1e400", None),
        ("1e99999999999999999999", None),
        ("NaN", None),
        ("inf", None),
        ("Infinity", None),
        ("true", None),
        ("0x10", None),
        ("1,5", None),
        ("$1", None),
        ("+1", None),
        (".5", None),
        ("5.", None),
        (&long, None),
        (&huge, None),
    ] {
        for reply in [
            format!("{{\"choices\":[],\"usage\":{{\"prompt_tokens\":1,\"cost\":{number}}}}}"),
            format!("{{\"choices\":[],\"usage\":{{\"prompt_tokens\":1,\"cost\":\"{number}\"}}}}"),
        ] {
            for size in [1, 7, reply.len()] {
                let chunks = reply.as_bytes().chunks(size);
                let (reader, ..) = read_chunks(Protocol::OpenAi, chunks);
                assert_eq!(reader.provider_cost(), cost, "{reply}");
            }
        }
    }
    for ticks in ["-1", "1e17", "\"731000\"", "[1]", "{\"total_cost\":1}"] {
        let usage = format!("{{\"prompt_tokens\":1,\"cost_in_usd_ticks\":{ticks}}}");
        let reply = format!("{{\"choices\":[],\"usage\":{usage}}}");
        assert_eq!(read_object(Protocol::OpenAi, &reply).provider_cost, None, "{ticks}");
    }
}

#[test]
fn provider_cost_of_the_last_frame_with_one_counts() {
    for (first, second, cost) in [
        ("0.1", "0.3", Some(0.3)),
        ("0.3", "0.1", Some(0.1)),
        ("0.3", "null", Some(0.3)),
        ("0.3", "{}", Some(0.3)),
        // The earlier cost may be preliminary.
        ("0.3", "-1", None),
        ("0.3", "\"free\"", None),
        ("-1", "0.3", Some(0.3)),
    ] {
        let frame = |cost: &str| {
            format!(
                "data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":1,\"cost\":{cost}}}}}\n\n"
            )
        };
        let reply = format!("{}{}data: [DONE]\n\n", frame(first), frame(second));
        assert_eq!(read_alike(Protocol::Auto, &reply).provider_cost, cost, "{first} {second}");
    }
}

#[test]
fn usage_with_one_unreadable_side_is_partly_unread() {
    let chat = |input: &str, output: &str| {
        let usage = format!("{{\"prompt_tokens\":{input},\"completion_tokens\":{output}}}");
        (Protocol::OpenAi, format!("{{\"choices\":[],\"usage\":{usage}}}"))
    };
    let message = |usage: &str| {
        let reply = format!("{{\"type\":\"message\",\"content\":[],\"usage\":{{{usage}}}}}");
        (Protocol::Anthropic, reply)
    };
    let gemini = |usage: &str| {
        let reply = format!("{{\"candidates\":[],\"usageMetadata\":{{{usage}}}}}");
        (Protocol::Gemini, reply)
    };
    for ((protocol, reply), is_partly_unread) in [
        (chat("1", "2"), false),
        (chat("1", "\"2\""), true),
        (chat("\"1\"", "2"), true),
        (chat("1", "\"\""), true),
        (chat("-1", "2"), true),
        (chat("1", "1.5"), true),
        (chat("1", "true"), true),
        (chat("1", "[2]"), true),
        (chat("1", "{}"), true),
        (chat("99999999999999999", "2"), true),
        // Not sent, or both unreadable.
        (chat("1", "null"), false),
        (chat("\"1\"", "null"), false),
        (chat("\"1\"", "\"2\""), false),
        (message("\"input_tokens\":1,\"output_tokens\":-2"), true),
        (message("\"input_tokens\":1,\"cache_read_input_tokens\":-3,\"output_tokens\":2"), true),
        (message("\"input_tokens\":1,\"output_tokens\":2,\"iterations\":\"x\""), false),
        (gemini("\"promptTokenCount\":\"1\",\"candidatesTokenCount\":2"), true),
        (gemini("\"promptTokenCount\":1,\"thoughtsTokenCount\":-2"), true),
        (gemini("\"promptTokenCount\":1,\"cachedContentTokenCount\":-2"), false),
        (
            (
                Protocol::Ollama,
                r#"{"model":"m","done":true,"prompt_eval_count":1,"eval_count":"2"}"#.to_owned(),
            ),
            true,
        ),
        (
            (
                Protocol::Bedrock,
                r#"{"usage":{"inputTokens":-1,"outputTokens":2,"totalTokens":1}}"#.to_owned(),
            ),
            true,
        ),
    ] {
        let found = read_object(protocol, &reply).is_partly_unread;
        assert_eq!(found, is_partly_unread, "{reply}");
    }
}

#[test]
fn usage_of_a_later_frame_decides_what_is_unread() {
    let start =
        r#"{"type":"message_start","message":{"usage":{"input_tokens":5,"output_tokens":1}}}"#;
    let delta =
        |count: &str| format!(r#"{{"type":"message_delta","usage":{{"output_tokens":{count}}}}}"#);
    for (counts, is_partly_unread) in [
        (["3", "4"], false),
        (["3", "\"4\""], true),
        (["\"3\"", "4"], false),
        (["\"3\"", "null"], true),
    ] {
        let [second, third] = counts.map(delta);
        let reply = format!("data: {start}\n\ndata: {second}\n\ndata: {third}\n\n");
        for protocol in [Protocol::Anthropic, Protocol::Auto] {
            let found = read_alike(protocol, &reply).is_partly_unread;
            assert_eq!(found, is_partly_unread, "{counts:?}");
        }
    }
}

#[test]
fn samples_say_nothing_about_their_price() {
    let nothing = Billing { service_tier: None, provider_cost: None, is_partly_unread: false };
    for sample in samples::all() {
        assert_eq!(read_alike(sample.protocol, sample.bytes), nothing, "{}", sample.name);
    }
}
