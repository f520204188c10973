"""The rules of a program with everything: promtool accepts them, and each alert fires and ends.

The configuration in the directory `monitoring` of the repository is checked, too.
"""

import json
import os
import re

from harness.case import SkipReportingTest
from harness.gateway import program
from harness.monitoring import written_files
from harness.rule_tests import after_recovery, rule_test, series

# The files of the gateway, and configuration that loads them.
MONITORING = os.path.join(os.path.dirname(__file__), "..", "..", "monitoring")
# Minutes for which the series of a test go on.
LENGTH = 2000
A_DAY = 1440
# Minutes after which alerts have ended. The longest window of most alerts is an hour, and six hours
# decide when the ticket of an objective ends.
RECOVERY, LONG_RECOVERY = 150, 400
PROCESS = 'instance="i"'


def growing(name, labels, per_minute):
    """A counter that grows by this number each minute."""
    return series(name, labels, f"0+{per_minute}x{LENGTH}")


def requests(outcome, per_minute, endpoint="/a"):
    labels = f'{PROCESS},method="GET",endpoint="{endpoint}",status="200",outcome="{outcome}"'
    return growing("app_http_requests_total", labels, per_minute)


def durations(family, labels, at_most, all):
    """A histogram with this number of values up to its limit per minute, and of all values."""
    limit, count = at_most
    return [
        growing(f"{family}_bucket", f'{labels},le="{limit}"', count),
        growing(f"{family}_bucket", f'{labels},le="{2 * limit}"', all),
        growing(f"{family}_bucket", f'{labels},le="+Inf"', all),
        growing(f"{family}_count", labels, all),
    ]


def requests_within(seconds, count, endpoint="/a"):
    labels = f'method="GET",endpoint="{endpoint}",outcome="success"'
    return durations("app_http_request_duration_seconds", labels, (seconds, count), 100)


def first_tokens_within(seconds, count, endpoint="/a"):
    labels = f'endpoint="{endpoint}",provider="p",model="m"'
    return durations("app_time_to_first_token_seconds", labels, (seconds, count), 100)


def streams(outcome, per_minute):
    labels = f'endpoint="/a",outcome="{outcome}"'
    return growing("app_stream_duration_seconds_count", labels, per_minute)


def calls(error_type, per_minute):
    labels = f'{PROCESS},endpoint="/a",provider="p",model="m",error_type="{error_type}"'
    return growing("app_llm_calls_total", labels, per_minute)


def missing_usage(per_minute):
    labels = 'endpoint="/a",model="m",reason="not_sent"'
    return growing("app_usage_missing_total", labels, per_minute)


def unpriced_calls(per_minute):
    return growing("app_unpriced_calls_total", 'endpoint="/a",model="m"', per_minute)


def dollars(per_hour):
    labels = (
        'endpoint="/a",provider="p",model="m",token_type="input",detail="uncached",tenant="acme"'
    )
    return growing("app_cost_usd_total", labels, per_hour / 60)


def target(is_up):
    """A target that has been scraped, and that can be scraped now or not."""
    labels = 'job="j",instance="i"'
    return [
        series("up", labels, f"1x10 {int(is_up)}x{LENGTH}"),
        series("app_http_requests_total", f'{labels},endpoint="/a"', "1x10"),
    ]


def file_written_at(time):
    return series("node_textfile_mtime_seconds", 'file="/metrics/service.prom"', time)


def requests_left(number):
    labels = f'{PROCESS},provider="p",model="m",resource="requests"'
    return series("app_llm_rate_limit_remaining", labels, f"{number}x{LENGTH}")


def active_requests():
    labels = f'{PROCESS},method="GET",endpoint="/a"'
    return series("app_active_requests", labels, f"2x{LENGTH}")


def growing_after_a_pause(outcome):
    """Requests of the chat endpoint, with none in the second hour."""
    labels = f'method="GET",endpoint="{CHAT}",status="200",outcome="{outcome}"'
    return series("app_http_requests_total", labels, f"0+5x60 300x60 300+5x{LENGTH}")


def panics(values):
    labels = 'method="GET",endpoint="/a",status="500",outcome="panic"'
    return series("app_http_requests_total", labels, values)


