"""Poll due feeds: claim a host, fetch, parse, match, commit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from monitor.errors import ErrorKind, FetchError, LeaseLostError, MonitorError, ParseError
from monitor.feeds.interval import IntervalSettings, Polled, next_poll
from monitor.feeds.normalize import normalize
from monitor.feeds.results import Fetched, NotModified, ParsedFeed
from monitor.intake import Intake, lookup_keys, make_hit, take_in
from monitor.storage.base import PollCommit, PollReceipt

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from monitor.models import Feed, FeedState, Hit, HostClaim
    from monitor.rulebook import RuleBook
    from monitor.storage.base import Storage

log = structlog.get_logger("monitor.poll")


class Fetching(Protocol):
    """Gets a feed's document."""

    async def fetch(self, feed: Feed, state: FeedState, now: datetime) -> Fetched | NotModified:
        """Fetch once, or raise `FetchError`."""


class Parsing(Protocol):
    """Reads a feed's document, in bounded time."""

    async def parse(self, fetched: Fetched) -> ParsedFeed:
        """Parse once, or raise `ParseError`."""


@dataclass(frozen=True, slots=True)
class PollReport:
    """What became of one feed's poll."""

    feed_id: str
    outcome: str  # "new", "unchanged", "not_modified", or an ErrorKind value
    items: int = 0  # in the document
    new_items: int = 0
    new_hits: int = 0
    seconds: float = 0.0
    message: str = ""  # for people, when it failed

    @property
    def failed(self) -> bool:
        """Whether the poll brought nothing usable."""
        return bool(self.message)
