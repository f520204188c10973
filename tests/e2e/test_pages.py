"""Every page that the tests of `cargo test` read, before the readers that are not ours.

Those tests keep their pages where STREAMGAUGE_PAGES names a directory (tests/support/src/kept.rs), as .ci/run does. Each is
judged as it was written: in the text format by promtool and by the Python client's parser, in OpenMetrics by the
parser of that.
"""

import multiprocessing
import os
import tempfile
from pathlib import Path

from harness.case import LoudTest
from harness.judge import OPENMETRICS_PARSER, TEXT_PARSER, parse, promtool_says

PROCESSES = 2
# For all pages of one format and one reader, in seconds; eight thousand take a minute or two.
LIMIT = 600
# A test of ours has a counter of this name, to see how OpenMetrics names it. All else of its page is judged.
ON_PURPOSE = 'shop_visits counter metrics should have "_total" suffix\n'

GOOD = "# HELP a_total As.\n# TYPE a_total counter\na_total 1\n"
BAD_TEXT = {
    "a value that is none": GOOD.replace(" 1\n", " one\n"),
    "labels that do not end": GOOD.replace("a_total 1", 'a_total{a="b" 1'),
}
BAD_FOR_PROMTOOL = {
    "a family in two pieces": GOOD + GOOD.replace("a_total", "b_total") + "# TYPE a_total counter\n",
    "no help": "# TYPE a_total counter\na_total 1\n",
    "a counter's name": GOOD.replace("a_total", "a"),
}
GOOD_OPENMETRICS = "# HELP a As.\n# TYPE a counter\na_total 1\n# EOF\n"
BAD_OPENMETRICS = {
    "no mark at its end": GOOD_OPENMETRICS.removesuffix("# EOF\n"),
    "a sample of another name": GOOD_OPENMETRICS.replace("a_total", "a"),
    "a negative counter": GOOD_OPENMETRICS.replace(" 1\n", " -1\n"),
}


class Pages(LoudTest):
    def setUp(self):
        if "STREAMGAUGE_PAGES" not in os.environ:
            self._skip("STREAMGAUGE_PAGES names no directory of pages")
        self.directory = Path(os.environ["STREAMGAUGE_PAGES"])

    def test_the_parser_of_the_text_format_takes_every_page(self):
        self.module(TEXT_PARSER)
        self._all_pass(_refused_as_text, ".txt")

    def test_the_parser_of_openmetrics_takes_every_page(self):
        self.module(OPENMETRICS_PARSER)
        self._all_pass(_refused_as_openmetrics, ".om")

    def test_promtool_has_nothing_to_say_of_any_page(self):
        self.program("promtool")
        self._all_pass(_refused_by_promtool, ".txt")

    def _all_pass(self, refused, suffix):
        """Judges the pages in processes of their own, the largest first so that none is left for the end."""
        sizes = {page: page.stat().st_size for page in self.directory.rglob(f"*{suffix}")}
        if not sizes:
            self._skip(f"no test has kept a page, *{suffix}, in {self.directory}")
        pages = sorted(sizes, key=sizes.get, reverse=True)
        with multiprocessing.Pool(PROCESSES) as pool:
            said = pool.map_async(refused, pages, chunksize=1).get(LIMIT)
        print(f"{len(pages)} pages, {sum(sizes.values()) >> 20} MiB", end=" ... ", flush=True)
        self.assertEqual([refusal for refusal in said if refusal][:10], [])


class Readers(LoudTest):
    """What judges the pages does judge."""

    def test_the_parser_of_the_text_format_refuses_what_is_none(self):
        self.module(TEXT_PARSER)
        self._tells_apart(_refused_as_text, GOOD, BAD_TEXT)

    def test_the_parser_of_openmetrics_refuses_what_is_none(self):
        self.module(OPENMETRICS_PARSER)
        self._tells_apart(_refused_as_openmetrics, GOOD_OPENMETRICS, BAD_OPENMETRICS)

    def test_promtool_refuses_what_is_none_and_what_is_bad_style(self):
        self.program("promtool")
        self._tells_apart(_refused_by_promtool, GOOD, {**BAD_TEXT, **BAD_FOR_PROMTOOL})

    def _tells_apart(self, refused, good, bad):
        with tempfile.TemporaryDirectory(prefix="e2e-pages-") as directory:
            path = Path(directory, "page")
            path.write_text(good)
            self.assertIsNone(refused(path))
            for what, page in bad.items():
                path.write_text(page)
                self.assertIsNotNone(refused(path), what)


def _refused_as_text(path):
    return _refused_by(TEXT_PARSER, path)


def _refused_as_openmetrics(path):
    return _refused_by(OPENMETRICS_PARSER, path)


def _refused_by(parser, path):
    """What a parser has against a page; None if it takes it."""
    try:
        parse(parser, _read(path))
    except Exception as refusal:
        return f"{path}: {refusal!r}"


def _refused_by_promtool(path):
    """What promtool has to say of a page that it should not; None if there is nothing."""
    said, code = promtool_says("promtool", _read(path))
    if (said, code) not in [("", 0), (ON_PURPOSE, 3)]:
        return f"{path}: {code}, {said}"


def _read(path):
    # A carriage return in a label's value is one.
    return path.read_bytes().decode()
