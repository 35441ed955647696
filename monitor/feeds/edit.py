"""Adds feeds to `feeds.yaml` and removes them; every other line stays as it was, comments included; pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from monitor.document import MappingNode, ScalarNode, SequenceNode, parse
from monitor.document.parse import resolve_plain
from monitor.errors import ConfigurationError
from monitor.feeds.catalog import read_catalog
from monitor.models import Tier

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import timedelta

    from monitor.document import Node
    from monitor.models import Feed

_PLAIN = re.compile(r"[^\W_](?:[\w .,/()'+&;!?=~@%-]|:(?=\S)|#(?<=\S#))*\Z")
_FLOW = 'its feeds stand in "[ ... ]"; write each as an entry of its own that begins with "- id:"'


def add_feeds(file: str, data: bytes, feeds: Sequence[Feed]) -> bytes:
    """Return the catalogue with `feeds` at its end.

    Args:
        file: path for messages.
        data: the file's bytes; empty for a new one.
        feeds: those to add; a title equal to the id and defaults are not written.

    Raises:
        ConfigurationError: the file cannot be edited, or the result would have a new mistake.
    """
    text, newline = _text(data)
    lines = text.split("\n")
    sequence = _feeds(file, data)
    if isinstance(sequence, SequenceNode) and sequence.items:
        indent, end = _indent(lines, sequence), _end(lines, sequence, len(sequence.items) - 1)
    else:
        indent, end = "  ", _make_room(lines)
    entries = [line for feed in feeds for line in _entry(feed, indent)]
    lines[end:end] = entries
    return _checked(file, data, newline.join(lines), {feed.feed_id for feed in feeds}, set())


def remove_feeds(file: str, data: bytes, feed_ids: Collection[str]) -> bytes:
    """Return the catalogue without those feeds; comments above them stay, comments in them go.

    Raises:
        ConfigurationError: a feed is not there, or the file cannot be edited.
    """
    text, newline = _text(data)
    lines = text.split("\n")
    sequence = _feeds(file, data)
    items = sequence.items if isinstance(sequence, SequenceNode) else ()
    places = {name: number for number, item in enumerate(items) if (name := _id(item))}
    missing = [name for name in feed_ids if name not in places]
    if missing or not isinstance(sequence, SequenceNode):
        raise ConfigurationError(f'{file}: there is no feed "{missing[0] if missing else ""}" in it')
    _indent(lines, sequence)
    for number in sorted((places[name] for name in feed_ids), reverse=True):
        del lines[items[number].place.line - 1 : _end(lines, sequence, number)]
    if len(set(feed_ids)) == len(items):
        _empty(lines)
    return _checked(file, data, newline.join(lines), set(), set(feed_ids))


def _text(data: bytes) -> tuple[str, str]:
    """Return the file with plain line breaks, and the breaks that it has."""
    text = data.decode("utf-8", "surrogateescape")
    return text.replace("\r\n", "\n"), "\r\n" if "\r\n" in text else "\n"


def _feeds(file: str, data: bytes) -> Node | None:
    root, findings = parse(file, data)
    broken = [finding for finding in findings if finding.level == "error"]
    if broken or not isinstance(root, MappingNode | None):
        where = broken[0] if broken else f"{file}: this is no feed catalogue"
        raise ConfigurationError(f"{where}; correct it first")
    return next((value for key, value in root.entries if key.text == "feeds"), None) if root else None


def _id(item: Node) -> str:
    if not isinstance(item, MappingNode):
        return ""
    return next((v.text for k, v in item.entries if k.text == "id" and isinstance(v, ScalarNode)), "")


def _indent(lines: Sequence[str], sequence: SequenceNode) -> str:
    """Return what stands before each dash."""
    for item in sequence.items:
        line = lines[item.place.line - 1]
        if not re.match(r" *- ", line) or line.index("-") >= item.place.column - 1:
            raise ConfigurationError(f"{item.place}: {_FLOW}")
    return lines[sequence.items[0].place.line - 1].partition("-")[0]


def _end(lines: Sequence[str], sequence: SequenceNode, number: int) -> int:
    """Return the index of the line behind an entry; blank lines and comments behind it are not the entry's.

    A comment is the entry's own when it is indented as deep as its keys.
    """
    item = sequence.items[number]
    start = item.place.line
    if number + 1 < len(sequence.items):
        limit = sequence.items[number + 1].place.line - 1
    else:
        limit = next((at for at in range(start, len(lines)) if re.match(r"[^\s#-]", lines[at])), len(lines))
    deep = item.place.column - 1
    while limit > start:
        line = lines[limit - 1]
        if line.strip() and not (line.lstrip().startswith("#") and len(line) - len(line.lstrip()) < deep):
            break
        limit -= 1
    return limit


def _make_room(lines: list[str]) -> int:
    """Make an empty block list of `feeds:`; return the index of the line where entries go."""
    for at, line in enumerate(lines):
        if re.match(r"feeds\s*:", line):
            lines[at] = re.sub(r":\s*(?:\[\s*\]|null|~)(?=\s|\Z)", ":", line, count=1)
            return at + 1
    while lines and not lines[-1].strip():
        lines.pop()
    if not any(re.match(r"version\s*:", line) for line in lines):
        lines.append("version: 1")
    lines += ["feeds:", ""]
    return len(lines) - 1


def _empty(lines: list[str]) -> None:
    for at, line in enumerate(lines):
        if re.match(r"feeds\s*:", line):
            lines[at] = re.sub(r":", ": []", line, count=1)


def _entry(feed: Feed, indent: str) -> list[str]:
    """Return a feed's lines, in the order of the shipped catalogue."""
    fields = {
        "id": feed.feed_id,
        "url": feed.url,
        "title": feed.title if feed.title != feed.feed_id else "",
        "tier": feed.tier.value if feed.tier is not Tier.NATIONAL else "",
        "owner": feed.owner,
        "country": feed.country,
        "language": feed.language,
        "category": feed.category,
        "expect_every": _duration(feed.expect_every) if feed.expect_every else "",
    }
    written = [f"{key}: {_scalar(value)}" for key, value in fields.items() if value]
    return [f"{indent}{'- ' if not number else '  '}{line}" for number, line in enumerate(written)]


def _scalar(text: str) -> str:
    """Return a text as YAML: plain where nothing can be misread, else in double quotes."""
    plain = _PLAIN.match(text) and resolve_plain(text) == text and not text.endswith(" ")
    return text if plain else json.dumps(text, ensure_ascii=False)


def _duration(value: timedelta) -> str:
    minutes = round(value.total_seconds() / 60)
    for unit, size in (("d", 1440), ("h", 60)):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


def _checked(file: str, before: bytes, text: str, added: set[str], removed: set[str]) -> bytes:
    """Return the edited file if it says what it should and nothing else.

    Raises:
        ConfigurationError: it has a mistake that was not there, or another feed has changed.
    """
    after = text.encode("utf-8", "surrogateescape")
    old, found_before = read_catalog(file, before) if before.strip() else ((), ())
    new, found = read_catalog(file, after)
    known = {(one.code, one.text) for one in found_before}
    fresh = [one for one in found if one.level == "error" and (one.code, one.text) not in known]
    if fresh:
        raise ConfigurationError(f"{fresh[0].text} ({fresh[0].hint})" if fresh[0].hint else fresh[0].text)
    kept = {feed.feed_id: feed for feed in new if feed.feed_id not in added}
    if kept != {feed.feed_id: feed for feed in old if feed.feed_id not in removed}:
        raise ConfigurationError(f"{file}: its form is too unusual to be edited safely; edit it by hand")
    return after
