//! Queries in `PromQL` over the families of an instance.
//!
//! A query names a family of the table and labels of this family. The macro [`series!`] checks both
//! when the crate is compiled. What a query may do depends on the type of the family: only a
//! counter has a rate, and only a histogram has quantiles. The unit of its results follows from the
//! unit of the family.

mod expr;
mod matcher;
mod names;
mod selection;
mod unit;

pub(super) use self::expr::Expr;
pub(super) use self::matcher::Matcher;
pub(super) use self::names::{Names, Recorded};
pub(super) use self::selection::INSTANCE;
pub(super) use self::unit::Unit;

/// Selects series of a family: `series!(names, family { label: matcher } by label)`. The query has
/// one result for each combination of the labels after `by`. With `for each name`, it has one for
/// each value of this request label, too.
macro_rules! series {
    (
        $names:expr, $family:ident
        $({ $($label:ident: $matcher:expr),+ $(,)? })?
        $(by $($by:ident),+)?
        $(for each $request_label:ident)?
    ) => {{
        $($(const {
            assert!(
                $crate::family::described::$family.has_label(stringify!($label)),
                "the family has no such label"
            );
        };)+)?
        $($(const {
            assert!(
                $crate::family::described::$family.has_label(stringify!($by)),
                "the family has no such label"
            );
        };)+)?
        $(const {
            assert!(
                $crate::family::described::$family.has_request_labels(),
                concat!("the family has no request label ", stringify!($request_label))
            );
        };)?
        $names.select(
            &$crate::family::described::$family,
            &[$($((stringify!($label), $matcher)),+)?],
            &[$($(stringify!($by)),+)?],
        )
        $(.for_each($request_label))?
    }};
}
pub(super) use series;

#[cfg(test)]
mod tests {
    use super::Matcher::{Is, OneOf};
    use super::*;

    fn names() -> Names {
        Names::new("app_".to_owned(), [("env", "a\"b\\$c")], [])
    }

    #[test]
    fn rate_has_the_matchers_of_the_query_and_the_constant_labels() {
        let series = series!(names(), http_requests { outcome: Is("success") } by endpoint, method);
        assert_eq!(
            series.rate("5m").to_string(),
            concat!(
                "sum by (endpoint, method, env) (rate(app_http_requests_total",
                r#"{outcome="success", env="a\"b\\\x24c"}[5m]))"#
            )
        );
    }

    #[test]
    fn sum_of_recorded_series_keeps_the_constant_labels() {
        let names = names();
        let requests = names.recorded(&["endpoint"], "requests", "rate5m", Unit::PerSecond);
        assert_eq!(
            requests.sum(&["endpoint"], &[]).to_string(),
            r#"sum by (endpoint, env) (endpoint:app_requests:rate5m{env="a\"b\\\x24c"})"#
        );
    }

    #[test]
    fn quantile_is_aggregated_by_its_buckets() {
        let names = Names::new(String::new(), [], []);
        let series = series!(names, http_request_duration by endpoint);
        assert_eq!(
            series.quantile(0.95, "5m").to_string(),
            "histogram_quantile(0.95, sum by (le, endpoint) \
             (rate(http_request_duration_seconds_bucket[5m])))"
        );
        assert_eq!(
            series!(names, http_request_duration).mean("1h").to_string(),
            "sum(rate(http_request_duration_seconds_sum[1h])) / \
             sum(rate(http_request_duration_seconds_count[1h]))"
        );
    }

    #[test]
    fn unit_of_results_follows_from_the_unit_of_the_family() {
        let names = names();
        let requests = series!(names, http_requests).rate("5m");
        assert_eq!(requests.unit(), Unit::RequestsPerSecond);
        assert_eq!(requests.divided_by(&requests).complement().unit(), Unit::Share);
        assert_eq!(series!(names, active_requests).sum().unit(), Unit::Number);
        assert_eq!(series!(names, stream_bytes).rate("5m").unit(), Unit::BytesPerSecond);
        let cost = series!(names, cost).rate("5m");
        assert_eq!(cost.unit(), Unit::DollarsPerSecond);
        assert_eq!(cost.per_hour().unit(), Unit::Dollars);
        let sizes = series!(names, response_size);
        assert_eq!(sizes.sum_rate("5m").unit(), Unit::BytesPerSecond);
        assert_eq!(sizes.quantile(0.5, "5m").unit(), Unit::Bytes);
        let durations = series!(names, http_request_duration);
        assert_eq!(durations.mean("5m").unit(), Unit::Seconds);
        assert_eq!(durations.share_above(1.0, "5m").unit(), Unit::Share);
        assert_eq!(series!(names, llm_calls_per_request).mean("5m").unit(), Unit::Number);
    }

    #[test]
    fn matcher_of_several_values_takes_them_literally() {
        let names = Names::new(String::new(), [], []);
        let values = ["/items/{id}", "a|b"];
        let series = series!(names, active_requests { endpoint: OneOf(&values) });
        assert_eq!(
            series.sum().to_string(),
            r#"sum(active_requests{endpoint=~"/items/\\{id\\}|a\\|b"})"#
        );
    }

    #[test]
    fn variable_is_added_only_to_families_that_have_its_label() {
        let names = Names::new(String::new(), [], [])
            .with_variable(INSTANCE, "=~\"$instance\"")
            .with_variable("endpoint", "=~\"$endpoint\"");
        let refused = series!(names, scrapes_refused).rate("5m");
        assert_eq!(
            refused.to_string(),
            "sum(rate(scrapes_refused_total{instance=~\"$instance\"}[5m]))"
        );
        let streams = series!(names, active_streams).sum();
        let expected = "sum(active_streams{instance=~\"$instance\", endpoint=~\"$endpoint\"})";
        assert_eq!(streams.to_string(), expected);
    }

    #[test]
    fn operand_that_is_an_operation_is_in_parentheses() {
        let names = Names::new(String::new(), [], []);
        let [all, failed] = [series!(names, llm_calls), series!(names, llm_calls)];
        let ratio = failed.rate("5m").divided_by(&all.rate("5m"));
        assert_eq!(
            ratio.above(0.05).and(&all.rate("5m").above(0.1)).to_string(),
            "((sum(rate(llm_calls_total[5m])) / sum(rate(llm_calls_total[5m]))) > 0.05) and \
             (sum(rate(llm_calls_total[5m])) > 0.1)"
        );
    }

    #[test]
    fn bound_of_a_bucket_matches_both_page_formats() {
        let names = Names::new(String::new(), [], []);
        let series = series!(names, http_request_duration by endpoint);
        let selector = |bound| series.rate_up_to(bound, "5m").to_string();
        assert!(selector(1.0).contains(r#"{le=~"1|1\\.0"}"#), "{}", selector(1.0));
        let small = selector(0.000_05);
        assert!(small.contains(r#"{le=~"0\\.00005|5e-05"}"#), "{small}");
        assert!(selector(0.25).contains(r#"{le="0.25"}"#), "{}", selector(0.25));
    }
}
