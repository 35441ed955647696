"""Frozen values that pass between the stages; every field says what it holds.

Times end in `_at` and are aware UTC; durations are `timedelta`; ids end in `_id` and are text.
This module imports nothing of the project: every other module may import it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")
Labels: TypeAlias = tuple[tuple[str, str], ...]


def stable_id(*parts: str) -> str:
    """Return a 32-digit hexadecimal id made of `parts` (SHA-256, truncated to 128 bits).

    The same parts give the same id on every machine and after every restart, which is what makes a
    repeated commit or a repeated notification recognisable.
    """
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def changed(value: Value, **changes: object) -> Value:
    """Return an instance of a dataclass of several fields with some of them changed.

    What `dataclasses.replace` does, at a fifth of its cost: a poll changes its feed's state seven times.

    Raises:
        KeyError: a name that is no field.
    """
    kind: Any = type(value)
    place, get = _layout(kind)
    row = list(get(value))
    for name, new in changes.items():
        row[place[name]] = new
    made: Value = kind(*row)
    return made


@cache
def _layout(kind: type[Any]) -> tuple[dict[str, int], Callable[[Any], tuple[Any, ...]]]:
    names = [one.name for one in fields(kind)]
    return {name: number for number, name in enumerate(names)}, attrgetter(*names)


class Severity(StrEnum):
    """How much an alert matters, in rising order."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Return 0 (info) to 4 (critical): text does not sort by importance."""
        return _SEVERITY_RANK[self]


_SEVERITY_RANK = {severity: rank for rank, severity in enumerate(Severity)}


class Tier(StrEnum):
    """What kind of publisher a feed is: the coarse reliability that an alert shows."""

    OFFICIAL = "official"
    WIRE = "wire"
    NATIONAL = "national"
    STATE_MEDIA = "state_media"
    LOCAL = "local"
    ANALYSIS = "analysis"
    AGGREGATOR = "aggregator"
    SOCIAL = "social"


class FirstPoll(StrEnum):
    """What happens to the items of a feed's very first poll."""

    BASELINE = "baseline"  # stored as known; only those of the last `catch_up` are matched
    ALL = "all"  # all are matched: for replays, tests and demonstrations


# --- feeds ---------------------------------------------------------------------------------------


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


# --- items ---------------------------------------------------------------------------------------


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


# --- rules and hits ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """One true leaf of a rule's condition: where it matched and what was asked for."""

    field: str  # one of FIELDS
    start: int  # character offset in the item's field, inclusive
    end: int  # exclusive
    text: str  # item.text(field)[start:end]
    entry: str = ""  # list entry ("us_envoys: Steve Witkoff") or the phrase as written in the rule


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that fired on an item, as the engine answers."""

    rule_id: str
    rule_version: str  # hash of the rule and the lists it uses
    severity: Severity
    evidence: tuple[Evidence, ...]
    entities: Labels = ()  # (list, entry name) of every list entry in the evidence, sorted


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What alerts, routes and templates need to know of a rule."""

    rule_id: str
    title: str
    severity: Severity
    description: str = ""
    owner: str = ""
    topic: str = ""
    tags: tuple[str, ...] = ()
    alert_per: str = "story"  # story, topic, item or entity.<list>
    formerly: tuple[str, ...] = ()
    grouping: str = ""  # safe or balanced; "" = as the installation's setting says
    shadow: bool = False  # recorded, never sent
    supersedes: tuple[str, ...] = ()  # ids of rules whose notifications it replaces in the same story


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule fired on an item: unique for ever per (rule, item)."""

    hit_id: str  # stable_id("hit", rule_id, item_id)
    rule_id: str
    item_id: str
    rule_version: str
    severity: Severity
    evidence: tuple[Evidence, ...]
    entities: Labels
    hit_at: datetime  # when it was found
    event_at: datetime  # Item.event_at()


# --- stories -------------------------------------------------------------------------------------


class StoryLayer(StrEnum):
    """Which layer decided that an item belongs to a story."""

    NEW = "new"  # nothing matched: the item opens a story
    URL = "url"  # L0: same canonical URL
    TITLE = "title"  # L1: same normalized title
    TEXT = "text"  # L1: character 5-gram Jaccard similarity
    STORY = "story"  # L2: the same development, by the regression over what both have in common
    MEANING = "meaning"  # L3: near by embeddings, and by the regression where it can compare
    SPLIT = "split"  # a person took it out of another story
    MERGED = "merged"  # it opened a story that a person made one with another


@dataclass(frozen=True, slots=True)
class Comparison:
    """How an item was compared with one of a story, as far as people want to know."""

    item_id: str  # the other one
    story_id: str  # its story
    title: str  # the other one's headline
    score: float  # probability that both tell of one development, 0 to 1; 0 across languages
    hours: float  # between the two events
    words: tuple[str, ...] = ()  # rare words in common as written, the rarest first
    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    contributions: tuple[tuple[str, float], ...] = ()  # (feature, log-odds it added), strongest first
    near: float = 0.0  # cosine of the two embeddings, where L3 was asked


@dataclass(frozen=True, slots=True)
class StoryMember:
    """One item's place in a story, with the reason: shown to people, never only computed."""

    item_id: str
    story_id: str
    layer: StoryLayer
    matched_item_id: str  # "" for NEW and SPLIT; the other opener for MERGED
    score: float  # 1.0 for exact layers, similarity for TEXT, probability for STORY, cosine for MEANING
    reason: str  # one sentence for people
    event_at: datetime
    url_key: str  # canonical URL without scheme, www. and tracking; "" without a link
    title_key: str  # normalized title; "" when too short to tell
    postings: tuple[str, ...] = ()  # its rarest terms, under which later items find this one
    rules: tuple[str, ...] = ()  # rules whose hits it was: only items of one rule are compared in L2
    why: Comparison | None = None  # for STORY and MEANING: the comparison that decided
    related: tuple[Comparison, ...] = ()  # stories that are near and not the same, best first
    novel: tuple[str, ...] = ()  # names, numbers and telling words that its story had not told yet


