//! Texts of users with characters that YAML, `PromQL`, dashboards or templates take for their own.

use std::collections::BTreeMap;
use std::time::Duration;

use promql_parser::label::MatchOp;
use promql_parser::parser::Expr;
use serde_json::Value;
use streamgauge::{Metrics, Objective, RequestLabel};

use super::output::{Dashboard, RuleFile};
use super::program::Program;
use super::promql::{parse, selectors};
use super::variables::interpolate;

const TEXTS: &[&str] = &[
    "a\"b",
    "a'b",
    "''",
    "{}",
    "/items/{id}/{*rest}",
    "a\\b",
    "\\",
    "\\n\\x24\\u0041",
    "$instance",
    "${endpoint}",
    "${instance:raw}",
    "$__rate_interval $$",
    "[[instance]]",
    "[[endpoint:csv]]",
    "a\nb\n",
    "\r\n\t",
    "{{ $labels.endpoint }}",
    "{{ . }}",
    "%",
    "100%d%s",
    ".*",
    "a|b",
    "^(a+)?$[^x]{2,3}",
    "a: b",
    "# comment",
    "a #b",
    "- item",
    "!tag",
    "&anchor",
    "*alias",
    "|",
    ">-",
    "@x",
    "`x`",
    "---",
    "...",
    "null",
    "~",
    "yes",
    "1e3",
    " spaces ",
    "ümlaut",
    "\u{202e}override\u{2066}",
    "שלום",
    "日本",
    "👩‍👩‍👧 😀",
    "\u{0}\u{1}\u{1b}\u{7f}",
    "\u{80}\u{85}\u{9f}",
    "a \u{2028} b \u{2029} c",
    "\u{feff}\u{fffe}\u{ffff}",
    "\u{e000}\u{10ffff}",
];

const SECOND: Duration = Duration::from_secs(1);

fn program(endpoints: &[&str], owner: &str) -> Program {
    let objective =
        || Objective::new().success(99.9).latency(SECOND, 99.0).first_token(SECOND, 95.0);
    let builder =
        endpoints.iter().fold(Metrics::builder().label("owner", owner), |it, endpoint| {
            it.objective(*endpoint, objective())
        });
    let metrics = builder.build().expect("any text is a label value");
    Program { labels: &["owner"], ..Program::with_defaults(metrics) }
}

/// Checks that the selectors of a query have the label of the instance, and that matchers of
/// endpoints match exactly these. Returns the number of such matchers.
fn check_matchers(query: &Expr, owner: &str, endpoints: &[&str]) -> usize {
    let mut count = 0;
    // Prometheus adds `up`, which has no labels of the program.
    for selector in selectors(query).into_iter().filter(|it| it.name.as_deref() != Some("up")) {
        let matchers = &selector.matchers.matchers;
        let owners: Vec<_> = matchers.iter().filter(|matcher| matcher.name == "owner").collect();
        let [matcher] = owners[..] else { panic!("not one owner: {selector}") };
        assert_eq!((&matcher.op, &*matcher.value), (&MatchOp::Equal, owner), "{selector}");
        for matcher in matchers.iter().filter(|matcher| matcher.name == "endpoint") {
            if matcher.value == ".*" {
                continue;
            }
            count += 1;
            for text in TEXTS {
                assert_eq!(matcher.is_match(text), endpoints.contains(text), "{matcher}: {text}");
                let longer = [format!("{text}x"), format!("x{text}")];
                assert!(!longer.iter().any(|it| matcher.is_match(it)), "{matcher}: {longer:?}");
            }
        }
    }
    count
}

