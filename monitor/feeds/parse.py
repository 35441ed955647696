"""Reads a feed document with feedparser, behind one function: bytes and headers in, entries out.

feedparser gets a BytesIO (given bytes or text it may open a file or a URL), resolves and sanitizes nothing
inside texts (we show visible text only), and sees the document only after `sniff`, `encoding` and `scan`.
Of a document whose entries are mostly known it gets the rest: head, unknown entries, tail.
Pure, but slow: `worker` runs it in a process that can be killed.
"""

from __future__ import annotations

import warnings
from datetime import timedelta
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

import feedparser

from monitor.errors import ErrorKind, ParseError
from monitor.feeds.encoding import clean_xml, decode
from monitor.feeds.jsonfeed import read_json_feed
from monitor.feeds.results import ParsedFeed, entry_digest
from monitor.feeds.scan import cut, scan, shrink
from monitor.feeds.sniff import Content, sniff
from monitor.feeds.urls import absolute_url
from monitor.models import Entry

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from monitor.feeds.scan import Range, Scan

# The names of SAX drivers that feedparser tries to import before the standard one, for each document anew:
# none exists for Python 3, and the search costs as much as reading an entry.
feedparser.api.PREFERRED_XML_PARSERS.clear()
# It copies the parameters of every text, which are texts themselves, by the slowest way there is.
feedparser.FeedParserDict.__deepcopy__ = lambda self, _: feedparser.FeedParserDict(self)

_PERIODS = {"hourly": 1, "daily": 24, "weekly": 168, "monthly": 720, "yearly": 8760}  # hours
_RELATIONS = frozenset({"self", "hub", "next", "next-archive", "prev-archive", "current"})
_LONGEST_TEXT = 1_000_000  # characters of one field that are kept


def parse(
    body: bytes,
    headers: Mapping[str, str],
    url: str = "",
    known: Container[str] = frozenset(),
    around: str = "",
) -> ParsedFeed:
    """Read one document.

    1. Decode it, and see what it is.
    2. Remove what XML forbids, and walk through it with caps.
    3. Let feedparser read it, without the entries that are known.
    4. Take over each entry; one that cannot be read is counted, and the others stay.

    Args:
        body: the document, unpacked.
        headers: `content-type` decides the encoding when the bytes do not; names in lower case.
        url: where the document came from: the base of relative links.
        known: digests of entries that need not be read (`ParsedFeed.layout` of an earlier poll).
        around: that poll's `ParsedFeed.around`.

    Raises:
        ParseError: no feed (NOT_A_FEED), nothing (EMPTY), or beyond repair (BROKEN).
    """
    text, _ = decode(body, headers)
    sniffed = sniff(text, headers)
    sniffed.require_feed()
    if sniffed.content is Content.JSON_FEED:
        return read_json_feed(text, url, known)
    document = clean_xml(text).encode("utf-8", "replace")
    if around and (shrunk := shrink(document, url, known, around)) is not None:
        found = _find(*shrunk, known)
        if found is not None:
            return _take_over(*found, url, shrunk[1], known)
    scanned = scan(document, url)
    whole = _find(document, scanned, known)
    if whole is None:
        found_all = _feedparse(cut(document, scanned.cuts))
        agreed = scanned.well_formed and len(found_all.get("entries", ())) == len(scanned.entries)
        whole = found_all, scanned.entries if agreed else None
    return _take_over(*whole, url, scanned, known)


def _find(document: bytes, scanned: Scan, known: Container[str]) -> tuple[Any, Sequence[Range] | None] | None:
    """Return what feedparser finds when it reads the unknown entries only, and the place of each.

    None: no entry is known, or feedparser finds other entries than the scan, so that nobody can tell which
    range an entry comes from; then it has to read the whole document.
    """
    skipped = [entry for entry in scanned.entries if entry.digest in known]
    if not skipped:
        return None
    read = [entry for entry in scanned.entries if entry.digest not in known]
    found = _feedparse(cut(document, scanned.cuts, skipped))
    return (found, read) if len(found.get("entries", ())) == len(read) else None


