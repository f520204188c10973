"""Waiting for something to become true, for a bounded time."""

import time

INTERVAL = 0.05


def eventually(check, within=10.0):
    """Calls `check` until it makes no failed assertion, and gives what it returns.

    What it still asserts when the time is up is the failure.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(INTERVAL)
