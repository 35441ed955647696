"""Column types that mean the same on SQLite and PostgreSQL, and lists as one bound value.

A list bound as one value (`among`) keeps a statement's text constant whatever the list's length: it
stays in the statement caches, and SQLite's limit of 32,766 variables is out of reach.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import BigInteger, Text, bindparam, types
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.functions import FunctionElement

from monitor.storage.codec import EPOCH, MICROSECOND, utc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import ColumnElement, Dialect
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.sql.operators import OperatorType


def _server_time(value: datetime | None) -> datetime | None:
    return None if value is None else utc(value)


def _file_time(value: datetime | None) -> int | None:
    return None if value is None else (utc(value) - EPOCH) // MICROSECOND


def _name(value: str | None) -> str | None:
    return None if value is None else storable(value)


class UtcTime(types.TypeDecorator[datetime]):
    """An aware UTC time: `timestamptz` on PostgreSQL, whole microseconds since 1970 on SQLite.

    SQLite has no type for times; an integer sorts, compares and indexes exactly. A naive time is
    refused with `ValueError`.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Return the engine's own type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | int | None:
        """Return the stored form."""
        return (_server_time if dialect.name == "postgresql" else _file_time)(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], datetime | int | None]:
        """Return what gives the stored form: called for every value of every row, so without a detour."""
        return _server_time if dialect.name == "postgresql" else _file_time

    def process_result_value(self, value: datetime | int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - interface
        """Return the aware time."""
        if isinstance(value, int):
            return EPOCH + value * MICROSECOND
        return None if value is None else utc(value)


class Name(types.TypeDecorator[str]):
    """Text that is compared: NUL and lone surrogates, which no engine takes, become U+FFFD.

    It sorts by code point on both engines (collation "C" on PostgreSQL), as Python does.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Return the engine's own type."""
        return Text(collation="C") if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - interface
        """Return storable text."""
        return _name(value)

    def bind_processor(self, dialect: Dialect) -> Callable[[str | None], str | None]:  # noqa: ARG002 - interface
        """Return what gives storable text, without a detour."""
        return _name


class Document(types.TypeDecorator[str]):
    """A JSON document as text, made and read by `codec`: `json` on PostgreSQL, so that SQL can look in.

    `json` and not `jsonb`: it is never searched, and `jsonb` refuses the escaped NUL that feeds do send.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Return the engine's own type."""
        if dialect.name == "postgresql":
            # The engine's JSON serializer is the identity (see `engine.py`): the text is ready.
            return dialect.type_descriptor(postgresql.JSON())
        return dialect.type_descriptor(Text())


class _Values(types.TypeDecorator[Any]):
    """A list of texts or integers as one bound value: an array, or JSON for SQLite's `json_each`."""

    impl = Text
    cache_ok = True

    def __init__(self, *, integers: bool) -> None:
        super().__init__()
        self.integers = integers

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.ARRAY(BigInteger() if self.integers else Text()))
        return dialect.type_descriptor(Text())

    def process_bind_param(
        self, value: Sequence[str | int] | None, dialect: Dialect
    ) -> list[str | int] | str:
        values = [storable(one) if isinstance(one, str) else one for one in value or ()]
        return values if dialect.name == "postgresql" else json.dumps(values)


class _Among(FunctionElement[bool]):
    inherit_cache = True
    type = types.Boolean()

    # SQLAlchemy would write "(...) = 1" for a function's truth on SQLite, which then uses no index.

    def self_group(self, against: OperatorType | None = None) -> Self:  # noqa: ARG002 - interface
        return self

    def _negate(self) -> ColumnElement[bool]:
        return UnaryExpression(self, operator=operators.inv, type_=types.Boolean())


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: SQLCompiler, **kwargs: object) -> str:
    column, values = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - compiled names, no data


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: SQLCompiler, **kwargs: object) -> str:
    column, values = (compiler.process(part, **kwargs) for part in element.clauses)
    return f"{column} = ANY ({values})"


def among(column: ColumnElement[Any], values: Iterable[str] | Iterable[int]) -> ColumnElement[bool]:
    """Return the condition that `column` equals one of `values`; an empty list matches nothing."""
    wanted = sorted(set(values))  # type: ignore[type-var]  # of one type each
    integers = isinstance(column.type, BigInteger)
    return _Among(column, bindparam(None, wanted, type_=_Values(integers=integers)))


def any_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the condition that `column` equals one of a list given as the parameter `name`, sorted."""
    integers = isinstance(column.type, BigInteger)
    return _Among(column, bindparam(name, type_=_Values(integers=integers)))


class Pairs(types.TypeDecorator[Any]):
    """A list of (text, integer) as one bound value, as a JSON array of arrays."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[tuple[str, int]] | None, dialect: Dialect) -> str:  # noqa: ARG002 - interface
        """Return the JSON text."""
        return json.dumps([(storable(text), number) for text, number in value or ()])


def storable(text: str) -> str:
    """Return `text` with NUL and lone surrogates as U+FFFD, which every engine stores."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def key_hash(text: str) -> int:
    """Return a signed 64-bit digest of a key that feeds write, for comparing and indexing.

    Feeds send keys of any length and content; PostgreSQL refuses index entries over 2,704 bytes. Two
    different keys share a digest once in 2**64 pairs; whoever must be certain compares the text too.
    """
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
