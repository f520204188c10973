"""Identities between families that hold whenever a server is idle.

The same as in tests/support/src/identities.rs, for pages of servers in other processes, and what
holds for every page.
"""

METHODS = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "_OTHER",
}


def broken_identities(page):
    """Returns a line for each identity that an idle server's page breaks."""
    broken = []

    def equal(left, right, **labels):
        values = [page.sum(f"app_{name}", **labels) for name in (left, right)]
        if values[0] != values[1]:
            broken.append(f"{left} is {values[0]:.0f}, {right} is {values[1]:.0f} {labels}")

    for gauge in ("active_requests", "active_streams"):
        active = {
            labels["endpoint"]: value for labels, value in page.series(f"app_{gauge}") if value
        }
        if active:
            broken.append(f"{gauge}: {active}")
    requests, durations = "http_requests_total", "http_request_duration_seconds_count"
    for outcome in ("success", "client_error", "server_error", "cancelled", "panic"):
        equal(requests, durations, outcome=outcome)
    for endpoint in page.values("app_http_requests_total", "endpoint"):
        equal(requests, durations, endpoint=endpoint)
    failed = sum(
        page.sum(f"app_{requests}", outcome=outcome)
        for outcome in ("client_error", "server_error", "panic")
    )
    if failed != page.sum("app_errors_total"):
        broken.append(f"errors_total is {page.sum('app_errors_total')}, requests failed: {failed}")

    for provider in page.values("app_llm_calls_total", "provider"):
        equal("llm_calls_total", "llm_call_duration_seconds_count", provider=provider)
    ended = {
        outcome: page.sum("app_llm_call_duration_seconds_count", outcome=outcome)
        for outcome in ("success", "error", "cancelled", "truncated")
    }
    without_error = page.sum("app_llm_calls_total", error_type="")
    if without_error != ended["success"] + ended["cancelled"]:
        broken.append(f"llm_calls_total without error_type is {without_error}: {ended}")
    truncated = page.sum("app_llm_calls_total", error_type="truncated")
    if truncated != ended["truncated"]:
        broken.append(f"llm_calls_total truncated is {truncated}: {ended}")
    missing = page.sum("app_usage_missing_total")
    if missing > sum(ended.values()) - ended["error"]:
        broken.append(f"usage_missing_total is {missing}: {ended}")
    for token_type in ("input", "output"):
        equal("token_usage_total", "request_tokens_sum", token_type=token_type)
    equal("llm_calls_per_request_count", "llm_overhead_seconds_count")
    if page.sum("app_llm_calls_per_request_sum") > page.sum("app_llm_calls_total"):
        broken.append("llm_calls_per_request has more calls than llm_calls_total")
    failed = sum(
        page.sum("app_stream_duration_seconds_count", outcome=outcome)
        for outcome in ("stream_error", "error_event", "truncated", "panic")
    )
    if page.sum("app_stream_errors_total") > failed:
        broken.append(f"stream_errors_total is more than one for each of {failed} streams")
    return broken


def broken_histograms(page, seconds):
    """Returns a line for each histogram that contradicts itself after a run of `seconds`.

    The sum is one that values in these buckets can have, and no duration is longer than the run.
    """
    broken = []
    for name in page.names():
        if not name.endswith("_count"):
            continue
        family = name.removesuffix("_count")
        # The most that a value can be which no finite bucket bounds.
        most = seconds if family.endswith("_seconds") else 2**40
        for labels, count in page.series(name):
            buckets = sorted(
                (float(has["le"]), value)
                for has, value in page.series(f"{family}_bucket", **labels)
            )
            [(_, total)] = page.series(f"{family}_sum", **labels)
            lowest = highest = previous = bound = 0
            for le, value in buckets:
                lowest += bound * (value - previous)
                highest += min(le, most) * (value - previous)
                bound, previous = le, value
            values = [value for _, value in buckets]
            slack = 1e-6 * (count + highest)
            if values != sorted(values) or values[-1] != count:
                broken.append(f"{family}{labels}: buckets {values}, count {count}")
            if not lowest - slack <= total <= highest + slack:
                broken.append(f"{family}{labels}: sum {total}, not {lowest} to {highest}")
    return broken


def counters(page):
    """Returns the names of all samples that may never fall."""
    ends = ("_total", "_count", "_sum", "_bucket")
    return sorted(name for name in page.names() if name.endswith(ends))
