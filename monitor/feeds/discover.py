"""Which feeds a web page offers: what it declares, what it links to, and where feeds usually are; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from monitor.feeds.urls import absolute_url
from monitor.text.clean import visible_text

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 12  # candidates: each is a request
LOOK = 1_000_000  # characters of a page that are looked at
_MEDIA_TYPES: Final = frozenset(
    ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml",
     "application/json", "application/xml", "text/xml")
)  # fmt: skip
MOST_TAGS = 5_000  # of a page; with the longest tag, this bounds what a hostile one costs
LONGEST_TAG = 2_000
_OPENING: Final = re.compile(r"<(link|a|base)(?=[\s/])", re.IGNORECASE)
# The possessive quantifiers keep a failure from being tried in other ways.
_REST: Final = re.compile(r"""(?:[^>"']++|"[^"]*+"|'[^']*+')*+>""")
_ATTRIBUTE: Final = re.compile(r"""([a-zA-Z-]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"']++))""")
_LOOKS_LIKE_FEED: Final = re.compile(
    r"(?:\.(?:rss|atom|rdf|xml)$|/(?:rss|feeds?|atom|rss2)(?:/|$|\.)|[?&](?:feed|format|type)=(?:rss|atom|feed))",
    re.IGNORECASE,
)
# Where the common content systems put theirs, the most common first.
_USUAL: Final = (
    "/feed/", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/feeds/posts/default", "/feed.json"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address where a feed may be."""

    url: str
    title: str = ""  # as the page calls it
    guessed: bool = False  # the page does not name it


def candidates(page: str, url: str) -> tuple[Candidate, ...]:
    """Return where the feeds of a web page may be, the likeliest first.

    1. What it declares: `<link rel="alternate" type="application/rss+xml" ...>`, in its order.
    2. Else links whose addresses look like a feed's.
    3. Else the usual places of the site.

    Comment feeds come last: they declare themselves as well.

    Args:
        page: the decoded page.
        url: its address: the base of relative links, unless it has a `<base>`.
    """
    base = url
    declared: dict[str, Candidate] = {}
    linked: dict[str, Candidate] = {}
    for tag, fields, end in _tags(page[:LOOK]):
        href = fields.get("href", "")
        if tag == "base" and href:
            base = urljoin(url, href)
        elif tag == "link" and _declares(fields):
            target = absolute_url(href, base)
            declared.setdefault(target, Candidate(target, _text(fields.get("title", ""))))
        elif tag == "a" and (_LOOKS_LIKE_FEED.search(href) or fields.get("type", "").lower() in _MEDIA_TYPES):
            target = absolute_url(href, base)
            linked.setdefault(target, Candidate(target, _text(page[end : end + 200].partition("</a")[0])))
    found = declared or linked
    found.pop("", None)
    if found:
        return tuple(sorted(found.values(), key=_is_for_comments)[:MOST])
    return usual_places(url)


def usual_places(url: str) -> tuple[Candidate, ...]:
    """Return the addresses at which sites usually have their feeds."""
    parts = urlsplit(url)
    return tuple(Candidate(f"{parts.scheme}://{parts.netloc}{path}", guessed=True) for path in _USUAL)


def _tags(page: str) -> Iterator[tuple[str, dict[str, str], int]]:
    end = 0
    for opening in islice(_OPENING.finditer(page), MOST_TAGS):
        rest = _REST.match(page, opening.end(), opening.end() + LONGEST_TAG)
        if opening.start() < end or rest is None:
            continue
        end = rest.end()
        fields: dict[str, str] = {}
        for name, *values in _ATTRIBUTE.findall(rest[0]):
            fields.setdefault(name.lower(), unescape("".join(values)).strip())
        yield opening[1].lower(), fields, end


def _declares(fields: dict[str, str]) -> bool:
    relations = fields.get("rel", "").lower().split()
    media_type = fields.get("type", "").partition(";")[0].strip().lower()
    plain = media_type in {
        "application/json",
        "application/xml",
        "text/xml",
    }  # declared for other things, too
    looks = bool(_LOOKS_LIKE_FEED.search(fields.get("href", "")))
    if "feed" in relations:
        return True
    return "alternate" in relations and media_type in _MEDIA_TYPES and (not plain or looks)


def _is_for_comments(one: Candidate) -> bool:
    return "comment" in one.url.lower() or "comment" in one.title.lower()


def _text(html: str) -> str:
    return " ".join(visible_text(html).split())[:120]
