"""Items for a backtest: lines of JSON in the spellings that archives use, or what the store holds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from monitor.feeds.dates import FUTURE, read_date
from monitor.feeds.urls import url_key
from monitor.models import Item, stable_id
from monitor.text.clean import visible_text
from monitor.text.language import UNKNOWN, primary_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from monitor.models import Feed, FeedState

# Which keys of a line are meant; the first that has a value counts.
TITLE: Final = ("title",)
SUMMARY: Final = ("summary", "description")
CONTENT: Final = ("content",)
AUTHOR: Final = ("author",)
URL: Final = ("link", "url")
PUBLISHED: Final = ("published", "pubDate")
SEEN: Final = ("first_seen", "collectedAt")
SOURCE: Final = ("feed", "source")
LANGUAGE: Final = ("language", "lang")
_TEXTS: Final = (*TITLE, *SUMMARY, *CONTENT, *AUTHOR, *URL, *PUBLISHED, *SEEN, *SOURCE, *LANGUAGE)
# RFC 3339, section 5.6, with a zone: there is one way to read it.
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[-+]\d\d:\d\d)\Z", re.ASCII)
_BASELINE: Final = timedelta(minutes=1)  # a feed's first poll and its items carry nearly the same time


class Lines:
    """Reads one archive; items without a date take that of the line before."""

    def __init__(self, feeds: Mapping[str, Feed], now: datetime) -> None:
        """Start.

        Args:
            feeds: configured ones; a line's source is one of them by id, address or title.
            now: decides what lies in the future, and dates a first item that says nothing.
        """
        self._now = now
        self._latest = now
        self._seen: set[str] = set()
        self._sources = _names(feeds)
        self.repeated = 0  # lines with an item that came before

    def read(self, lines: Iterable[bytes]) -> Iterator[tuple[int, Item | str]]:
        """Yield (line number, the item or what is wrong with the line), each item once.

        Empty lines are passed over.
        """
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            found = self._line(line)
            if isinstance(found, str):
                yield number, found
            elif found.item_id in self._seen:
                self.repeated += 1
            else:
                self._seen.add(found.item_id)
                yield number, found

    def _line(self, line: bytes) -> Item | str:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            return f"not JSON: {error}; write one object a line"
        if not isinstance(value, dict):
            return f"expected an object with a title, got {type(value).__name__}"
        wrong = next((key for key in _TEXTS if not isinstance(value.get(key), str | None)), None)
        if wrong:
            return f'"{wrong}" is no text; put it in quotes'
        if not any(value.get(key) for key in (*TITLE, *SUMMARY, *CONTENT)):
            return 'there is no text: give "title", "summary" or "content"'
        return self._item(value)

    def _item(self, value: dict[str, Any]) -> Item:
        published_at = self._date(_first(value, PUBLISHED))
        seen_at = self._date(_first(value, SEEN)) or published_at or self._latest
        self._latest = seen_at
        url = _first(value, URL).strip().replace("&amp;", "&")
        title = visible_text(_first(value, TITLE))
        key = str(value.get("id") or url or stable_id(title, _first(value, SUMMARY)))
        return Item(
            item_id=stable_id("jsonl", key),
            feed_id=self._feed_id(_first(value, SOURCE)),
            key=key,
            title=title,
            summary=visible_text(_first(value, SUMMARY)),
            content=visible_text(_first(value, CONTENT)),
            author=visible_text(_first(value, AUTHOR)),
            url=url,
            language=primary_tag(_first(value, LANGUAGE)) or UNKNOWN,
            published_at=published_at,
            first_seen_at=seen_at,
        )

    def _feed_id(self, source: str) -> str:
        """Return the id of the configured feed that `source` names, or `source` itself."""
        known = self._sources.get(source.casefold())
        if known is None:
            known = self._sources[source.casefold()] = self._sources.get(url_key(source) or source) or source
        return known

    def _date(self, text: str) -> datetime | None:
        if not text:
            return None
        if _ISO.match(text):  # most archives: a twentieth of the time that the reader of all dates takes
            try:
                at = datetime.fromisoformat(text).astimezone(UTC)
            except (ValueError, OverflowError):
                return None
            return at if at <= self._now + FUTURE else None
        return read_date(text, self._now)


def stored_items(items: Iterable[Item], states: Iterable[FeedState], since: datetime) -> tuple[Item, ...]:
    """Return the stored items from `since` on, in the order in which they were or would have been seen.

    What came with a feed's first poll counts as seen when it was published, as if the feed had been
    polled all along: otherwise that poll's day would show weeks of news.
    """
    first = {state.feed_id: state.baselined_at for state in states if state.baselined_at is not None}
    found = []
    for item in items:
        start, seen_at = first.get(item.feed_id), item.first_seen_at
        if start and seen_at and item.published_at and seen_at <= start + _BASELINE:
            seen_at = min(seen_at, item.published_at)
        if seen_at is not None and seen_at >= since:
            found.append(item if seen_at == item.first_seen_at else replace(item, first_seen_at=seen_at))
    return tuple(sorted(found, key=lambda item: (item.first_seen_at or since, item.item_id)))


def _first(value: Mapping[str, Any], keys: Iterable[str]) -> str:
    return next((value[key] for key in keys if value.get(key)), "")


def _names(feeds: Mapping[str, Feed]) -> dict[str, str]:
    """Return feed ids by everything that names the feed; an id wins over an address, that over a title."""
    names: dict[str, str] = {}
    for feed in feeds.values():
        names.setdefault(feed.title.casefold(), feed.feed_id)
    for feed in feeds.values():
        names[url_key(feed.url) or feed.feed_id] = feed.feed_id
    names |= {feed.feed_id.casefold(): feed.feed_id for feed in feeds.values()}
    return {name: feed_id for name, feed_id in names.items() if name}
