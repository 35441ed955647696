"""Parses documents in processes that can be killed: a document that hangs a parser costs one worker.

Workers are forked from a small server process that has imported the parser already, so a new one after a
kill costs milliseconds, and none of the daemon's threads, sockets or secrets reach it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from monitor.errors import ErrorKind, ParseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future
    from datetime import datetime, timedelta

    from monitor.feeds.reading import Reading
    from monitor.feeds.results import Fetched, ParsedFeed
    from monitor.models import Feed, IdentityMode

T = TypeVar("T")

MAX_TASKS = 500  # parses before a worker is replaced: what leaks, leaks no further
CLOSING_SECONDS = 3  # for idle workers to end by themselves
MAX_MEMORY = 2 * 1024**3  # bytes of address space of a worker
_PRELOAD = "monitor.feeds.reading"


@dataclass(frozen=True, slots=True)
class _Failure:
    """A ParseError on its way between processes: exceptions with two arguments cannot be pickled."""

    message: str
    kind: ErrorKind


class ParserPool:
    """Runs `monitor.feeds.parse.parse` under a deadline; calls may run concurrently.

    The processes start with the first document and end with `close`. Use it as an async context manager,
    or call `close`.
    """

    def __init__(self, workers: int, deadline: timedelta, *, max_tasks: int = MAX_TASKS) -> None:
        """Keep the limits.

        Args:
            workers: processes.
            deadline: longest parse; it runs from the moment a worker takes the document.
            max_tasks: parses before a worker is replaced.
        """
        self._workers = workers
        self._deadline = deadline
        self._max_tasks = max_tasks
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([_PRELOAD])
        self._pool: ProcessPool | None = None
        self._starting = asyncio.Lock()
        self._closed = False
        self._running: set[Future[Any]] = set()

    async def __aenter__(self) -> Self:
        """Return the pool; processes start later."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the processes."""
        await self.close()

    async def parse(self, fetched: Fetched) -> ParsedFeed:
        """Parse one document; cancelling kills its worker.

        Raises:
            ParseError: it is no usable feed, or took longer than the deadline (BROKEN).
        """
        return await self._run_in_time(_parse, fetched.body, dict(fetched.headers), fetched.url)

    async def read(
        self, fetched: Fetched, feed: Feed, mode: IdentityMode, window: str, now: datetime
    ) -> Reading:
        """Read what one document says beyond `window`; cancelling kills its worker.

        Args:
            fetched: the document.
            feed: see `monitor.feeds.reading.read`, like the others.
            mode: how its entries are named.
            window: what is remembered of the last document.
            now: time of the poll.

        Raises:
            ParseError: it is no usable feed, or took longer than the deadline (BROKEN).
        """
        return await self._run_in_time(
            _read, fetched.body, dict(fetched.headers), fetched.url, feed, mode, window, now
        )

    async def _run_in_time(self, work: Callable[..., T | _Failure], *args: object) -> T:
        """Run `work` in a worker.

        Raises:
            ParseError: see `parse`.
        """
        seconds = self._deadline.total_seconds()
        try:
            result = await self._run_again(work, args)
        except TimeoutError:
            raise ParseError(
                f"The document could not be read within {seconds:g} s; it may be made to exhaust readers. "
                "The other feeds are not affected. Tell the publisher.",
                ErrorKind.BROKEN,
            ) from None
        except (ProcessExpired, MemoryError):
            raise ParseError(
                "Reading the document took more memory than a feed may need, or crashed the parser. "
                "The other feeds are not affected. Tell the publisher.",
                ErrorKind.BROKEN,
            ) from None
        if isinstance(result, _Failure):
            raise ParseError(result.message, result.kind)
        return result

    async def _run_again(self, work: Callable[..., T], args: tuple[object, ...]) -> T:
        """Run in a worker; when the whole pool is broken, once more in a new one.

        Somebody who ends the idle processes breaks pebble's pool for good: it answers nobody any more.
        """
        try:
            return await self._run(work, args)
        except (BrokenProcessPool, RuntimeError):
            return await self._run(work, args)

    async def _run(self, work: Callable[..., T], args: tuple[object, ...]) -> T:
        pool = await self._ready()
        future = pool.schedule(work, args=args, timeout=self._deadline.total_seconds())
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return await asyncio.wrap_future(future)

    async def _ready(self) -> ProcessPool:
        """Return a running pool.

        Starting one waits until the fork server has imported the parser, half a second, in a thread.
        """
        async with self._starting:
            if self._closed:
                raise ParseError("The monitor is shutting down; the feed is read again.", ErrorKind.INTERNAL)
            if self._pool is not None and not self._pool.active:
                await self._end(self._pool)
                self._pool = None
            if self._pool is None:
                self._pool = ProcessPool(
                    self._workers, self._max_tasks, initializer=_prepare, context=self._context
                )
                await asyncio.to_thread(getattr, self._pool, "active")
            return self._pool

    async def _end(self, pool: ProcessPool) -> None:
        """End the processes: in peace when none works, else by killing.

        A worker that is killed while it starts prints a trace of its own; closing lets it come up first.
        """
        with suppress(RuntimeError, TimeoutError):
            if pool.active and not self._running:
                pool.close()  # type: ignore[no-untyped-call]  # as below
                await asyncio.to_thread(pool.join, CLOSING_SECONDS)
                return
        with suppress(RuntimeError):
            pool.stop()  # type: ignore[no-untyped-call]  # pebble annotates its methods only in part
            await asyncio.to_thread(pool.join)

    async def close(self) -> None:
        """Cancel what is being parsed and end all workers; may be called twice."""
        async with self._starting:
            self._closed = True
            pool, self._pool = self._pool, None
            if pool is not None:
                await self._end(pool)
        for future in tuple(self._running):  # a stopped pool answers nobody
            future.cancel()


def _prepare() -> None:
    """Limit a new worker: its memory, and no core dumps of publishers' texts."""
    for limit, value in ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(limit)
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _parse(body: bytes, headers: Mapping[str, str], url: str) -> ParsedFeed | _Failure:
    """Parse in the worker."""
    from monitor.feeds.parse import parse  # noqa: PLC0415 - loaded by the fork server, not by the daemon

    return _told(lambda: parse(body, headers, url))


def _read(
    body: bytes,
    headers: Mapping[str, str],
    url: str,
    feed: Feed,
    mode: IdentityMode,
    window: str,
    now: datetime,
) -> Reading | _Failure:
    """Read in the worker."""
    from monitor.feeds.reading import read  # noqa: PLC0415 - likewise

    return _told(lambda: read(body, headers, url, feed, mode, window, now))


def _told(work: Callable[[], T]) -> T | _Failure:
    """Run `work`; errors go back as values."""
    try:
        return work()
    except ParseError as error:
        return _Failure(str(error), error.kind)
    except MemoryError:
        return _Failure("Reading the document took more memory than a feed may need.", ErrorKind.BROKEN)
    except RecursionError:
        return _Failure("The document is nested too deeply to be read.", ErrorKind.BROKEN)
