"""Waiting for a condition, with a deadline."""

import time

INTERVAL = 0.05


def eventually(check, within=10.0):
    """Calls `check` until it raises no AssertionError, and returns its result.

    After `within` seconds the AssertionError is raised.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(INTERVAL)