# --- alerts --------------------------------------------------------------------------------------


class AlertState(StrEnum):
    """Where an alert is in its life; news does not resolve, it goes quiet."""

    PENDING = "pending"  # held until enough independent sources report it (`until_then: hold`)
    OPEN = "open"
    CLOSED = "closed"
    EXPIRED = "expired"  # was pending, and they did not come in time


class Reason(StrEnum):
    """Why a revision of an alert exists."""

    NEW = "new"
    REOPENED = "reopened"
    CORROBORATED = "corroborated"
    ESCALATED = "escalated"
    OFFICIAL = "official"
    CORRECTED = "corrected"
    UPDATE = "update"
    REMINDER = "reminder"
    CLOSED = "closed"
    EXPIRED = "expired"  # held back for corroboration that did not come: told in the digest only
    RECOVERED = "recovered"  # an alert about the monitor itself: what it told of is over


@dataclass(frozen=True, slots=True)
class Source:
    """One item under an alert, as far as people and later decisions need it."""

    item_id: str
    hit_id: str
    feed_id: str
    outlet: str  # Feed.title
    owner: str  # the unit of independence
    tier: Tier
    country: str
    language: str
    title: str
    summary: str
    url: str
    published_at: datetime | None
    first_seen_at: datetime
    event_at: datetime
    evidence: tuple[Evidence, ...]
    entities: Labels = ()
    copy_of: str = ""  # item id that this one repeats; "" when it is an account of its own
    author: str = ""
    content: str = ""  # only what the evidence needs: the passages around the spans
    novel: tuple[str, ...] = ()  # StoryMember.novel: what its headline tells beyond its story so far
    related: tuple[str, ...] = ()  # headlines of stories near to the one that it opened
    withdrawn: bool = False  # the outlet has changed the report, and the rule no longer matches it


@dataclass(frozen=True, slots=True)
class Alert:
    """One development as one rule sees it: (rule.id, group key)."""

    alert_id: str  # stable_id("alert", rule_id, group_key, str(generation))
    rule: RuleInfo
    group_key: str  # "story:<id>" by default
    generation: int  # 1, rising each time a closed alert is too old to be reopened
    state: AlertState
    severity: Severity
    revision: int  # of the newest revision; gapless from 1
    opened_at: datetime
    last_hit_at: datetime
    closed_at: datetime | None
    sources: tuple[Source, ...]  # by (event_at, first_seen_at, item_id)
    story_id: str = ""
    unreported: tuple[str, ...] = ()  # item ids attached since the newest revision, none of them material
    corroborated: bool | None = None  # None: the rule does not ask for it; it stays once it is True
    hold_until: datetime | None = None  # PENDING: the last event time at which another source counts
    acked_by: str = ""  # who acknowledged it; "" = nobody, or what followed was too important
    acked_at: datetime | None = None
    remind_since: datetime | None = None  # since when people are asked to acknowledge it
    remind_at: datetime | None = None  # when to look whom to remind; None = nobody, as things are
    merged_into: str = ""  # alert id: it ended when its story was merged, and that one has its reports


