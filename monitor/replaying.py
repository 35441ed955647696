"""Replay captured feeds in virtual time: what would have been found, and who would have been told.

Everything but the network and the clock is the daemon's own: fetcher, parser, schedule of claims, rules,
grouping, messages. Nothing is stored beyond the run, and nothing is sent.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from monitor import __version__
from monitor.errors import ErrorKind, FetchError
from monitor.feeds.fetch import Fetcher
from monitor.feeds.interval import IntervalSettings
from monitor.feeds.politeness import host_of
from monitor.loops.flush import FlushLoop, Rendering
from monitor.loops.poll import Parsing, PollLoop, PollReport, PollSettings
from monitor.loops.watch import WatchLoop
from monitor.models import Feed, FirstPoll
from monitor.storage.base import FeedSeed
from monitor.stories.linking import JOINING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from monitor.captures import Snapshot
    from monitor.http import Response
    from monitor.models import Alert, AlertRevision, FeedEvent
    from monitor.rulebook import RuleBook
    from monitor.storage.base import Storage
    from monitor.stories.linking import Joining

SECOND = timedelta(seconds=1)
AFTERWARDS = timedelta(hours=1)  # time at the end in which waits elapse and failed feeds are asked again
STEP = timedelta(minutes=6)


@dataclass(slots=True)
class Tally:
    """What a replay made of one feed."""

    snapshots: int = 0
    items: int = 0  # different ones
    hits: int = 0
    failures: int = 0
    problem: str = ""  # the last failure's message


@dataclass(slots=True)
class Replay:
    """What a replay made of a directory of captures."""

    feeds: dict[str, Tally] = field(default_factory=dict)
    events: tuple[FeedEvent, ...] = ()  # oldest first
    revisions: tuple[AlertRevision, ...] = ()  # oldest first
    alerts: Mapping[str, Alert] = field(default_factory=dict)  # by id, as they ended
    messages: int = 0  # that would have been sent


class ReplayClock:
    """A clock that the replay moves."""

    def __init__(self, at: datetime) -> None:
        """Stand at `at`."""
        self.at = at

    def __call__(self) -> datetime:
        """Return the present moment of the replay."""
        return self.at

    async def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.at += timedelta(seconds=seconds)
        await asyncio.sleep(0)


class Archive:
    """Answers as the web did at the present moment of the replay."""

    def __init__(
        self, snapshots: Sequence[Snapshot], feeds: Mapping[str, Feed], clock: Callable[[], datetime]
    ) -> None:
        """Sort the snapshots by the address of their feed."""
        self._clock = clock
        self._by_url: dict[str, list[Snapshot]] = defaultdict(list)
        for one in snapshots:
            self._by_url[feeds[one.feed_id].url].append(one)

    async def get(self, url: str, **_: object) -> Response:
        """Return the newest answer that was captured by now; the body's equality stands for 304.

        Raises:
            FetchError: a failure was captured, or nothing of this address.
        """
        known = self._by_url.get(url, [])
        place = bisect_right(known, self._clock(), key=lambda one: one.at)
        if not place:
            raise FetchError(f"{url} is not in the captures.", ErrorKind.TRANSIENT)
        return known[place - 1].response(url)


class Replayer:
    """One replay, from its first snapshot to an hour behind the last."""

    def __init__(
        self,
        snapshots: Sequence[Snapshot],
        book: RuleBook,
        storage: Storage,
        parser: Parsing,
        rendering: Rendering,
        *,
        everything: bool,
        joining: Joining = JOINING,
    ) -> None:
        """Make the loops.

        Args:
            snapshots: in order of time; not empty.
            book: rules and routes; feeds that are not in it are read with defaults.
            storage: an empty store.
            parser: reads documents.
            rendering: writes messages.
            everything: match the items of each feed's first snapshot, too.
            joining: how items join stories.
        """
        self._snapshots = snapshots
        self._clock = ReplayClock(snapshots[0].at)
        self._storage = storage
        self._book = _replay_book(snapshots, book, everything=everything)
        self.replay = Replay({feed_id: Tally() for feed_id in self._book.feeds})
        for one in snapshots:
            self.replay.feeds[one.feed_id].snapshots += 1
        fetcher = Fetcher(Archive(snapshots, self._book.feeds, self._clock))
        bound = timedelta(minutes=2)
        self._poll = PollLoop(
            storage,
            fetcher,
            parser,
            lambda: self._book,
            self._clock,
            PollSettings(
                32, timedelta(), bound, timedelta(hours=2), IntervalSettings(SECOND, SECOND, SECOND)
            ),
            self._polled,
            self._clock.sleep,
        )
        self._flush = FlushLoop(
            storage, lambda: self._book, rendering, self._clock, __version__, lambda _: None,
            joining=joining, reminding=False,
        )  # fmt: skip
        self._watch = WatchLoop(storage, lambda: self._book, self._clock)

    async def run(self, told: Callable[[int, int], None] = lambda _done, _all: None) -> Replay:
        """Replay everything; `told` hears (moments done, moments in all)."""
        moments = sorted({one.at for one in self._snapshots})
        begin = {one.feed_id: one.at for one in reversed(self._snapshots)}
        started = 0
        for number, moment in enumerate(moments, 1):
            self._clock.at = max(self._clock.at, moment)
            seeds = [
                FeedSeed(feed.feed_id, feed.url, host_of(feed.url))
                for feed in self._book.feeds.values()
                if begin[feed.feed_id] <= moment
            ]
            if len(seeds) > started:
                started = len(seeds)
                await self._storage.sync_feeds(seeds, self._clock.at)
            await self._turn()
            told(number, len(moments))
        end = self._clock.at + AFTERWARDS
        while self._clock.at < end:
            self._clock.at += STEP
            await self._turn()
        return await self._summed_up()

    async def _turn(self) -> None:
        await self._poll.run_due()
        await self._flush.run_once()
        await self._watch.run_once()

    def _polled(self, report: PollReport) -> None:
        tally = self.replay.feeds[report.feed_id]
        tally.items += report.new
        tally.hits += report.new_hits
        if report.failed:
            tally.failures += 1
            tally.problem = report.message

    async def _summed_up(self) -> Replay:
        alerts = await self._storage.list_alerts(limit=1_000_000)
        by_id = {alert.alert_id: alert for alert in alerts}
        revisions = await self._storage.revisions(tuple(by_id))
        events = await self._storage.feed_events(limit=1_000_000)
        self.replay.alerts = by_id
        self.replay.revisions = tuple(sorted(revisions, key=lambda one: (one.at, one.alert_id, one.revision)))
        self.replay.events = tuple(sorted(events, key=lambda one: (one.at, one.event_id)))
        self.replay.messages = len(await self._storage.notifications(limit=1_000_000))
        return self.replay


def _replay_book(snapshots: Sequence[Snapshot], book: RuleBook, *, everything: bool) -> RuleBook:
    """Return the rules with the captured feeds alone, each due at every moment."""
    feeds = {}
    for feed_id in dict.fromkeys(one.feed_id for one in snapshots):
        feed = book.feeds.get(feed_id)
        if feed is None:
            # Relative links need a base; the name says that nobody answers there (RFC 6761).
            feed = Feed(feed_id, f"https://{feed_id}.invalid/", title=feed_id, owner=feed_id)
        first = FirstPoll.ALL if everything else FirstPoll.BASELINE
        feeds[feed_id] = replace(
            feed,
            interval=SECOND,
            first_poll=first,
            expect_every=None,
            headers=(),
            username_env="",
            password_env="",
            proxy_env="",
        )
    return replace(book, feeds=feeds)
