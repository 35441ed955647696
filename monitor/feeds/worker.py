"""Parses documents in processes that can be killed: a document that hangs a parser costs one worker.

Workers are forked from a small server process that has imported the parser already, so a new one after a
kill costs milliseconds, and none of the daemon's threads, sockets or secrets reach it.

Handing a task over costs more than reading the few new entries of a document, so documents that wait go
together. A batch gets a quarter of the deadline; when that is not enough, or anything else goes wrong, each
of its documents is read on its own in the other three, and the one at fault is found.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import resource
from collections import deque
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

from monitor.errors import ErrorKind, ParseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Future
    from datetime import datetime, timedelta

    from monitor.feeds.reading import Reading
    from monitor.feeds.results import Fetched, ParsedFeed
    from monitor.models import Feed, IdentityMode

T = TypeVar("T")

MAX_TASKS = 500  # before a worker is replaced: what leaks, leaks no further
BATCH = 16  # documents in one task at most
BATCH_BYTES = 256 * 1024  # of documents in one task, unless it is one alone
BATCH_SHARE = 0.25  # of the deadline that a task of several documents gets
CLOSING_SECONDS = 3  # for idle workers to end by themselves
MAX_MEMORY = 2 * 1024**3  # bytes of address space of a worker
_PRELOAD = "monitor.feeds.reading"


@dataclass(frozen=True, slots=True)
class _Failure:
    """A ParseError on its way between processes: exceptions with two arguments cannot be pickled."""

    message: str
    kind: ErrorKind


@dataclass(eq=False, slots=True)
class _Call:
    """One document that waits for a worker, or is in one."""

    work: Callable[..., Any]
    args: tuple[Any, ...]  # the first is the document
    answer: asyncio.Future[Any]


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
            max_tasks: of one document or several, before a worker is replaced.
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
        self._waiting: deque[_Call] = deque()
        self._lanes: set[asyncio.Task[None]] = set()

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
        call = _Call(work, args, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        # One more than workers, so that a task waits when a worker is done. A lane that has just ended is
        # still in the set, and would hand over nothing.
        if sum(not lane.done() for lane in self._lanes) <= self._workers:
            lane = asyncio.create_task(self._work(), name="parser lane")
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        try:
            result = await call.answer
        except TimeoutError:
            raise ParseError(
                f"The document could not be read within {self._deadline.total_seconds():g} s; it may be made "
                "to exhaust readers. The other feeds are not affected. Tell the publisher.",
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
        return cast("T", result)

    async def _work(self) -> None:
        """Hand over tasks, one after the other, for as long as documents wait."""
        while batch := self._next():
            if len(batch) == 1:
                await self._alone(batch[0], 1)
            elif not await self._together(batch):
                await asyncio.gather(*(self._alone(call, 1 - BATCH_SHARE) for call in batch))
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError

    def _next(self) -> list[_Call]:
        """Take the documents of one task: a fair share of those that wait."""
        most = min(BATCH, -(-len(self._waiting) // self._workers))
        batch: list[_Call] = []
        size = 0
        while self._waiting and (not batch or len(batch) < most):
            size += len(self._waiting[0].args[0])
            if batch and size > BATCH_BYTES:
                break
            call = self._waiting.popleft()
            if not call.answer.done():  # else its caller was cancelled meanwhile
                batch.append(call)
        return batch

    async def _together(self, batch: Sequence[_Call]) -> bool:
        """Answer several calls in one task; False when they have to be tried one by one."""
        try:
            results = await self._run(batch, BATCH_SHARE)
        except asyncio.CancelledError:  # by all callers, or by `close`
            for call in batch:
                call.answer.cancel()
            return True
        except Exception:  # noqa: BLE001 - it comes again for the one document that it is about
            return False
        for call, result in zip(batch, results, strict=True):
            _settle(call, result)
        return True

    async def _alone(self, call: _Call, share: float) -> None:
        """Answer one call; when the whole pool is broken, once more in a new one.

        Somebody who ends the idle processes breaks pebble's pool for good: it answers nobody any more.
        """
        for last in (False, True):
            if call.answer.done():
                return
            try:
                (result,) = await self._run([call], share)
            except (BrokenProcessPool, RuntimeError) as error:
                if last:
                    _settle(call, error)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - its caller is to hear of it
                _settle(call, error)
                return
            else:
                _settle(call, result)
                return

    async def _run(self, calls: Sequence[_Call], share: float) -> list[Any]:
        """Answer calls in a worker, as one task; when all callers are cancelled, the worker is killed."""
        pool = await self._ready()
        future: Future[list[Any]] = pool.schedule(
            _several,
            args=([(call.work, call.args) for call in calls],),
            timeout=share * self._deadline.total_seconds(),
        )
        self._running.add(future)
        future.add_done_callback(self._running.discard)

        def given_up(_: object) -> None:
            if all(call.answer.cancelled() for call in calls):
                future.cancel()

        for call in calls:
            call.answer.add_done_callback(given_up)
        try:
            return await asyncio.wrap_future(future)
        finally:
            for call in calls:
                call.answer.remove_done_callback(given_up)

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
        for call in self._waiting:
            call.answer.cancel()


def _settle(call: _Call, result: object) -> None:
    if call.answer.done():  # its caller was cancelled
        return
    if isinstance(result, asyncio.CancelledError):
        call.answer.cancel()
    elif isinstance(result, BaseException):
        call.answer.set_exception(result)
    else:
        call.answer.set_result(result)


def _prepare() -> None:
    """Limit a new worker: its memory, and no core dumps of publishers' texts.

    What was imported stays: the collector need not look at it again and again.
    """
    gc.freeze()
    for limit, value in ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(limit)
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


def _several(calls: Sequence[tuple[Callable[..., Any], tuple[Any, ...]]]) -> list[Any]:
    """Answer several calls in the worker."""
    return [work(*args) for work, args in calls]


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
