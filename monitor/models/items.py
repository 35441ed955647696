"""Entries as publishers write them, and items as everything after reading sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the parser found it, before normalization; texts may hold HTML."""

    guid: str = ""
    link: str = ""
    title: str = ""
    summary: str = ""
    content: str = ""
    author: str = ""
    categories: tuple[str, ...] = ()
    published: str = ""  # date as written
    updated: str = ""  # date as written
    language: str = ""


FieldName: TypeAlias = Literal["title", "summary", "content", "author", "url"]
FIELDS: tuple[FieldName, ...] = ("title", "summary", "content", "author", "url")


@dataclass(frozen=True, slots=True)
class Item:
    """One normalized entry: visible text, canonical URL, aware dates."""

    item_id: str  # stable_id(feed_id, key)
    feed_id: str
    key: str  # identity inside the feed, with its kind as prefix ("guid:...", "link:...", "hash:...")
    title: str = ""  # visible text
    summary: str = ""  # visible text
    content: str = ""  # visible text
    author: str = ""
    url: str = ""  # canonical link, "" when there is none
    aliases: tuple[str, ...] = ()  # further keys under which the same item may come again
    language: str = ""  # BCP 47 primary tag, "und" when unknown
    categories: tuple[str, ...] = ()
    published_at: datetime | None = None  # None when missing, unreadable or in the future
    first_seen_at: datetime | None = None  # when this installation first saw it
    content_hash: str = ""  # of title, summary and content: a change is a revision
    revision: int = 1  # 1 for the first text seen, rising

    def text(self, name: str) -> str:
        """Return the text of the field called `name` (one of `FIELDS`)."""
        return str(getattr(self, name))

    def event_at(self) -> datetime:
        """Return when the news is taken to have happened.

        Published, if it lies between 72 h before and 10 min after first seen; else first seen:
        publishers re-date old articles and mistype years.
        """
        assert self.first_seen_at is not None, "an item gets first_seen_at when it is normalized"
        seen, published = self.first_seen_at, self.published_at
        if published and seen - timedelta(hours=72) <= published <= seen + timedelta(minutes=10):
            return published
        return seen


@dataclass(frozen=True, slots=True)
class KnownItem:
    """What the store answers about a key it has seen."""

    item_id: str
    key: str
    content_hash: str
    revision: int
