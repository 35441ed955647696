"""Poll due feeds: claim a host, fetch, parse, match, commit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, TypeAlias

import structlog

from monitor.errors import ErrorKind, FetchError, LeaseLostError, MonitorError, ParseError
from monitor.feeds.health import watch
from monitor.feeds.identity import degrade
from monitor.feeds.interval import next_poll
from monitor.feeds.politeness import LOCAL_HOSTS, free_at
from monitor.feeds.reading import rename
from monitor.feeds.results import Fetched, NotModified, ParsedFeed, Polled
from monitor.intake import lookup_keys, make_hit, take_in
from monitor.loops.repair import Repaired, Repairer
from monitor.models import changed
from monitor.storage.base import PollCommit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime

    from monitor.feeds.interval import IntervalSettings
    from monitor.feeds.reading import Reading
    from monitor.models import Feed, FeedState, Hit, HostClaim, IdentityMode, Item
    from monitor.rulebook import RuleBook
    from monitor.storage.base import Storage

log = structlog.get_logger("monitor.poll")

FEEDS_AT_ONCE = 50  # of one host in one claim
ALL_FEEDS = 1_000_000  # of one host, for a single round
LOCAL_AT_ONCE = 8  # requests in flight to a server on this machine
LOCAL_UNDER_WAY = 64  # its feeds that are asked, read or stored at a time: each holds its document in memory
LEASE_SHARE = 1.5  # a lease outlives the longest poll of one feed; it is renewed before each
LONG_HOLD = timedelta(seconds=60)  # a longer one ends this round for the host

Outcome: TypeAlias = "Polled | NotModified | FetchError | ParseError"


class Fetching(Protocol):
    """Gets a feed's document."""

    async def fetch(self, feed: Feed, state: FeedState, now: datetime) -> Fetched | NotModified:
        """Fetch once, or raise `FetchError`."""

    async def fetch_page(self, feed: Feed, url: str, now: datetime) -> Fetched:
        """Fetch an archive page of the feed, or raise `FetchError`."""


class Parsing(Protocol):
    """Reads a feed's document, in bounded time."""

    async def parse(self, fetched: Fetched) -> ParsedFeed:
        """Parse once, or raise `ParseError`."""

    async def read(
        self, fetched: Fetched, feed: Feed, mode: IdentityMode, window: str, now: datetime
    ) -> Reading:
        """Read what the document says beyond `window` (see `feeds/reading.py`), or raise `ParseError`."""


@dataclass(frozen=True, slots=True)
class PollSettings:
    """The operator's bounds."""

    concurrency: int  # hosts at the same time
    spacing: timedelta  # between two requests to one host
    bound: timedelta  # longest duration of one feed's poll: fetch and parse
    catch_up: timedelta  # see `intake.take_in`
    interval: IntervalSettings


@dataclass(frozen=True, slots=True)
class PollReport:
    """What became of one feed's poll."""

    feed_id: str
    outcome: str  # "fetched", "not_modified", or an ErrorKind value
    seconds: float
    seen: int = 0  # items in the document
    new: int = 0  # of these, stored for the first time
    hits: tuple[Hit, ...] = ()  # found in it
    new_hits: int = 0  # of these, stored for the first time
    message: str = ""  # for people, when it failed
    rule_errors: tuple[tuple[str, str], ...] = ()  # (rule id, error) of rules that could not be evaluated

    @property
    def failed(self) -> bool:
        """Whether the poll brought nothing usable."""
        return bool(self.message)


@dataclass(slots=True)
class _Visit:
    """The polls of one host's due feeds under one claim."""

    claim: HostClaim  # as it was renewed last
    places: asyncio.Semaphore  # for requests in flight; what follows them needs none