def overflow(values):
    return series("app_metrics_overflow_total", 'family="f",label="model"', values)


def refused_scrapes(values):
    return series("app_scrapes_refused_total", 'reason="too_many"', values)


CHAT = "/v1/chat/completions"
IDLE_AFTER_AN_HOUR = {**requests("success", 60), "values": f"0+60x60 3600x{LENGTH}"}
# By alert and severity: the minute of the evaluation, the labels of the alert, series with which it
# fires, and series with which it is silent.
ALERTS = {
    ("AppDown", "page"): (20, 'job="j",instance="i"', target(is_up=False), target(is_up=True)),
    ("AppRequestsFailing", "page"): (
        30,
        'endpoint="/a"',
        [requests("success", 80), requests("server_error", 20)],
        [requests("success", 99), requests("server_error", 1)],
    ),
    ("AppPanics", "ticket"): (
        12,
        'endpoint="/a"',
        [requests("success", 60), panics("_x10 1x20")],
        [requests("success", 60)],
    ),
    ("AppRequestsSlow", "ticket"): (
        30,
        'endpoint="/a"',
        requests_within(2.5, 50),
        requests_within(2.5, 100),
    ),
    ("AppNoRequests", "ticket"): (100, "", [IDLE_AFTER_AN_HOUR], [requests("success", 60)]),
    ("AppRequestsStuck", "page"): (
        60,
        f'{PROCESS},endpoint="/a"',
        [active_requests()],
        [active_requests(), requests("success", 1)],
    ),
    ("AppClientDisconnects", "ticket"): (
        40,
        'endpoint="/a"',
        [requests("success", 60), requests("cancelled", 40)],
        [requests("success", 95), requests("cancelled", 5)],
    ),
    ("AppStreamsFailing", "page"): (
        30,
        'endpoint="/a"',
        [streams("complete", 80), streams("truncated", 20)],
        [streams("complete", 80), streams("client_disconnect", 20)],
    ),
    ("AppProviderFailing", "page"): (
        30,
        'provider="p"',
        [calls("", 80), calls("server_error", 10), calls("truncated", 10)],
        [calls("", 75), calls("server_error", 5), calls("not_found", 20)],
    ),
    ("AppProviderBusy", "ticket"): (
        30,
        'provider="p"',
        [calls("", 80), calls("rate_limited", 10), calls("overloaded", 10)],
        [calls("", 80), calls("timeout", 20)],
    ),
    ("AppRateLimitNearlyUsed", "ticket"): (
        30,
        f'{PROCESS},provider="p",model="m"',
        [requests_left(3), calls("", 10)],
        [requests_left(300), calls("", 10)],
    ),
    ("AppUsageMissing", "ticket"): (
        100,
        "",
        [missing_usage(10), calls("", 100)],
        [missing_usage(1), calls("", 100)],
    ),
    ("AppFirstTokenSlow", "ticket"): (
        40,
        'endpoint="/a"',
        first_tokens_within(5, 50),
        first_tokens_within(5, 100),
    ),
    ("AppLabelOverflow", "ticket"): (
        60,
        'family="f",label="model"',
        [overflow(f"0+1x{LENGTH}")],
        [requests("success", 60)],
    ),
    ("AppScrapesRefused", "ticket"): (
        30,
        'reason="too_many"',
        [refused_scrapes(f"0x10 1x{LENGTH}")],
        [refused_scrapes(f"0x{LENGTH}")],
    ),
    ("AppUnpricedCalls", "ticket"): (
        60,
        'model="m"',
        [unpriced_calls(1)],
        [unpriced_calls(0)],
    ),
    ("AppCostHigh", "ticket"): (100, "", [dollars(per_hour=60)], [dollars(per_hour=40)]),
    ("AppLabelCostHigh", "ticket"): (
        100,
        'request_label="tenant",tenant="acme"',
        [dollars(per_hour=20)],
        [dollars(per_hour=5)],
    ),
    ("AppMetricsFileStale", "ticket"): (
        10,
        'file="/metrics/service.prom"',
        [file_written_at(f"0x{LENGTH}")],
        # Seconds since the beginning: the file is written each minute.
        [file_written_at(f"0+60x{LENGTH}")],
    ),
}
# Cases that a simpler query would get wrong. By what they are: the alert, its severity, the minute
# of the evaluation, the labels of the alert or None if it is silent, and the series.
HARD_CASES = {
    "an old panic, and a scrape that failed ten minutes ago": (
        *("AppPanics", "ticket", 30, None),
        [panics(f"1x19 stale 1x{LENGTH}")],
    ),
    "all overflow within one scrape interval": (
        *("AppLabelOverflow", "ticket", 60, 'family="f",label="model"'),
        [overflow(f"_x10 10x{LENGTH}")],
    ),
    "all unpriced calls within one scrape interval": (
        *("AppUnpricedCalls", "ticket", 60, 'model="m"'),
        [series("app_unpriced_calls_total", 'endpoint="/a",model="m"', f"_x10 10x{LENGTH}")],
    ),
    "a limit that was nearly used up before calls stopped": (
        *("AppRateLimitNearlyUsed", "ticket", 60, None),
        [
            requests_left(3),
            {**calls("", 5), "values": f"0+5x10 50x{LENGTH}"},
        ],
    ),
    "streams that stay open": (
        *("AppRequestsStuck", "page", 60, None),
        [
            active_requests(),
            series("app_active_streams", f'{PROCESS},endpoint="/a"', f"2x{LENGTH}"),
        ],
    ),
    "a process that is stuck beside one that is not": (
        *("AppRequestsStuck", "page", 60, f'{PROCESS},endpoint="/a"'),
        [
            active_requests(),
            growing("app_http_requests_total", 'endpoint="/a",instance="j"', 60),
        ],
    ),
    "a process that was removed with requests in progress": (
        *("AppRequestsStuck", "page", 83, None),
        [
            {**active_requests(), "values": "2x60 stale"},
            {**requests("success", 60), "values": "0+60x60 stale"},
        ],
    ),
    "a program without processes": (
        *("AppNoRequests", "ticket", 120, ""),
        [{**requests("success", 60), "values": "0+60x90 stale"}],
    ),
    "a replica without calls that has an old limit": (
        *("AppRateLimitNearlyUsed", "ticket", 200, None),
        [
            requests_left(3),
            {**calls("", 5), "values": f"5x{LENGTH}"},
            series(
                "app_llm_rate_limit_remaining",
                'instance="j",provider="p",model="m",resource="requests"',
                f"900x{LENGTH}",
            ),
            growing("app_llm_calls_total", 'instance="j",provider="p",model="m"', 60),
        ],
    ),
    "one failed request in four minutes": (
        *("AppRequestsFailing", "page", 50, None),
        [{**requests("server_error", 0), "values": " ".join(f"{it}x3" for it in range(20))}],
    ),
    "models that do not exist": (
        *("AppProviderFailing", "page", 60, None),
        [calls("", 10), calls("not_found", 50)],
    ),
    "a process that has been down for hours": (
        *("AppDown", "page", 600, 'job="j",instance="i"'),
        target(is_up=False),
    ),
    # The mean over 30 days of a ratio would have no value.
    "failures after an hour without requests": (
        *("AppSuccessObjective", "page", 190, f'endpoint="{CHAT}",objective="success_99.5"'),
        [
            growing_after_a_pause("success"),
            growing_after_a_pause("server_error"),
        ],
    ),
}
# By objective: the alert, the percentage that has to be good, and a function that returns series at
# which a percentage is good.
OBJECTIVES = {
    "success_99.5": (
        "AppSuccessObjective",
        99.5,
        lambda good: [requests("success", good, CHAT), requests("server_error", 100 - good, CHAT)],
    ),
    "latency_2.5s_99": (
        "AppLatencyObjective",
        99,
        lambda good: requests_within(2.5, good, CHAT),
    ),
    "first_token_1s_95": (
        "AppFirstTokenObjective",
        95,
        lambda good: first_tokens_within(1, good, CHAT),
    ),
}
for objective, (alert, percent, with_good) in OBJECTIVES.items():
    found = f'endpoint="{CHAT}",objective="{objective}"'
    # By severity: the minute, and how many times the budget is exceeded. The page needs 14.4 times
    # the budget, and the ticket three times.
    for severity, minute, factor in (("page", 70, 15), ("ticket", 1500, 4)):
        firing, silent = (with_good(100 - (100 - percent) * by) for by in (factor, 0.5))
        ALERTS[alert, severity] = (minute, found, firing, silent)


