"""Read items from JSON Lines, as `monitor match` and backtests take them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from monitor.feeds.dates import read_date
from monitor.models import Item, stable_id
from monitor.text.clean import visible_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

TEXTS: Final = ("title", "summary", "content", "author", "language", "url", "feed")

Line: TypeAlias = tuple[Item, str]  # the item, and the id of the feed it names ("" for none)


def read_items(lines: Iterable[bytes], now: datetime) -> Iterator[tuple[int, Line | str]]:
    """Yield (line number, (item, feed id) or what is wrong with the line); empty lines are passed over.

    Keys of a line: `id`, `title`, `summary`, `content`, `author`, `language`, `url`, `published`, `feed`;
    all but `id` may be missing or null, others are ignored. Texts may hold HTML; one without markup is
    taken letter by letter, so that evidence points into the line's own text.

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
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}; write one object a line"
    if not isinstance(value, dict):
        return f"expected an object with id and title, got {type(value).__name__}"
    name = value.get("id")
    if not isinstance(name, str | int) or isinstance(name, bool):
        return 'the key "id" is missing: give each item a text or number of its own'
    wrong = [key for key in TEXTS if not isinstance(value.get(key), str | None)]
    if wrong:
        return f'"{wrong[0]}" is no text; put it in quotes'
    return _item(str(name), value, now), value.get("feed") or ""


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
    """Return the visible text; spans in text without markup are then offsets in the line itself."""
    if not value:
        return ""
    return visible_text(value) if "<" in value or "&" in value else value
