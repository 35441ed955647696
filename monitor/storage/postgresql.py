"""PostgreSQL's connections: asyncpg behind SQLAlchemy's greenlets."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.ext.asyncio import create_async_engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from sqlalchemy import URL, Connection, Engine

    from monitor.storage.engine import Progress

T = TypeVar("T")


class Server:
    """A pool of connections to a server."""

    def __init__(self, url: URL, *, pool_size: int, busy_timeout: timedelta) -> None:
        """Make the engine; nothing connects yet."""
        self._engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=busy_timeout.total_seconds(),
            json_serializer=_same,  # documents are text already
            json_deserializer=_same,
        )

    @property
    def sync_engine(self) -> Engine:
        """What statements are compiled and watched by."""
        return self._engine.sync_engine

    async def run(self, _mode: str, progress: Progress, work: Callable[[Connection], T]) -> T:
        """Run `work` as one transaction."""
        async with self._engine.connect() as connection:
            transaction = await connection.begin()
            result = await connection.run_sync(work)
            progress.committing = True
            await transaction.commit()
            return result

    async def dispose(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


def _same(value: T) -> T:
    return value
