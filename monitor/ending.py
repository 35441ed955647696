"""The last resort of a process that was told to stop: it ends within a bound, whatever hangs in it.

An orderly end waits for others: name lookups in threads, a database that another process has locked, a
parser that does not die. What is not finished is done again after the next start, as after a
kill, so that nothing is lost by an end that does not wait for them.
"""

from __future__ import annotations

import json
import os
import select
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

EXIT_CODE: Final = 1
STDERR: Final = 2


class LastResort:
    """Ends this process some time after the first signal, and at once after a second one.

    Its thread waits on a pipe from the start: a signal may come while the main thread holds any lock,
    so that its handler must not need one, and starting a thread does.
    """

    def __init__(self, bound: timedelta, end: Callable[[int], None] = os._exit) -> None:
        """Start to watch.

        Args:
            bound: from the first signal until the process is ended by force.
            end: ends the process with this code.
        """
        self._bound = bound.total_seconds()
        self._end = end
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        threading.Thread(target=self._watch, name="last resort", daemon=True).start()

    def signal(self) -> None:
        """Note that a signal came; may be called from a signal handler."""
        try:
            os.write(self._writing, b"!")
        except BlockingIOError:  # thousands of signals: those that count are in the pipe
            return

    def _watch(self) -> None:
        os.read(self._reading, 1)
        again, _, _ = select.select([self._reading], [], [], self._bound)
        why = "a second signal came" if again else f"the orderly end took over {self._bound:g} s"
        # Not by the log: its locks may be what hangs.
        _say(f"ended at once: {why}; what was under way is done again after the next start")
        self._end(EXIT_CODE)


def _say(event: str) -> None:
    """Write one line to standard error, if somebody takes it."""
    line = json.dumps({"level": "error", "event": event}) + "\n"
    try:
        if select.select([], [STDERR], [], 0)[1]:
            os.write(STDERR, line.encode("ascii"))
    except OSError:  # closed, or nobody reads
        return
