"""Memory stays flat while clients and handlers fail in every way.

Runs for a minute by default, for ten minutes with SOAK_SECONDS=600.
"""

import os
import statistics

from harness.case import SkipReportingTest
from harness.fault_server import FaultServer
from harness.load import Load

SECONDS = int(os.environ.get("SOAK_SECONDS", "60"))
# KiB for memory that is allocated once and kept: buffers, stacks, pages of the allocator.
SLACK = 2 * 1024


class Soak(SkipReportingTest):
    def test_memory_is_flat(self):
        server = FaultServer()
        self.addCleanup(server.stop)
        load = Load(server.address, SECONDS, cut=SECONDS * 8)
        resident = []
        load.run(lambda: resident.append(server.process.resident_kib()))
        self.assertEqual(load.failures, [])
        quarter = len(resident) // 4
        second = statistics.median(resident[quarter : 2 * quarter])
        last = statistics.median(resident[-quarter:])
        print(
            f"{load.requests()} requests in {SECONDS} s; "
            f"{second:.0f} KiB in the second quarter, {last:.0f} in the last",
            end=" ... ",
            flush=True,
        )
        self.assertLess(last, second * 1.02 + SLACK)
