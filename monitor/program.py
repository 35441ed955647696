"""The running program: its loops, its present rules, its figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog

from monitor import __version__
from monitor.alerts import conditions
from monitor.clock import JUMP
from monitor.feeds.interval import IntervalSettings
from monitor.feeds.politeness import host_of
from monitor.garbage import keep
from monitor.loops.checks import Checks
from monitor.loops.deliver import DeliverLoop, DeliveryReport
from monitor.loops.flush import FlushLoop, FlushReport
from monitor.loops.poll import Fetching, Parsing, PollLoop, PollReport, PollSettings
from monitor.loops.watch import WatchLoop
from monitor.notices import fallback_notices, operators
from monitor.storage.base import FeedSeed, Retention
from monitor.stories.linking import JOINING, Joining

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from monitor.channels.base import Channel
    from monitor.clock import Clock
    from monitor.loops.gate import Trouble
    from monitor.models import Notification, Routing
    from monitor.rendering import Templates
    from monitor.rulebook import RuleBook
    from monitor.ruleskeeper import RulesKeeper
    from monitor.settings import Settings
    from monitor.storage.base import Storage
    from monitor.web.metrics import Metrics

log = structlog.get_logger("monitor")

_TUNED_ON = (
    1000  # stored items that tell which words are rare in this installation's news: a tenth of a second
)


@dataclass(slots=True)
class Parts:
    """What the composition root put together."""

    settings: Settings
    keeper: RulesKeeper
    clock: Clock
    storage: Storage
    metrics: Metrics
    channels: Mapping[str, Channel]
    templates: Templates
    fetcher: Fetching
    parser: Parsing
    hide: Callable[[tuple[str, ...]], None]  # keeps the secrets of these names out of logs
    joining: Joining = JOINING  # how items join stories
    clean: Callable[[str], str] = str  # a text without the secrets in use
    disk: Callable[[], tuple[int, int] | None] = lambda: None  # (free, total) bytes of the store's disk
    ping: Callable[[], Awaitable[None]] | None = None  # tells a dead man's switch that all is well


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
        self._parts = parts
        self._rules_listeners: list[Callable[[RuleBook], None]] = []
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
            parts.storage,
            self._present_book,
            parts.templates,
            parts.clock,
            __version__,
            self._count_flush,
            joining=parts.joining,
        )
        quiet_after = timedelta(hours=parts.settings.nothing_matched_hours)
        checks = Checks(parts.storage, self._present_book, parts.disk, quiet_after)
        self.watch = WatchLoop(parts.storage, self._present_book, parts.clock, [checks])
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
            fallback=self._fallback,
            trouble=self._trouble,
            clean=parts.clean,
        )

    def _present_book(self) -> RuleBook:
        return self.book

    def _routing(self) -> Routing:
        return self.book.routing

    def _fallback(self, failed: Notification, now: datetime) -> tuple[Notification, ...]:
        return fallback_notices(failed, self.book.routing, self.templates.message, now, __version__)

    def _trouble(self, trouble: Trouble, now: datetime) -> tuple[Notification, ...]:
        """Let the watch tell it at once; what concerns everybody is told of those who can mend it."""
        log.error(
            "delivery is in trouble", kind=trouble.kind, recipient=trouble.recipient_id or "everybody",
            channel=trouble.channel, error=trouble.error,
        )  # fmt: skip
        everybody = [one for one in operators(self.book.routing) if trouble.channel in one.channels()]
        named = [trouble.recipient_id] if trouble.recipient_id else [one.recipient_id for one in everybody]
        self.watch.report(
            *(conditions.unreachable(who, trouble.channel, trouble.error, now) for who in named)
        )
        return ()

    def listen_rules(self, told: Callable[[RuleBook], None]) -> None:
        """Let `told` hear of every change of the rules, with or without errors."""
        self._rules_listeners.append(told)

    def listen(self, told: Callable[[PollReport], None]) -> None:
        """Let `told` hear of every poll."""
        self._listeners.append(told)

    # --- rules ---

    @property
    def stale(self) -> bool:
        """Whether the files have errors, so that part of what is in force is older than they are."""
        return bool(self.book.errors)

    async def start(self) -> None:
        """Put the present rules in force: schedule their feeds, hide their secrets, log their errors."""
        self._parts.hide(self.book.secret_names)
        seeds = [FeedSeed(feed.feed_id, feed.url, host_of(feed.url)) for feed in self.book.feeds.values()]
        await self.storage.sync_feeds(seeds, self.clock())
        self.book.engine.tune(await self.storage.items(limit=_TUNED_ON))
        keep()
        self.metrics.rules_applied(len(self.book.rules), self.clock())
        if self.stale:
            self.metrics.rules_refused()
            self._log_errors()

    async def reload(self) -> bool:
        """Read the files again if they changed; return whether something new is in force.

        Raises:
            RulesUnreadableError: a file cannot be read; what is in force stays.
        """
        book = await self._parts.keeper.read()
        if book is None:
            return False
        self.book = book
        await self.start()
        log.info("rules read again", **self.facts())
        for told in self._rules_listeners:
            told(book)
        return True

    def _log_errors(self) -> None:
        """Log each error; the watch tells them."""
        for finding in self.book.errors:
            log.error("cannot be used", finding=str(finding))
        for rule_id in self.book.kept:
            log.warning("a rule goes on in its last good version", rule=rule_id)

    # --- housekeeping ---

    async def align_clock(self) -> timedelta:
        """Hold the clock to the database server's; return by how much it was set since the last call."""
        shift = self.clock.align(await self.storage.ping()) or self.clock.moved()
        if abs(shift) > JUMP:
            log.warning("the clock was moved", seconds=shift.total_seconds())
            self.watch.report(conditions.clock_jump(shift, self.clock()))
        return shift

    async def ping(self) -> None:
        """Tell the dead man's switch, if there is one, that all is well."""
        if self._parts.ping is not None:
            await self._parts.ping()

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
        for rule_id, error in report.rule_errors:
            if (info := self.book.rules.get(rule_id)) is not None:
                self.watch.report(conditions.rule_error(info, error, self.clock()))

    def _count_flush(self, report: FlushReport) -> None:
        for revision in report.revisions:
            self.metrics.alert(revision.reason.value)
        for rule_id, recipient_id in report.noisy:
            if (info := self.book.rules.get(rule_id)) is not None:
                self.watch.report(conditions.rule_noisy(info, recipient_id, self.clock()))

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