def all_tests():
    """Returns the tests of all alerts, each with the minute of its first evaluation."""
    for (alert, severity), (minute, labels, firing, silent) in ALERTS.items():
        found = f'alertname="{alert}",alertstate="firing",severity="{severity}"'
        active = f"ALERTS{{{found}}}"
        result = f"ALERTS{{{found}{',' if labels else ''}{labels}}}"
        recovered = minute + (LONG_RECOVERY if minute > A_DAY else RECOVERY)
        yield (
            minute,
            rule_test(
                f"{alert} fires and ends",
                after_recovery(firing, silent, minute),
                (active, minute, result),
                (active, recovered, None),
            ),
        )
        ever = f"count_over_time({active}[{minute}m])"
        yield minute, rule_test(f"{alert} is silent", silent, (ever, minute, None))
    for name, (alert, severity, minute, labels, inputs) in HARD_CASES.items():
        found = f'alertname="{alert}",alertstate="firing",severity="{severity}"'
        result = None if labels is None else f"ALERTS{{{found}{',' if labels else ''}{labels}}}"
        yield minute, rule_test(f"{alert}: {name}", inputs, (f"ALERTS{{{found}}}", minute, result))


class KeptConfiguration(SkipReportingTest):
    def test_prometheus_accepts_its_configuration_and_the_rules(self):
        path = os.path.join(MONITORING, "prometheus.yml")
        self.run_program("promtool", "check", "config", "--lint-fatal", path)

    def test_alertmanager_accepts_its_configuration(self):
        path = os.path.join(MONITORING, "alertmanager.yml")
        self.run_program("amtool", "check-config", path)


