"""Statement forms that several areas share: inserting what is new, replacing, and taking turns."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import and_, func, not_, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.storage.tables import item_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Dialect, Table

    from monitor.storage.rows import Values

    Insert: TypeAlias = postgresql.Insert | sqlite.Insert

# Keys of PostgreSQL's advisory locks; any fixed numbers that no other program uses.
SCHEMA, SCHEDULE, OUTBOX = 0x6D6F6E01, 0x6D6F6E02, 0x6D6F6E03


def is_postgresql(connection: Connection) -> bool:
    """Say which of the two engines it is."""
    return connection.dialect.name == "postgresql"


def one_at_a_time(connection: Connection, lock: int) -> None:
    """Wait until no other transaction holds `lock`, and hold it until this one ends.

    For decisions over many rows, which row locks do not guard. SQLite's writers are alone anyway.
    """
    if is_postgresql(connection):
        connection.execute(select(func.pg_advisory_xact_lock(lock)))


# Making a statement costs several times as much as running it: each form is made once for a table.


def write_rows(connection: Connection, statement: Insert, rows: Sequence[Values]) -> None:
    """Run an insert for each of `rows`, which all have the same names.

    On SQLite the driver gets the rows itself: what SQLAlchemy does for each costs more than writing it.
    """
    if is_postgresql(connection):
        connection.execute(statement, rows)
        return
    text, names, converters = _on_sqlite(connection.dialect, statement, tuple(rows[0]))
    columns = [[row[name] for row in rows] for name in names]
    values = [
        column if convert is None else list(map(convert, column))
        for column, convert in zip(columns, converters, strict=True)
    ]
    connection.exec_driver_sql(text, list(zip(*values, strict=True)))


@lru_cache(maxsize=256)  # dialects belong to engines, which come and go
def _on_sqlite(
    dialect: Dialect, statement: Insert, names: tuple[str, ...]
) -> tuple[str, tuple[str, ...], tuple[Callable[[Any], Any] | None, ...]]:
    """Return the statement's text, the names of its places in order, and what makes each value storable."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    places = tuple(compiled.positiontup or ())
    types = {column.name: column.type for column in statement.table.columns}
    return str(compiled), places, tuple(types[name].bind_processor(dialect) for name in places)


def insert_new(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert `rows`, leaving those alone whose key is stored already."""
    if rows:
        write_rows(connection, _insert_new(is_postgresql(connection), table), rows)


@cache
def _insert_new(is_server: bool, table: Table) -> Insert:
    return _insert(is_server, table).on_conflict_do_nothing()


def upsert(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    """Insert `rows`, replacing those of the same primary key."""
    if rows:
        write_rows(connection, _upsert(is_postgresql(connection), table, tuple(rows[0])), rows)


@cache
def _upsert(is_server: bool, table: Table, names: tuple[str, ...]) -> Insert:
    statement = _insert(is_server, table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def add_up(connection: Connection, table: Table, rows: Sequence[Values], column: str) -> None:
    """Insert `rows`, adding `column` to that of a row with the same primary key."""
    if rows:
        statement = _insert(is_postgresql(connection), table)
        keys = [one.name for one in table.primary_key]
        total = {column: table.c[column] + statement.excluded[column]}
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=total), rows)


def insert_keys(connection: Connection, rows: Sequence[Values]) -> None:
    """Insert keys of items; of a key that is stored, an identity replaces an alias and nothing else."""
    if rows:
        write_rows(connection, _insert_keys(is_postgresql(connection)), rows)


@cache
def _insert_keys(is_server: bool) -> Insert:
    statement = _insert(is_server, item_keys)
    return statement.on_conflict_do_update(
        index_elements=[item_keys.c.feed_id, item_keys.c.key_hash],
        set_={"item_id": statement.excluded.item_id, "is_alias": statement.excluded.is_alias},
        where=and_(item_keys.c.is_alias, not_(statement.excluded.is_alias)),
    )


def _insert(is_server: bool, table: Table) -> Insert:
    return postgresql.insert(table) if is_server else sqlite.insert(table)
