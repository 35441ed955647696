"""Serve the recorded news day as live feeds on loopback, faster than the day was."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from monitor.demo.newsday import NewsDay

DAY_BEGINS = timedelta(hours=7)
DAY_ENDS = timedelta(hours=20)


class ReplayServer:
    """An HTTP server for every outlet's feed as it stood at the present moment of the day."""

    def __init__(
        self, day: NewsDay, clock: Callable[[], datetime], *, speed: float, head_start: timedelta
    ) -> None:
        """Begin the day now.

        Args:
            day: outlets and items.
            clock: answers `now`.
            speed: how many minutes of the day pass in one real minute.
            head_start: how much of the day has passed when the server starts.
        """
        self._day = day
        self._clock = clock
        self._speed = speed
        self._began = clock() - head_start / speed
        self._runner: web.AppRunner | None = None
        self.url = ""

    def moment(self) -> timedelta:
        """Return the day's present time of day, since midnight; it stops when the day ends."""
        return min(DAY_BEGINS + (self._clock() - self._began) * self._speed, DAY_ENDS)

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        application = web.Application()
        for outlet in self._day.outlets:
            application.router.add_get(f"/{outlet.outlet_id}{outlet.path}", self._serve(outlet.outlet_id))
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _serve(self, outlet_id: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(request: web.Request) -> web.StreamResponse:
            media_type, body = self._day.document(
                outlet_id, moment=self.moment(), day_start=self._began, speed=self._speed
            )
            etag = hashlib.sha256(body).hexdigest()[:16]
            if request.headers.get("If-None-Match") == f'"{etag}"':
                return web.Response(status=304, headers={"ETag": f'"{etag}"'})
            return web.Response(body=body, headers={"Content-Type": media_type, "ETag": f'"{etag}"'})

        return handler
