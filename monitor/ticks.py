"""The scheduler's few jobs: each runs at its pace, one run at a time, and says when it last did."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from monitor.errors import MonitorError
from monitor.web.probes import Tick

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

log = structlog.get_logger("monitor.ticks")

HANGS_AFTER = timedelta(minutes=2)  # a job whose last run is older hangs
LONG = timedelta(minutes=1)  # a job that runs less often waits one period before its first run


@dataclass(frozen=True, slots=True)
class Job:
    """One of the scheduler's few jobs."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]
    bound: timedelta = HANGS_AFTER  # a longer silence means that it hangs


class Ticks:
    """Runs jobs until told to stop."""

    def __init__(
        self, jobs: Sequence[Job], clock: Callable[[], datetime], told: Callable[[str, datetime], None]
    ) -> None:
        """Keep the jobs.

        Args:
            jobs: what to run, and how often.
            clock: answers `now`.
            told: hears of every run that ended well: the job's name, and when.
        """
        self._jobs = jobs
        self._clock = clock
        self._told = told
        self._last: dict[str, datetime] = {}
        self._running: set[asyncio.Task[object]] = set()
        self._stopping = False
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            # Late runs are made up for by one run; its default grace of 1 s would drop them.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    @property
    def running(self) -> bool:
        """Whether jobs are run at their pace."""
        return bool(self._scheduler.running) and not self._stopping

    def start(self) -> None:
        """Run every frequent job at once, and all of them at their pace."""
        now = self._clock()
        for job in self._jobs:
            self._last[job.name] = now
            first = now + (job.every if job.every > LONG else timedelta())
            self._scheduler.add_job(
                self._tick,
                "interval",
                (job,),
                seconds=job.every.total_seconds(),
                id=job.name,
                next_run_time=first,
            )
        self._scheduler.add_listener(self._on_trouble, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
        self._scheduler.start()

    def at_once(self, name: str) -> None:
        """Run one job now."""
        self._scheduler.modify_job(name, next_run_time=self._clock())

    def ages(self) -> Sequence[Tick]:
        """Return how long ago each job last ended well."""
        now = self._clock()
        return [
            Tick(job.name, now - self._last[job.name], job.every + job.bound)
            for job in self._jobs
            if job.name in self._last
        ]

    def pause(self) -> None:
        """Start no job any more."""
        self._stopping = True
        self._scheduler.pause()

    async def wait(self) -> None:
        """Wait until the jobs under way have ended."""
        while self._running:
            await asyncio.wait(self._running)

    async def end(self) -> None:
        """Cancel what still runs, as APScheduler always does; `pause` and `wait` come before."""
        self._scheduler.shutdown(wait=False)
        await self.wait()

    async def _tick(self, job: Job) -> None:
        task = asyncio.current_task()
        assert task is not None, "the scheduler runs coroutines as tasks"
        self._running.add(task)
        try:
            await job.run()
        except MonitorError as error:
            log.error("tick failed", tick=job.name, error=str(error))  # noqa: TRY400 - one line for people
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        else:
            self._last[job.name] = self._clock()
            self._told(job.name, self._last[job.name])
        finally:
            self._running.discard(task)

    def _on_trouble(self, event: object) -> None:
        """Log a run that raised or was missed: a defect of ours, the next run goes on."""
        error = getattr(event, "exception", None)
        log.error(
            "tick raised" if error else "tick missed", tick=getattr(event, "job_id", ""), exc_info=error
        )
