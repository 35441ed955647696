"""Read one YAML 1.2 file into positioned nodes, with diagnostics that point into it.

`events.py` holds the parsers. Plain scalars are resolved here by the YAML 1.2 core schema
(https://yaml.org/spec/1.2.2/#103-core-schema) plus ISO dates: `no` and `22:00` stay text. What a
person rarely means and a program cannot show well is refused: duplicate keys, tabs, anchors,
aliases, tags, several documents.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final

from ruamel.yaml.error import MarkedYAMLError

from monitor.document.events import Event, Kind, events
from monitor.document.nodes import Diagnostic, MappingNode, Node, Place, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES: Final = 8 * 1024 * 1024  # a pack of 10,000 rules is about 4 MB
MAX_DEPTH: Final = 60  # a clause takes two levels: this is thirty clauses inside each other


class _StopReadingError(Exception):
    """The rest of the file cannot be used; what is wrong has been reported."""


def parse(file: str, data: bytes) -> tuple[Node | None, list[Diagnostic]]:
    """Read one YAML document.

    Args:
        file: the path to show in diagnostics.
        data: the file's bytes, UTF-8 with or without a byte order mark.

    Returns:
        The root node and what was found. The node is None for an empty file and for one that cannot
        be read as YAML at all; with other errors (a duplicate key, an anchor) it holds the rest.
        No bytes whatever make this raise, and every place lies inside the file.
    """
    return _Builder(file, data).build()


# A key or value that would not survive being shown, hashed or put in a mail header.
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_UNCLOSED: Final = re.compile(r"unexpected end of stream|unexpected document separator|expected ',' or")
_LINE_BREAK: Final = re.compile(r"\r\n|\n|\r")
_INDENT_TAB: Final = re.compile(r"^ *\t", re.MULTILINE)

_NUMBERS: Final[tuple[tuple[re.Pattern[str], Callable[[str], int | float | date]], ...]] = (
    (re.compile(r"[-+]?[0-9]+\Z"), int),
    (re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z"), date.fromisoformat),
)
_LONGEST_NUMBER: Final = 300  # characters; longer "numbers" stay text (Python refuses to convert 4,300)
_CONSTANTS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def resolve_plain(text: str) -> str | int | float | bool | date | None:
    """Return the value of a plain (unquoted) scalar: YAML 1.2 core schema, plus ISO 8601 dates."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    # A cheap look at the first character: almost every scalar of a rule file is a word.
    if len(text) > _LONGEST_NUMBER or not (text[0] in "+-." or "0" <= text[0] <= "9"):
        return text
    for pattern, convert in _NUMBERS:
        if pattern.match(text):
            try:
                return convert(text)
            except ValueError:  # 2025-02-30 stays text: whoever wants a date says what is wrong with it
                return text
    return text


# What ruamel.yaml says, in part, and what an analyst should read instead: (part, text, hint).
_SYNTAX_HELP: Final = (
    (
        "mapping values are not allowed",
        "a colon followed by a space starts a value, and none can stand here",
        "put the whole text in quotes, or check the indentation",
    ),
    (
        "could not find expected ':'",
        "this line is neither a list item nor `key: value`",
        'is the ":" after the key missing, or the closing quote of an earlier text?',
    ),
    (
        "expected <block end>, but found '<scalar>'",
        "text goes on after the closing quote",
        "quote the whole text",
    ),
    (
        "expected <block end>, but found '-'",
        "a list item stands here that belongs to no list",
        "indent it like the other items",
    ),
    ("expected <block end>", "this does not continue what stands above it", "check the indentation"),
    (
        "expected ',' or ']'",
        "the list that starts here with [ is not closed, or a comma is missing in it",
        "close it with ]",
    ),
    (
        "expected ',' or '}'",
        "the mapping that starts here with { is not closed, or a comma is missing in it",
        "close it with }",
    ),
    (
        "found unexpected end of stream",
        "the quoted text that starts here is not closed",
        "add the closing quote",
    ),
    (
        "found unexpected document separator",
        "the quoted text that starts here is not closed before ---",
        "add the closing quote",
    ),
    ("that cannot start any token", "a text cannot start with this character", "put the text in quotes"),
    ("found unknown escape character", 'unknown escape after "\\"', "use single quotes, or write \\\\"),
    ("did not find expected digit", 'unfinished escape after "\\"', "use single quotes, or write \\\\"),
    ("expected alphabetic or numeric character", "a text cannot start with & or *", "put the text in quotes"),
    ("expected the node content", "a value is missing here", ""),
    (
        "sequence entries are not allowed here",
        "a list cannot start on this line",
        "start it on a line of its own",
    ),
)


