"""Connections and transactions on either engine; every driver's error becomes a `StorageError`.

SQLite: one writer. In this process writers queue for a lock; against other processes `BEGIN IMMEDIATE`
takes the write lock at the start (a transaction that reads first and then writes fails with "database
is locked" whatever the timeout, because its snapshot is old), and `busy_timeout` waits for it.
PostgreSQL: READ COMMITTED with row locks; a transaction that the server rolled back (deadlock) or that
lost its connection before COMMIT was sent is tried again, because it cannot have changed anything.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.ext.asyncio import create_async_engine

from monitor.errors import StorageError
from monitor.storage.failures import describe, is_busy, is_rolled_back
from monitor.storage.urls import shown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from datetime import timedelta

    from sqlalchemy import URL, Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 3  # of a transaction that certainly changed nothing
WAL_ATTEMPTS = 100  # of the switch to WAL, for which SQLite does not wait by itself
WAL_PAUSE = 0.05  # seconds
WAL_LIMIT = 64 * 1024 * 1024  # bytes that the log file keeps after a checkpoint
MODE = "monitor_mode"  # execution option: how a transaction begins
READ, NORMAL, FULL = "read", "NORMAL", "FULL"  # the latter two are SQLite's names


class Engine:
    """Runs functions of a synchronous connection as transactions."""

    def __init__(self, url: URL, *, pool_size: int, busy_timeout: timedelta) -> None:
        """Make the engine; nothing connects yet."""
        self.url = url
        self.where = shown(url)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._one_writer = asyncio.Lock()
        arguments: dict[str, Any] = {}
        if self.is_sqlite:
            arguments = {"timeout": busy_timeout.total_seconds(), "isolation_level": None}
        self._engine: AsyncEngine = create_async_engine(
            url,
            connect_args=arguments,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=busy_timeout.total_seconds(),
            json_serializer=_same,  # documents are text already
            json_deserializer=_same,
        )
        self._inode = 0  # of SQLite's file when it was opened
        if self.is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _on_connect)
            event.listen(self._engine.sync_engine, "begin", _on_begin)

    async def prepare(self) -> None:
        """Make SQLite's file, readable by its owner alone, and switch it to write-ahead logging."""
        if not self.is_sqlite:
            return
        path = Path(self.url.database or "")
        await self._translate(asyncio.to_thread(_make_file, path))
        self._inode = await self._translate(asyncio.to_thread(_inode, path))
        for attempt in range(WAL_ATTEMPTS):
            try:
                await self._translate(_whole(self._switch_to_wal()))
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
        if self.is_sqlite and self._inode and await asyncio.to_thread(_inode, path) != self._inode:
            raise StorageError(
                f"{path}: the database file was deleted or replaced while the monitor runs, and what happens"
                " now is lost at its end: put the file back, or restart the monitor"
            )

    async def _switch_to_wal(self) -> None:
        async with self._engine.connect() as connection:
            await _outside_transaction(connection, "PRAGMA journal_mode = WAL")

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
        if not self.is_sqlite:
            raise StorageError(
                f"database {self.where}: PostgreSQL has its own tool: "
                f"run pg_dump --format=custom --file {path}"
            )
        part = path.with_name(f"{path.name}.part")  # the final name stands for a complete copy only
        try:
            await asyncio.to_thread(_reserve, path, part)
        except OSError as error:
            reason = f"{error.strerror}; create its directory first"
            raise StorageError(f"{path}: cannot be written: {reason}") from None
        try:
            await self._translate(_whole(self._copy(part)))
            await asyncio.to_thread(part.replace, path)
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)

    async def _copy(self, part: Path) -> None:
        async with self._engine.connect() as connection:
            await _outside_transaction(connection, "VACUUM INTO ?", str(part))

    async def dispose(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    async def _run(
        self, mode: str, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await _whole(self._attempts(mode, work, *args, **kwargs))

    async def _attempts(
        self, mode: str, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        for attempt in range(1, ATTEMPTS + 1):
            progress = _Progress()
            try:
                return await self._translate(self._once(mode, progress, work, *args, **kwargs))
            except StorageError as error:
                if attempt == ATTEMPTS or not _changed_nothing(error.__cause__, progress):
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(
        self,
        mode: str,
        progress: _Progress,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        async with self._turn(mode), self._engine.connect() as connection:
            await connection.execution_options(**{MODE: mode})
            transaction = await connection.begin()
            result = await connection.run_sync(work, *args, **kwargs)
            progress.committing = True
            await transaction.commit()
            return result

    def _turn(self, mode: str) -> AbstractAsyncContextManager[Any]:
        return self._one_writer if self.is_sqlite and mode != READ else nullcontext()

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


class _Progress:
    """How far a transaction came."""

    committing = False  # COMMIT was sent: nobody knows whether it counted


def _changed_nothing(error: BaseException | None, progress: _Progress) -> bool:
    if not isinstance(error, DBAPIError):
        return False
    return is_rolled_back(error) or (error.connection_invalidated and not progress.committing)


def _same(value: T) -> T:
    return value


def _make_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _inode(path: Path) -> int:
    """Return the file's number on its disk, 0 when it is gone."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _reserve(path: Path, part: Path) -> None:
    """Make the empty file of a copy, readable by its owner alone."""
    if path.exists():
        raise StorageError(f"{path}: the file exists: name a new one")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


async def _outside_transaction(connection: AsyncConnection, statement: str, *values: str) -> None:
    """Run what SQLite refuses inside a transaction, on the driver itself."""
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    try:
        cursor = await driver.execute(statement, values)
        await cursor.close()
    except sqlite3.Error as error:
        raise DBAPIError(statement, values, error) from error


def _on_connect(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get(MODE, READ)
    if mode == READ:
        connection.exec_driver_sql("BEGIN")
        return
    if connection.info.get("synchronous") != mode:  # cannot be changed inside a transaction
        connection.exec_driver_sql(f"PRAGMA synchronous = {mode}")
        connection.info["synchronous"] = mode
    connection.exec_driver_sql("BEGIN IMMEDIATE")