def _feedparse(document: bytes) -> Any:  # noqa: ANN401 - feedparser has no types
    # Without a base, so that guids stay as written: feedparser would join `333483` to the feed's address,
    # and every guid would change with a move to https. Links are resolved by us, after its xml:base.
    headers = {"content-type": "application/atom+xml; charset=utf-8"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # feedparser warns of its own renamed keys
        return feedparser.parse(
            BytesIO(document), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )


def _repaired(scanned: Scan) -> str:
    """Return what was wrong with the document and worked around."""
    fields = f"{len(scanned.cuts)} overlong fields left out" if scanned.cuts else ""
    return "; ".join(filter(None, (fields, scanned.error)))


def _take_over(
    found: Any,  # noqa: ANN401 - feedparser has no types
    read: Sequence[Range] | None,
    url: str,
    scanned: Scan,
    known: Container[str],
) -> ParsedFeed:
    """Turn feedparser's dictionaries into our values.

    Args:
        found: what feedparser says.
        read: the place of each entry in it; None when nobody can tell.
        url: see `parse`.
        scanned: of the document.
        known: see `parse`.

    Raises:
        ParseError: there is nothing to take over (BROKEN).
    """
    repaired = _repaired(scanned)
    version = str(found.get("version") or "")
    entries: list[Entry] = []
    digests: list[str] = []
    shown = [] if read is None else [entry.digest for entry in scanned.entries]
    skipped = 0
    for number, raw in enumerate(found.get("entries", ())):
        entry = _readable(raw, url, plain=version.startswith("atom"))
        if entry is None:
            skipped += 1
            continue
        digest = entry_digest(entry) if read is None else read[number].digest
        if read is None:
            shown.append(digest)
        if read is not None or digest not in known:
            entries.append(entry)
            digests.append(digest)
    feed = found.get("feed", {})
    if not entries and not any(digest in known for digest in shown) and (repaired or not version):
        why = f" ({repaired})" if repaired else ""
        raise ParseError(
            f"The document is damaged and holds no entry that can be read{why}. It is tried again; "
            "if it stays so, tell the publisher.",
            ErrorKind.BROKEN,
        )
    return ParsedFeed(
        format=version or "unknown",
        entries=tuple(entries),
        url=url,
        title=_value(feed, "title"),
        language=_value(feed, "language"),
        refresh=_refresh(feed),
        links=_links(feed, url),
        skipped=skipped,
        repaired=repaired,
        digests=tuple(digests),
        layout=tuple(shown),
        around=_common(entry.around for entry in scanned.entries) if read is not None else "",
    )


def _common(parts: Iterable[str]) -> str:
    """Return the one value that `parts` have; "" when they have several, or none."""
    values = set(parts)
    return values.pop() if len(values) == 1 else ""


def _readable(raw: Any, url: str, *, plain: bool) -> Entry | None:  # noqa: ANN401 - feedparser has no types
    """Return the entry; None when it cannot be read or says nothing."""
    try:
        entry = _entry(raw, url, plain=plain)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    says = entry.guid or entry.link or entry.title or entry.summary or entry.content
    return entry if says else None


def _entry(raw: Any, base: str, *, plain: bool) -> Entry:  # noqa: ANN401 - feedparser has no types
    content = _content(raw, plain=plain)
    # FeedBurner and others put the article's own address beside their counting one.
    link = _value(raw, "feedburner_origlink") or _value(raw, "link")
    return Entry(
        guid=_value(raw, "id"),
        link=absolute_url(link, base),
        title=_text(raw, "title", plain=plain),
        summary=_text(raw, "summary", plain=plain),
        content=content,
        author=_author(raw),
        categories=_categories(raw),
        published=_value(raw, "published") or _value(raw, "created"),
        updated=_value(raw, "updated"),
        language=_language(raw),
    )


def _value(raw: Any, key: str) -> str:  # noqa: ANN401 - feedparser has no types
    # dict.get: feedparser's own lookup answers "updated" with "published", and warns.
    value = dict.get(raw, key)
    return value.strip()[:_LONGEST_TEXT] if isinstance(value, str) else ""


def _text(raw: Any, key: str, *, plain: bool) -> str:  # noqa: ANN401 - feedparser has no types
    """Return a text as HTML. Only Atom says reliably that a text is plain; then its `<` is a letter."""
    value = _value(raw, key)
    detail = dict.get(raw, f"{key}_detail")
    if plain and isinstance(detail, dict) and detail.get("type") == "text/plain":
        return escape(value, quote=False)
    return value


def _content(raw: Any, *, plain: bool) -> str:  # noqa: ANN401 - feedparser has no types
    """Return the first content that is text; feedparser lists every representation."""
    for content in dict.get(raw, "content") or ():
        kind = str(content.get("type") or "")
        value = _value(content, "value")
        if value and (not kind or kind.startswith("text/") or "html" in kind or "xml" in kind):
            return escape(value, quote=False) if plain and kind == "text/plain" else value
    return ""


def _author(raw: Any) -> str:  # noqa: ANN401 - feedparser has no types
    names = [_value(author, "name") for author in dict.get(raw, "authors") or () if isinstance(author, dict)]
    return ", ".join(dict.fromkeys(filter(None, names))) or _value(raw, "author")


def _categories(raw: Any) -> tuple[str, ...]:  # noqa: ANN401 - feedparser has no types
    tags = [tag for tag in dict.get(raw, "tags") or () if isinstance(tag, dict)]
    return tuple(dict.fromkeys(filter(None, (_value(tag, "label") or _value(tag, "term") for tag in tags))))


def _language(raw: Any) -> str:  # noqa: ANN401 - feedparser has no types
    for key in ("language", "title_detail", "summary_detail"):
        value = dict.get(raw, key)
        if isinstance(value, dict):
            value = value.get("language")
        if isinstance(value, str) and value:
            return value
    return ""


def _links(feed: Any, base: str) -> tuple[tuple[str, str], ...]:  # noqa: ANN401 - feedparser has no types
    """Return the links that polling may use: RSS 5005's archives, the feed's own address, hubs."""
    found = []
    for link in dict.get(feed, "links") or ():
        relation = str(link.get("rel") or "")
        target = absolute_url(str(link.get("href") or ""), base)
        if relation in _RELATIONS and target:
            found.append((relation, target))
    return tuple(found)


def _refresh(feed: Any) -> timedelta | None:  # noqa: ANN401 - feedparser has no types
    """Return how often the publisher wants to be asked: RSS `ttl` in minutes, or RSS 1.0 syndication."""
    ttl = _value(feed, "ttl")
    if ttl.isdecimal() and int(ttl[:9]) > 0:
        return timedelta(minutes=int(ttl[:9]))
    hours = _PERIODS.get(_value(feed, "sy_updateperiod").lower())
    frequency = _value(feed, "sy_updatefrequency") or "1"
    if hours and frequency.isdecimal() and int(frequency[:9]) > 0:
        return timedelta(hours=hours) / int(frequency[:9])
    return None
