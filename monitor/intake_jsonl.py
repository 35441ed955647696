"""Read items from JSON Lines, as `monitor match` and backtests take them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from monitor.feeds.dates import read_date
from monitor.models import Item, stable_id
from monitor.text.clean import visible_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TEXTS: Final = ("title", "summary", "content", "author", "language", "url", "feed")
UNDATED: Final = datetime(1970, 1, 1, tzinfo=UTC)

Line: TypeAlias = tuple[Item, str]  # the item, and the id of the feed it names ("" for none)


def read_items(lines: Iterable[bytes]) -> Iterator[tuple[int, Line | str]]:
    """Yield (line number, (item, feed id) or what is wrong with the line); empty lines are passed over.

    Keys of a line: `id`, `title`, `summary`, `content`, `author`, `language`, `url`, `published`, `feed`;
    all but `id` may be missing or null, others are ignored. Texts may hold HTML.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _read(line)


def _read(line: bytes) -> Line | str:
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
    return _item(str(name), value), value.get("feed") or ""


def _item(name: str, value: dict[str, Any]) -> Item:
    published = value.get("published")
    published_at = read_date(published, UNDATED) if isinstance(published, str) else None
    return Item(
        item_id=stable_id("jsonl", name),
        feed_id=value.get("feed") or "",
        key=name,
        title=visible_text(value.get("title") or ""),
        summary=visible_text(value.get("summary") or ""),
        content=visible_text(value.get("content") or ""),
        author=value.get("author") or "",
        url=value.get("url") or "",
        language=value.get("language") or "",
        published_at=published_at,
        first_seen_at=published_at or UNDATED,
    )
