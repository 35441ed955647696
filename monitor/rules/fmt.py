"""The standard form of the files that people edit: order of keys, indentation, quotes, blank lines.

Not a YAML dumper: what a file says and its comments stay, and every result is read again and compared
with the original before it is given out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.document import Diagnostic, MappingNode, Place, ScalarNode, SequenceNode, parse
from monitor.document.layout import Collection, Entry, Scalar, read_layout
from monitor.document.parse import resolve_plain
from monitor.rules.fmt_order import ROLES, Role

if TYPE_CHECKING:
    from monitor.document import Node
    from monitor.document.layout import Layout, Note
    from monitor.document.layout import Node as Written

WIDTH: Final = 120  # characters of a line; only a text that cannot be broken is longer
STEP: Final = 2  # spaces


@dataclass(frozen=True, slots=True)
class Formatted:
    """What came of one file."""

    data: bytes  # in standard form; as it was if it has errors
    changed: bool
    errors: tuple[Diagnostic, ...] = ()  # why it was left as it is


def format_file(path: str, data: bytes, *, shown: str = "") -> Formatted:
    """Return a file in its standard form.

    The result loads to the same rules, lists, feeds or routes, and is its own standard form.

    Args:
        path: relative to the rules directory, with "/": says which kind of file it is.
        data: its bytes.
        shown: the path for messages; `path` if empty.
    """
    shown = shown or path
    root, diagnostics = parse(shown, data)
    errors = tuple(one for one in diagnostics if one.level == "error")
    if errors:
        return Formatted(data, changed=False, errors=errors)
    text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    layout = read_layout(text)
    comments = _comments(layout)
    made = print_layout(layout, path)
    again, found = parse(shown, made)
    if found or _meaning(root) != _meaning(again) or comments != _comments(read_layout(made.decode())):
        what = "this file uses YAML that has no standard form here; it stays as it is"
        return Formatted(
            data, changed=False, errors=(Diagnostic(Place(shown, 1, 1), "error", "no-standard-form", what),)
        )
    return Formatted(made, changed=made != data)


def print_layout(layout: Layout, path: str) -> bytes:
    """Return a layout in standard form; its keys are put in order in place.

    Args:
        layout: what to write.
        path: relative to the rules directory: says which kind of file it is.
    """
    return _Printer().document(layout, file_role(path)).encode()


def file_role(path: str) -> str:
    """Return the role of the file at `path`, relative to the rules directory."""
    kinds = {"feeds.yaml": "feeds file", "feeds.yml": "feeds file"}
    kinds |= {"routes.yaml": "routes file", "routes.yml": "routes file"}
    return kinds.get(path, "rules file")


def _meaning(node: Node | None) -> object:
    """Return what a node says: values with their types, keys without their order."""
    if isinstance(node, MappingNode):
        return {key.text: _meaning(value) for key, value in node.entries}
    if isinstance(node, SequenceNode):
        return [_meaning(item) for item in node.items]
    return (type(node.value), node.text) if isinstance(node, ScalarNode) else None


def _comments(layout: Layout) -> Counter[str]:
    """Return all comments of a file, for comparison."""
    found = Counter([*layout.top, *layout.bottom])
    pending = [layout.root]
    while pending:
        node = pending.pop()
        if not isinstance(node, Collection):
            continue
        found.update(node.below)
        for entry in node.entries:
            found.update(entry.above)
            found.update(note.text for note in (entry.head, entry.beside) if note)
            pending.append(entry.value)
    del found[""]
    return found


# --- scalars ---------------------------------------------------------------------------------------

# Plain text that older YAML readers (1.1, many editors) take for something else.
_READ_OTHERWISE: Final = re.compile(
    r"(?i:yes|no|on|off|y|n|true|false|null|~|<<|=)"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"  # 22:00 is 1320
    r"|[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?"
)
_NEVER_FIRST: Final = "#&*!|>'\"%@`,[]{}"
_UNSAFE: Final = re.compile(
    r": |:\Z| #|[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]|\A\s|\s\Z|\A[-?:](?: |\Z)|\A(?:---|\.\.\.)"
)
_UNSAFE_IN_FLOW: Final = re.compile(r"[,\[\]{}]|:(?=[\s\"'])|\A[-?:]")
_ESCAPED: Final = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff]")


def scalar_text(text: str, *, flow: bool = False) -> str:
    """Return a text as YAML reads it back as text: plain if that is safe, else in quotes.

    Args:
        text: what it says.
        flow: it stands in brackets.
    """
    if text and isinstance(resolve_plain(text), str) and _may_be_plain(text, flow=flow):
        return text
    if not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]", text):
        return "'" + text.replace("'", "''") + "'" if "\\" in text or '"' in text else f'"{text}"'
    quoted = json.dumps(text, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _may_be_plain(text: str, *, flow: bool) -> bool:
    if text[0] in _NEVER_FIRST or _UNSAFE.search(text) or _READ_OTHERWISE.fullmatch(text):
        return False
    return not (flow and _UNSAFE_IN_FLOW.search(text))


def _scalar(scalar: Scalar, *, flow: bool = False) -> str:
    """Return a scalar on one line."""
    if not scalar.style and not isinstance(resolve_plain(scalar.text), str):
        return scalar.text  # a number, date, true, false, or nothing at all
    return scalar_text(scalar.text, flow=flow)


def _folded(text: str, indent: int, column: int) -> list[str]:
    """Break a text at single spaces; each break is read as a space again."""
    lines = [""]
    room = WIDTH - column
    for word in re.split(r"(?<=[^ ]) (?=[^ #])", text):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > room:
            lines.append(word)
            room = WIDTH - indent
        else:
            lines[-1] += f" {word}" if lines[-1] else word
    return [lines[0], *(" " * indent + line for line in lines[1:])]


def _block_scalar(scalar: Scalar, indent: int) -> list[str]:
    """Return a text after | or > with its lines indented anew."""
    header, *lines = scalar.raw.split("\n")
    filled = [line for line in lines if line.strip(" ")]
    stated = re.match(r"[|>][+-]?([1-9])", header)
    # Only a text that begins with spaces states its indentation; the check of the result guards the rest.
    old = min((len(line) - len(line.lstrip(" ")) for line in filled), default=0)
    if stated:
        header = header.replace(stated[1], str(STEP), 1)
    return [header, *(" " * indent + line[old:] if line.strip(" ") else "" for line in lines)]


# --- collections -----------------------------------------------------------------------------------


def _in_line(node: Written) -> str | None:
    """Return a node in brackets on one line, None when comments or its style do not allow it."""
    if isinstance(node, Scalar):
        return _scalar(node, flow=True)
    parts: list[str] = []
    for entry in node.entries:
        value = _in_line(entry.value)
        if value is None or entry.above or entry.beside:
            return None
        if entry.key is not None:
            key = _scalar(entry.key, flow=True)
            value = f"{key}: {value}" if value else f"{key}:"
        parts.append(value)
    if node.below:
        return None
    opening, closing = "{}" if node.mapping else "[]"
    return f"{opening}{', '.join(parts)}{closing}"


def _has_mapping(node: Written) -> bool:
    return isinstance(node, Collection) and (
        node.mapping or any(_has_mapping(entry.value) for entry in node.entries)
    )


class _Filling:
    """A list in brackets on as many lines as it takes, its items below each other."""

    def __init__(self, column: int) -> None:
        self._column = column
        self._pad = " " * (column + 1)
        self._fresh = True  # no item stands on the last line yet
        self.lines = ["["]

    def comment(self, text: str) -> None:
        """Put a comment on a line of its own."""
        if self._fresh and len(self.lines) > 1:
            self.lines.pop()
        self.lines += [self._pad + text, self._pad]
        self._fresh = True

    def item(self, entry: Entry, comma: str) -> None:
        """Put an item where there is room for it."""
        piece = _in_line(entry.value)
        whole = piece is not None and self._column + 1 + len(piece) < WIDTH
        if not self._fresh:
            used = len(self.lines[-1]) + (self._column if len(self.lines) == 1 else 0)
            if whole and piece is not None and used + len(f" {piece},") <= WIDTH:
                self.lines[-1] += " "
            else:
                self.lines.append(self._pad)
        if piece is not None and (whole or isinstance(entry.value, Scalar)):
            self.lines[-1] += piece
        elif isinstance(entry.value, Collection):
            first, *more = _filled(entry.value, self._column + 1)
            self.lines[-1] += first
            self.lines += more
        self.lines[-1] += comma
        self._fresh = False
        if entry.beside:
            self.lines[-1] += f"  {entry.beside.text}"
            self.lines.append(self._pad)
            self._fresh = True


def _filled(node: Collection, column: int) -> list[str]:
    """Return a list of words, and of lists of words, in brackets; the first line begins at `column`."""
    filling = _Filling(column)
    for number, entry in enumerate(node.entries, start=1):
        for comment in entry.above:
            filling.comment(comment)
        filling.item(entry, "," if number < len(node.entries) else "")
    for comment in node.below:
        filling.comment(comment)
    filling.lines[-1] += "]"
    return [line.rstrip() for line in filling.lines]


def _arrange(node: Written, role: Role) -> None:
    """Put the keys of all mappings in their order, and mark collections whose items stand apart."""
    if isinstance(node, Scalar):
        return
    node.apart = role.apart
    node.entries.sort(key=lambda entry: role.rank(entry.key.text) if entry.key else 0)
    for entry in node.entries:
        _arrange(entry.value, ROLES[role.value(entry.key.text) if entry.key else role.items])


class _Printer:
    """Writes a layout in standard form."""

    def document(self, layout: Layout, role: str) -> str:
        """Return the whole file."""
        lines = list(layout.top)
        if isinstance(layout.root, Scalar):
            lines.append(_scalar(layout.root))
        elif layout.root is not None:
            _arrange(layout.root, ROLES[role])
            lines += self._collection(layout.root, 0)
        text = "\n".join((*lines, *layout.bottom)).strip("\n")
        return f"{text}\n" if text else ""

    def _collection(self, node: Collection, indent: int) -> list[str]:
        """Return a collection in block style; every line is indented."""
        if not node.entries:
            return [" " * indent + ("{}" if node.mapping else "[]")]
        lines: list[str] = []
        for number, entry in enumerate(node.entries):
            above = list(entry.above)
            while number == 0 and above and not above[0]:
                above.pop(0)
            if node.apart and number and above[:1] != [""]:
                above.insert(0, "")
            if entry.key is not None:
                made = self._after(" " * indent + _scalar(entry.key) + ":", entry, indent)
            else:
                hoisted, made = self._item(entry, indent)
                above += hoisted
            lines += [" " * indent + line if line else "" for line in above]
            lines += made
        below = node.below if node.below[-1:] != [""] else node.below[:-1]
        return lines + [" " * indent + line if line else "" for line in below]

    def _item(self, entry: Entry, indent: int) -> tuple[list[str], list[str]]:
        """Return comments to put above the dash, and the item's lines."""
        lead = " " * indent + "-"
        value = entry.value
        if not self._as_block(value, len(lead) + 1):
            return [], self._after(lead, entry, indent)
        assert isinstance(value, Collection)
        lines = self._collection(value, indent + STEP)
        # A comment above the first key stands above the dash.
        comments = 0
        while lines[comments].lstrip().startswith("#") or not lines[comments]:
            comments += 1
        hoisted = [line.strip() for line in lines[:comments] if line]
        lines = lines[comments:]
        lines[0] = f"{lead} {lines[0].lstrip()}"
        return hoisted + ([entry.beside.text] if entry.beside else []), lines

    def _after(self, lead: str, entry: Entry, indent: int) -> list[str]:
        """Return the lines of a value that follows `lead`: a key or a dash."""
        value = entry.value
        column = len(lead) + 1
        if isinstance(value, Scalar):
            return self._scalar_after(lead, entry, value, indent)
        if not self._as_block(value, column):
            first, *more = [_in_line(value) or ""] if _fits(value, column) else _filled(value, column)
            whole = [f"{lead} {first}", *more]
            whole[-1] += _note(entry.beside, len(whole[-1]))
            return whole
        inner = self._collection(value, indent + STEP)
        comment = entry.head or entry.beside
        return [lead + _note(comment, len(lead)), *inner]

    def _scalar_after(self, lead: str, entry: Entry, value: Scalar, indent: int) -> list[str]:
        if value.style in ("|", ">"):
            header, *lines = _block_scalar(value, indent + STEP)
            return [f"{lead} {header}", *lines]
        text = _scalar(value)
        column = len(lead) + 1
        if value.folded and column + len(text) > WIDTH and "\\" not in text:
            lines = _folded(text, indent + STEP, column)
        else:
            lines = [text]
        whole = [f"{lead} {lines[0]}".rstrip(" "), *lines[1:]]
        whole[-1] += _note(entry.beside, len(whole[-1]))
        return whole

    @staticmethod
    def _as_block(node: Written, column: int) -> bool:
        """Tell whether a node stands on lines of its own: it did, or it is too much for brackets."""
        if isinstance(node, Scalar):
            return False
        return not node.flow or (bool(node.entries) and _has_mapping(node) and not _fits(node, column))


def _fits(node: Collection, column: int) -> bool:
    line = _in_line(node)
    return line is not None and column + len(line) <= WIDTH


def _note(note: Note | None, length: int) -> str:
    """Return a comment with the room before it: in a column with others, it stays in its column."""
    if note is None:
        return ""
    near = note.gap <= STEP
    return " " * (note.gap if near else max(STEP, note.column - length)) + note.text