class WrittenRules(SkipReportingTest):
    def setUp(self):
        self.directory = written_files(self, program("MONITORING"))
        self.rules = os.path.join(self.directory, "rules.yml")

    def test_rules_are_accepted(self):
        self.run_program("promtool", "check", "rules", "--lint-fatal", self.rules)

    def test_rules_are_accepted_by_vmalert(self):
        # No server is contacted.
        server = "http://127.0.0.1:9"
        options = [f"-rule={self.rules}", f"-datasource.url={server}", f"-notifier.url={server}"]
        self.run_program("vmalert", "-dryRun", *options)

    def test_each_alert_fires_and_ends(self):
        with open(self.rules) as file:
            written = re.findall(r"alert: '(\w+)'.*?severity: '(\w+)'", file.read(), re.DOTALL)
        self.assertEqual(sorted(written), sorted(ALERTS))
        # Tests of more than a day evaluate the rules less often, because they would take a minute.
        for name, interval, minutes in (
            ("short", "1m", range(A_DAY)),
            ("long", "10m", range(A_DAY, LENGTH)),
        ):
            tests = [test for minute, test in all_tests() if minute in minutes]
            self.run_program("promtool", "test", "rules", self.write_tests(name, interval, tests))

    def test_error_budget_has_a_value_after_time_without_requests(self):
        budget = "endpoint_objective:app_errors:ratio_rate30d"
        labels = f'{{endpoint="{CHAT}",objective="success_99.5"}}'
        inputs = HARD_CASES["failures after an hour without requests"][-1]
        test = rule_test("error budget", inputs, (f"{budget} > 0.4 < bool 0.6", 190, labels))
        self.run_program("promtool", "test", "rules", self.write_tests("budget", "1m", [test]))

    def write_tests(self, name, interval, tests):
        path = os.path.join(self.directory, f"{name}.yml")
        file_of_tests = {
            "rule_files": [self.rules],
            "evaluation_interval": interval,
            # Alerts use the series that the groups before record.
            "group_eval_order": ["app-recording", "app-objectives", "app-alerts"],
            "tests": tests,
        }
        with open(path, "w") as file:
            # JSON is valid YAML.
            json.dump(file_of_tests, file)
        return path
