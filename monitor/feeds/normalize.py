"""Turns a parsed document into items: visible text, canonical URLs, aware dates, names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from monitor.feeds.dates import read_date
from monitor.feeds.identity import Names, Sketch, document_mode, names
from monitor.feeds.urls import canonical_url
from monitor.models import Item, stable_id
from monitor.text.clean import visible_text
from monitor.text.language import UNKNOWN, LanguageDetector, primary_tag

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from monitor.feeds.results import ParsedFeed
    from monitor.models import Entry, Feed, IdentityMode

_MAX_TITLE = 2_000  # characters; longer ones are texts in the wrong place
_MAX_SUMMARY = 20_000
_MAX_CONTENT = 200_000
_MAX_AUTHOR = 500
_MAX_CATEGORIES = 50

_detector = LanguageDetector()


def normalize(feed: Feed, parsed: ParsedFeed, mode: IdentityMode, now: datetime) -> tuple[Item, ...]:
    """Return the document's items in its order (newest first, as publishers write them).

    Entries that turn out to be one (same key) are merged into the first; those without any visible text
    are left out.

    Args:
        feed: its configuration; its `language` wins over what the document claims.
        parsed: the document.
        mode: how entries are named (`FeedState.identity`).
        now: time of the poll: `first_seen_at`, and the bound of what is a future date.
    """
    items: dict[str, Item] = {}
    for item in entry_items(feed, parsed, mode, now):
        if item is not None:
            items[item.key] = merged(items[item.key], item) if item.key in items else item
    return tuple(items.values())


def entry_items(
    feed: Feed, parsed: ParsedFeed, mode: IdentityMode, now: datetime, others: Sequence[Sketch] = ()
) -> list[Item | None]:
    """Return one item for each entry, None for one without any visible text; see `normalize`.

    Args:
        feed: see `normalize`.
        parsed: see `normalize`.
        mode: see `normalize`.
        now: see `normalize`.
        others: the document's entries that are not among those of `parsed`: names depend on them.
    """
    texts = [_Text.of(entry) for entry in parsed.entries]
    how = document_mode(parsed.entries, mode, others)
    named = names(parsed.entries, [(text.title, text.summary) for text in texts], how, others)
    languages = _Languages(feed, parsed, texts)
    return [
        _item(feed, parsed, entry, text, its, languages.of(entry, text), now)
        if text.title or text.summary or text.content
        else None
        for entry, text, its in zip(parsed.entries, texts, named, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Text:
    """The visible texts of an entry."""

    title: str
    summary: str
    content: str

    @classmethod
    def of(cls, entry: Entry) -> _Text:
        title = visible_text(entry.title)[:_MAX_TITLE].replace("\n", " ")
        summary = visible_text(entry.summary)[:_MAX_SUMMARY]
        content = visible_text(entry.content)[:_MAX_CONTENT]
        # Many feeds give one text twice, as description and as content.
        return cls(title, summary, "" if content in {summary, title} else content)

    def sample(self) -> str:
        """Return what the language is told by."""
        return f"{self.title} {self.summary[:500]} {self.content[:500]}"


def _item(
    feed: Feed, parsed: ParsedFeed, entry: Entry, text: _Text, its: Names, language: str, now: datetime
) -> Item:
    return Item(
        item_id=stable_id(feed.feed_id, its.key),
        feed_id=feed.feed_id,
        key=its.key,
        title=text.title,
        summary=text.summary,
        content=text.content,
        author=" ".join(visible_text(entry.author).split())[:_MAX_AUTHOR],
        url=canonical_url(entry.link, parsed.url),
        aliases=its.aliases,
        language=language,
        categories=_categories(entry.categories),
        published_at=read_date(entry.published, now) or read_date(entry.updated, now),
        first_seen_at=now,
        content_hash=stable_id(text.title, text.summary, text.content),
    )


def merged(first: Item, second: Item) -> Item:
    """Return the first item with what only the second one has."""
    aliases = (*first.aliases, *(alias for alias in second.aliases if alias != first.key))
    dates = [date for date in (first.published_at, second.published_at) if date]
    return replace(
        first,
        aliases=tuple(dict.fromkeys(aliases)),
        categories=tuple(dict.fromkeys((*first.categories, *second.categories)))[:_MAX_CATEGORIES],
        url=first.url or second.url,
        published_at=min(dates, default=None),
    )


def _categories(terms: tuple[str, ...]) -> tuple[str, ...]:
    visible = (" ".join(visible_text(term).split())[:200] for term in terms[:_MAX_CATEGORIES])
    return tuple(dict.fromkeys(filter(None, visible)))


# Languages written in another script than Latin; those written in several are in neither set.
_NOT_LATIN = frozenset(
    (
        "am", "ar", "be", "bg", "bn", "el", "fa", "gu", "he", "hi", "hy", "ja", "ka", "km", "kn", "ko", "lo",
        "mk", "ml", "mr", "my", "ne", "or", "pa", "ps", "ru", "si", "ta", "te", "th", "ti", "uk", "ur",
        "yi", "zh",
    )
)  # fmt: skip
_LATIN = frozenset(
    (
        "af", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu", "fi", "fil", "fr", "ga", "gl", "hr", "hu",
        "id", "is", "it", "lt", "lv", "ms", "mt", "nl", "no", "nb", "nn", "pl", "pt", "ro", "sk", "sl", "so",
        "sq", "sv", "sw", "tr", "vi",
    )
)  # fmt: skip


class _Languages:
    """Which language each item of one document is in."""

    def __init__(self, feed: Feed, parsed: ParsedFeed, texts: list[_Text]) -> None:
        self._configured = primary_tag(feed.language)
        self._tag = parsed.language
        self._texts = texts
        self._common: str | None = None

    def of(self, entry: Entry, text: _Text) -> str:
        """Return the configured language, else the document's tag, else a guess.

        Blog systems leave `en-US` in feeds of every language: a tag is believed only if the letters can be
        that language's. A short text of which the guess is not sure has the language that all headlines
        together have.
        """
        if self._configured:
            return self._configured
        sample = text.sample()
        claimed = primary_tag(entry.language or self._tag)
        if claimed and _written_in(claimed, sample):
            return claimed
        own = _detector.detect(sample)
        if own != UNKNOWN:
            return own
        if self._common is None:
            self._common = _detector.detect(" ".join(text.title for text in self._texts[:30]))
        return self._common if _written_in(self._common, sample) else UNKNOWN


def _written_in(language: str, sample: str) -> bool:
    """Whether the letters of `sample` can be those of `language`."""
    letters = "".join(filter(str.isalpha, sample[:500]))
    latin = letters.isascii() or sum(
        letter < "\u0250" or "\u1e00" <= letter < "\u1f00" for letter in letters
    ) * 2 > len(letters)
    return not letters or language not in (_NOT_LATIN if latin else _LATIN)
