"""SQLite's connections: each transaction runs in a thread, from its first statement to its last.

The driver is the standard library's. A driver that goes from thread to thread for every statement costs
more than the statements do.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DBAPIError

from monitor.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from pathlib import Path

    from sqlalchemy import URL, Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection

    from monitor.storage.engine import Progress

T = TypeVar("T")

WAL_LIMIT = 64 * 1024 * 1024  # bytes that the log file keeps after a checkpoint
CACHE = 16 * 1024  # KB of pages that a connection keeps: keys are spread over the whole file
CHECKPOINT = (
    4_000  # pages in the log before they are moved into the file: a page changes many times meanwhile
)
MODE = "monitor_mode"  # execution option: how a transaction begins
READ, NORMAL, FULL = "read", "NORMAL", "FULL"  # the latter two are SQLite's names


class Threads:
    """A pool of connections with as many threads."""

    def __init__(self, url: URL, *, pool_size: int, busy_timeout: timedelta) -> None:
        """Make the engine; nothing connects yet."""
        self._pool_size = pool_size
        # Threads of its own: a database that waits for a lock must not hold up name lookups.
        self._threads: ThreadPoolExecutor | None = None
        self._one_writer = asyncio.Lock()
        self.sync_engine = create_engine(
            url,
            connect_args={
                "timeout": busy_timeout.total_seconds(),
                "isolation_level": None,
                "check_same_thread": False,
            },
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=busy_timeout.total_seconds(),
            pool_use_lifo=True,  # the same few connections, with their pages in memory
        )
        event.listen(self.sync_engine, "connect", _on_connect)
        event.listen(self.sync_engine, "begin", _on_begin)

    async def run(self, mode: str, progress: Progress, work: Callable[[Connection], T]) -> T:
        """Run `work` as one transaction; of those that write, one at a time."""
        if mode == READ:
            return await self._in_thread(self._transaction, mode, progress, work)
        async with self._one_writer:
            return await self._in_thread(self._transaction, mode, progress, work)

    async def outside_transaction(self, statement: str, *values: str) -> None:
        """Run what SQLite refuses inside a transaction, on the driver itself."""
        await self._in_thread(self._on_driver, statement, values)

    async def dispose(self) -> None:
        """Close every connection and end the threads."""
        await self._in_thread(self.sync_engine.dispose)
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:  # noqa: ANN401 - passed on
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._pool_size, "sqlite")
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def _transaction(self, mode: str, progress: Progress, work: Callable[[Connection], T]) -> T:
        with self.sync_engine.connect() as connection:
            connection.execution_options(**{MODE: mode})
            transaction = connection.begin()
            result = work(connection)
            progress.committing = True
            transaction.commit()
            return result

    def _on_driver(self, statement: str, values: tuple[str, ...]) -> None:
        with self.sync_engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            try:
                driver.execute(statement, values).close()
            except sqlite3.Error as error:
                raise DBAPIError(statement, values, error) from error


def make_file(path: Path) -> None:
    """Make an empty file, readable by its owner alone, unless there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def inode(path: Path) -> int:
    """Return the file's number on its disk, 0 when it is gone."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def reserve(path: Path, part: Path) -> None:
    """Make the empty file of a copy, readable by its owner alone.

    Raises:
        StorageError: `path` exists.
        OSError: it cannot be made.
    """
    if path.exists():
        raise StorageError(f"{path}: the file exists: name a new one")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _on_connect(connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
    cursor.execute(f"PRAGMA cache_size = -{CACHE}")
    cursor.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}")
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
