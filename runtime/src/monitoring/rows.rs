//! The rows of the dashboards and their panels, in the order in which an operator looks at them.

use super::burn_rate::{self, SharedGoal};
use super::label_values::{CANCELLED, CLIENT_ERROR, FAILED_REQUESTS, REQUESTS, SUCCESSFUL_CALL};
use super::panel::{Kind, Panel, Row};
use super::program::Program;
use super::query::Matcher::{Is, IsNot, OneOf};
use super::query::{Names, series};
use super::thresholds::Thresholds;

fn number(title: &'static str) -> Panel {
    Panel::new(title.into(), Kind::Number)
}

fn lines(title: &'static str) -> Panel {
    Panel::lines(title)
}

/// Returns the rows of a program. `window` is the window of rates, which a dashboard chooses by the
/// time that it shows.
pub(super) fn rows(
    names: &Names,
    program: Program,
    goals: &[SharedGoal<'_>],
    thresholds: &Thresholds,
    window: &str,
) -> Vec<Row> {
    let mut rows = vec![overview(names, thresholds, window)];
    rows.extend(burn_rate::row(names, goals, window));
    rows.extend([requests(names, window), clients(names, window)]);
    if program.has_streams {
        rows.push(streams(names, window));
    }
    if program.has_calls {
        rows.push(calls(names, program, window));
        rows.push(tokens(names, window));
    }
    if program.has_cost {
        rows.push(cost(names, window));
    }
    let of_label = |label: &String| of_request_label(names, program, label, window);
    rows.extend(names.request_labels().iter().map(of_label));
    rows.push(health(names, program, window));
    rows
}

/// Returns the row of a request label, such as that of tenants.
fn of_request_label(names: &Names, program: Program, label: &str, window: &str) -> Row {
    let legend = format!("{{{{{label}}}}}");
    let failures = series!(names, http_requests { outcome: OneOf(FAILED_REQUESTS) } for each label);
    let all = || series!(names, http_requests for each label).rate(window);
    let mut panels = vec![
        lines("Requests")
            .saying("Requests that end per second, by the value of the request label.")
            .with(all(), &legend),
        lines("Failures")
            .saying("The share of the requests that fails through a fault of the server.")
            .with(failures.rate(window).or_zero_of(&all()).divided_by(&all()), &legend),
    ];
    if program.has_calls {
        panels.push(
            lines("Tokens")
                .saying("Input and output tokens of all replies per second.")
                .with(series!(names, token_usage for each label).rate(window), &legend),
        );
    }
    if program.has_cost {
        let cost = series!(names, cost for each label).rate(window);
        panels.push(
            lines("Cost per hour")
                .saying("US dollars per hour, from the configured prices.")
                .with(cost.per_hour(), &legend),
        );
    }
    Row { title: format!("By {label}"), panels }
}

fn overview(names: &Names, thresholds: &Thresholds, window: &str) -> Row {
    let requests = || series!(names, http_requests).rate(window);
    let failures = series!(names, http_requests { outcome: OneOf(FAILED_REQUESTS) }).rate(window);
    let duration = series!(names, http_request_duration).quantile(0.95, window);
    Row {
        title: "Overview".to_owned(),
        panels: vec![
            number("Requests").saying("Requests that end per second.").with(requests(), "requests"),
            number("Failures")
                .saying("The share of the requests that fails through a fault of the server.")
                .with(failures.or_zero_of(&requests()).divided_by(&requests()), "failures")
                .threshold(thresholds.failures),
            number("Latency, 95 %")
                .saying("95 per cent of the requests take at most this time.")
                .with(duration, "p95"),
            number("In progress")
                .saying("Requests that have arrived and have not ended.")
                .with(series!(names, active_requests).sum(), "in progress"),
        ],
    }
}

fn requests(names: &Names, window: &str) -> Row {
    let all = || series!(names, http_requests by endpoint).rate(window);
    let failures =
        series!(names, http_requests { outcome: OneOf(FAILED_REQUESTS) } by endpoint).rate(window);
    let duration = || series!(names, http_request_duration by endpoint);
    Row {
        title: "Requests".to_owned(),
        panels: vec![
            lines("Requests by outcome")
                .saying("A stream that breaks off after its head has the outcome server_error.")
                .with(series!(names, http_requests by outcome).rate(window), "{{outcome}}"),
            lines("Failures by endpoint")
                .saying(
                    "The share of an endpoint's requests that fails through a fault of the \
                     server.",
                )
                .with(failures.or_zero_of(&all()).divided_by(&all()), "{{endpoint}}"),
            lines("Latency by endpoint, 50 %")
                .saying("Half of the requests take at most this time. A stream counts to its head.")
                .with(duration().quantile(0.5, window), "{{endpoint}}"),
            lines("Latency by endpoint, 95 %")
                .saying("95 per cent of the requests take at most this time.")
                .with(duration().quantile(0.95, window), "{{endpoint}}"),
            lines("Latency by endpoint, 99 %")
                .saying("99 per cent of the requests take at most this time.")
                .with(duration().quantile(0.99, window), "{{endpoint}}"),
            lines("Exceptions")
                .saying(
                    "Errors that handlers return or report, by type, and failures outside \
                     handlers.",
                )
                .with(
                    series!(names, exceptions by endpoint, exception_type).rate(window),
                    "{{endpoint}} {{exception_type}}",
                )
                .with(
                    series!(names, global_exceptions by exception_type).rate(window),
                    "outside handlers: {{exception_type}}",
                ),
        ],
    }
}

fn clients(names: &Names, window: &str) -> Row {
    let ended = |outcome| series!(names, http_requests { outcome: Is(outcome) }).rate(window);
    Row {
        title: "Clients".to_owned(),
        panels: vec![
            lines("In progress by endpoint")
                .saying("Requests that have arrived and have not ended.")
                .with(series!(names, active_requests by endpoint).sum(), "{{endpoint}}"),
            lines("Cancelled and refused")
                .saying(
                    "Requests that clients cancel, and requests that are answered with a status \
                     4xx.",
                )
                .with(ended(CANCELLED), "cancelled")
                .with(ended(CLIENT_ERROR), "client error"),
            lines("Body bytes")
                .saying("Bytes of request bodies that are read, and of response bodies.")
                .with(series!(names, request_size).sum_rate(window), "received")
                .with(series!(names, response_size).sum_rate(window), "sent"),
        ],
    }
}

fn streams(names: &Names, window: &str) -> Row {
    Row {
        title: "Streams".to_owned(),
        panels: vec![
            lines("Open streams")
                .saying("Streams that have been created and have not ended.")
                .with(series!(names, active_streams by endpoint).sum(), "{{endpoint}}"),
            lines("Streams by outcome")
                .saying("How streams end. A disconnect of the client is not a failure.")
                .with(series!(names, stream_duration by outcome).count_rate(window), "{{outcome}}"),
            lines("First chunk, 95 %")
                .saying("The time from the arrival of the request to the first chunk.")
                .with(
                    series!(names, time_to_first_chunk by endpoint).quantile(0.95, window),
                    "{{endpoint}}",
                ),
            lines("Between chunks, 99 %").saying("The time between two chunks of a stream.").with(
                series!(names, inter_chunk by endpoint).quantile(0.99, window),
                "{{endpoint}}",
            ),
            lines("Chunks")
                .saying("Chunks that streams send per second.")
                .with(series!(names, stream_chunks by endpoint).rate(window), "{{endpoint}}"),
            lines("Stream bytes")
                .saying("Bytes of these chunks.")
                .with(series!(names, stream_bytes by endpoint).rate(window), "{{endpoint}}"),
        ],
    }
}

fn calls(names: &Names, program: Program, window: &str) -> Row {
    let errors = series!(names, llm_calls { error_type: IsNot("") } by provider, error_type);
    let left = |resource| {
        series!(names, llm_rate_limit_remaining {
            resource: resource,
        } by provider, model, resource)
    };
    let mut panels = vec![
        lines("Calls by provider and model").saying("Model calls that end per second.").with(
            series!(names, llm_calls by provider, model).rate(window),
            "{{provider}} {{model}}",
        ),
        lines("Call errors")
            .saying("Failed calls by the type of their error.")
            .with(errors.rate(window), "{{provider}} {{error_type}}"),
        lines("Call duration, 95 %")
            .saying("From the start of a successful call to the end of its reply.")
            .with(
                series!(names, llm_call_duration {
                    outcome: Is(SUCCESSFUL_CALL),
                } by provider, model)
                .quantile(0.95, window),
                "{{provider}} {{model}}",
            ),
        lines("Calls per request")
            .saying("The mean number of calls of a request with calls: retries, fallbacks, tools.")
            .with(series!(names, llm_calls_per_request by endpoint).mean(window), "{{endpoint}}"),
        lines("Overhead, 95 %")
            .saying("The time of a request with calls in which no call was in progress.")
            .with(series!(names, llm_overhead by endpoint).quantile(0.95, window), "{{endpoint}}"),
        lines("Requests left of rate limits")
            .saying(
                "What is left of the providers' limits, from the headers of the newest replies.",
            )
            .with(left(Is(REQUESTS)).min(), "{{provider}} {{model}}"),
        lines("Tokens left of rate limits")
            .saying("The tokens that the providers' limits leave until they are renewed.")
            .with(left(IsNot(REQUESTS)).min(), "{{provider}} {{model}} {{resource}}"),
    ];
    if program.has_streamed_replies {
        panels.extend([
            lines("First token, 95 %")
                .saying(
                    "From the arrival of the request, with failed calls before: what users wait.",
                )
                .with(
                    series!(names, time_to_first_token by endpoint).quantile(0.95, window),
                    "{{endpoint}}",
                ),
            lines("First token of a call, 95 %")
                .saying("From the start of the call: what the provider needs.")
                .with(
                    series!(names, llm_call_time_to_first_token by provider, model)
                        .quantile(0.95, window),
                    "{{provider}} {{model}}",
                ),
            lines("Time per output token, 95 %")
                .saying("The mean time between output tokens of a complete streamed reply.")
                .with(
                    series!(names, time_per_output_token by provider, model).quantile(0.95, window),
                    "{{provider}} {{model}}",
                ),
        ]);
    }
    Row { title: "Model calls".to_owned(), panels }
}

fn tokens(names: &Names, window: &str) -> Row {
    let input = || series!(names, token_usage { token_type: Is("input") } by model).rate(window);
    let cached = series!(names, token_usage {
        token_type: Is("input"), detail: Is("cache_read"),
    } by model);
    Row {
        title: "Tokens".to_owned(),
        panels: vec![
            lines("Tokens").saying("Input and output tokens of all replies per second.").with(
                series!(names, token_usage by model, token_type).rate(window),
                "{{model}} {{token_type}}",
            ),
            lines("Input from a cache")
                .saying("The share of the input tokens that was read from a cache.")
                .with(cached.rate(window).or_zero_of(&input()).divided_by(&input()), "{{model}}"),
            lines("Tokens of a call, 95 %").saying("The input and the output of one call.").with(
                series!(names, request_tokens by model, token_type).quantile(0.95, window),
                "{{model}} {{token_type}}",
            ),
        ],
    }
}

fn cost(names: &Names, window: &str) -> Row {
    Row {
        title: "Cost".to_owned(),
        panels: vec![
            lines("Cost per hour").saying("US dollars per hour, from the configured prices.").with(
                series!(names, cost by provider, model).rate(window).per_hour(),
                "{{provider}} {{model}}",
            ),
            lines("Cost per hour by token type")
                .saying("US dollars per hour, for input, cached input, output and reasoning.")
                .with(
                    series!(names, cost by token_type, detail).rate(window).per_hour(),
                    "{{token_type}} {{detail}}",
                ),
            lines("Calls without a price")
                .saying("Calls of models that have no price. They are missing in the cost.")
                .with(series!(names, unpriced_calls by model).rate(window), "{{model}}"),
            lines("Cost stated by providers, per hour")
                .saying("What replies say that their calls cost.")
                .with(
                    series!(names, provider_cost by provider, model).rate(window).per_hour(),
                    "{{provider}} {{model}}",
                ),
        ],
    }
}

fn health(names: &Names, program: Program, window: &str) -> Row {
    let mut panels = vec![
        lines("Label overflow")
            .saying("Observations whose label value was replaced by other.")
            .with(
                series!(names, metrics_overflow by family, label).rate(window),
                "{{family}} {{label}}",
            ),
        lines("Refused scrapes")
            .saying("Scrapes that were answered with 503, or broken off.")
            .with(series!(names, scrapes_refused by reason).rate(window), "{{reason}}"),
    ];
    if program.has_calls {
        panels.insert(
            0,
            lines("Missing usage")
                .saying("Calls without usage, by the reason. Their tokens and cost are missing.")
                .with(
                    series!(names, usage_missing by model, reason).rate(window),
                    "{{model}} {{reason}}",
                ),
        );
    }
    Row { title: "Health of the metrics".to_owned(), panels }
}