@dataclass(frozen=True, slots=True)
class AlertRevision:
    """One step in an alert's life that people may hear about."""

    alert_id: str
    revision: int
    reason: Reason
    at: datetime
    note: str  # one sentence: what is new
    item_ids: tuple[str, ...]  # items that this revision added


class Outcome(StrEnum):
    """What was decided for one (alert revision, recipient)."""

    SENT = "sent"  # its notification left
    QUEUED = "queued"  # leaves at due_at (group wait, update interval)
    HELD = "held"  # quiet hours: leaves at due_at
    DIGEST = "digest"  # waits for the digest slot at due_at
    SUPERSEDED = "superseded"  # another rule tells this recipient of the same story
    SILENCED = "silenced"  # a silence covers it: told in its summary, at due_at
    RATE_LIMITED = "rate_limited"  # over the flood guard: told in a summary, at due_at
    ACKED = "acked"  # somebody has acknowledged the alert: an update is not sent
    LOGGED = "logged"  # severity info: in the record only
    NO_ROUTE = "no_route"
    FAILED = "failed"  # every attempt was in vain


@dataclass(frozen=True, slots=True)
class Decision:
    """Exactly one for each (alert revision, recipient)."""

    alert_id: str
    revision: int
    recipient_id: str  # "" for NO_ROUTE, and for LOGGED when no route was asked (a rule in shadow)
    outcome: Outcome
    reason: str  # one sentence for people: which route, which wait
    decided_at: datetime
    due_at: datetime | None = None  # when it is to be rendered; None when it never is
    slot: str = ""  # what it is collected for: "2026-03-12T17:30 Europe/Brussels", "silence 3f2a91bc"
    notification_ids: tuple[str, ...] = ()  # set when rendered
    reminder: int = 0  # which reminder it is, from 1; one more than there are: the fallback's turn
    stands_for: tuple[str, ...] = ()  # ids of recipients who did not acknowledge: this is their fallback


# --- notifications -------------------------------------------------------------------------------


class NotificationState(StrEnum):
    """Where an outbox row is."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"  # given up: shown by `monitor status` until dropped


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered message, stored as it will be sent: a retry sends the same words."""

    kind: str  # "alert", "digest", "test", "notice", "system"
    subject: str = ""  # e-mail only; one line
    text: str = ""  # e-mail text part
    html: str = ""  # e-mail HTML part
    body: str = ""  # webhook body
    content_type: str = ""  # webhook body's media type
    thread_id: str = ""  # alert id: updates of one alert thread together
    headers: Labels = ()  # e-mail only, beside those that the channel sets itself


@dataclass(frozen=True, slots=True)
class Notification:
    """One message for one recipient over one channel: the stored, retried unit (outbox row)."""

    notification_id: str  # stable_id("notification", alert, revisions, recipient, channel)
    recipient_id: str
    channel: str  # "email", "webhook", "console"
    alert_id: str  # "" for a digest or test
    order_key: str  # rows with one key leave in order of `sequence`: recipient/alert
    sequence: int  # highest revision inside
    message: Message
    created_at: datetime
    due_at: datetime
    expires_at: datetime  # after this, no more attempts
    state: NotificationState = NotificationState.PENDING
    attempts: int = 0
    last_error: str = ""
    last_attempt_at: datetime | None = None
    sent_at: datetime | None = None
    token: str = ""  # fencing token of the present claim


@dataclass(frozen=True, slots=True)
class EmailTarget:
    """Where a recipient reads mail."""

    to: tuple[str, ...]  # addr-spec, RFC 5322


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Where a recipient's system listens."""

    url: str = ""  # literal URL: only for receivers whose URL is no secret
    url_env: str = ""  # name of the variable or secret that holds the URL
    secret_env: str = ""  # likewise the Standard Webhooks signing secret (whsec_...)
    format: str = "standard"
    to: str = ""  # the place inside the service, where the URL does not say it: topic, chat id
    to_env: str = ""  # or the name of the variable that holds it (a routing key is a secret)
    token_env: str = ""  # likewise a token, sent as "Authorization: Bearer"
    headers: Labels = ()  # further header fields: (name, name of the variable that holds the value)


