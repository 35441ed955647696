"""Which revision a database's schema has, and how it gets to this program's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import column, inspect, select, table

from monitor.errors import SchemaTooNewError, SchemaTooOldError, StorageError
from monitor.storage.statements import SCHEMA, one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

VERSION_TABLE = "monitor_schema"
# Alembic keeps the running migration in module globals: one at a time in this process, for each loop.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


def turn() -> asyncio.Lock:
    """Return the running loop's lock, to be held around `upgrade`."""
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())


def newest() -> str:
    """Return the revision that this version of the program works with."""
    return _scripts().get_current_head() or ""


def stored_revision(connection: Connection, where: str) -> str:
    """Return the database's revision, "" when it is empty.

    Raises:
        StorageError: it holds tables and none of them says that it is ours.
    """
    names = inspect(connection).get_table_names()
    if VERSION_TABLE in names:
        version = table(VERSION_TABLE, column("version_num"))
        return connection.scalar(select(version.c.version_num)) or ""
    if names:
        raise StorageError(
            f"database {where}: it holds tables of another program ({', '.join(sorted(names)[:3])}): "
            "give monitor a database, or a PostgreSQL schema, of its own"
        )
    return ""


def check(revision: str, where: str) -> None:
    """Compare a database's revision with this program's; raises as `judge` does."""
    judge(revision, [script.revision for script in _scripts().walk_revisions()], where)


def judge(revision: str, known: Sequence[str], where: str) -> None:
    """Compare a database's revision with those that a program knows, newest first.

    Raises:
        SchemaTooNewError: the program does not know the revision.
        SchemaTooOldError: it is an earlier one.
    """
    head = known[0]
    if revision == head:
        return
    if revision not in known:
        raise SchemaTooNewError(
            f'database {where}: a newer version of monitor wrote it (schema "{revision}"; this one knows '
            f'up to "{head}"): install that version, or restore a backup'
        )
    raise SchemaTooOldError(
        f'database {where}: its schema "{revision}" is older than this version\'s "{head}": '
        "stop every daemon, make a backup, then run `monitor migrate`"
    )


def upgrade(connection: Connection, where: str) -> tuple[str, str]:
    """Bring the schema to this version; return (revision before, revision after).

    Call it in a transaction that writes: a second process waits, and then finds the work done.

    Raises:
        SchemaTooNewError: a newer version of the program wrote the database.
        StorageError: it is no database of ours.
    """
    one_at_a_time(connection, SCHEMA)
    before = stored_revision(connection, where)
    if before:
        try:
            check(before, where)
        except SchemaTooOldError:
            pass
        else:
            return before, before
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return before, newest()


def _config() -> Config:
    config = Config()
    here = str(Path(__file__).parent / "migrations").replace("%", "%%")
    config.set_main_option("script_location", here)
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
