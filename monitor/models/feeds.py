"""Feeds as configured, what is remembered of each, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.models.values import Labels, Tier


class FirstPoll(StrEnum):
    """What happens to the items of a feed's very first poll."""

    BASELINE = "baseline"  # stored as known; only those of the last `catch_up` are matched
    ALL = "all"  # all are matched: for replays, tests and demonstrations


@dataclass(frozen=True, slots=True)
class Feed:
    """One subscribed URL, as configured in `rules/feeds.yaml`."""

    feed_id: str  # stable name, a-z0-9-
    url: str  # http, https or file URL as written
    title: str = ""  # the outlet's name as people know it; the id when not given
    tier: Tier = Tier.NATIONAL
    owner: str = ""  # the unit of independence: two feeds of one owner are one source
    country: str = ""  # ISO 3166-1 alpha-2
    language: str = ""  # BCP 47 primary tag; "" = detect
    category: str = ""  # free label that rules may ask for in `where`
    expect_every: timedelta | None = None  # longer silence is told to the operator
    interval: timedelta | None = None  # fixed polling interval; None = adaptive
    first_poll: FirstPoll = FirstPoll.BASELINE
    user_agent: str = ""  # instead of the installation's own
    headers: Labels = ()  # extra request headers, values without secrets
    username_env: str = ""  # name of the variable or secret that holds the basic-auth user
    password_env: str = ""  # likewise the password
    proxy_env: str = ""  # likewise the proxy URL


class IdentityMode(StrEnum):
    """Which part of an entry names it within its feed (see `feeds/identity.py`)."""

    GUID = "guid"
    GUID_LINK = "guid+link"  # the feed gives one guid to several entries
    LINK = "link"  # the feed's guids proved unstable
    HASH = "hash"  # neither guid nor link


@dataclass(frozen=True, slots=True)
class FeedState:
    """What is remembered of a feed between two polls."""

    feed_id: str
    url: str  # the URL this state belongs to: another one means a new baseline
    host: str  # registrable domain: the unit of politeness
    next_poll_at: datetime
    interval: timedelta | None = None  # last decided distance between polls
    baselined_at: datetime | None = None  # None until the first successful poll
    last_polled_at: datetime | None = None
    last_success_at: datetime | None = None  # last 200 or 304 that could be used
    last_new_at: datetime | None = None  # last poll that brought an unknown item
    etag: str = ""  # echoed verbatim
    last_modified: str = ""  # echoed verbatim
    validators_at: datetime | None = None  # when the validators were first stored: dropped weekly
    body_hash: str = ""  # of the last body that was processed
    polls: int = 0
    failures: int = 0  # consecutive
    failing_since: datetime | None = None
    error_kind: str = ""  # an `ErrorKind` value, "" when healthy
    error: str = ""  # one line for people
    overlap: float | None = None  # share of the last body's items that were known before it
    items_last: int | None = None  # items in the last body
    empty_polls: int = 0  # consecutive bodies without items after items were seen
    identity: IdentityMode = IdentityMode.GUID
    unstable_guids: int = 0  # polls in which known links came with new guids
    redirect_url: str = ""  # candidate for adoption: target of a permanent redirect
    redirect_since: datetime | None = None
    redirect_polls: int = 0  # consecutive polls that answered with this redirect
    failure_told_at: datetime | None = None  # when the operator was told of the present failure
    silent_told_at: datetime | None = None  # when the operator was told of the present silence
    pauses: int = 0  # pauses between new items that were measured
    longest_pause: timedelta | None = None  # longest of them; halves in two weeks (see `feeds/health.py`)
    rate: float | None = None  # new items a day, the last days weighing most
    gap_told_at: datetime | None = None  # when the operator was last told that items may be missing


class FeedEventKind(StrEnum):
    """What an operator is told of a feed; each begins or ends something, and is told once."""

    FAILING = "failing"
    RECOVERED = "recovered"
    SILENT = "silent"  # it answers, and has had nothing new for longer than it ever rests
    RESUMED = "resumed"
    GAP = "gap"  # nothing in a poll was known: items may have come and gone in between
    MOVED = "moved"  # a permanent redirect was adopted, or given up again
    RENAMED = "renamed"  # its entries are named in another way from now on


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """Something about a feed that its operator should hear, once."""

    event_id: str  # stable_id("feed-event", feed, kind, time)
    feed_id: str
    kind: FeedEventKind
    at: datetime
    text: str  # one or two sentences for people: what, since when, what to do
    cause: str = ""  # FAILING: the `ErrorKind` value


@dataclass(frozen=True, slots=True)
class HostClaim:
    """The right to poll one host's due feeds until the lease ends."""

    host: str
    token: str  # fencing token: a commit under another token changes nothing
    lease_until: datetime
    feeds: tuple[FeedState, ...]  # due feeds of this host, longest overdue first
