//! The alerts.

use std::time::Duration;

use super::burn_rate::SharedGoal;
use super::label_values::{
    CANCELLED, FAILED_STREAMS, NO_PROVIDER_FAILURES, PANICKED, REFUSED_CALLS, REQUESTS,
};
use super::program::Program;
use super::query::Matcher::{Is, NoneOf, OneOf};
use super::query::{Expr, Names, series};
use super::recording;
use super::rules::{Alert, Rule, Severity};
use super::thresholds::Thresholds;
use crate::objective::seconds;

/// The section of the guide that says what to do about each alert.
const RUNBOOK: &str = "https://docs.rs/streamgauge/latest/streamgauge/guide/alerts/index.html";

/// Returns the alerts of a program.
pub(super) fn alerts(
    names: &Names,
    program: Program,
    thresholds: &Thresholds,
    goals: &[SharedGoal<'_>],
) -> Vec<Rule> {
    let mut alerts = requests(names, program, thresholds);
    alerts.extend(goals.iter().flat_map(|goal| goal.alerts(names)));
    if program.has_streams {
        alerts.extend(streams(names, thresholds));
    }
    if program.has_calls {
        alerts.extend(calls(names, program, thresholds));
    }
    if program.has_cost {
        alerts.extend(cost(names, thresholds));
    }
    alerts.extend(health(names, thresholds));
    alerts.into_iter().map(|alert| alert.named_for(names)).map(Rule::Alert).collect()
}

impl Alert {
    pub(super) fn new(name: &str, severity: Severity, expr: Expr) -> Self {
        Self {
            name: name.to_owned(),
            expr,
            pending: None,
            severity,
            labels: Vec::new(),
            summary: String::new(),
            description: String::new(),
            runbook: format!("{RUNBOOK}#{}", name.to_lowercase()),
        }
    }

    fn pending(self, pending: &'static str) -> Self {
        Self { pending: Some(pending), ..self }
    }

    pub(super) fn saying(self, summary: &str, description: &str) -> Self {
        Self { summary: summary.to_owned(), description: description.to_owned(), ..self }
    }

    pub(super) fn label(mut self, name: &str, value: String) -> Self {
        self.labels.push((name.to_owned(), value));
        self
    }

    /// Puts the prefix of the families before the name, so that the alerts of two programs differ,
    /// and adds the constant labels, which the series of other programs lack.
    fn named_for(mut self, names: &Names) -> Self {
        let prefix = names.prefix().split('_').map(capitalized).collect::<String>();
        let is_own = |name: &str| OWN_LABELS.contains(&name);
        self.labels.extend(names.labels().iter().filter(|(name, _)| !is_own(name)).cloned());
        Self { name: format!("{prefix}{}", self.name), ..self }
    }
}

/// The labels that Prometheus and the rules add to alerts.
const OWN_LABELS: &[&str] = &["alertname", "severity", "objective", "request_label"];

/// Returns why there is no alert on the cost of a request label.
pub(super) fn cost_alert_problem(names: &Names, label: &str) -> Option<&'static str> {
    if !names.request_labels().iter().any(|known| known == label) {
        Some("the instance has no such request label")
    } else if OWN_LABELS.contains(&label) {
        Some("alerts have a label of this name")
    } else {
        None
    }
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// Returns the results of a quantile that are above a time. `longest` is the largest bound of the
/// histogram, which quantiles never exceed.
fn slower_than(quantile: &Expr, time: Duration, longest: f64) -> Expr {
    let seconds = seconds(time);
    if seconds < longest { quantile.above(seconds) } else { quantile.at_least(longest) }
}

/// Returns the processes in which requests of an endpoint are in progress, and none ends. Requests
/// whose responses are open streams do not count.
fn stuck(names: &Names, program: Program) -> Expr {
    let active = series!(names, active_requests by endpoint).by_process();
    let mut lasting = active.sum_of_minima("30m");
    if program.has_streams {
        let streams = series!(names, active_streams by endpoint).by_process().sum_of_maxima("30m");
        lasting = lasting.minus(&streams.or_zero_of(&lasting));
    }
    let ending = series!(names, http_requests by endpoint).by_process().rate("5m");
    // A process that has ended has samples in the window of 30 minutes, too.
    lasting.above(0.0).unless(&ending.above(0.0)).and(&active.sum().above(0.0))
}

fn requests(names: &Names, program: Program, thresholds: &Thresholds) -> Vec<Alert> {
    let panics = series!(names, http_requests { outcome: Is(PANICKED) } by endpoint);
    let all = || series!(names, http_requests);
    let by_outcome = recording::requests_by_outcome(names);
    vec![
        Alert::new("Down", Severity::Page, recording::targets(names).down_targets("1d"))
            .pending("2m")
            .saying(
                "{{ $labels.instance }} cannot be scraped.",
                "Prometheus scraped this process within the last day, and now it cannot.",
            ),
        Alert::new(
            "RequestsFailing",
            Severity::Page,
            recording::failure_ratio(names).all().above(thresholds.failures).and(
                // One failed request at night is not an outage.
                &recording::requests(names).all().above(thresholds.requests_per_second),
            ),
        )
        .pending("10m")
        .saying(
            "{{ $value | humanizePercentage }} of the requests to {{ $labels.endpoint }} fail.",
            "Requests end with a status 5xx, with a panic, or with a response body that breaks \
             off.",
        ),
        Alert::new("Panics", Severity::Ticket, panics.grown_within("10m")).saying(
            "A request to {{ $labels.endpoint }} has panicked.",
            "A handler or its response body has panicked within the last ten minutes.",
        ),
        Alert::new(
            "RequestsSlow",
            Severity::Ticket,
            slower_than(
                &recording::latency(names).all(),
                thresholds.latency,
                program.longest_duration,
            ),
        )
        .pending("15m")
        .saying(
            "1 % of the requests to {{ $labels.endpoint }} take {{ $value | humanizeDuration }} or \
             longer.",
            "The 99th percentile of the duration of requests is too high.",
        ),
        Alert::new(
            "NoRequests",
            Severity::Ticket,
            all().rate_before("15m", "1h").above(0.0).unless(&all().rate("15m").above(0.0)),
        )
        .pending("5m")
        .saying(
            "There are no requests, and an hour ago there were.",
            "Clients or a load balancer may not reach the program, or no process of it is scraped.",
        ),
        Alert::new("RequestsStuck", Severity::Page, stuck(names, program)).pending("15m").saying(
            "Requests to {{ $labels.endpoint }} of {{ $labels.instance }} do not end.",
            "Requests have been in progress in this process for at least 15 minutes, and none has \
             ended in the last 20 minutes.",
        ),
        Alert::new(
            "ClientDisconnects",
            Severity::Ticket,
            by_outcome
                .sum(&["endpoint"], &[("outcome", Is(CANCELLED))])
                .divided_by(&recording::requests(names).all())
                .above(thresholds.cancelled),
        )
        .pending("15m")
        .saying(
            "Clients cancel {{ $value | humanizePercentage }} of the requests to \
             {{ $labels.endpoint }}.",
            "Clients disconnect before the response is complete, perhaps because it takes too \
             long.",
        ),
    ]
}

fn streams(names: &Names, thresholds: &Thresholds) -> Vec<Alert> {
    let failed = series!(names, stream_duration {
        outcome: OneOf(FAILED_STREAMS),
    } by endpoint);
    let all = series!(names, stream_duration by endpoint);
    let ratio = failed.count_rate("5m").divided_by(&all.count_rate("5m"));
    vec![
        Alert::new("StreamsFailing", Severity::Page, ratio.above(thresholds.stream_failures))
            .pending("10m")
            .saying(
                "{{ $value | humanizePercentage }} of the streams of {{ $labels.endpoint }} fail.",
                "Streams end with an error, or without the end that their protocol requires.",
            ),
    ]
}

fn calls(names: &Names, program: Program, thresholds: &Thresholds) -> Vec<Alert> {
    let calls = recording::calls(names);
    let of_type = |types| calls.sum(&["provider"], &[("error_type", types)]);
    let all = calls.sum(&["provider"], &[]);
    let left = series!(names, llm_rate_limit_remaining {
        resource: Is(REQUESTS),
    } by provider, model)
    .by_process();
    let by_model = series!(names, llm_calls by provider, model).by_process();
    let missing = series!(names, usage_missing).rate("1h");
    let mut alerts = vec![
        Alert::new(
            "ProviderFailing",
            Severity::Page,
            of_type(NoneOf(NO_PROVIDER_FAILURES)).divided_by(&all).above(thresholds.call_failures),
        )
        .pending("10m")
        .saying(
            "{{ $value | humanizePercentage }} of the calls to {{ $labels.provider }} fail.",
            "The label error_type of llm_calls_total says why. Errors of the caller do not count.",
        ),
        Alert::new(
            "ProviderBusy",
            Severity::Ticket,
            of_type(OneOf(REFUSED_CALLS)).divided_by(&all).above(thresholds.calls_refused),
        )
        .pending("10m")
        .saying(
            "{{ $labels.provider }} refuses {{ $value | humanizePercentage }} of the calls.",
            "The provider answers with the status 429, 503 or 529.",
        ),
        Alert::new(
            "RateLimitNearlyUsed",
            Severity::Ticket,
            #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
            left.min()
                .below(thresholds.limit_left as f64)
                // The gauge of a process keeps its value when the process makes no more calls.
                .and(&by_model.rate("5m").above(0.0)),
        )
        .pending("5m")
        .saying(
            "{{ $labels.provider }} accepts {{ $value }} more requests for {{ $labels.model }}.",
            "The headers of the newest reply say how many requests are left.",
        ),
        Alert::new(
            "UsageMissing",
            Severity::Ticket,
            missing
                .divided_by(&series!(names, llm_calls).rate("1h"))
                .above(thresholds.usage_missing),
        )
        .pending("30m")
        .saying(
            "{{ $value | humanizePercentage }} of the calls have no usage, and so no cost.",
            "The label reason of usage_missing_total says why.",
        ),
    ];
    if program.has_streamed_replies {
        let first_token = series!(names, time_to_first_token by endpoint).quantile(0.95, "5m");
        alerts.push(
            Alert::new(
                "FirstTokenSlow",
                Severity::Ticket,
                slower_than(&first_token, thresholds.first_token, program.longest_first_token),
            )
            .pending("15m")
            .saying(
                "5 % of the replies of {{ $labels.endpoint }} begin after \
                 {{ $value | humanizeDuration }}.",
                "The time from the arrival of the request to the first token of a streamed reply.",
            ),
        );
    }
    alerts
}

fn cost(names: &Names, thresholds: &Thresholds) -> Vec<Alert> {
    let unpriced = series!(names, unpriced_calls by model);
    let mut alerts = vec![
        Alert::new("UnpricedCalls", Severity::Ticket, unpriced.grown_within("1h"))
            .pending("30m")
            .saying(
                "The model {{ $labels.model }} has no price.",
                "Its calls are missing in cost_usd_total.",
            ),
    ];
    if let Some(dollars) = thresholds.cost_per_hour {
        let cost = recording::cost(names).sum(&[], &[]).per_hour();
        alerts.push(
            Alert::new("CostHigh", Severity::Ticket, cost.above(dollars)).pending("15m").saying(
                "Model calls cost {{ $value | humanize }} US dollars per hour.",
                "The sum of the costs of all models during the last hour.",
            ),
        );
    }
    for (label, dollars) in &thresholds.cost_per_hour_of {
        if cost_alert_problem(names, label).is_some() {
            continue;
        }
        let cost = series!(names, cost for each label).rate("1h").per_hour();
        let of_value = format!("{label} {{{{ $labels.{label} }}}}");
        alerts.push(
            Alert::new("LabelCostHigh", Severity::Ticket, cost.above(*dollars))
                .label("request_label", label.clone())
                .pending("15m")
                .saying(
                    &format!("{of_value} costs {{{{ $value | humanize }}}} US dollars per hour."),
                    "The sum of the costs of its model calls during the last hour.",
                ),
        );
    }
    alerts
}

fn health(names: &Names, thresholds: &Thresholds) -> Vec<Alert> {
    let overflow = series!(names, metrics_overflow by family, label);
    let refused = series!(names, scrapes_refused by reason);
    let mut alerts = vec![
        Alert::new("LabelOverflow", Severity::Ticket, overflow.grown_within("1h"))
            .pending("30m")
            .saying(
                "Values of {{ $labels.label }} in {{ $labels.family }} are recorded as other.",
                "The label has more values than its limit, or than its list.",
            ),
        Alert::new("ScrapesRefused", Severity::Ticket, refused.grown_within("1h")).saying(
            "Scrapes were refused: {{ $labels.reason }}.",
            "Too many scrapes are in progress at the same time, or a client reads too slowly.",
        ),
    ];
    if let Some((name, age)) = &thresholds.metrics_file {
        let stale = Expr::age_of_text_file(name).above(seconds(*age));
        alerts.push(Alert::new("MetricsFileStale", Severity::Ticket, stale).pending("1m").saying(
            "The metrics in {{ $labels.file }} are {{ $value | humanizeDuration }} old.",
            "The program does not write its metrics file, so node-exporter exports old numbers.",
        ));
    }
    alerts
}
