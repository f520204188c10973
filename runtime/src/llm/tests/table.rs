//! The table of `docs/protocols.md`, made from the samples.

use std::path::Path;
use std::{env, fs};

use super::samples::{self, Expected, Sample};
use crate::llm::Protocol;
use crate::usage::{FinishReason, UsageCount};

/// Set to write the table into the file instead of comparing both.
const OVERWRITE: &str = "STREAMGAUGE_WRITE_DOCS";

/// The lines between which the table is.
const BEGIN: &str =
    "<!-- The test `protocol_table_is_that_of_the_samples` writes this table. -->\n\n";
const END: &str = "\n<!-- End of the table. -->\n";

const HEADER: &str = "\
| provider | reply | tokens | cached | reasoning | audio | finish | end marker |
|---|---|---|---|---|---|---|---|
";

/// Returns the provider whose reply the sample is.
fn provider(sample: &Sample) -> &'static str {
    sample.other_provider.unwrap_or(match sample.protocol {
        Protocol::Auto => "any",
        Protocol::OpenAi => "OpenAI",
        Protocol::Anthropic => "Anthropic",
        Protocol::Gemini => "Gemini",
        Protocol::Ollama => "Ollama",
        Protocol::Bedrock => "Bedrock",
        Protocol::Cohere => "Cohere",
    })
}

/// Returns whether a sample shows the usage of one of these counts.
fn has_any(expected: &Expected, counts: &[UsageCount]) -> bool {
    let usage = expected.usage.as_ref();
    usage.is_some_and(|usage| counts.iter().any(|count| usage.get(*count).is_some()))
}

/// Returns what a sample shows, in the order of the columns.
fn cells(sample: &Sample) -> [bool; 6] {
    let expected = &sample.expected;
    let has = |counts: &[UsageCount]| has_any(expected, counts);
    [
        has(&[UsageCount::Input, UsageCount::Output]),
        has(&[UsageCount::CacheRead, UsageCount::CacheWrite, UsageCount::CacheWrite1h]),
        has(&[UsageCount::Reasoning]),
        has(&[UsageCount::InputAudio, UsageCount::OutputAudio]),
        // That of an error is made from the error.
        !matches!(expected.finish_reason, FinishReason::Unknown | FinishReason::Error),
        // A whole reply is complete with its object.
        expected.ended && !sample.is_object(),
    ]
}

fn table(samples: &[Sample]) -> String {
    let mut rows: Vec<(&str, bool, [bool; 6])> = Vec::new();
    for sample in samples {
        let (provider, is_streamed) = (provider(sample), !sample.is_object());
        let known = rows.iter().position(|row| (row.0, row.1) == (provider, is_streamed));
        let index = known.unwrap_or(rows.len());
        if known.is_none() {
            rows.push((provider, is_streamed, [false; 6]));
        }
        for (seen, cell) in rows[index].2.iter_mut().zip(cells(sample)) {
            *seen |= cell;
        }
    }
    rows.sort_by_key(|(provider, is_streamed, _)| (provider.to_lowercase(), *is_streamed));
    let rows = rows.into_iter().map(|(provider, is_streamed, seen)| {
        let reply = if is_streamed { "stream" } else { "whole" };
        let cells = seen.map(|seen| if seen { "✓" } else { "–" }).join(" | ");
        format!("| {provider} | {reply} | {cells} |\n")
    });
    HEADER.to_owned() + &rows.collect::<String>()
}

#[test]
fn protocol_table_is_that_of_the_samples() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocols.md");
    let text = fs::read_to_string(&path).expect("the file is in the repository");
    let (before, rest) = text.split_once(BEGIN).expect("the file has the first marker");
    let (found, after) = rest.split_once(END).expect("the file has the last marker");
    let table = table(&samples::all());
    if env::var_os(OVERWRITE).is_some() {
        fs::write(&path, [before, BEGIN, &table, END, after].concat()).unwrap();
    } else {
        assert_eq!(found, table, "run the test with {OVERWRITE}=1 to write the table");
    }
}
