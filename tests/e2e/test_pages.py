"""Every page that `cargo test` has read, checked by promtool and prometheus_client's parsers.

The Rust tests save their pages if STREAMGAUGE_PAGES names a directory
(tests/support/src/saved_pages.rs), as .ci/run does. Text pages are checked by promtool and the text
parser, OpenMetrics pages by the OpenMetrics parser.
"""

import multiprocessing
import os
import re
import tempfile
from pathlib import Path

from harness.case import SkipReportingTest
from harness.format_checks import OPENMETRICS_PARSER, TEXT_PARSER, parse, check_metrics

PROCESSES = 2
NUMBER = re.compile(rb"[0-9]+")
# Seconds for all pages of one format and one checker; a thousand pages take half a minute.
LIMIT = 600
# One Rust test registers a counter with this name, to see how OpenMetrics renames it. Any other
# message about its page is a failure.
EXPECTED_MESSAGE = 'shop_visits counter metrics should have "_total" suffix\n'

GOOD = "# HELP a_total As.\n# TYPE a_total counter\na_total 1\n"
BAD_TEXT = {
    "an invalid value": GOOD.replace(" 1\n", " one\n"),
    "unterminated labels": GOOD.replace("a_total 1", 'a_total{a="b" 1'),
}
BAD_FOR_PROMTOOL = {
    "a family that is not contiguous": GOOD
    + GOOD.replace("a_total", "b_total")
    + "# TYPE a_total counter\n",
    "missing HELP": "# TYPE a_total counter\na_total 1\n",
    "a counter without `_total`": GOOD.replace("a_total", "a"),
}
GOOD_OPENMETRICS = "# HELP a As.\n# TYPE a counter\na_total 1\n# EOF\n"
BAD_OPENMETRICS = {
    "missing `# EOF`": GOOD_OPENMETRICS.removesuffix("# EOF\n"),
    "a sample name of another family": GOOD_OPENMETRICS.replace("a_total", "a"),
    "a negative counter": GOOD_OPENMETRICS.replace(" 1\n", " -1\n"),
}


class Pages(SkipReportingTest):
    def setUp(self):
        if "STREAMGAUGE_PAGES" not in os.environ:
            self._skip("STREAMGAUGE_PAGES is not set")
        self.directory = Path(os.environ["STREAMGAUGE_PAGES"])

    def test_text_parser_accepts_every_page(self):
        self.module(TEXT_PARSER)
        self._assert_all_accepted(_rejection_as_text, ".txt")

    def test_openmetrics_parser_accepts_every_page(self):
        self.module(OPENMETRICS_PARSER)
        self._assert_all_accepted(_rejection_as_openmetrics, ".om")

    def test_promtool_reports_nothing_about_any_page(self):
        self.program("promtool")
        self._assert_all_accepted(_rejection_by_promtool, ".txt")

    def _assert_all_accepted(self, check, suffix):
        """Checks the pages in parallel, the largest first so that none delays the end.

        Of pages that differ in nothing but numbers, four of five, one is checked.
        """
        by_shape = {}
        for page in sorted(self.directory.rglob(f"*{suffix}")):
            by_shape.setdefault(NUMBER.sub(b"0", page.read_bytes()), page)
        if not by_shape:
            self._skip(f"no pages *{suffix} in {self.directory}")
        sizes = {page: len(shape) for shape, page in by_shape.items()}
        pages = sorted(sizes, key=sizes.get, reverse=True)
        with multiprocessing.Pool(PROCESSES) as pool:
            results = pool.map_async(check, pages, chunksize=1).get(LIMIT)
        print(f"{len(pages)} pages, {sum(sizes.values()) >> 20} MiB", end=" ... ", flush=True)
        self.assertEqual([rejection for rejection in results if rejection][:10], [])


class Checkers(SkipReportingTest):
    """The checks reject invalid pages."""

    def test_text_parser_rejects_invalid_pages(self):
        self.module(TEXT_PARSER)
        self._assert_rejects(_rejection_as_text, GOOD, BAD_TEXT)

    def test_openmetrics_parser_rejects_invalid_pages(self):
        self.module(OPENMETRICS_PARSER)
        self._assert_rejects(_rejection_as_openmetrics, GOOD_OPENMETRICS, BAD_OPENMETRICS)

    def test_promtool_rejects_invalid_pages_and_bad_style(self):
        self.program("promtool")
        self._assert_rejects(_rejection_by_promtool, GOOD, {**BAD_TEXT, **BAD_FOR_PROMTOOL})

    def _assert_rejects(self, check, good, bad):
        with tempfile.TemporaryDirectory(prefix="e2e-pages-") as directory:
            path = Path(directory, "page")
            path.write_text(good)
            self.assertIsNone(check(path))
            for defect, page in bad.items():
                path.write_text(page)
                self.assertIsNotNone(check(path), defect)


def _rejection_as_text(path):
    return _rejection_by_parser(TEXT_PARSER, path)


def _rejection_as_openmetrics(path):
    return _rejection_by_parser(OPENMETRICS_PARSER, path)


def _rejection_by_parser(parser, path):
    """Returns why a parser rejects a page, or None if the parser accepts it."""
    try:
        parse(parser, _read(path))
    except Exception as error:
        return f"{path}: {error!r}"


def _rejection_by_promtool(path):
    """Returns promtool's unexpected message about a page, or None."""
    message, code = check_metrics("promtool", _read(path))
    if (message, code) not in [("", 0), (EXPECTED_MESSAGE, 3)]:
        return f"{path}: {code}, {message}"


def _read(path):
    # As bytes: text mode would replace a carriage return in a label value.
    return path.read_bytes().decode()
