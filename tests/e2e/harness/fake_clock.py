"""A clock that jumps."""

import os
import tempfile


class FakeClock:
    """The clock of a server, which libfaketime changes."""

    def __init__(self, test, **environment):
        library = test.faketime()
        directory = tempfile.TemporaryDirectory(prefix="e2e-clock-")
        test.addCleanup(directory.cleanup)
        self._offset = os.path.join(directory.name, "offset")
        self.jump(0)
        self.environment = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": self._offset,
            # The file is read again at each look at the clock.
            "FAKETIME_NO_CACHE": "1",
            **environment,
        }

    def jump(self, seconds):
        """Replaces the file at once: the server may read it at any time."""
        part = f"{self._offset}.part"
        with open(part, "w") as file:
            file.write(f"{seconds:+d}\n")
        os.replace(part, self._offset)
