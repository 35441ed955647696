"""Makes the requests of one process to one host wait for each other, wherever redirects lead.

Claims see to politeness towards the hosts of feeds' own addresses, in all processes. A redirect leads
elsewhere: fifty feeds that moved to one service are one host's visitors, too.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from monitor.errors import ErrorKind, FetchError
from monitor.feeds.politeness import LOCAL_HOSTS, MAX_HOLD

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

LONGEST_WAIT = timedelta(seconds=20)  # a feed whose turn is later is polled again then


class Gate:
    """When each host may be asked again."""

    def __init__(
        self, clock: Callable[[], datetime], sleep: Callable[[float], Awaitable[None]], spacing: timedelta
    ) -> None:
        """Start with every host free.

        Args:
            clock: answers `now`.
            sleep: waits for so many seconds.
            spacing: pause between the beginnings of two requests to one host.
        """
        self._clock = clock
        self._sleep = sleep
        self._spacing = spacing
        self._free_at: dict[str, datetime] = {}

    async def turn(self, host: str) -> timedelta:
        """Wait until `host` may be asked, and return how long that took.

        Raises:
            FetchError: the host asked to be left alone for longer (RATE_LIMITED).
        """
        if host.startswith(LOCAL_HOSTS):
            return timedelta()
        now = self._clock()
        at = max(now, self._free_at.get(host, now))
        if at - now > LONGEST_WAIT:
            raise FetchError(
                f"{host} is to be left alone for another {round((at - now).total_seconds() / 60)} min; "
                "the feed is asked again then.",
                ErrorKind.RATE_LIMITED,
                retry_after=at - now,
                host=host,
            )
        self._free_at[host] = at + self._spacing
        if at > now:
            await self._sleep((at - now).total_seconds())
        return at - now

    def hold(self, host: str, wait: timedelta) -> None:
        """Let nobody ask `host` for as long as it asked to be left alone, 24 h at most."""
        until = self._clock() + min(wait, MAX_HOLD)
        self._free_at[host] = max(until, self._free_at.get(host, until))
