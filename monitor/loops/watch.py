"""Tell operators what happened to feeds: events that come together are told together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from monitor.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from monitor.models import FeedEvent, Notification
    from monitor.storage.base import Storage

log = structlog.get_logger("monitor.feeds")

COLLECT = timedelta(minutes=5)  # an outage makes one message, not one for each feed
MOST_EVENTS = 1_000
LEASE = timedelta(seconds=20)


class WatchLoop:
    """Serialized with the flush, by its lease: two processes never tell the same events in two messages."""

    def __init__(
        self,
        storage: Storage,
        clock: Callable[[], datetime],
        compose: Callable[[Sequence[FeedEvent], datetime], tuple[Notification, ...]],
    ) -> None:
        """Keep the parts; `compose` writes the messages that tell some events."""
        self._storage = storage
        self._clock = clock
        self._compose = compose

    async def run_once(self, *, no_wait: bool = False) -> int:
        """Tell what has waited long enough; return how many messages were written.

        Args:
            no_wait: tell at once, as a single round has to.
        """
        claim = await self._storage.claim_flush(self._clock(), lease=LEASE)
        if claim is None:
            return 0
        try:
            now = self._clock()
            events = await self._storage.untold_feed_events(limit=MOST_EVENTS)
            if not events or (not no_wait and now - events[0].at < COLLECT):
                return 0
            try:
                messages = self._compose(events, now)
            except RenderError as error:
                log.error("a notice about feeds cannot be rendered", error=str(error))  # noqa: TRY400 - one line for people
                return 0
            return await self._storage.tell_feed_events([one.event_id for one in events], messages, now)
        finally:
            await self._storage.release_flush(claim)
