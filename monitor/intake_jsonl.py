"""Read items from JSON Lines, as `monitor match` and backtests take them."""

from __future__ import annotations

import json
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from monitor.feeds.dates import read_date
from monitor.models import Item, stable_id
from monitor.text.clean import visible_text
from monitor.text.origins import visible_with_origins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from monitor.models import Evidence
    from monitor.text.origins import Traced

VISIBLE: Final = ("title", "summary", "content")  # may hold HTML
TEXTS: Final = ("title", "summary", "content", "author", "language", "url", "feed")

EXAMPLE: Final = '{"id": "1", "title": "Envoy lands in Vienna"}'


class Line(NamedTuple):
    """One line that can be matched."""

    item: Item
    feed: str  # id of the feed it names, "" for none
    remark: str = ""  # what is odd about it, for people
    sources: Mapping[str, str] = MappingProxyType({})  # the fields that hold markup, as written

    def quoted(self, evidence: Iterable[Evidence]) -> Iterator[Evidence]:
        """Return evidence with spans in the line's own text and the text cut out there.

        Where a field holds markup, a cut may hold markup, too: `cease<b>fire</b>`.
        """
        traced: dict[str, Traced] = {}
        for piece in evidence:
            source = self.sources.get(piece.field)
            if source is None:
                yield piece
                continue
            if piece.field not in traced:
                traced[piece.field] = visible_with_origins(source)
            start, end = traced[piece.field].source_span(piece.start, piece.end)
            yield replace(piece, start=start, end=end, text=source[start:end])


def read_items(lines: Iterable[bytes], now: datetime) -> Iterator[tuple[int, Line | str]]:
    """Yield (line number, the line or what is wrong with it); empty lines are passed over.

    Keys of a line: `id`, `title`, `summary`, `content`, `author`, `language`, `url`, `published`, `feed`;
    all but `id` may be missing or null, others are ignored. Title, summary and content may hold HTML; one
    without markup is taken letter by letter.

    Args:
        lines: of the file, as bytes.
        now: dates items without `published`, and decides what lies in the future.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _read(line, now)


def _read(line: bytes, now: datetime) -> Line | str:
    try:
        value = json.loads(line)
    except UnicodeDecodeError:
        return "not text in UTF-8: is this a JSON Lines file?"
    except (ValueError, RecursionError) as error:
        where = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        return f"not JSON{where}: write one object a line, such as {EXAMPLE}"
    return _problem(value) or _parsed(value, now)


def _problem(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Say what is wrong with one line's value; "" when it can be matched."""
    if not isinstance(value, dict):
        return f"expected an object with id and title, got {type(value).__name__}"
    name = value.get("id")
    if not isinstance(name, str | int) or isinstance(name, bool):
        return 'the key "id" is missing: give each item a text or number of its own'
    for key in TEXTS:
        if not isinstance(value.get(key), str | None):
            return f'"{key}" is no text; put it in quotes'
    if not any(value.get(key) for key in ("title", "summary", "content")):
        return f"there is nothing to match: give it a title, summary or content, such as {EXAMPLE}"
    return ""


def _parsed(value: dict[str, Any], now: datetime) -> Line:
    published = value.get("published")
    unread = published is not None and (not isinstance(published, str) or read_date(published, now) is None)
    shown = f"{str(published)[:40]!r}"
    remark = f'"published" is no date that can be read: {shown}; matched as undated' if unread else ""
    sources = {key: value[key] for key in VISIBLE if _is_html(value.get(key))}
    return Line(_item(str(value["id"]), value, now), value.get("feed") or "", remark, sources)


def _item(name: str, value: dict[str, Any], now: datetime) -> Item:
    published = value.get("published")
    published_at = read_date(published, now) if isinstance(published, str) else None
    return Item(
        item_id=stable_id("jsonl", name),
        feed_id=value.get("feed") or "",
        key=name,
        title=_text(value.get("title")),
        summary=_text(value.get("summary")),
        content=_text(value.get("content")),
        author=value.get("author") or "",
        url=value.get("url") or "",
        language=value.get("language") or "",
        published_at=published_at,
        first_seen_at=published_at or now,
    )


def _text(value: str | None) -> str:
    """Return the visible text; a text without markup is that already, letter by letter."""
    if not value:
        return ""
    return visible_text(value) if _is_html(value) else value


def _is_html(value: str | None) -> bool:
    return value is not None and ("<" in value or "&" in value)
