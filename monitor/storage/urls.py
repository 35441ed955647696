"""Database URLs: the spellings people use, and what may be shown of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from monitor.errors import ConfigurationError

if TYPE_CHECKING:
    from sqlalchemy import URL

DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "sqlite+aiosqlite": "sqlite+pysqlite",  # as older versions wrote it
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}
# libpq's names, as hosting providers print them, and what asyncpg calls the same; None = asyncpg needs none.
LIBPQ = {
    "sslmode": "ssl",
    "connect_timeout": "timeout",
    "channel_binding": None,
    "target_session_attrs": None,
}
SECRET = {"password", "passfile", "sslpassword"}
EXAMPLES = "write sqlite:///var/monitor.db or postgresql://USER:PASSWORD@HOST/DATABASE"


def read_url(text: str) -> URL:
    """Return the URL with the driver and parameters that the product uses.

    Raises:
        ConfigurationError: it is no URL of SQLite or PostgreSQL. The message holds no password.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"the database URL cannot be read: {EXAMPLES}") from None
    driver = DRIVERS.get(url.drivername)
    if driver is None:
        raise ConfigurationError(f'the database URL begins with "{url.drivername}": {EXAMPLES}')
    url = url.set(drivername=driver)
    return _read_sqlite(url) if driver.startswith("sqlite") else _read_postgresql(url)


def _read_sqlite(url: URL) -> URL:
    if url.host:
        raise ConfigurationError(
            f'the database URL names a host ("{url.host}") where SQLite needs a file: '
            "write three slashes, sqlite:///var/monitor.db, or four for an absolute path"
        )
    if not url.database or url.database.startswith((":memory:", "file:")):
        raise ConfigurationError("the database URL names no file: write sqlite:///var/monitor.db")
    return url


def _read_postgresql(url: URL) -> URL:
    query = dict(url.query)
    for theirs, ours in LIBPQ.items():
        if theirs in query:
            value = query.pop(theirs)
            if ours:
                query[ours] = value
    return url.set(query=query)


def shown(url: URL) -> str:
    """Return the URL for messages and logs: no password, no driver."""
    query = {name: "***" if name in SECRET else value for name, value in url.query.items()}
    plain = url.set(drivername=url.get_backend_name(), query=query)
    return plain.render_as_string(hide_password=True)
