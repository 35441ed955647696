"""Tells what a 200 answer really holds before anything parses it: an outcome, never "0 new items"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from monitor.errors import ErrorKind, ParseError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOK = 32 * 1024  # characters that decide; feeds begin within them even after long comments
_ROOT = re.compile(r"<(?:[a-z0-9_.-]+:)?(rss|feed|rdf|channel|entry)[\s>/]", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!doctype\s+(?:[a-z]+:)?(?:rss|feed|rdf)\b", re.IGNORECASE)
_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|title|meta)\b", re.IGNORECASE)
_PREAMBLE = re.compile(
    r"\s*(?:<\?.*?\?>|<!--.*?-->|<!doctype[^>\[]*(?:\[.*?\]\s*)?>|\s)*", re.IGNORECASE | re.DOTALL
)
# What the pages of bot walls, consent walls and login portals say of themselves.
_CHALLENGE = re.compile(
    r"cf-chl|challenge-platform|just a moment\.\.\.|attention required|captcha|ddos-guard|ddos protection|"
    r"incapsula|_imperva|sucuri|datadome|perimeterx|px-captcha|akamai|access denied|checking your browser|"
    r"enable javascript and cookies|are you a robot|unusual traffic|servicepipe|qrator",
    re.IGNORECASE,
)
_CHALLENGE_LOOK = 32 * 1024
_FEED_LINK = re.compile(r"<link\b[^>]*application/(?:rss|atom|feed)\+", re.IGNORECASE)


class Content(StrEnum):
    """What a document is."""

    FEED = "feed"  # XML
    JSON_FEED = "json_feed"
    HTML = "html"
    CHALLENGE = "challenge"
    EMPTY = "empty"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What a document is, and one sentence for people when it cannot be used."""

    content: Content
    message: str = ""

    def require_feed(self) -> None:
        """Return if the document is a feed.

        Raises:
            ParseError: it is not; NOT_A_FEED or EMPTY.
        """
        if self.content not in {Content.FEED, Content.JSON_FEED}:
            kind = ErrorKind.EMPTY if self.content is Content.EMPTY else ErrorKind.NOT_A_FEED
            raise ParseError(self.message, kind)


def sniff(text: str, headers: Mapping[str, str]) -> Sniffed:
    """Look at the beginning of a decoded document; the media type only breaks ties.

    Feeds are served as text/html, and pages as application/xml: the words decide.

    Args:
        text: the document.
        headers: response header fields, names in lower case.
    """
    start = text[:_LOOK].lstrip("\ufeff \t\r\n\x00")
    if not start and not text.strip("\ufeff \t\r\n\x00"):
        return Sniffed(
            Content.EMPTY,
            "The server answered 200 without a document. It is tried again; if it stays so, check the URL.",
        )
    if start[0] in "{[":
        return _json(text[:_CHALLENGE_LOOK])
    body = _PREAMBLE.sub("", start, count=1)
    root = _ROOT.search(body) or _DOCTYPE.match(body)
    page = _HTML.search(body)
    if root and not (page and page.start() < root.start()):
        return Sniffed(Content.FEED)
    if page or "text/html" in headers.get("content-type", ""):
        return _page(text)
    if body.startswith("<"):
        name = re.match(r"<([^\s>/]{1,60})", body)
        return Sniffed(
            Content.OTHER,
            f"The document is XML, but no feed: it begins with <{name[1] if name else ''}>. Check the URL.",
        )
    return Sniffed(Content.OTHER, f"The document is no feed: it begins with {start[:40]!r}. Check the URL.")


def _json(start: str) -> Sniffed:
    if re.search(r'"version"\s*:\s*"https?:\\?/\\?/(?:www\.)?jsonfeed\.org\\?/version', start):
        return Sniffed(Content.JSON_FEED)
    if '"items"' in start and '"title"' in start:  # the version may come after the items, or not at all
        return Sniffed(Content.JSON_FEED)
    return Sniffed(Content.OTHER, "The document is JSON, but no JSON Feed (jsonfeed.org). Check the URL.")


def _page(text: str) -> Sniffed:
    start = text[:_CHALLENGE_LOOK]
    if _CHALLENGE.search(start) and not _FEED_LINK.search(start):
        return Sniffed(
            Content.CHALLENGE,
            "The server shows a page that keeps programs out instead of the feed. Ask the publisher to admit "
            "this monitor, or set `user_agent` or `proxy_env` for this feed.",
        )
    if _FEED_LINK.search(start):
        return Sniffed(
            Content.HTML,
            "The URL leads to a web page that offers feeds, not to a feed. Use the address of one of them.",
        )
    title = re.search(r"<title[^>]*>\s*([^<]{1,80})", start, re.IGNORECASE)
    named = f" titled '{' '.join(title[1].split())}'" if title else ""
    return Sniffed(
        Content.HTML,
        f"The server sent a web page{named} instead of a feed. Open the URL in a browser: the feed may have "
        "moved, or a login or consent page stands in front of it.",
    )
