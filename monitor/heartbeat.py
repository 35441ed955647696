"""The dead man's switch: an address outside that is asked as long as all is well here.

A monitor that died cannot say so. A service that expects a request every few minutes (healthchecks.io,
Uptime Kuma, Dead Man's Snitch...) tells its owner when none comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from monitor.errors import MonitorError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from monitor.http import Response

log = structlog.get_logger("monitor.heartbeat")

_ENOUGH = 4096  # bytes of an answer that nobody reads
_GOOD = range(200, 400)


class Heartbeat:
    """Asks one address; trouble with it is logged once, and so is its end."""

    def __init__(self, get: Callable[..., Awaitable[Response]], url: str) -> None:
        """Keep the guarded client's `get` and the address, which is a secret."""
        self._get = get
        self._url = url
        self._failing = False

    async def ping(self) -> None:
        """Ask once. A switch that cannot be reached rings by itself: this raises nothing."""
        try:
            answer = await self._get(self._url, limit=_ENOUGH)
            problem = "" if answer.status in _GOOD else f"it answered HTTP {answer.status}"
        except MonitorError as error:
            problem = str(error)
        if problem and not self._failing:
            log.warning("the heartbeat URL cannot be reached", error=problem, hint="MONITOR_HEARTBEAT_URL")
        elif self._failing and not problem:
            log.info("the heartbeat URL answers again")
        self._failing = bool(problem)
