"""Frozen values between fetching, parsing and the schedule."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING

from monitor.models import Entry, IdentityMode, stable_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Redirect:
    """One hop of a redirect chain."""

    status: int  # 301, 302, 303, 307 or 308
    url: str  # where it led

    @property
    def permanent(self) -> bool:
        """Whether the server says that the old address is given up (RFC 9110: 301 and 308)."""
        return self.status in {301, 308}


@dataclass(frozen=True, slots=True)
class Fetched:
    """A new document of a feed, not parsed yet."""

    feed_id: str
    status: int  # 2xx
    requested: str  # the URL that was asked first
    url: str  # the URL that answered, after redirects: the base of relative links
    body: bytes  # unpacked
    body_hash: str
    fetched_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)  # those that parsing needs, lower case
    redirects: tuple[Redirect, ...] = ()
    etag: str = ""  # verbatim
    last_modified: str = ""  # verbatim
    cache_for: timedelta | None = None  # freshness lifetime; None when the server says nothing


@dataclass(frozen=True, slots=True)
class NotModified:
    """The feed holds nothing that was not processed already."""

    feed_id: str
    requested: str
    url: str
    fetched_at: datetime
    redirects: tuple[Redirect, ...] = ()
    etag: str = ""  # as the server gives it now; "" = unchanged
    last_modified: str = ""
    cache_for: timedelta | None = None
    same_body: bool = False  # True: a full answer with an equal body; False: status 304


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """What a document says, before normalization."""

    format: str  # "rss20", "atom10", "json11", ... as feedparser calls them
    entries: tuple[Entry, ...]  # in document order
    url: str = ""  # base of the document
    title: str = ""
    language: str = ""  # of the whole feed, as written
    refresh: timedelta | None = None  # ttl or sy:update*, how often the publisher wants to be asked
    links: tuple[tuple[str, str], ...] = ()  # (rel, absolute URL) of self, next-archive, prev-archive, hub
    skipped: int = 0  # entries that could not be read or say nothing
    repaired: str = ""  # what was wrong with the document and worked around; "" when well-formed
    digests: tuple[str, ...] = ()  # of each of `entries`: the same digest says the same; () = not known
    layout: tuple[str, ...] = ()  # digests of all entries in document order, those not read again included
    around: str = (
        ""  # what all entries inherit from the document, see `scan.Range`; "" = not one and the same
    )


def entry_digest(entry: Entry) -> str:
    """Return the digest of an entry by what it says, for documents in which nobody can tell its bytes."""
    return stable_id("entry", *map(str, astuple(entry)))[:16]


@dataclass(frozen=True, slots=True)
class Polled:
    """A poll that brought a parsed document: what the schedule needs to know of it."""

    fetched: Fetched
    parsed: ParsedFeed
    items: int  # normalized items in the document
    new: int = 0  # of these, never seen before
    overlap: float | None = None  # share of the items that were known; None for an empty document
    identity: IdentityMode = IdentityMode.GUID  # mode for the next poll (see `identity.degrade`)
    unstable_guids: int = 0  # likewise
