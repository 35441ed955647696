"""The running program: its loops, its present rules, its figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from monitor import __version__
from monitor.directory import read_directory, read_files
from monitor.feeds.interval import IntervalSettings
from monitor.feeds.politeness import host_of
from monitor.loops.deliver import DeliverLoop, DeliveryReport
from monitor.loops.flush import FlushLoop, FlushReport
from monitor.loops.poll import Fetching, Parsing, PollLoop, PollReport, PollSettings
from monitor.rulebook import digest
from monitor.storage.base import FeedSeed, Retention

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitor.channels.base import Channel
    from monitor.clock import Clock
    from monitor.directory import Directory
    from monitor.models import Routing
    from monitor.rendering import Templates
    from monitor.rulebook import RuleBook
    from monitor.settings import Settings
    from monitor.storage.base import Storage
    from monitor.web.metrics import Metrics

log = structlog.get_logger("monitor")


@dataclass(slots=True)
class Parts:
    """What the composition root put together."""

    settings: Settings
    directory: Directory
    clock: Clock
    storage: Storage
    metrics: Metrics
    channels: Mapping[str, Channel]
    templates: Templates
    fetcher: Fetching
    parser: Parsing
    hide: Callable[[tuple[str, ...]], None]  # keeps the secrets of these names out of logs


class Monitor:
    """A whole program, ready to be run once or for months."""

    def __init__(self, parts: Parts, book: RuleBook) -> None:
        """Make the loops; nothing runs yet."""
        self.settings = parts.settings
        self.clock = parts.clock
        self.storage = parts.storage
        self.metrics = parts.metrics
        self.channels = parts.channels
        self.templates = parts.templates
        self.book = book
        self.stale = bool(book.errors)
        self._parts = parts
        self._listeners: list[Callable[[PollReport], None]] = [self._count_poll]
        self.poll = PollLoop(
            parts.storage,
            parts.fetcher,
            parts.parser,
            self._present_book,
            parts.clock,
            _poll_settings(parts.settings),
            self._polled,
        )
        self.flush = FlushLoop(
            parts.storage, self._present_book, parts.templates, parts.clock, __version__, self._count_flush
        )
        self.deliver = DeliverLoop(
            parts.storage,
            parts.channels,
            self._routing,
            parts.clock,
            concurrency=parts.settings.deliver_concurrency,
            attempt_bound=max(
                parts.settings.seconds("smtp_timeout"), parts.settings.seconds("webhook_timeout")
            )
            * 1.5,
            told=self._count_delivery,
        )

    def _present_book(self) -> RuleBook:
        return self.book

    def _routing(self) -> Routing:
        return self.book.routing

    def listen(self, told: Callable[[PollReport], None]) -> None:
        """Let `told` hear of every poll."""
        self._listeners.append(told)

    # --- rules ---

    async def start(self) -> None:
        """Schedule the catalogue's feeds; hide the secrets that the rules name from the logs."""
        self._parts.hide(self.book.secret_names)
        seeds = [FeedSeed(feed.feed_id, feed.url, host_of(feed.url)) for feed in self.book.feeds.values()]
        await self.storage.sync_feeds(seeds, self.clock())
        self.metrics.rules_applied(len(self.book.rules), self.clock())

    async def reload(self) -> bool:
        """Read the files again if they changed; return whether new rules are in force.

        A tree with errors is told, line by line, and the last good one stays in force.
        """
        files = read_files(self._parts.directory.rules)
        if digest(files) == self._seen_digest():
            return False
        book = read_directory(self._parts.directory)
        self._refused = book.digest
        if book.errors:
            self.stale = True
            self.metrics.rules_refused()
            for finding in book.errors:
                log.error("the changed rules cannot be used", finding=str(finding))
            log.warning(
                "the last good rules stay in force",
                rules=len(self.book.rules),
                hint="`monitor check` shows the errors",
            )
            return False
        self.book, self.stale = book, False
        await self.start()
        log.info("rules read again", **self.facts())
        return True

    _refused: str = ""  # digest of the last tree that was looked at, so that its errors are told once

    def _seen_digest(self) -> str:
        return self._refused or self.book.digest

    # --- housekeeping ---

    async def align_clock(self) -> timedelta:
        """Hold the clock to the database server's; return by how much it moved."""
        return self.clock.align(await self.storage.ping())

    async def prune(self) -> None:
        """Remove what retention no longer keeps."""
        days = self.settings
        pruned = await self.storage.prune(
            self.clock(),
            Retention(
                items=timedelta(days=days.retention_items_days),
                alerts=timedelta(days=days.retention_alerts_days),
                notifications=timedelta(days=days.retention_notifications_days),
            ),
        )
        if pruned.items or pruned.alerts or pruned.notifications:
            log.info("pruned", items=pruned.items, alerts=pruned.alerts, notifications=pruned.notifications)

    async def refresh_metrics(self) -> None:
        """Bring the gauges up to date."""
        now = self.clock()
        counts = await self.storage.counts(now)
        oldest = now - counts.oldest_pending_at if counts.oldest_pending_at else None
        self.metrics.queue(
            pending=counts.notifications_pending, dead=counts.notifications_dead, oldest=oldest
        )
        self.metrics.feeds(total=counts.feeds, failing=counts.feeds_failing)

    def facts(self) -> dict[str, Any]:
        """Return what a log line says of the whole."""
        return {
            "feeds": len(self.book.feeds),
            "rules": len(self.book.rules),
            "recipients": len(self.book.routing.recipients),
        }

    def summary(self) -> str:
        """Return one line for the supervisor."""
        facts = self.facts()
        stale = ", rules stale" if self.stale else ""
        return f"{facts['feeds']} feeds, {facts['rules']} rules, {facts['recipients']} recipients{stale}"

    # --- counting ---

    def _polled(self, report: PollReport) -> None:
        for told in self._listeners:
            told(report)

    def _count_poll(self, report: PollReport) -> None:
        self.metrics.poll(report.outcome, report.seconds)
        self.metrics.items(seen=report.seen, new=report.new)
        for hit in report.hits:
            self.metrics.hit(hit.severity.value)

    def _count_flush(self, report: FlushReport) -> None:
        for revision in report.revisions:
            self.metrics.alert(revision.reason.value)

    def _count_delivery(self, report: DeliveryReport) -> None:
        row = report.notification
        outcome = {"delivered": "sent", "pending": "retry", "failed": "dead"}[report.outcome]
        self.metrics.notification(row.channel, outcome)
        if row.sent_at is not None:
            self.metrics.latency(row.channel, (row.sent_at - row.created_at).total_seconds())


def _poll_settings(settings: Settings) -> PollSettings:
    return PollSettings(
        concurrency=settings.poll_concurrency,
        spacing=settings.seconds("host_spacing"),
        bound=settings.seconds("fetch_timeout") + settings.seconds("parse_deadline"),
        catch_up=timedelta(hours=settings.catch_up_hours),
        interval=IntervalSettings(
            start=settings.seconds("poll_interval"),
            floor=settings.seconds("poll_floor"),
            ceiling=settings.seconds("poll_ceiling"),
        ),
    )
