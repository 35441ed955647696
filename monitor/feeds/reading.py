"""Reads a document of a feed whose last document is remembered: only what is new or changed becomes an item.

Of each entry of the last processed document a line is kept: the digest of its bytes, which item it is, and
what its neighbours' names depend on. An entry with a known digest says what it said before, so it costs
neither parsing nor normalizing nor matching nor a look into the store. Not "seen before" but "in the last
document" is what counts: a text that is edited and edited back is a change both times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from monitor.feeds.identity import Sketch, repeated_guid, sketch
from monitor.feeds.normalize import entry_items, merged
from monitor.feeds.parse import parse
from monitor.models import IdentityMode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from monitor.feeds.results import ParsedFeed
    from monitor.models import Feed, Item

READER = "2"  # raised when entries are read or named in another way: then every entry is read again
_NONE = "-"  # written for an empty part


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document says beyond what the last one said."""

    parsed: ParsedFeed  # the document as a whole; its entries went into `items` and are left out
    items: tuple[Item, ...]  # of entries that are not known to the byte, in document order
    unchanged: tuple[str, ...] = ()  # ids of the other items, in document order
    gone: tuple[str, ...] | None = None  # ids of what only the last document had; None = it is not remembered
    kept: int = 0  # of the unchanged, how many have their guid for a name
    repeated: str = ""  # a guid that the document gives to several entries, see `identity.repeated_guid`
    window: str = ""  # what the next poll has to know of this document


class _Line(NamedTuple):
    """What is remembered of one entry."""

    item_id: str  # "" = it says nothing
    sketch: Sketch
    row: str  # as it is written


def _line(digest: str, item: Item | None, sketch: Sketch) -> _Line:
    item_id = item.item_id if item else ""
    return _Line(item_id, sketch, " ".join(part or _NONE for part in (digest, item_id, *sketch)))


def read(
    body: bytes,
    headers: Mapping[str, str],
    url: str,
    feed: Feed,
    mode: IdentityMode,
    window: str,
    now: datetime,
) -> Reading:
    """Read one document.

    Args:
        body: see `parse`.
        headers: see `parse`.
        url: see `parse`.
        feed: the feed's configuration.
        mode: how its entries are named.
        window: `Reading.window` of the last document that was stored; "" = none.
        now: time of the poll.

    Raises:
        ParseError: see `parse`.
    """
    head = f"{READER} {mode.value}"
    around, lines = _remembered(window, head)
    parsed = parse(body, headers, url, lines, around)
    shown = dict.fromkeys(parsed.layout)
    known = [lines[digest] for digest in shown if digest in lines]
    others = [line.sketch for line in known]
    found = entry_items(feed, parsed, mode, now, others)
    return Reading(
        replace(parsed, entries=(), digests=(), layout=(), around=""),
        *_put_together(parsed, lines, found),
        gone=tuple(line.item_id for digest, line in lines.items() if digest not in shown) if lines else None,
        kept=sum(bool(line.sketch.guid) for line in known) if mode is IdentityMode.GUID else 0,
        repeated=repeated_guid(parsed.entries, others) if mode is IdentityMode.GUID else "",
        window="\n".join((f"{head} {parsed.around or _NONE}", *_lines(parsed, lines, found))),
    )


def _put_together(
    parsed: ParsedFeed, lines: Mapping[str, _Line], found: list[Item | None]
) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """Return the items and the ids of the unchanged ones, each item once: the first of its name counts."""
    items: dict[str, Item] = {}
    unchanged: dict[str, None] = {}
    coming = iter(zip(parsed.digests, found, strict=True))
    digest, item = next(coming, ("", None))
    for place in parsed.layout:
        if place in lines:
            if (item_id := lines[place].item_id) and item_id not in items:
                unchanged[item_id] = None
        elif place == digest:
            if item is not None and item.item_id not in unchanged:
                first = items.get(item.item_id)
                items[item.item_id] = item if first is None else merged(first, item)
            digest, item = next(coming, ("", None))
    return tuple(items.values()), tuple(unchanged)


def _lines(parsed: ParsedFeed, lines: Mapping[str, _Line], found: list[Item | None]) -> list[str]:
    """Return what is to be remembered, in document order."""
    read_now = {
        digest: _line(digest, item, sketch(entry))
        for digest, entry, item in zip(parsed.digests, parsed.entries, found, strict=True)
    }
    nothing = Sketch("", "", "")
    return [
        (lines.get(digest) or read_now.get(digest) or _line(digest, None, nothing)).row
        for digest in dict.fromkeys(parsed.layout)
    ]


def _remembered(window: str, head: str) -> tuple[str, dict[str, _Line]]:
    """Return what all entries inherited, and what is remembered of each, by digest.

    Nothing when the window was written by another reader.
    """
    first, *rows = window.split("\n")
    start, _, around = first.rpartition(" ")
    if start != head:
        return "", {}
    lines = {}
    for row in rows:
        digest, *parts = row.split(" ")
        item_id, *names = parts if _NONE not in parts else ("" if part == _NONE else part for part in parts)
        lines[digest] = _Line(item_id, Sketch._make(names), row)
    return around if around != _NONE else "", lines


def rename(window: str, names: Mapping[str, str]) -> str:
    """Return the window with other item ids.

    Args:
        window: of a `Reading`.
        names: the id under which the store has an item, by the id that the reading gave it.
    """
    for given, stored in names.items():
        window = window.replace(f" {given} ", f" {stored} ")
    return window
