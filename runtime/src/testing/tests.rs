use super::{Page, SeriesError};
use crate::metrics::Metrics;

const PAGE: &str = "\
# HELP app_http_requests_total HTTP requests.
# TYPE app_http_requests_total counter
app_http_requests_total{method=\"GET\",status=\"200\"} 3
app_http_requests_total{method=\"GET\",status=\"404\"} 1
app_http_requests_total{method=\"POST\",status=\"\"} 0.5
# TYPE app_active_requests gauge
app_active_requests -2
# TYPE app_size histogram
app_size_bucket{le=\"1\"} 1
app_size_bucket{le=\"+Inf\"} 2
app_size_sum 1e3
app_size_count 2
";

const OPENMETRICS: &str = "\
# TYPE app_seconds histogram
# UNIT app_seconds seconds
app_seconds_bucket{endpoint=\"/a # {b}\",le=\"0.5\"} 1 # {trace_id=\"a\\\"b\",span_id=\"\"} 0.25 17.5
app_seconds_bucket{endpoint=\"/a # {b}\",le=\"+Inf\"} 2 17 # {} 0.75
app_seconds_sum{endpoint=\"/a # {b}\"} 1.0
app_seconds_count{endpoint=\"/a # {b}\"} 2 17.25
# TYPE app_calls counter
app_calls_total 4.0 # {trace_id=\"c\"} 1
# EOF
";

fn page(text: &str) -> Page {
    Page::parse(text).unwrap()
}

fn parse_error(text: &str) -> String {
    Page::parse(text).unwrap_err().to_string()
}

fn value_error<const N: usize>(name: &str, labels: [(&str, &str); N]) -> String {
    page(PAGE).value(name, labels).unwrap_err().to_string()
}

/// Returns whether two values are equal; two that are not numbers are.
fn equal(left: f64, right: f64) -> bool {
    left.total_cmp(&right).is_eq()
}

#[test]
fn value_is_that_of_the_one_series_with_these_labels() -> Result<(), SeriesError> {
    let page = page(PAGE);
    let get = |status| page.value("app_http_requests_total", [("status", status)]);
    assert!(equal(get("200")?, 3.0) && equal(get("404")?, 1.0) && equal(get("")?, 0.5));
    let both = [("status", "200"), ("method", "GET")];
    assert!(equal(page.value("app_http_requests_total", both)?, 3.0));
    assert!(equal(page.value("app_active_requests", [])?, -2.0));
    assert!(equal(page.value("app_size_bucket", [("le", "+Inf")])?, 2.0));
    assert!(equal(page.value("app_size_sum", [])?, 1000.0));
    Ok(())
}

#[test]
fn sums_and_counts_are_over_all_series_with_these_labels() {
    let page = page(PAGE);
    assert!(equal(page.sum("app_http_requests_total", []), 4.5));
    assert!(equal(page.sum("app_http_requests_total", [("method", "GET")]), 4.0));
    assert!(equal(page.sum("app_http_requests_total", [("method", "PUT")]), 0.0));
    assert!(equal(page.sum("app_http_requests_total", [("tenant", "")]), 0.0));
    assert!(equal(page.sum("http_requests_total", []), 0.0));
    assert_eq!(page.count("app_http_requests_total", []), 3);
    assert_eq!(page.count("app_http_requests_total", [("status", "500")]), 0);
    assert_eq!(page.count("app_http_requests_total", [("method", "GET"), ("status", "404")]), 1);
    assert_eq!(page.label_values("app_http_requests_total", "method"), ["GET", "POST"]);
    assert_eq!(page.label_values("app_http_requests_total", "tenant"), [""; 0]);
}

#[test]
fn increase_is_the_difference_of_the_sums() {
    let before = page("a{x=\"1\"} 3\na{x=\"2\"} 5\n");
    let after = page("a{x=\"1\"} 4\na{x=\"2\"} 5\na{x=\"3\"} 2\n");
    assert!(equal(after.increase_since(&before, "a", []), 3.0));
    assert!(equal(after.increase_since(&before, "a", [("x", "1")]), 1.0));
    assert!(equal(after.increase_since(&before, "b", []), 0.0));
}

#[test]
fn missing_series_error_lists_the_series_of_the_name() {
    assert_eq!(
        value_error("app_http_requests_total", [("status", "500"), ("method", "GET")]),
        "no series named `app_http_requests_total` with {status=\"500\",method=\"GET\"}; \
         the page has:\
         \n  app_http_requests_total{method=\"GET\",status=\"200\"} 3\
         \n  app_http_requests_total{method=\"GET\",status=\"404\"} 1\
         \n  app_http_requests_total{method=\"POST\",status=\"\"} 0.5"
    );
}

#[test]
fn ambiguous_series_error_lists_the_series_that_match() {
    assert_eq!(
        value_error("app_http_requests_total", [("method", "GET")]),
        "2 series named `app_http_requests_total` with {method=\"GET\"}; \
         add labels, or use `sum` for all of them:\
         \n  app_http_requests_total{method=\"GET\",status=\"200\"} 3\
         \n  app_http_requests_total{method=\"GET\",status=\"404\"} 1"
    );
    assert!(value_error("app_size_bucket", []).starts_with("2 series named `app_size_bucket`; "));
}

#[test]
fn unknown_name_error_lists_names() {
    assert_eq!(
        value_error("http_requests_total", []),
        "no series named `http_requests_total`; similar names on the page are \
         `app_http_requests_total`"
    );
    assert_eq!(
        value_error("app_size", [("le", "1")]),
        "no series named `app_size`; similar names on the page are `app_size_bucket`, \
         `app_size_count`, `app_size_sum`"
    );
    assert_eq!(
        value_error("other", []),
        "no series named `other`; the page has the names `app_active_requests`, \
         `app_http_requests_total`, `app_size_bucket`, `app_size_count`, `app_size_sum`"
    );
    let error = page("").value("a", []).unwrap_err();
    assert_eq!(error.to_string(), "no series named `a`; the page has no series");
}

#[test]
fn unknown_name_error_suggests_the_name_that_was_misspelt() {
    for misspelt in ["app_http_request_total", "app_http_requsts_total", "app_htttp_requests_total"]
    {
        assert_eq!(
            value_error(misspelt, []),
            format!(
                "no series named `{misspelt}`; similar names on the page are \
                 `app_http_requests_total`"
            )
        );
    }
    // Short names have nothing in common.
    let error = page("a 1\nbb 1\n").value("c", []).unwrap_err();
    assert_eq!(error.to_string(), "no series named `c`; the page has the names `a`, `bb`");
}

#[test]
fn unknown_name_error_shows_why_the_page_of_a_disabled_instance_is_empty() {
    let metrics = Metrics::builder().enabled(false).build().unwrap();
    let error = Page::scrape(&metrics).unwrap().value("a", []).unwrap_err().to_string();
    let start = "no series named `a`; the page has no series: # streamgauge is disabled by ";
    assert!(error.starts_with(start), "{error}");
}

#[test]
fn missing_series_error_lists_first_what_has_most_of_the_labels() {
    let text: String = (0..30)
        .map(|n| format!("a{{n=\"{n}\",z=\"{}\"}} 1\n", n / 29))
        .collect::<Vec<_>>()
        .concat();
    let error = page(&text).value("a", [("n", "30"), ("z", "1")]).unwrap_err().to_string();
    assert!(error.contains("the page has:\n  a{n=\"29\",z=\"1\"} 1\n  a{n=\"0\","), "{error}");
}

#[test]
fn series_errors_list_at_most_20_series_or_names() {
    let lines = |line: fn(u32) -> String| (0..23).map(line).collect::<String>();
    let text = lines(|n| format!("a{{n=\"{n}\"}} 1\n"));
    let error = page(&text).value("a", []).unwrap_err().to_string();
    assert_eq!(error.lines().count(), 22);
    assert!(error.ends_with("\n  a{n=\"19\"} 1\n  … and 3 more"), "{error}");
    let text = lines(|n| format!("a{n} 1\n"));
    let error = page(&text).value("b", []).unwrap_err().to_string();
    assert!(error.ends_with("`a6` and 3 more"), "{error}");
}

#[test]
fn errors_have_the_same_text_in_debug_output() {
    let error = page(PAGE).value("a", []).unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    let error = Page::parse("a\n").unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
}

#[test]
fn openmetrics_pages_are_parsed_without_exemplars_and_timestamps() {
    let series: Vec<String> = page(OPENMETRICS).series().map(ToString::to_string).collect();
    assert_eq!(
        series,
        [
            "app_seconds_bucket{endpoint=\"/a # {b}\",le=\"0.5\"} 1",
            "app_seconds_bucket{endpoint=\"/a # {b}\",le=\"+Inf\"} 2",
            "app_seconds_sum{endpoint=\"/a # {b}\"} 1",
            "app_seconds_count{endpoint=\"/a # {b}\"} 2",
            "app_calls_total 4",
        ]
    );
}

#[test]
fn text_pages_may_have_blanks_empty_lines_and_timestamps() {
    let text =
        "\n# a comment\n\t a { x = \"1\" ,\ty=\"2\", } \t 3   1700000000000 \n  \n#EOF\nb{} 1\n";
    let series: Vec<String> = page(text).series().map(ToString::to_string).collect();
    assert_eq!(series, ["a{x=\"1\",y=\"2\"} 3", "b 1"]);
}

#[test]
fn values_may_be_infinite_or_not_a_number() -> Result<(), SeriesError> {
    let page = page("a NaN\nb +Inf\nc -Inf\nd 1e-3\ne -0.5\n");
    assert!(page.value("a", [])?.is_nan() && page.sum("a", []).is_nan());
    assert!(equal(page.value("b", [])?, f64::INFINITY));
    assert!(equal(page.value("c", [])?, f64::NEG_INFINITY));
    assert!(equal(page.value("d", [])?, 0.001) && equal(page.value("e", [])?, -0.5));
    assert_eq!(format!("{page:?}"), "[a NaN, b +Inf, c -Inf, d 0.001, e -0.5]");
    Ok(())
}

#[test]
fn label_values_are_unescaped() {
    let text = "a{x=\"1,\\\"}\\\\\\n#é\",y=\"\"} 3\n";
    let page = page(text);
    let series = page.series().next().unwrap();
    assert_eq!(series.labels().collect::<Vec<_>>(), [("x", "1,\"}\\\n#é"), ("y", "")]);
    assert_eq!((series.label("y"), series.label("z")), (Some(""), None));
    assert_eq!(format!("{series}\n"), text);
}

#[test]
fn parse_error_names_the_line() {
    assert_eq!(
        parse_error("a 1\n\nb{x=\"1\"} one\nc 2\n"),
        "line 3 of the page: `one` is not a number: b{x=\"1\"} one"
    );
    let long = format!("a {}\n", "é".repeat(500));
    let (start, shown) = ("é".repeat(199), "é".repeat(198));
    assert_eq!(parse_error(&long), format!("line 1 of the page: `{start}…: a {shown}…"));
}

#[test]
fn parse_error_says_what_is_wrong_with_a_line() {
    for (line, reason) in [
        ("{} 1", "the line does not begin with a metric name"),
        ("1a 1", "the line does not begin with a metric name"),
        ("<html>", "the line does not begin with a metric name"),
        ("a", "the value is missing"),
        ("a{x=\"1\"}", "the value is missing"),
        ("a{", "a label name or `}` is missing"),
        ("a{x=\"1\",,} 1", "a label name or `}` is missing"),
        ("a{:=\"1\"} 1", "a label name or `}` is missing"),
        ("a{x} 1", "the label `x` has no value in quotes"),
        ("a{x=1} 1", "the label `x` has no value in quotes"),
        ("a{x=\"1} 1", "label `x`: the value has no closing quote"),
        ("a{x=\"1\\", "label `x`: the value has no closing quote"),
        ("a{x=\"\\t\"} 1", "label `x`: unknown escape `\\t`"),
        ("a{x=\"1\" y=\"2\"} 1", "neither `,` nor `}` follows the label `x`"),
        ("a{x=\"1\",x=\"2\"} 1", "the label `x` occurs twice"),
        ("a 1 b", "`b` is not a number"),
        ("a 1 NaN", "`NaN` is not a timestamp"),
        ("a 1 2 3", "`3` follows the value"),
        ("a 1 # 1", "the exemplar has no labels"),
        ("a 1 # {}", "the exemplar has no value"),
        ("a 1 # {} 1 2 3", "`3` follows the value"),
    ] {
        let error = format!("line 1 of the page: {reason}: {line}");
        assert_eq!(parse_error(&format!("{line}\n")), error);
    }
}

#[test]
fn parse_error_shows_that_a_page_is_cut_off_or_continues() {
    let error = parse_error("a 1\nb 1");
    assert!(error.contains("no newline at its end, so the page is cut off: b 1"), "{error}");
    let error = parse_error("a 1\n# EOF\nb 1\n");
    assert!(error.contains("line 3 of the page: the page continues after `# EOF`"), "{error}");
}

#[test]
fn parse_error_names_carriage_returns_and_shows_none() {
    let reason = "the line ends with a carriage return, which no format allows";
    assert_eq!(
        parse_error("# TYPE a counter\r\na 1\r\n"),
        format!("line 1 of the page: {reason}: # TYPE a counter\\r")
    );
    assert_eq!(parse_error("a 1\rb 2\n"), "line 1 of the page: `1\\rb` is not a number: a 1\\rb 2");
}

#[test]
fn openmetrics_page_may_end_without_a_newline() {
    assert_eq!(page("a 1\n# EOF"), page("a 1\n# EOF\n"));
    assert!(parse_error("a 1\n# EO").contains("the page is cut off"));
}

#[test]
fn parse_takes_time_in_proportion_to_the_length_of_a_line() {
    // Takes minutes if each label is compared with all others, or with the rest of the line.
    let labels: String = (0..200_000).map(|n| format!("l{n}=\"\",")).collect::<Vec<_>>().concat();
    let page = page(&format!("a{{{labels}}} 1\n"));
    assert_eq!(page.series().map(|series| series.labels().count()).sum::<usize>(), 200_000);
}

#[test]
fn page_and_errors_can_be_sent_to_other_threads() {
    fn is_sent<T: Send + Sync + 'static>() {}
    is_sent::<Page>();
    is_sent::<super::Series>();
    is_sent::<super::PageError>();
    is_sent::<SeriesError>();
}

/// Parses a text and looks series up in it. Only a panic is a failure.
fn read_anything(text: &str) {
    match Page::parse(text) {
        Ok(page) => {
            for series in page.series() {
                let _ = (page.value(series.name(), series.labels()), series.to_string());
            }
            let _ = page.value("a", [("x", text)]);
        }
        Err(error) => assert!(error.to_string().starts_with("line ")),
    }
}

#[test]
fn parse_does_not_panic_on_truncated_or_changed_pages() {
    const BYTES: &[u8] = b"{}\"\\#=, \n\tEn1.+-:\xc3\xa9";
    for whole in [PAGE, OPENMETRICS] {
        for (end, _) in whole.char_indices() {
            read_anything(&whole[..end]);
            read_anything(&whole[end..]);
            read_anything(&format!("{}\n", &whole[..end]));
        }
        // A linear congruential generator, so that every run tries the same pages.
        let mut state: u64 = 19;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..2_000 {
            let mut bytes = whole.as_bytes().to_vec();
            for _ in 0..=random(4) {
                let (place, byte) = (random(bytes.len()), BYTES[random(BYTES.len())]);
                match random(3) {
                    0 => bytes[place] = byte,
                    1 => bytes.insert(place, byte),
                    _ => drop(bytes.remove(place)),
                }
            }
            read_anything(&String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn scrape_has_the_series_of_the_page_of_an_instance() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = Metrics::builder().prefix("shop").label("zone", "a").build()?;
    assert_eq!(Page::scrape(&metrics)?.series().count(), 0);
    let orders = crate::prometheus::IntCounter::new("orders_total", "Orders taken.")?;
    metrics.registry().register(Box::new(orders.clone()))?;
    orders.inc_by(3);
    assert!(equal(Page::scrape(&metrics)?.value("orders_total", [])?, 3.0));
    Ok(())
}
