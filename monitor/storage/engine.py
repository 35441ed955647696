"""Transactions on either engine; every driver's error becomes a `StorageError`.

SQLite: one writer. In this process writers queue for a lock; against other processes `BEGIN IMMEDIATE`
takes the write lock at the start (a transaction that reads first and then writes fails with "database
is locked" whatever the timeout, because its snapshot is old), and `busy_timeout` waits for it.
PostgreSQL: READ COMMITTED with row locks; a transaction that the server rolled back (deadlock) or that
lost its connection before COMMIT was sent is tried again, because it cannot have changed anything.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from monitor.errors import StorageError
from monitor.storage.failures import describe, is_busy, is_rolled_back
from monitor.storage.postgresql import Server
from monitor.storage.sqlite import FULL, NORMAL, READ, Threads, inode, make_file, reserve
from monitor.storage.urls import shown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from datetime import timedelta

    from sqlalchemy import URL, Connection

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 3  # of a transaction that certainly changed nothing
WAL_ATTEMPTS = 100  # of the switch to WAL, for which SQLite does not wait by itself
WAL_PAUSE = 0.05  # seconds


class Engine:
    """Runs functions of a synchronous connection as transactions."""

    def __init__(self, url: URL, *, pool_size: int, busy_timeout: timedelta) -> None:
        """Make the engine; nothing connects yet."""
        self.url = url
        self.where = shown(url)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._inode = 0  # of SQLite's file when it was opened
        self._sqlite: Threads | None = None
        if self.is_sqlite:
            self._sqlite = Threads(url, pool_size=pool_size, busy_timeout=busy_timeout)
        self.connections = self._sqlite or Server(url, pool_size=pool_size, busy_timeout=busy_timeout)

    async def prepare(self) -> None:
        """Make SQLite's file, readable by its owner alone, and switch it to write-ahead logging."""
        if self._sqlite is None:
            return
        path = Path(self.url.database or "")
        await self._translate(asyncio.to_thread(make_file, path))
        self._inode = await self._translate(asyncio.to_thread(inode, path))
        for attempt in range(WAL_ATTEMPTS):
            try:
                await self._translate(_whole(self._sqlite.outside_transaction("PRAGMA journal_mode = WAL")))
            except StorageError as error:
                if attempt == WAL_ATTEMPTS - 1 or not is_busy(error.__cause__):
                    raise
                await asyncio.sleep(WAL_PAUSE)  # another process is just opening the same file
            else:
                return

    async def check_file(self) -> None:
        """Make sure that SQLite's file is still the one that was opened.

        SQLite goes on writing into a file that was deleted, and all of it is gone at the end.

        Raises:
            StorageError: it was deleted or replaced.
        """
        path = Path(self.url.database or "")
        if self.is_sqlite and self._inode and await asyncio.to_thread(inode, path) != self._inode:
            raise StorageError(
                f"{path}: the database file was deleted or replaced while the monitor runs, and what happens"
                " now is lost at its end: put the file back, or restart the monitor"
            )

    async def read(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` in a transaction that only reads.

        Raises:
            StorageError: the database refused or did not answer.
        """
        return await self._run(READ, work, *args, **kwargs)

    async def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` in a transaction that writes; a power cut may undo it whole, never in part."""
        return await self._run(NORMAL, work, *args, **kwargs)

    async def write_durably(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` in a transaction that survives a power cut once it is committed."""
        return await self._run(FULL, work, *args, **kwargs)

    async def backup(self, path: Path) -> None:
        """Copy SQLite's file as one reader sees it; see `Storage.backup`."""
        if self._sqlite is None:
            raise StorageError(
                f"database {self.where}: PostgreSQL has its own tool: "
                f"run pg_dump --format=custom --file {path}"
            )
        part = path.with_name(f"{path.name}.part")  # the final name stands for a complete copy only
        try:
            await asyncio.to_thread(reserve, path, part)
        except OSError as error:
            reason = f"{error.strerror}; create its directory first"
            raise StorageError(f"{path}: cannot be written: {reason}") from None
        try:
            await self._translate(_whole(self._sqlite.outside_transaction("VACUUM INTO ?", str(part))))
            await asyncio.to_thread(part.replace, path)
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)

    async def dispose(self) -> None:
        """Close every connection."""
        await self.connections.dispose()

    async def _run(
        self, mode: str, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await _whole(self._attempts(mode, lambda connection: work(connection, *args, **kwargs)))

    async def _attempts(self, mode: str, work: Callable[[Connection], T]) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            progress = Progress()
            try:
                return await self._translate(self.connections.run(mode, progress, work))
            except StorageError as error:
                if attempt == ATTEMPTS or not _changed_nothing(error.__cause__, progress):
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _translate(self, running: Awaitable[T]) -> T:
        """Await `running`; turn errors of the driver into ours."""
        try:
            return await running
        except DBAPIError as error:
            raise StorageError(describe(error, self.where)) from error
        except StatementError as error:
            if isinstance(error.orig, ValueError):  # a naive time, refused by its column
                raise error.orig from None
            raise
        except (SQLAlchemyError, OSError) as error:
            raise StorageError(describe(error, self.where)) from error


async def _whole(transaction: Coroutine[Any, Any, T]) -> T:
    """Run a transaction to its end, even when the caller is cancelled meanwhile; then be cancelled.

    A driver that is interrupted between two statements keeps its transaction, and on SQLite the write
    lock with it. Transactions are short, and one that was asked for does no harm when it happens.
    """
    running = asyncio.ensure_future(transaction)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            try:
                await asyncio.wait({running})
            except asyncio.CancelledError:  # once more, and still not in the middle
                continue
        if not running.cancelled():
            running.exception()  # looked at: nobody is left who wants to know
        raise


class Progress:
    """How far a transaction came."""

    committing = False  # COMMIT was sent: nobody knows whether it counted


def _changed_nothing(error: BaseException | None, progress: Progress) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    return is_rolled_back(error) or (error.connection_invalidated and not progress.committing)
