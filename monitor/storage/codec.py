"""JSON text for the frozen values that are stored whole, with a version in each document.

The reader and writer of a class are made from its type hints, once: a field that a later version adds
to a model needs a default and nothing else here, because documents written before lack it. A field
that changes its meaning or name raises the class's version and gets a row in `UPGRADES`.

Times are ISO 8601 in UTC with microseconds, durations are whole microseconds. A tuple is an array, a
nested value is an object. Text is kept whatever it holds: NUL and lone surrogates are escaped.
"""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import orjson

from monitor.errors import SchemaTooNewError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
Plain: TypeAlias = Any  # what json.dumps takes: the tree of one document
Stored: TypeAlias = Any  # a value of the type that a hint names: known only when the program runs
Convert: TypeAlias = "Callable[[Stored], Stored]"  # between a value and its plain form, either way

VERSION_KEY = "v"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# (class name, version found): a function that turns that version's object into the next one's.
UPGRADES: dict[tuple[str, int], Callable[[dict[str, Plain]], dict[str, Plain]]] = {}

_CODECS: dict[type, tuple[Convert, Convert]] = {}


def version_of(name: str) -> int:
    """Return the version in which documents of the class `name` are written: 1 + its upgrades."""
    return 1 + sum(1 for owner, _ in UPGRADES if owner == name)


def dumps(value: object) -> str:
    """Return the document that holds the dataclass instance `value`.

    Raises:
        ValueError: a time in it is naive.
    """
    cls = type(value)
    tree = _codec(cls)[0](value)
    tree[VERSION_KEY] = version_of(cls.__name__)
    return _write(tree)


def dumps_text(text: str) -> str:
    """Return the document that holds one text."""
    return _write(text)


def loads_text(document: str) -> str:
    """Return the text that a document of `dumps_text` holds."""
    return str(_read(document))


def _write(tree: Plain) -> str:
    try:
        return orjson.dumps(tree).decode()
    except TypeError:  # lone surrogates, which no database takes, survive as escapes
        return json.dumps(tree, separators=(",", ":"))


def _read(text: str) -> Plain:
    try:
        return orjson.loads(text)
    except ValueError:  # escapes of lone surrogates; or it is damaged, and the answer says where
        return json.loads(text)


def loads(cls: type[T], text: str) -> T:
    """Return the instance of `cls` that the document `text` holds.

    Raises:
        SchemaTooNewError: a newer version of the program wrote it.
        StorageError: it is damaged.
    """
    name = cls.__name__
    try:
        tree = _read(text)
        found, current = tree.pop(VERSION_KEY), version_of(name)
        if found > current:
            raise SchemaTooNewError(
                f"a stored {name} has format {found}, this version of monitor reads up to {current}: "
                "install the version that wrote it, or a newer one"
            )
        for version in range(found, current):
            tree = UPGRADES[name, version](tree)
        value: T = _codec(cls)[1](tree)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(
            f"a stored {name} cannot be read ({type(error).__name__}: {error}): "
            "the database is damaged; restore a backup"
        ) from error
    return value


def _codec(cls: Stored) -> tuple[Convert, Convert]:
    """Return (writer, reader) of a dataclass, made once."""
    if cls not in _CODECS:
        _CODECS[cls] = _make_codec(cls)
    return _CODECS[cls]


def _make_codec(cls: Stored) -> tuple[Convert, Convert]:
    """Return (writer, reader) of the dataclass `cls`."""
    hints = get_type_hints(cls)
    parts = [(field.name, *_converters(hints[field.name])) for field in fields(cls)]
    required = {f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING}

    names = [name for name, _, _ in parts]
    writers = [(name, write) for name, write, _ in parts if write is not None]
    get = attrgetter(*names, names[0])  # of one name alone it would give no tuple

    def encode(value: Stored) -> dict[str, Plain]:
        tree = dict(zip(names, get(value), strict=False))
        for name, write in writers:
            if (part := tree[name]) is not None:
                tree[name] = write(part)
        return tree

    def decode(tree: dict[str, Plain]) -> Stored:
        known = {}
        for name, _, read in parts:
            if name in tree:
                plain = tree[name]
                known[name] = plain if plain is None or read is None else read(plain)
            elif name in required:
                raise KeyError(name)
        return cls(**known)

    return encode, decode


def _converters(hint: Stored) -> tuple[Convert | None, Convert | None]:
    """Return (writer, reader) of one type; None stands for "as it is"."""
    origin: Stored = get_origin(hint)
    arguments = get_args(hint)
    if origin in (Union, types.UnionType):  # X | None: None is dealt with by the caller
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return _converters(inner)
    if origin is tuple:
        return _tuple_converters(arguments)
    if hint in SIMPLE:
        return SIMPLE[hint]
    if origin is Literal:
        return None, None
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return None, hint  # json.dumps writes a StrEnum as its text
    if not is_dataclass(hint):
        raise TypeError(f"no stored form for {hint!r}: add one to monitor/storage/codec.py")
    return _codec(hint)


def _tuple_converters(arguments: tuple[Any, ...]) -> tuple[Convert, Convert]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004 - tuple[X, ...]
        write, read = _converters(arguments[0])
        writer: Convert = list if write is None else lambda value: [write(one) for one in value]
        reader: Convert = tuple if read is None else lambda plain: tuple(read(one) for one in plain)
        return writer, reader
    pairs = [_converters(argument) for argument in arguments]
    writers = [write or _same for write, _ in pairs]
    readers = [read or _same for _, read in pairs]
    return (
        lambda value: [write(one) for write, one in zip(writers, value, strict=True)],
        lambda plain: tuple(read(one) for read, one in zip(readers, plain, strict=True)),
    )


def _same(value: Stored) -> Stored:
    return value


def _write_time(value: datetime) -> str:
    return utc(value).isoformat(timespec="microseconds")


def _read_time(text: str) -> datetime:
    return utc(datetime.fromisoformat(text))


def utc(value: datetime) -> datetime:
    """Return the same instant in UTC.

    Raises:
        ValueError: it is naive, so nobody knows which instant it is.
    """
    if value.tzinfo is None:
        raise ValueError(f"naive time {value!r}: every time that is stored needs a zone")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


SIMPLE: dict[type, tuple[Convert | None, Convert | None]] = {
    str: (None, None),
    int: (None, None),
    float: (None, None),
    bool: (None, None),
    datetime: (_write_time, _read_time),
    timedelta: (lambda value: value // MICROSECOND, lambda plain: timedelta(microseconds=plain)),
}
