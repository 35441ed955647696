"""Reads JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/), which feedparser does not know."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from monitor.errors import ErrorKind, ParseError
from monitor.feeds.results import ParsedFeed, entry_digest
from monitor.feeds.urls import absolute_url
from monitor.models import Entry

if TYPE_CHECKING:
    from collections.abc import Container


def read_json_feed(text: str, url: str, known: Container[str] = frozenset()) -> ParsedFeed:
    """Read a JSON Feed leniently: a field of the wrong type is taken as absent, a bad item is skipped.

    Args:
        text: the document.
        url: where it came from, for relative links.
        known: digests of items that are left out of the entries (see `ParsedFeed.layout`).

    Raises:
        ParseError: it is no JSON (BROKEN), or no JSON Feed (NOT_A_FEED).
    """
    try:
        document = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        where = f" near line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ParseError(
            f"The JSON Feed is damaged{where} and cannot be read; it is tried again.", ErrorKind.BROKEN
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("items"), list):
        raise ParseError(
            "The document is JSON, but has no `items`: no JSON Feed. Check the URL.", ErrorKind.NOT_A_FEED
        )
    entries = [_entry(item, url) for item in document["items"] if isinstance(item, dict)]
    usable = [(entry_digest(entry), entry) for entry in entries if entry != Entry()]
    unknown = [(digest, entry) for digest, entry in usable if digest not in known]
    links = (("self", _text(document, "feed_url")), ("next-archive", _text(document, "next_url")))
    return ParsedFeed(
        format="json11" if "1.1" in _text(document, "version") else "json1",
        entries=tuple(entry for _, entry in unknown),
        url=url,
        title=escape(_text(document, "title")),
        language=_text(document, "language"),
        links=tuple((rel, absolute_url(link, url)) for rel, link in links if link),
        skipped=len(document["items"]) - len(usable),
        digests=tuple(digest for digest, _ in unknown),
        layout=tuple(digest for digest, _ in usable),
    )


def _entry(item: dict[str, Any], base: str) -> Entry:
    content = _text(item, "content_html") or escape(_text(item, "content_text"), quote=False)
    return Entry(
        guid=_identifier(item.get("id")),
        link=absolute_url(_text(item, "url") or _text(item, "external_url"), base),
        title=escape(_text(item, "title"), quote=False),  # plain text by the specification
        summary=escape(_text(item, "summary"), quote=False),
        content=content,
        author=escape(", ".join(_authors(item)), quote=False),
        categories=tuple(escape(tag, quote=False) for tag in _texts(item.get("tags"))),
        published=_text(item, "date_published"),
        updated=_text(item, "date_modified"),
        language=_text(item, "language"),
    )


def _authors(item: dict[str, Any]) -> list[str]:
    """Return the names in `authors` (1.1) or `author` (1.0)."""
    authors = item.get("authors")
    given = authors if isinstance(authors, list) else [item.get("author")]
    return [name for author in given if isinstance(author, dict) and (name := _text(author, "name"))]


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return value.strip() if isinstance(value, str) else ""


def _identifier(value: object) -> str:
    """Return an id as text: many feeds write numbers, which version 1.0 tells readers to convert."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    return (
        [text for text in value if isinstance(text, str) and text.strip()] if isinstance(value, list) else []
    )
