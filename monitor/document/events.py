"""YAML 1.2 text to parsing events: from libyaml where it can be trusted, else from ruamel.yaml.

libyaml (by way of PyYAML) reads twenty times as fast, but it is a YAML 1.1 parser at heart and says little
about mistakes. So it gets plain documents, and whatever it refuses goes to ruamel.yaml, whose messages are
the ones that people see. Without libyaml everything goes to ruamel.yaml: the same answers, later.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ruamel.yaml import YAML
from yaml import YAMLError

try:
    from yaml.cyaml import CParser
except ImportError:  # PyYAML was built without libyaml
    CParser = None

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(Enum):
    """What begins, ends or stands here."""

    DOCUMENT = auto()
    MAPPING = auto()
    SEQUENCE = auto()
    END = auto()  # of the mapping or sequence that is open
    SCALAR = auto()
    ALIAS = auto()


class Event(NamedTuple):
    """One step through a text (the serialization tree of YAML 1.2, 3.2.2, in order)."""

    kind: Kind
    start: int = 0  # offset of its first character
    value: str = ""  # of a scalar
    quoted: bool = False  # a scalar in quotes or a block: text, whatever it looks like
    anchor: str | None = None  # of a node, or what an alias names
    tag: str | None = None
    version: tuple[int, int] | None = None  # of a document: its %YAML line
    tag_lines: bool = False  # of a document: it has %TAG lines


# What the two parsers read differently: directives and document marks; line breaks of YAML 1.1, which are
# ordinary characters in 1.2; a byte order mark inside the text; and `"22":00`, a key to one, a mistake to
# the other.
_DIFFERENT: Final = re.compile(r"""^(?:%|---|\.\.\.)|[\x85\u2028\u2029\ufeff]|["']:[^\s,\]}]""", re.MULTILINE)

_KINDS: Final = {
    "DocumentStartEvent": Kind.DOCUMENT,
    "MappingStartEvent": Kind.MAPPING,
    "SequenceStartEvent": Kind.SEQUENCE,
    "MappingEndEvent": Kind.END,
    "SequenceEndEvent": Kind.END,
    "ScalarEvent": Kind.SCALAR,
    "AliasEvent": Kind.ALIAS,
}


def events(text: str) -> Iterator[Event]:
    """Go through the events of a text without tabs and control characters.

    Raises:
        ruamel.yaml.error.MarkedYAMLError: the text is no YAML; its marks tell where. What comes before
            has been yielded by then.
    """
    quick = _quick(text)
    return iter(quick) if quick is not None else _careful(text)


def _quick(text: str) -> list[Event] | None:
    """Return the events as libyaml sees them; None where it refuses or might see something else.

    Anchors, aliases and tags are errors here, and the two disagree about which characters are part of them.
    """
    if CParser is None or _DIFFERENT.search(text):
        return None
    parser = CParser(text)
    try:
        found = list(_read(iter(parser.get_event, None)))
    except (YAMLError, ValueError):
        return None
    finally:
        parser.dispose()
    refused = any(event.anchor or event.tag is not None for event in found)
    return None if refused else found


def _careful(text: str) -> Iterator[Event]:
    yield from _read(YAML(typ="safe", pure=True).parse(text))


def _read(found: Iterator[Any]) -> Iterator[Event]:
    for event in found:
        kind = _KINDS.get(type(event).__name__)
        if kind is Kind.END:
            yield _END
        elif kind is Kind.SCALAR:
            # An explicit tag makes the event neither plain nor quoted; the tag is refused anyway.
            quoted = bool(event.style) or event.tag is not None
            yield Event(kind, event.start_mark.index, event.value, quoted, event.anchor, event.tag)
        elif kind is Kind.DOCUMENT:
            start = event.start_mark.index if event.start_mark else 0
            yield Event(kind, start, version=event.version, tag_lines=bool(event.tags))
        elif kind is Kind.ALIAS:
            yield Event(kind, event.start_mark.index, anchor=event.anchor)
        elif kind is not None:
            yield Event(kind, event.start_mark.index, anchor=event.anchor, tag=event.tag)


_END: Final = Event(Kind.END)