class _Builder:
    """One reading of one file: events in, nodes and diagnostics out."""

    def __init__(self, file: str, data: bytes) -> None:
        self._file = file
        self._data = data
        self._text = ""
        self._line_starts = [0]
        self._diagnostics: list[Diagnostic] = []

    def build(self) -> tuple[Node | None, list[Diagnostic]]:
        """Read the file; see `parse`."""
        root: Node | None = None
        try:
            self._decode()
            self._refuse_characters()
            root = self._compose()
        except _StopReadingError:
            root = None
        except MarkedYAMLError as error:
            self._syntax_error(error)
        except Exception as error:  # noqa: BLE001 - the contract: no bytes make this raise
            # The parser's own defects on odd input (such as an escape beyond Unicode) are the file's
            # fault as far as the person who edits it is concerned.
            self._report(0, "yaml-syntax", f"this is not YAML that can be read: {_one_line(error)}")
        self._diagnostics.sort(key=lambda found: found.place)
        return root, self._diagnostics

    def _decode(self) -> None:
        if len(self._data) > MAX_BYTES:
            self._stop(0, "file-too-large", f"the file is larger than {MAX_BYTES // 1024**2} MB", "split it")
        try:
            self._text = self._data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            # The place is counted over what came before it, which is valid.
            self._text = self._data[: error.start].decode("utf-8-sig", "replace")
            self._index_lines()
            byte = self._data[error.start]
            what = f"byte 0x{byte:02x} is not UTF-8"
            self._stop(len(self._text), "not-utf-8", what, "save the file as UTF-8")
        self._index_lines()

    def _index_lines(self) -> None:
        self._line_starts = [0, *(found.end() for found in _LINE_BREAK.finditer(self._text))]

    def _refuse_characters(self) -> None:
        """Refuse tabs and control characters; go on when the structure cannot be hurt by them."""
        unprintable = _UNPRINTABLE.search(self._text.replace("\r", "\n"))
        if unprintable:
            what = f"control character U+{ord(unprintable[0]):04X} in the file"
            self._stop(unprintable.start(), "control-character", what, "delete it")
        if "\t" not in self._text:
            return
        last_line = -1
        for found in re.finditer("\t", self._text):
            line = self._place(found.start()).line
            if line != last_line:
                self._report(found.start(), "tab", "tab in the file", "use spaces")
            last_line = line
        if _INDENT_TAB.search(self._text):
            raise _StopReadingError
        self._text = self._text.replace("\t", " ")

    def _compose(self) -> Node | None:
        root: Node | None = None
        documents = 0
        # Open collections, innermost last: [start index, is mapping, children].
        open_nodes: list[tuple[int, bool, list[Node]]] = []
        for event in events(self._text):
            node: Node | None = None
            if event.kind is Kind.SCALAR or event.kind is Kind.ALIAS:
                node = self._scalar(event)
            elif event.kind is Kind.END:
                node = self._close(*open_nodes.pop())
            elif event.kind is Kind.DOCUMENT:
                documents += 1
                self._check_document(event, documents)
            else:
                self._open(event, len(open_nodes))
                open_nodes.append((event.start, event.kind is Kind.MAPPING, []))
            if node is None:
                continue
            if open_nodes:
                open_nodes[-1][2].append(node)
            else:
                root = node
        return None if isinstance(root, ScalarNode) and root.value is None and not root.quoted else root

    def _check_document(self, event: Event, documents: int) -> None:
        if documents > 1:
            self._stop(
                event.start, "several-documents", "a second YAML document starts here", "one document a file"
            )
        if event.version is not None and tuple(event.version) != (1, 2):
            self._report(0, "yaml-version", "only YAML 1.2 is read", "remove the %YAML line")
        if event.tag_lines:
            self._report(0, "yaml-tag", "%TAG is not accepted", "remove the line")

    def _open(self, event: Event, depth: int) -> None:
        self._refuse_properties(event)
        if depth >= MAX_DEPTH:
            self._stop(
                event.start, "too-deep", f"more than {MAX_DEPTH} levels inside each other", "use macros"
            )

    def _refuse_properties(self, event: Event) -> None:
        if event.anchor:
            what = f'anchor "&{event.anchor}" is not accepted'
            self._report(event.start, "yaml-anchor", what, "use a macro or a list")
        if event.tag is not None:
            what = f'tag "{event.tag}" is not accepted'
            self._report(event.start, "yaml-tag", what, "remove it, or quote the text")

    def _scalar(self, event: Event) -> ScalarNode:
        place = self._place(event.start)
        if event.kind is Kind.ALIAS:
            what = f'alias "*{event.anchor}" is not accepted'
            self._report(event.start, "yaml-alias", what, "use a macro or a list, or quote the text")
            return ScalarNode(f"*{event.anchor}", f"*{event.anchor}", quoted=True, place=place)
        self._refuse_properties(event)
        text = event.value
        unprintable = _UNPRINTABLE.search(text)
        if unprintable:  # from an escape in a double-quoted text
            what = f"control character U+{ord(unprintable[0]):04X} in a text"
            self._report(event.start, "control-character", what, "delete it")
            text = _UNPRINTABLE.sub(" ", text)
        return ScalarNode(text if event.quoted else resolve_plain(text), text, event.quoted, place)

    def _close(self, start: int, is_mapping: bool, children: list[Node]) -> Node:
        place = self._place(start)
        if not is_mapping:
            return SequenceNode(tuple(children), place)
        entries: dict[str, tuple[ScalarNode, Node]] = {}
        for key, value in zip(children[::2], children[1::2], strict=True):
            if not isinstance(key, ScalarNode):
                self._add(
                    Diagnostic(key.place, "error", "key-not-text", "a key has to be a single word or text")
                )
            elif key.text in entries:
                first = entries[key.text][0].place.line
                what = f'key "{key.text}" is here twice (first in line {first})'
                self._add(Diagnostic(key.place, "error", "duplicate-key", what, "keep one of them"))
            else:
                entries[key.text] = (key, _beside(key, value))
        return MappingNode(tuple(entries.values()), place)

    def _syntax_error(self, error: MarkedYAMLError) -> None:
        said = " ".join(part for part in (error.context, error.problem) if part)
        marks = (error.problem_mark, error.context_mark)
        # What is not closed is shown where it opens: at the end of the file nobody sees the cause.
        mark = next(filter(None, reversed(marks) if _UNCLOSED.search(said) else marks), None)
        unknown = ("", f"this is not YAML that can be read: {_one_line(said)}", "")
        _, text, hint = next((known for known in _SYNTAX_HELP if known[0] in said), unknown)
        self._report(mark.index if mark else 0, "yaml-syntax", text, hint)

    def _place(self, index: int) -> Place:
        index = max(0, min(index, len(self._text)))
        line = bisect_right(self._line_starts, index)
        return Place(self._file, line, index - self._line_starts[line - 1] + 1)

    def _add(self, found: Diagnostic) -> None:
        self._diagnostics.append(found)

    def _report(self, index: int, code: str, text: str, hint: str = "") -> None:
        self._add(Diagnostic(self._place(index), "error", code, text, hint))

    def _stop(self, index: int, code: str, text: str, hint: str = "") -> None:
        self._report(index, code, text, hint)
        raise _StopReadingError


def _beside(key: ScalarNode, value: Node) -> Node:
    """Return `value`; one that is not there is shown at its key, not at whatever comes next."""
    absent = isinstance(value, ScalarNode) and not value.text and not value.quoted
    return replace(value, place=key.place) if absent else value


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
