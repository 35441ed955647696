"""The long-running program: ticks, signals, reloading, health, and a bounded end."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from monitor.clock import JUMP
from monitor.errors import MonitorError
from monitor.systemd import Notifier
from monitor.web.probes import Check, Probes, Row, Tick, Tone
from monitor.web.server import WebServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from monitor.program import Monitor

log = structlog.get_logger("monitor.daemon")

ENDLESS = timedelta(minutes=2)  # a loop whose last tick is older hangs
PATIENCE = timedelta(minutes=10)  # the same for those that may rightly take long: delivery, pruning


@dataclass(frozen=True, slots=True)
class Job:
    """One of the scheduler's few jobs."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]
    bound: timedelta = ENDLESS  # a longer silence means that it hangs


class Daemon:
    """Runs one `Monitor` until told to stop."""

    def __init__(self, monitor: Monitor, *, supervisor: tuple[str, str, str] = ("", "", "")) -> None:
        """Keep the parts.

        Args:
            monitor: the assembled program.
            supervisor: (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID) as systemd sets them.
        """
        self._monitor = monitor
        self._notifier = Notifier(*supervisor)
        self._stop = asyncio.Event()
        self.started = asyncio.Event()  # set when the page is served and the ticks run
        self._ticked: dict[str, datetime] = {}
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            # Late runs are made up for by one run; its default grace of 1 s would drop them.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._jobs = self._make_jobs()
        self.web: WebServer | None = None

    def _make_jobs(self) -> tuple[Job, ...]:
        second = timedelta(seconds=1)
        return (
            Job("poll", second, self._monitor.poll.tick),
            Job("flush", second, self._monitor.flush.run_once),
            Job("deliver", second, self._monitor.deliver.run_due, PATIENCE),
            Job("reload", 5 * second, self._monitor.reload),
            Job("heartbeat", 10 * second, self._heartbeat),
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
            for job in self._jobs:
                self._schedule(job)
            self._scheduler.add_listener(self._on_trouble, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
            self._scheduler.start()
            self.started.set()
            self._notifier.ready(self._monitor.summary())
            log.info("running", **self._monitor.facts(), page=self.web.url if self.web else "")
            try:
                await self._stop.wait()
            finally:
                await self._drain()

    def _schedule(self, job: Job) -> None:
        self._ticked[job.name] = self._monitor.clock()

        async def tick() -> None:
            try:
                await job.run()
            except MonitorError as error:
                log.error("tick failed", tick=job.name, error=str(error))  # noqa: TRY400 - one line for people
            else:
                now = self._monitor.clock()
                self._ticked[job.name] = now
                self._monitor.metrics.tick(job.name, now)

        first = self._monitor.clock() + (job.every if job.every > timedelta(minutes=1) else timedelta())
        self._scheduler.add_job(
            tick, "interval", seconds=job.every.total_seconds(), id=job.name, next_run_time=first
        )

    def _on_trouble(self, event: object) -> None:
        """Log a tick that raised or was missed: a defect of ours, the next tick goes on."""
        log.error(
            "tick raised" if getattr(event, "exception", None) else "tick missed",
            tick=getattr(event, "job_id", ""),
            exc_info=getattr(event, "exception", None),
        )

    async def _heartbeat(self) -> None:
        """Keep the clock on the database server's, the metrics current, and the watchdog quiet."""
        shift = await self._monitor.align_clock()
        if abs(shift) > JUMP:
            log.warning(
                "the clock was moved", seconds=shift.total_seconds(), hint="check this machine's time service"
            )
        await self._monitor.refresh_metrics()
        if all(check.ok for check in await self._hangs()):
            self._notifier.watchdog()
        self._notifier.status(self._monitor.summary())

    async def _hangs(self) -> Sequence[Check]:
        return [
            Check(t.loop, t.age <= t.bound, f"last tick {t.age.total_seconds():.0f} s ago")
            for t in await self._ticks()
        ]

    async def _ticks(self) -> Sequence[Tick]:
        now = self._monitor.clock()
        return [
            Tick(job.name, now - self._ticked[job.name], job.every + job.bound)
            for job in self._jobs
            if job.name in self._ticked
        ]

    async def _drain(self) -> None:
        """End within the bound; what is not finished is claimed again after its lease ends."""
        log.info("stopping", bound_seconds=self._monitor.settings.drain_seconds)
        self._notifier.stopping("finishing what is under way")
        self._scheduler.pause()
        try:
            async with asyncio.timeout(self._monitor.settings.drain_seconds):
                await asyncio.gather(self._monitor.poll.drain(), self._monitor.deliver.drain())
        except TimeoutError:
            log.warning("stopped before all work was finished", hint="it is done again after the next start")
        # APScheduler cancels running coroutines at shutdown, whatever `wait` says: hence the drain before.
        self._scheduler.shutdown(wait=False)

    @asynccontextmanager
    async def _signals(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        handlers = {
            signal.SIGTERM: self.stop,
            signal.SIGINT: self.stop,
            signal.SIGHUP: lambda: self._scheduler.modify_job("reload", next_run_time=self._monitor.clock()),
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
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
            ticks=self._ticks,
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
            "scheduler", self._scheduler.running, "running" if self._scheduler.running else "not started"
        )

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
                "stale: `monitor check` shows the errors" if self._monitor.stale else "",
            ),
            Row("Items kept", f"{counts.items:,}"),
            Row("Hits", f"{counts.hits:,}"),
            Row("Open alerts", f"{counts.alerts_open:,}", note=f"{counts.alerts:,} in all"),
            Row("Messages sent", f"{counts.notifications_sent:,}"),
            Row("Messages waiting", f"{counts.notifications_pending:,}"),
            Row(
                "Messages given up",
                f"{counts.notifications_dead:,}",
                dead,
                "`monitor status` lists them" if counts.notifications_dead else "",
            ),
        )