class PollLoop:
    """Keeps as many hosts in work as allowed; each tick fills free places and returns."""

    def __init__(
        self,
        storage: Storage,
        fetcher: Fetching,
        parser: Parsing,
        book: Callable[[], RuleBook],
        clock: Callable[[], datetime],
        settings: PollSettings,
        told: Callable[[PollReport], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Keep the parts; `told` hears of every poll (metrics, summaries), `sleep` waits for seconds."""
        self._storage = storage
        self._fetcher = fetcher
        self._parser = parser
        self._book = book
        self._clock = clock
        self._settings = settings
        self._told = told
        self._sleep = sleep
        self._repairer = Repairer(storage, fetcher, parser, clock, settings.bound)
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def tick(self) -> None:
        """Claim due hosts for all free places and start on them."""
        await self._start(self._clock(), FEEDS_AT_ONCE)

    async def run_due(self) -> None:
        """Poll every feed that is due now, once, and wait until all are done."""
        round_at = self._clock()
        while await self._start(round_at, ALL_FEEDS) or self._running:
            if self._running:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _start(self, due_at: datetime, per_host: int) -> int:
        room = self._settings.concurrency - len(self._running)
        if self._stopping or room <= 0:
            return 0
        claims = await self._storage.claim_hosts(due_at, limit=room, per_host=per_host, lease=self._lease())
        for claim in claims:
            task = asyncio.create_task(self._host(claim), name=f"poll {claim.host}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return len(claims)

    async def drain(self) -> None:
        """Start nothing more; let the feeds under way end, and give back the rest of their hosts."""
        self._stopping = True
        while self._running:
            await asyncio.wait(self._running)

    async def abandon(self) -> None:
        """Cancel the feeds under way after a `drain` that took too long; their hosts are given back."""
        for task in self._running:
            task.cancel()
        await self.drain()

    def _lease(self) -> timedelta:
        return LEASE_SHARE * (self._settings.bound + self._settings.spacing)

    async def _host(self, claim: HostClaim) -> None:
        """Poll one host's due feeds; whatever happens, the host is given back."""
        free = self._clock()
        local = claim.host.startswith(LOCAL_HOSTS)
        visit = _Visit(claim, asyncio.Semaphore(LOCAL_AT_ONCE if local else 1))
        try:
            free = await (self._together(visit) if local else self._in_turn(visit))
        finally:
            await self._guarded(claim.host, self._storage.release_host(claim, free_at=free))

    async def _in_turn(self, visit: _Visit) -> datetime:
        """Poll the feeds one after the other, with a pause between; return when the host is free again."""
        free, host = self._clock(), visit.claim.host
        for number, state in enumerate(visit.claim.feeds):
            if number:
                await self._sleep(max(0.0, (free - self._clock()).total_seconds()))
            if self._stopping:
                break
            outcome = await self._guarded(host, self._feed(visit, state))
            free = free_at(outcome, self._clock(), self._settings.spacing, host)
            if free - self._clock() > LONG_HOLD:
                break  # the host asked to be left alone: its other feeds wait, too
        return free

    async def _together(self, visit: _Visit) -> datetime:
        """Poll the feeds of a server of our own, several at a time."""
        host = visit.claim.host
        under_way = asyncio.Semaphore(LOCAL_UNDER_WAY)

        async def one(state: FeedState) -> datetime:
            async with under_way:
                if self._stopping:
                    return self._clock()
                outcome = await self._guarded(host, self._feed(visit, state))
                return free_at(outcome, self._clock(), timedelta(), host)

        return max(await asyncio.gather(*(one(state) for state in visit.claim.feeds)), default=self._clock())

    async def _guarded(self, host: str, work: Awaitable[Outcome | None]) -> Outcome | None:
        """Await `work`; what goes wrong is logged, and the feed is polled again when it is next claimed."""
        try:
            return await work
        except LeaseLostError:
            log.warning("a host's lease was lost", host=host, hint="its feeds are polled again")
        except MonitorError as error:
            log.error("a poll could not be stored", host=host, error=str(error))  # noqa: TRY400 - one line for people
        except Exception:  # a defect must not end the other feeds' polling
            log.exception("a defect while polling", host=host)
        return None

    async def _feed(self, visit: _Visit, state: FeedState) -> Outcome | None:
        """Poll one feed and commit everything that follows from it.

        1. Fetch and parse; failures are outcomes like any other.
        2. Recognise what is known; match what is new or changed.
        3. Decide when to come back.
        4. Commit items, hits and state together.
        """
        started = self._clock()
        feed = self._book().feeds.get(state.feed_id)
        if feed is None:  # removed from the catalogue since the claim
            return None
        commit, outcome, report = await self._poll(visit, feed, state, started)
        receipt = await self._storage.commit_poll(visit.claim, commit, self._clock())
        report = changed(
            report,
            new=receipt.new_items,
            new_hits=receipt.new_hits,
            seconds=(self._clock() - started).total_seconds(),
        )
        if report.failed:
            log.warning(
                "feed failed",
                feed=feed.feed_id,
                kind=report.outcome,
                error=report.message,
                failures=commit.state.failures,
            )
        else:
            log.debug(
                "feed polled",
                feed=feed.feed_id,
                outcome=report.outcome,
                new=report.new,
                hits=receipt.new_hits,
            )
        for event in commit.events:
            log.info("feed event", feed=feed.feed_id, kind=event.kind.value, text=event.text)
        self._told(report)
        return outcome

    async def _keep(self, visit: _Visit) -> None:
        """Renew the lease when it might end before the poll that begins now."""
        now = self._clock()
        if visit.claim.lease_until - now < self._lease() * (2 / 3):
            visit.claim = await self._storage.renew_host(visit.claim, now, lease=self._lease())

    async def _poll(
        self, visit: _Visit, feed: Feed, state: FeedState, now: datetime
    ) -> tuple[PollCommit, Outcome, PollReport]:
        try:
            async with asyncio.timeout(None) as deadline:
                async with visit.places:
                    await self._keep(visit)
                    bound = self._settings.bound.total_seconds()
                    deadline.reschedule(asyncio.get_running_loop().time() + bound)
                    fetched = await self._fetcher.fetch(feed, state, now)
                if isinstance(fetched, NotModified):
                    report = PollReport(feed.feed_id, "not_modified", 0.0)
                    return self._without_items(feed, state, fetched), fetched, report
                window = await self._storage.feed_window(feed.feed_id)
                reading = await self._parser.read(fetched, feed, state.identity, window, self._clock())
            return await self._process(visit.claim, feed, state, fetched, reading)
        except (FetchError, ParseError) as error:
            return self._failure(feed, state, error)
        except TimeoutError:
            bound = self._settings.bound.total_seconds()
            message = f"{feed.url}: not finished within {bound:.0f} s; it is tried again"
            return self._failure(feed, state, FetchError(message, ErrorKind.TRANSIENT))
        except MonitorError:
            raise
        except Exception as error:  # one document must not end the loop
            log.exception("a defect while polling", feed=feed.feed_id)
            message = f"{feed.url}: internal error ({type(error).__name__}); please report it"
            return self._failure(feed, state, FetchError(message, ErrorKind.INTERNAL))

    def _failure(
        self, feed: Feed, state: FeedState, error: FetchError | ParseError
    ) -> tuple[PollCommit, Outcome, PollReport]:
        report = PollReport(feed.feed_id, error.kind.value, 0.0, message=str(error))
        return self._without_items(feed, state, error), error, report

    def _without_items(self, feed: Feed, state: FeedState, outcome: Outcome) -> PollCommit:
        now = self._clock()
        after, events = watch(state, next_poll(state, feed, outcome, now, self._settings.interval), feed, now)
        return PollCommit(after, events=events)

    async def _process(
        self, claim: HostClaim, feed: Feed, state: FeedState, fetched: Fetched, reading: Reading
    ) -> tuple[PollCommit, Outcome, PollReport]:
        """Return what follows from a document.

        1. Recognise what is known; when nothing is, read the feed's archives.
        2. Match what is new or changed.
        3. Decide how entries are named, when to come back, and what the operator is told.
        """
        now, parsed, items = self._clock(), reading.parsed, reading.items
        known = await self._storage.known_items(feed.feed_id, lookup_keys(items)) if items else {}
        intake = take_in(
            feed, state, items, known, now=now, catch_up=self._settings.catch_up, unchanged=reading.unchanged
        )
        back = Repaired()
        if intake.overlap == 0 and state.baselined_at is not None and state.items_last:
            back = await self._repairer.run(feed, state, parsed, items, lambda: self._before_page(claim))
        hits, rule_errors = self._match(feed, (*intake.to_match, *back.items), now)
        naming = degrade(state, (), items, known, repeated=reading.repeated, kept=reading.kept)
        count = len(items) + len(reading.unchanged)
        outcome = Polled(
            fetched, parsed, count, len(intake.new), intake.overlap, naming.mode, naming.unstable_guids
        )
        after, events = watch(
            state,
            next_poll(state, feed, outcome, now, self._settings.interval),
            feed,
            now,
            new=len(intake.new) + len(back.items),
            gap=back.gap,
            renamed=naming.reason,
        )
        found = (*intake.new, *back.items, *intake.revised, *intake.renamed)
        commit = PollCommit(
            after,
            found,
            intake.seen,
            hits,
            events,
            rename(reading.window, intake.stored_as),
            back=None if reading.gone is None else intake.seen[len(reading.unchanged) :],
            gone=reading.gone,
        )
        report = PollReport(
            feed.feed_id, after.error_kind or "fetched", 0.0, count, hits=hits, message=after.error,
            rule_errors=rule_errors,
        )  # fmt: skip
        return commit, outcome, report

    async def _before_page(self, claim: HostClaim) -> None:
        """Keep the host for as long as one more page takes, and make the pause that it is owed."""
        await self._storage.renew_host(claim, self._clock(), lease=self._lease())
        if not claim.host.startswith(LOCAL_HOSTS):
            await self._sleep(self._settings.spacing.total_seconds())

    def _match(
        self, feed: Feed, items: Iterable[Item], now: datetime
    ) -> tuple[tuple[Hit, ...], tuple[tuple[str, str], ...]]:
        """Return the hits, and (rule id, error) of rules with a defect: no other rule misses anything."""
        engine, errors = self._book().engine, dict[str, str]()
        hits: list[Hit] = []
        for item in items:
            try:
                matches = engine.match(item, feed)
            except Exception:  # whatever one rule provokes, the others are asked
                matches, failed = engine.match_each(item, feed)
                for rule_id, error in failed.items():
                    log.exception("a defect in a rule", rule=rule_id, item=item.item_id, exc_info=error)
                    errors[rule_id] = f"{type(error).__name__}: {error} (on “{item.title}”)"
            hits += [make_hit(item, found, now) for found in matches]
        return tuple(hits), tuple(errors.items())
