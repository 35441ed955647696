"""A YAML file as it is written: nodes with their style, comments and blank lines, for the formatter.

`parse` says what a file means and where; this says how it looks. Every comment of the file belongs to
exactly one node here. Only text that `parse` accepts without an error may be given.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(slots=True)
class Note:
    """A comment beside something, with the room before it."""

    text: str  # from "#" on
    column: int  # from 0
    gap: int  # spaces between it and what it stands beside


@dataclass(slots=True)
class Scalar:
    """A single value."""

    text: str  # without quotes
    style: str  # "" for plain, ', ", | or >
    raw: str  # as written, quotes and all
    folded: bool  # written on several lines
    start: int
    end: int


@dataclass(slots=True)
class Entry:
    """One item of a list, or one key with its value."""

    key: Scalar | None  # None in lists
    value: Node
    start: int  # of the key, or of the dash
    above: list[str] = field(default_factory=list)  # comments on lines of their own; "" is a blank line
    head: Note | None = None  # beside the key, when the value stands below
    beside: Note | None = None  # beside the value, or what it ends with


@dataclass(slots=True)
class Collection:
    """A list or a mapping."""

    mapping: bool
    flow: bool  # in brackets
    column: int
    start: int
    end: int = 0
    entries: list[Entry] = field(default_factory=list)
    below: list[str] = field(default_factory=list)  # after the last entry
    apart: bool = False  # entries on lines of their own have a blank line between them


Node: TypeAlias = Scalar | Collection


@dataclass(slots=True)
class Layout:
    """A whole file."""

    top: list[str]  # above the first entry
    root: Node | None  # None: nothing but comments
    bottom: list[str]  # below the last entry


def read_layout(text: str) -> Layout:
    """Read the layout of a YAML document that `parse` accepts.

    Args:
        text: the document, with line feeds as its only line breaks.
    """
    root, spans = _compose(text)
    comments = _comments(text, spans)
    return _Attacher(text, comments).attach(root)


# --- nodes -----------------------------------------------------------------------------------------


def _compose(text: str) -> tuple[Node | None, list[tuple[int, int]]]:
    """Return the root, and the spans of all scalars in order."""
    root: Node | None = None
    spans: list[tuple[int, int]] = []
    open_nodes: list[tuple[Collection, list[Node]]] = []
    last = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        node: Node
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            start = event.start_mark
            made = Collection(
                isinstance(event, MappingStartEvent), bool(event.flow_style), start.column, start.index
            )
            open_nodes.append((made, []))
            continue
        if isinstance(event, MappingEndEvent | SequenceEndEvent):
            made, children = open_nodes.pop()
            # A block ends with its last child: the event's mark is beyond what follows it.
            made.end = event.end_mark.index if made.flow else children[-1].end if children else made.start
            made.entries = _pairs(children) if made.mapping else _items(text, made, children)
            node = made
        elif isinstance(event, ScalarEvent):
            node = _scalar(text, event, last)
            spans.append((node.start, node.end))
        else:
            continue
        last = node.end
        if open_nodes:
            open_nodes[-1][1].append(node)
        else:
            root = node
    if isinstance(root, Scalar) and not root.raw:
        root = None
    return root, spans


# What stands between two scalars and opens the second, with spaces and comments.
_INDICATORS: Final = re.compile(r"(?:(?:[ \n]|#[^\n]*\n)*[-:?](?=[ \n]|$))+")


def _scalar(text: str, event: ScalarEvent, last: int) -> Scalar:
    start, end = event.start_mark.index, event.end_mark.index
    style = event.style or ""
    if start == end:  # no value at all: its mark is at whatever comes next
        found = _INDICATORS.match(text, last, start)
        start = found.end() if found else last
        return Scalar("", style, "", folded=False, start=start, end=start)
    raw = text[start:end]
    if style in ("|", ">"):
        raw = raw.rstrip(" \n") if "+" not in raw.partition("\n")[0].partition("#")[0] else raw.rstrip(" ")
        end = start + len(raw.rstrip("\n"))
    return Scalar(event.value, style, raw, "\n" in raw, start, end)


def _pairs(children: list[Node]) -> list[Entry]:
    pairs = zip(children[::2], children[1::2], strict=True)
    return [Entry(key, value, key.start) for key, value in pairs if isinstance(key, Scalar)]


_DASH: Final = re.compile(r"^ *-(?=[ \n]|$)", re.MULTILINE)


def _items(text: str, collection: Collection, children: list[Node]) -> list[Entry]:
    entries: list[Entry] = []
    start = collection.start
    for child in children:
        if entries and not collection.flow:
            # No event tells where a dash is; before it there are only spaces and comments.
            dash = _DASH.search(text, entries[-1].value.end, child.start)
            start = dash.end() - 1 if dash else child.start
        entries.append(Entry(None, child, child.start if collection.flow else start))
    return entries


# --- comments --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Comment:
    text: str
    index: int
    line: int  # from 0
    column: int
    own_line: bool


_COMMENT: Final = re.compile(r"#[^\n]*")


def _comments(text: str, spans: Iterable[tuple[int, int]]) -> list[_Comment]:
    """Return all comments: between scalars there are only indicators, spaces and comments."""
    starts = _line_starts(text)
    found: list[_Comment] = []
    at = 0
    for start, end in (*spans, (len(text), len(text))):
        for one in _COMMENT.finditer(text, at, max(at, start)):
            line = bisect_right(starts, one.start()) - 1
            before = text[starts[line] : one.start()]
            found.append(_Comment(one[0].rstrip(), one.start(), line, len(before), not before.strip()))
        at = max(at, end)
    return found


def _line_starts(text: str) -> list[int]:
    return [0, *(found.end() for found in re.finditer("\n", text))]


class _Attacher:
    """Gives each comment and blank line to the node that it is about."""

    def __init__(self, text: str, comments: list[_Comment]) -> None:
        self._text = text
        self._comments = comments
        self._next = 0  # the first comment that belongs to nobody yet
        self._starts = _line_starts(text)
        self._line = -1  # the last line that has been dealt with

    def attach(self, root: Node | None) -> Layout:
        """Go through the file from its beginning to its end."""
        layout = Layout([], root, [])
        if root is not None:
            self._above(layout.top, self._upto(root.start), self._line_of(root.start))
            if isinstance(root, Collection) and not root.flow:
                self._block(root)
                if root.entries:
                    layout.top += root.entries[0].above
                    root.entries[0].above = []
            else:
                holder = Entry(None, root, root.start)
                self._inline(holder)
                layout.bottom += [holder.beside.text] if holder.beside else []
        chain = _open_blocks(root)
        self._split(self._upto(len(self._text) + 1), 0, chain, layout.bottom)
        return layout

    def _block(self, collection: Collection) -> None:
        before: Entry | None = None
        for entry in collection.entries:
            chain = _open_blocks(before.value) if before else []
            self._split(self._upto(entry.start), collection.column, chain, entry.above)
            self._blank(entry.above, self._line_of(entry.start))
            self._line = self._line_of(entry.start)
            self._value(entry)
            before = entry

    def _value(self, entry: Entry) -> None:
        value = entry.value
        if isinstance(value, Scalar) or value.flow:
            self._inline(entry)
            return
        if entry.key is not None:
            self._line = self._line_of(entry.key.end)
            entry.head = self._beside(entry.key.end + 1, value.start)
        self._block(value)

    def _inline(self, entry: Entry) -> None:
        """Deal with a value that is not in block style, and with what stands beside it."""
        value = entry.value
        entry.above += [one.text for one in self._upto(value.start)]
        if isinstance(value, Collection):
            self._flow(value)
        self._line = self._line_of(value.end)
        if not (isinstance(value, Scalar) and value.style in ("|", ">")):
            entry.beside = self._beside(value.end, len(self._text))

    def _flow(self, collection: Collection) -> None:
        before: Entry | None = None
        for entry in collection.entries:
            self._within(self._upto(entry.start), before, entry.above)
            value = entry.value
            entry.above += [one.text for one in self._upto(value.start)]
            if isinstance(value, Collection):
                self._flow(value)
            self._line = self._line_of(value.end)
            before = entry
        self._within(self._upto(collection.end), before, collection.below)

    def _within(self, comments: Sequence[_Comment], before: Entry | None, otherwise: list[str]) -> None:
        """Give comments in brackets to the entry that they stand beside, or to what follows."""
        for one in comments:
            if before is not None and before.beside is None and one.line == self._line and not otherwise:
                before.beside = self._note(one, before.value.end)
            else:
                otherwise.append(one.text)

    def _split(
        self, comments: Sequence[_Comment], column: int, chain: list[Collection], above: list[str]
    ) -> None:
        """Give comments between two entries to blocks that end here, by their column, or to what follows."""
        depth = len(chain)
        for one in comments:
            inner = [number for number in range(depth) if column < chain[number].column <= one.column]
            depth = inner[-1] + 1 if inner else 0
            target = chain[inner[-1]].below if inner else above
            self._blank(target, one.line)
            target.append(one.text)
            self._line = one.line

    def _above(self, target: list[str], comments: Sequence[_Comment], line: int) -> None:
        for one in comments:
            self._blank(target, one.line)
            target.append(one.text)
            self._line = one.line
        self._blank(target, line)
        self._line = line

    def _beside(self, after: int, before: int) -> Note | None:
        """Take the comment that stands on the line that ends at `after`, if there is one."""
        if self._next >= len(self._comments):
            return None
        one = self._comments[self._next]
        if one.line != self._line or one.own_line or one.index >= before:
            return None
        self._next += 1
        return self._note(one, after)

    def _note(self, one: _Comment, after: int) -> Note:
        return Note(one.text, one.column, max(1, one.index - after))

    def _blank(self, target: list[str], line: int) -> None:
        if line - self._line > 1 and self._line >= 0 and (not target or target[-1]):
            target.append("")

    def _upto(self, index: int) -> Sequence[_Comment]:
        first = self._next
        while self._next < len(self._comments) and self._comments[self._next].index < index:
            self._next += 1
        return self._comments[first : self._next]

    def _line_of(self, index: int) -> int:
        return bisect_right(self._starts, index) - 1


def _open_blocks(node: Node | None) -> list[Collection]:
    """Return the blocks that end where `node` ends, outermost first."""
    chain: list[Collection] = []
    while isinstance(node, Collection) and not node.flow:
        chain.append(node)
        node = node.entries[-1].value if node.entries else None
    return chain
