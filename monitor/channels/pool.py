"""A small pool of connections: each is lent to one task at a time and closed when long unused."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Connection(Protocol):
    """What the pool needs of a connection."""

    async def check(self) -> None:
        """Raise an exception if the peer is gone."""

    async def quit(self) -> None:
        """Close politely; may raise, and is bounded in time by the pool."""

    def abort(self) -> None:
        """Close at once."""


Lent = TypeVar("Lent", bound=Connection)


@dataclass(slots=True)
class _Idle(Generic[Lent]):
    connection: Lent
    uses: int
    timer: asyncio.TimerHandle


class Pool(Generic[Lent]):
    """At most `size` connections at once; the one used last is lent first, so that the rest go idle."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Lent]],
        *,
        size: int,
        idle_seconds: float,
        max_uses: int,
        quit_seconds: float = 2,
    ) -> None:
        """Keep the figures; nothing is opened yet.

        Args:
            connect: opens a connection; its exceptions reach the borrower.
            size: connections lent at the same time.
            idle_seconds: an unused connection is closed after this.
            max_uses: a connection is closed after this many messages; servers limit them too.
            quit_seconds: bound of a polite goodbye.
        """
        self._connect = connect
        self._slots = asyncio.Semaphore(size)
        self._idle_seconds = idle_seconds
        self._max_uses = max_uses
        self._quit_seconds = quit_seconds
        self._idle: list[_Idle[Lent]] = []
        self._uses: dict[int, int] = {}
        self._goodbyes: set[asyncio.Task[None]] = set()
        self._closed = False

    async def take(self) -> Lent:
        """Wait for a free place and return a connection whose peer answers; end with `give` or `drop`."""
        await self._slots.acquire()
        try:
            while self._idle:
                idle = self._idle.pop()
                idle.timer.cancel()
                try:
                    await idle.connection.check()
                except asyncio.CancelledError:
                    idle.connection.abort()
                    raise
                except Exception:  # noqa: BLE001 - whatever is wrong with an old connection, a new one is tried
                    idle.connection.abort()
                else:
                    self._uses[id(idle.connection)] = idle.uses
                    return idle.connection
            connection = await self._connect()
        except BaseException:
            self._slots.release()
            raise
        self._uses[id(connection)] = 0
        return connection

    def give(self, connection: Lent) -> None:
        """Take back a connection in good order: the next message may use it."""
        uses = self._uses.pop(id(connection)) + 1
        self._slots.release()
        if self._closed or uses >= self._max_uses:
            self._part(connection)
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._idle_seconds, self._expire, connection)
        self._idle.append(_Idle(connection, uses, timer))

    def drop(self, connection: Lent) -> None:
        """Take back a connection in an unknown state: it is closed at once."""
        self._uses.pop(id(connection))
        self._slots.release()
        connection.abort()

    async def close(self) -> None:
        """Close what is idle and wait for goodbyes; lent connections close when they come back."""
        self._closed = True
        for idle in self._idle:
            idle.timer.cancel()
            self._part(idle.connection)
        self._idle.clear()
        if self._goodbyes:
            await asyncio.wait(self._goodbyes)

    def _expire(self, connection: Lent) -> None:
        self._idle = [idle for idle in self._idle if idle.connection is not connection]
        self._part(connection)

    def _part(self, connection: Lent) -> None:
        task = asyncio.get_running_loop().create_task(self._goodbye(connection))
        self._goodbyes.add(task)
        task.add_done_callback(self._goodbyes.discard)

    async def _goodbye(self, connection: Lent) -> None:
        with suppress(Exception):
            async with asyncio.timeout(self._quit_seconds):
                await connection.quit()
        connection.abort()
