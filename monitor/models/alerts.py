"""Alerts, their revisions, and what was decided for each recipient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from monitor.models.hits import Evidence, RuleInfo
from monitor.models.values import Labels, Severity, Tier


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
