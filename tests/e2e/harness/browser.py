"""Pages in a headless Chromium."""

import re
import subprocess
import tempfile
from dataclasses import dataclass

# The milliseconds of a page's own clock after which it is dumped. The clock stands still while the
# page waits for a response.
BUDGET = 15_000
CONSOLE = re.compile(r"^\[[^\]]*:CONSOLE[^\]]*\] (.*)$", re.MULTILINE)


@dataclass
class RenderedPage:
    """What a page has become after its scripts have run."""

    dom: str
    # The messages that its scripts have written to the console.
    console: list


def render(chromium, url, picture, size, budget=BUDGET):
    """Opens a page in a window of this width and height, and saves a screenshot to a file."""
    with tempfile.TemporaryDirectory(prefix="e2e-chromium-") as profile:
        run = subprocess.run(
            [
                # The servers that the page shows come first.
                *("nice", "-n", "10", chromium),
                "--headless",
                # Chromium refuses to run as root with a sandbox; it opens only pages of the tests.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--no-first-run",
                "--enable-logging=stderr",
                f"--user-data-dir={profile}",
                f"--window-size={size[0]},{size[1]}",
                f"--virtual-time-budget={budget}",
                f"--screenshot={picture}",
                "--dump-dom",
                url,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            timeout=120,
        )
    assert run.returncode == 0, run.stderr
    return RenderedPage(run.stdout, CONSOLE.findall(run.stderr))