@dataclass(frozen=True, slots=True)
class AppriseTarget:
    """Where a service listens that the library Apprise speaks to."""

    url_env: str  # name of the variable or secret that holds the Apprise URL


@dataclass(frozen=True, slots=True)
class QuietSpan:
    """When a recipient is not disturbed: a daily wall-clock span, or whole weekdays."""

    start_minute: int = 0  # minutes after local midnight
    end_minute: int = 24 * 60  # exclusive; at or before start = passes midnight
    weekday: int | None = None  # 0 = Monday; None = every day


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who hears, over which channels and when."""

    recipient_id: str
    timezone: str  # IANA name
    email: EmailTarget | None = None
    webhook: WebhookTarget | None = None
    quiet: tuple[QuietSpan, ...] = ()
    bypass: Severity | None = None  # from this severity on, quiet hours do not count
    digest: tuple[int, ...] = (7 * 60 + 30, 17 * 60 + 30)  # minutes after local midnight
    fallback: str = ""  # recipient id
    apprise: AppriseTarget | None = None

    def channels(self) -> tuple[str, ...]:
        """Return the channels this recipient is reached by, e-mail first."""
        targets = (("email", self.email), ("webhook", self.webhook), ("apprise", self.apprise))
        return tuple(name for name, target in targets if target is not None)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition of a route on one label of an alert."""

    label: str  # severity, topic, owner, rule, tag, tier, country
    operator: Literal["=", ">=", "<="]  # the two orders only for severity
    values: tuple[str, ...]  # one of these


@dataclass(frozen=True, slots=True)
class Silence:
    """A span in which alerts that match are not sent; what it held back is told when it ends."""

    silence_id: str  # 8 hexadecimal digits: what people type
    match: tuple[Matcher, ...]  # all of them hold for what it covers; never empty
    starts_at: datetime
    ends_at: datetime
    author: str
    comment: str


@dataclass(frozen=True, slots=True)
class Silences:
    """All silences of the installation that began or will begin, in order of their end."""

    silences: tuple[Silence, ...] = ()


@dataclass(frozen=True, slots=True)
class Timing:
    """When messages about an alert leave; None = the table for its severity (alert-lifecycle.md)."""

    group_wait: timedelta | None = None
    update_interval: timedelta | None = None
    at_once: tuple[Reason, ...] | None = None  # what does not wait for the update interval
    older_than: timedelta | None = None  # news older than this waits for the digest
    max_per_hour: int | None = None  # messages about one rule for one recipient
    summary_every: timedelta | None = None  # what is beyond that is told so often
    remind_every: timedelta | None = None  # while nobody acknowledges; zero = no reminders
    remind_times: int | None = None  # then the recipient's fallback is told


@dataclass(frozen=True, slots=True)
class Route:
    """Which alerts go to whom; every matching route applies."""

    to: tuple[str, ...]  # recipient ids
    match: tuple[Matcher, ...] = ()
    default: bool = False  # used when no other route matched
    delivery: Literal["auto", "now", "digest", "log"] = "auto"  # `as:` in the file; auto = by severity
    timing: Timing = field(default_factory=Timing)
    where: str = ""  # file:line, for explanations


@dataclass(frozen=True, slots=True)
class RouteTest:
    """One entry of `tests:` in `rules/routes.yaml`: who should hear of such an alert, and when."""

    alert: Labels  # (label, value) as a route may match: rule, topic, severity, owner, tag, tier, country
    at: datetime  # when the alert opens
    expect: Labels  # (recipient id, "now" | "held" | "digest" | "log" | "none"); others are not checked
    where: str = ""  # file:line


@dataclass(frozen=True, slots=True)
class Routing:
    """The whole of `rules/routes.yaml`."""

    recipients: tuple[Recipient, ...] = ()
    routes: tuple[Route, ...] = ()
    tests: tuple[RouteTest, ...] = ()

    def recipient(self, recipient_id: str) -> Recipient | None:
        """Return the recipient of that id, or None."""
        return next((r for r in self.recipients if r.recipient_id == recipient_id), None)
