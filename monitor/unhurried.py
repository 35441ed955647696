"""A stream for the log that never makes its writer wait: a thread hands the lines on.

Writing to a pipe that nobody empties (a log collector that hangs, a parent that does not read) blocks
for ever; with the event loop stuck in a log line, nothing is polled, delivered, or even stopped.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TextIO, cast

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger("monitor.logs")

MOST_WAITING: Final = 4 * 1024 * 1024  # characters: some 20,000 lines
LAST_SECONDS: Final = 2.0  # for the last lines to leave


class Unhurried:
    """The part of a text stream that `logging.StreamHandler` uses; `write` never waits.

    What finds no room is dropped and counted, and the count is logged when lines leave again.
    """

    def __init__(self, stream: TextIO, most_waiting: int = MOST_WAITING) -> None:
        """Start the thread that writes to the file behind `stream`."""
        self._file = stream.fileno()
        self._encoding = stream.encoding
        self._tty = stream.isatty()
        self._most = most_waiting
        self._lines: list[str] = []
        self._waiting = 0  # characters, with those that are just being written
        self._dropped = 0  # lines
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="log", daemon=True)
        self._thread.start()

    @property
    def closed(self) -> bool:
        """Whether nothing is taken any more."""
        return self._closing

    def isatty(self) -> bool:
        """Tell whether people read along."""
        return self._tty

    def write(self, text: str) -> int:
        """Take one or more lines."""
        with self._changed:
            if self._waiting and self._waiting + len(text) > self._most:
                self._dropped += 1
            else:
                self._lines.append(text)
                self._waiting += len(text)
                self._changed.notify_all()
        return len(text)

    def flush(self) -> None:
        """Do nothing: lines leave as soon as somebody takes them."""

    def close(self, seconds: float = LAST_SECONDS) -> None:
        """Take no more, and give what waits some time to leave."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(seconds)

    def _work(self) -> None:
        while lines := self._take():
            text = "".join(lines)
            with suppress(OSError):  # nobody will ever read: there is nobody to tell
                _write(self._file, text.encode(self._encoding, "backslashreplace"))
            with self._changed:
                self._waiting -= len(text)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                log.warning(
                    "log lines were dropped", lines=dropped,
                    hint="what reads this log did not keep up; the monitor itself went on",
                )  # fmt: skip

    def _take(self) -> list[str]:
        """Wait for lines; return none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._closing)
            lines, self._lines = self._lines, []
            return lines


@contextmanager
def unhurried(stream: TextIO) -> Iterator[TextIO]:
    """Yield what stands for `stream` in the log of a long-running program."""
    relay = Unhurried(stream)
    try:
        yield cast("TextIO", relay)
    finally:
        relay.close()


def _write(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
