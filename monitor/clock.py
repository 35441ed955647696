"""The one clock of a running program: aware UTC, never backwards."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

JUMP = timedelta(minutes=5)  # a larger step of the machine's clock is worth telling the operator


def steady_time() -> float:
    """Return seconds that only ever pass: nobody can set this clock."""
    return time.monotonic()


def machine_time() -> datetime:
    """Return this machine's time, aware UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one place


class Clock:
    """Answers `now`: the machine's clock, held to the database server's, never going back.

    Leases are compared between machines, so all of them must read one clock. `align` learns the distance
    to the database server's clock; between two calls this machine's own clock measures the time that
    passes.
    """

    def __init__(
        self,
        source: Callable[[], datetime] = machine_time,
        steady: Callable[[], float] = steady_time,
    ) -> None:
        """Read time from `source`, which tests replace by a virtual clock; `steady` counts seconds."""
        self._source = source
        self._steady = steady
        self._compared = source(), steady()
        self._offset = timedelta()
        self._last = source()

    def __call__(self) -> datetime:
        """Return the present time; at least the latest one that was ever returned."""
        self._last = max(self._last, self._source() + self._offset)
        return self._last

    def align(self, server: datetime | None) -> timedelta:
        """Follow the database server's clock; return by how much the offset changed.

        Args:
            server: its time just now; None when the database is a file on this machine.
        """
        before = self._offset
        self._offset = server - self._source() if server is not None else timedelta()
        return self._offset - before

    def moved(self) -> timedelta:
        """Return by how much the machine's clock was set since the last call, beyond the time that passed."""
        (wall, steady), now = self._compared, (self._source(), self._steady())
        self._compared = now
        return (now[0] - wall) - timedelta(seconds=now[1] - steady)
