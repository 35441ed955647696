"""Canonical URLs: the same article under its many addresses is one address here.

Scheme, host, port, path and fragment are normalized by courlan. Query parameters are judged by an exact
list instead: courlan drops every parameter whose name merely ends in `cid`, `uid`, `eid` or `source`, and
every one without `=`, which are article ids on real sites. Two articles under one canonical URL would be
one item, and the second would never raise an alert; a tracking parameter that stays costs nothing but a
later layer's work.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from courlan import normalize_url

_TRACKING = frozenset(
    {
        "at_campaign", "at_medium", "traffic_source", "maca", "fbclid", "gclid", "msclkid",
        "dclid", "gbraid", "wbraid", "yclid", "twclid", "ttclid", "igshid", "_openstat", "xtor",
    }
)  # fmt: skip
_TRACKING_PREFIXES = ("utm_", "mc_")
# What is canonical as it stands: lower-case host, no port, no empty or dotted segment, no query, no fragment.
_CANONICAL = re.compile(
    r"https?://(?!xn--)[a-z0-9-]+(?:\.(?!xn--)[a-z0-9-]+)+(?:/[A-Za-z0-9_-](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?)+/?"
)
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
_AMPERSANDS = re.compile(r"^(?:amp;)+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_SPACE = re.compile(r"[\x00-\x20\x7f\u00a0\u2028\u2029]+")
_CACHED = 512  # answers that are kept: each URL of a document is asked about several times in a row
_MAX_LENGTH = 4096  # longer ones are data: URLs or mistakes


def absolute_url(link: str, base: str = "") -> str:
    """Return `link` as an absolute http or https URL, resolved against `base`; "" when it is none."""
    if _CANONICAL.fullmatch(link) and len(link) <= _MAX_LENGTH:
        return link
    text = _SPACE.sub("", link) if "\n" in link or "\t" in link else link.strip()
    if not text:
        return ""  # joined to a base, nothing would become the feed's own address
    try:
        joined = urljoin(base, text) if base else text
        parts = urlsplit(joined)
        if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or len(joined) > _MAX_LENGTH:
            return ""
        _ = parts.port  # raises when it is no number
    except ValueError:
        return ""
    return joined


@lru_cache(maxsize=_CACHED)
def canonical_url(link: str, base: str = "") -> str:
    """Return the canonical form of an article's URL; "" when `link` is no http or https URL.

    Applying it twice gives the same as once.
    """
    absolute = absolute_url(link, base)
    if not absolute or _CANONICAL.fullmatch(absolute):
        return absolute
    try:
        parts = urlsplit(_SPACE.sub("%20", absolute))
        plain = urlsplit(
            normalize_url(SplitResult(parts.scheme, _host(parts), parts.path, "", parts.fragment))
        )
    except (ValueError, UnicodeError, AttributeError):
        return ""
    path = _ESCAPE.sub(lambda escape: escape[0].upper(), plain.path) or "/"
    return urlunsplit((plain.scheme, plain.netloc, path, _query(parts.query), plain.fragment))


@lru_cache(maxsize=_CACHED)
def url_key(link: str) -> str:
    """Return the canonical URL without scheme, `www.` and a closing slash; "" when `link` is no URL.

    The key survives a publisher's move from http to https.
    """
    canonical = canonical_url(link)
    if not canonical:
        return ""
    rest = canonical.partition("://")[2].removeprefix("www.")
    head, mark, tail = rest.partition("?")
    if not mark:
        head, mark, tail = rest.partition("#")
    return head.rstrip("/") + mark + tail


def is_front_page(link: str) -> bool:
    """Whether the URL names a whole site rather than an article: no path, query or fragment."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.path in {"", "/"} and not parts.query and not parts.fragment


def _host(parts: SplitResult) -> str:
    """Return host and port, without credentials and a closing dot."""
    netloc = parts.netloc.rpartition("@")[2]
    host, colon, port = netloc.rpartition(":") if not netloc.endswith("]") else (netloc, "", "")
    if not colon:
        host, port = netloc, ""
    return host.rstrip(".") + (f":{port}" if port else "")


def _query(query: str) -> str:
    kept = []
    for pair in query.split("&"):
        unescaped = _AMPERSANDS.sub("", pair)  # escaped twice by the publisher
        field = _NOT_ASCII.sub(lambda letters: quote(letters[0]), unescaped)
        name = field.partition("=")[0].lower()
        if field and name not in _TRACKING and not name.startswith(_TRACKING_PREFIXES):
            kept.append(field)
    return "&".join(sorted(kept))
