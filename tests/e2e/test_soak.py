"""Memory, while everything goes wrong that can.

A minute of it by default; SOAK_SECONDS=600 makes it ten.
"""

import os
import statistics

from harness.case import LoudTest
from harness.faults import FaultServer
from harness.load import Load

SECONDS = int(os.environ.get("SOAK_SECONDS", "60"))
# What is fetched once and kept: buffers, stacks, pages of the allocator.
SLACK = 2 * 1024


class Soak(LoudTest):
    def test_memory_is_flat(self):
        server = FaultServer()
        self.addCleanup(server.stop)
        load = Load(server.address, SECONDS, cut=SECONDS * 8)
        resident = []
        load.run(lambda: resident.append(server.process.resident_kib()))
        self.assertEqual(load.failures, [])
        quarter = len(resident) // 4
        early = statistics.median(resident[quarter : 2 * quarter])
        late = statistics.median(resident[-quarter:])
        print(
            f"{load.requests()} requests in {SECONDS} s; {early:.0f} KiB in the second quarter, {late:.0f} in the last",
            end=" ... ",
            flush=True,
        )
        self.assertLess(late, early * 1.02 + SLACK)