/// Checks the rules and the dashboards of an instance.
fn check(endpoints: &[&str], owner: &str) {
    let monitoring = program(endpoints, owner).metrics.monitoring();
    let rules = RuleFile::parse(&monitoring.prometheus_rules());
    let mut count = 0;
    for rule in rules.rules() {
        if rule.record.is_some() {
            assert_eq!(rule.labels.get("owner").map(String::as_str), Some(owner));
        }
        count += check_matchers(&parse(&rule.expr), owner, endpoints);
    }
    assert!(count > 50, "{count}");
    for dashboard in Dashboard::both(&monitoring) {
        for query in &dashboard.queries {
            count += check_matchers(&parse(&interpolate(&query.expr, ".*")), owner, endpoints);
        }
    }
    assert!(count > 60, "{count}");
}

#[test]
fn unusual_text_arrives_unchanged_in_rules_and_dashboards() {
    for text in TEXTS {
        check(&[text], text);
    }
}

#[test]
fn unusual_endpoints_with_one_goal_are_matched_literally() {
    let (some, _) = TEXTS.split_at(TEXTS.len() / 2);
    check(some, TEXTS[0]);
    program(some, TEXTS[0]).check();
}

/// Returns the annotations of all rules. Prometheus takes them for templates.
fn annotations(program: &Program) -> Vec<BTreeMap<String, String>> {
    let rules = RuleFile::parse(&program.metrics.monitoring().prometheus_rules());
    rules.groups.into_iter().flat_map(|it| it.rules).map(|rule| rule.annotations).collect()
}

/// Returns the dashboards without their queries.
fn outlines(program: &Program) -> [Value; 2] {
    Dashboard::both(&program.metrics.monitoring()).map(|dashboard| dashboard.rest)
}

#[test]
fn unusual_text_is_neither_in_templates_nor_in_texts_of_dashboards() {
    let plain = program(&["/a"], "a");
    let (annotations_of_plain, outlines_of_plain) = (annotations(&plain), outlines(&plain));
    for text in TEXTS {
        let unusual = program(&[text], text);
        assert_eq!(annotations(&unusual), annotations_of_plain, "{text}");
        assert_eq!(outlines(&unusual), outlines_of_plain, "{text}");
    }
}

#[test]
fn unusual_text_in_a_name_is_refused() {
    for text in TEXTS.iter().filter(|text| !["null", "yes"].contains(text)) {
        let refused = |builder: streamgauge::MetricsBuilder| builder.build().is_err();
        assert!(refused(Metrics::builder().prefix(*text)), "{text}");
        assert!(refused(Metrics::builder().registry_prefix(*text)), "{text}");
        assert!(refused(Metrics::builder().label(*text, "a")), "{text}");
        assert!(refused(Metrics::builder().registry_label(*text, "a")), "{text}");
        let label = RequestLabel::new(*text).values(["a"]);
        assert!(refused(Metrics::builder().request_label(label)), "{text}");
    }
}

#[test]
fn rules_of_thousands_of_endpoints_are_as_many_as_those_of_one() {
    let rules = |count: u32| {
        let objective = Objective::new().success(99.9).latency(SECOND, 99.0);
        let builder = (0..count).fold(Metrics::builder(), |builder, number| {
            builder.objective(format!("/items/{{id}}/{number}"), objective.clone())
        });
        let metrics = builder.build().expect("the objectives are valid");
        RuleFile::parse(&metrics.monitoring().prometheus_rules())
    };
    let many = rules(5_000);
    assert_eq!(many.rules().count(), rules(1).rules().count());
    let name = "endpoint_objective:app_errors:ratio_rate3d";
    let ratio = many.rules().find(|rule| rule.record.as_deref() == Some(name));
    let ratio = ratio.expect("the ratio of an objective");
    let expr = parse(&ratio.expr);
    for selector in selectors(&expr) {
        let endpoint = selector.matchers.matchers.iter().find(|it| it.name == "endpoint");
        let endpoint = endpoint.expect("rules of objectives select endpoints");
        assert!(endpoint.is_match("/items/{id}/0") && endpoint.is_match("/items/{id}/4999"));
        assert!(!endpoint.is_match("/items/{id}/5000"));
    }
}
