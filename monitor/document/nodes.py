"""Positioned YAML nodes, places and diagnostics: the values that every reader of a file passes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file, as editors count."""

    file: str  # path as given by the caller
    line: int  # from 1
    column: int  # from 1, in characters

    def __str__(self) -> str:
        """Return `file:line:column`."""
        return f"{self.file}:{self.line}:{self.column}"


Level: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a file, for the person who edits it."""

    place: Place
    level: Level
    code: str  # stable and documented, a-z0-9-
    text: str  # what is wrong
    hint: str = ""  # what to do

    def __str__(self) -> str:
        """Return `file:line:column: error[code]: text (hint)`."""
        return f"{self.place}: {self.level}[{self.code}]: {self.text}" + (
            f" ({self.hint})" if self.hint else ""
        )


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A single value."""

    value: str | int | float | bool | date | None
    text: str  # as written, without quotes
    quoted: bool  # quoted or a block scalar: always text
    place: Place


@dataclass(frozen=True, slots=True)
class SequenceNode:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping, in file order, keys unique by their text."""

    entries: tuple[tuple[ScalarNode, Node], ...]
    place: Place


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode
