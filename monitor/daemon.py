"""The long-running program: ticks, signals, reloading, health, and a bounded end."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from monitor.alerts.system import headline_of
from monitor.alerts.system_rules import is_system
from monitor.systemd import Notifier
from monitor.ticks import Job, Ticks
from monitor.web.probes import Check, Probes, Row, Tick, Tone
from monitor.web.server import WebServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from monitor.program import Monitor

log = structlog.get_logger("monitor.daemon")

SHOWN = 8  # of each kind, on the page
PATIENCE = timedelta(minutes=10)  # delivery may rightly take long


class Daemon:
    """Runs one `Monitor` until told to stop."""

    def __init__(
        self,
        monitor: Monitor,
        *,
        supervisor: tuple[str, str, str] = ("", "", ""),
        signalled: Callable[[], None] = lambda: None,
    ) -> None:
        """Keep the parts.

        Args:
            monitor: the assembled program.
            supervisor: (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID) as systemd sets them.
            signalled: called inside the handler of every SIGTERM and SIGINT, even when the loop hangs.
        """
        self._monitor = monitor
        self._signalled = signalled
        self._notifier = Notifier(*supervisor)
        self._stop = asyncio.Event()
        self.started = asyncio.Event()  # set when the page is served and the ticks run
        self._ticks = Ticks(self._jobs(), monitor.clock, monitor.metrics.tick)
        self.web: WebServer | None = None

    def _jobs(self) -> tuple[Job, ...]:
        second = timedelta(seconds=1)
        return (
            Job("poll", second, self._monitor.poll.tick),
            Job("flush", second, self._monitor.flush.run_once),
            Job("watch", 30 * second, self._monitor.watch.run_once),
            Job("deliver", second, self._monitor.deliver.run_due, PATIENCE),
            Job("reload", 5 * second, self._monitor.reload),
            Job("heartbeat", 10 * second, self._heartbeat),
            Job("ping", 60 * second, self._ping),
            Job("prune", timedelta(hours=1), self._monitor.prune, timedelta(hours=2)),
        )

    def stop(self) -> None:
        """Ask the daemon to end; what is under way gets its time."""
        self._stop.set()

    async def run(self) -> None:
        """Run until `stop`, SIGTERM or SIGINT.

        1. Serve health and metrics.
        2. Start the ticks, then tell the supervisor that we are ready.
        3. Wait.
        4. Pause the ticks, let polls and deliveries under way end within the bound, stop.
        """
        async with self._serving(), self._signals():
            self._monitor.listen_rules(lambda _book: self._ticks.at_once("watch"))
            self._ticks.start()
            self.started.set()
            self._notifier.ready(self._monitor.summary())
            log.info("running", **self._monitor.facts(), page=self.web.url if self.web else "")
            try:
                await self._stop.wait()
            finally:
                await self._drain()

    async def _heartbeat(self) -> None:
        """Keep the clock on the database server's, the metrics current, and the watchdog quiet."""
        await self._monitor.align_clock()
        await self._monitor.refresh_metrics()
        if self._well():
            self._notifier.watchdog()
        self._notifier.status(self._monitor.summary())

    async def _ping(self) -> None:
        """Tell the dead man's switch that all is well, when it is; its owner hears of the silence."""
        if self._well():
            await self._monitor.ping()

    def _well(self) -> bool:
        return all(tick.age <= tick.bound for tick in self._ticks.ages())

    async def _drain(self) -> None:
        """End within the bound; what is not finished is claimed again after its lease ends.

        1. Start nothing more, and let what is under way end.
        2. Cancel what has not ended by then, and store what has: the storage is still open.
        """
        log.info(
            "stopping", bound_seconds=self._monitor.settings.drain_seconds,
            hint="a second Ctrl-C or SIGTERM ends it at once",
        )  # fmt: skip
        self._notifier.stopping("finishing what is under way")
        self._ticks.pause()
        self._monitor.deliver.stop()
        try:
            async with asyncio.timeout(self._monitor.settings.drain_seconds):
                await asyncio.gather(self._monitor.poll.drain(), self._ticks.wait())
        except TimeoutError:
            log.warning("stopped before all work was finished", hint="it is done again after the next start")
        await self._ticks.end()
        abandoned = (self._monitor.poll.abandon(), self._monitor.deliver.abandon())
        for failure in await asyncio.gather(*abandoned, return_exceptions=True):
            if failure is not None:
                log.error("not all that has ended could be stored", error=str(failure))

    @asynccontextmanager
    async def _signals(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        handlers = {
            signal.SIGTERM: self.stop,
            signal.SIGINT: self.stop,
            signal.SIGHUP: lambda: self._ticks.at_once("reload"),
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        for number in (signal.SIGTERM, signal.SIGINT):  # beside the loop's, which it does not replace
            signal.signal(number, lambda *_: self._signalled())
        try:
            yield
        finally:
            for number in handlers:
                with suppress(ValueError, RuntimeError):
                    loop.remove_signal_handler(number)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        if not self._monitor.settings.http_bind:
            yield
            return
        probes = Probes(
            ticks=self._ages,
            ready=(("database", self._database), ("rules", self._rules), ("scheduler", self._scheduling)),
            rows=self._rows,
            metrics=self._monitor.metrics,
            refresh=self._monitor.refresh_metrics,
        )
        self.web = WebServer(self._monitor.settings.http_bind, probes)
        await self.web.start()
        try:
            yield
        finally:
            await self.web.stop()

    async def _database(self) -> Check:
        await self._monitor.storage.ping()
        return Check("database", ok=True, reason="answers")

    async def _rules(self) -> Check:
        book = self._monitor.book
        text = f"{len(book.rules)} rules, {len(book.feeds)} feeds"
        return Check(
            "rules",
            bool(book.rules),
            text + (", stale: the files have errors" if self._monitor.stale else ""),
        )

    async def _scheduling(self) -> Check:
        return Check(
            "scheduler", self._ticks.running, "running" if self._ticks.running else "not started, or ending"
        )

    async def _ages(self) -> Sequence[Tick]:
        return self._ticks.ages()

    async def _rows(self) -> Sequence[Row]:
        counts = await self._monitor.storage.counts(self._monitor.clock())
        failing = Tone.WARNING if counts.feeds_failing else Tone.OK
        dead = Tone.PROBLEM if counts.notifications_dead else Tone.OK
        stale = Tone.WARNING if self._monitor.stale else Tone.OK
        return (
            Row(
                "Feeds",
                str(counts.feeds),
                failing,
                f"{counts.feeds_failing} failing" if counts.feeds_failing else "",
            ),
            Row(
                "Rules",
                str(len(self._monitor.book.rules)),
                stale,
                "mistakes, below" if self._monitor.stale else "",
            ),
            Row("Items kept", f"{counts.items:,}"),
            Row("Hits", f"{counts.hits:,}"),
            Row("Open alerts", f"{counts.alerts_open:,}", note=f"{counts.alerts:,} in all"),
            Row("Messages sent", f"{counts.notifications_sent:,}"),
            Row("Messages waiting", f"{counts.notifications_pending:,}"),
            Row("Messages given up", f"{counts.notifications_dead:,}", dead),
            *[
                Row("Mistake in the rules", str(error), Tone.WARNING)
                for error in self._monitor.book.errors[:SHOWN]
            ],
            *await self._troubles(),
            *await self._latest(),
        )

    async def _troubles(self) -> Sequence[Row]:
        failing = [state for state in await self._monitor.storage.feed_states() if state.failures][:SHOWN]
        dead = await self._monitor.storage.notifications(state="dead", limit=SHOWN)
        return (
            *[
                Row(f"Feed {feed.feed_id}", feed.error, Tone.WARNING, f"{feed.failures} failures")
                for feed in failing
            ],
            *[
                Row(f"Given up: {row.recipient_id}", row.message.subject, Tone.PROBLEM, row.last_error)
                for row in dead
            ],
        )

    async def _latest(self) -> Sequence[Row]:
        now, rows = self._monitor.clock(), list[Row]()
        for alert in await self._monitor.storage.list_alerts(limit=SHOWN):
            minutes = int((now - alert.last_hit_at).total_seconds() // 60)
            headline = alert.sources[0].title if alert.sources else alert.group_key
            headline = headline_of(alert) if is_system(alert) else headline
            rows.append(
                Row(f"{alert.severity.value} alert, {minutes} min ago", headline, note=alert.rule.title)
            )
        return rows
