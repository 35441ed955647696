"""What a template sees: plain values, already worded and dated for one recipient.

Templates decide nothing: whatever needs a choice, a time zone or a sort is done before they run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.models import Labels


@dataclass(frozen=True, slots=True)
class MomentView:
    """One instant, for people and for machines."""

    iso: str  # RFC 3339, UTC: "2026-03-12T13:05:00Z"
    local: str  # in the recipient's zone: "Thu 12 Mar 2026, 14:05 (UTC+01:00)"
    short: str  # "14:05", or "12 Mar 14:05" when on another local date than the message


@dataclass(frozen=True, slots=True)
class SpanView:
    """A piece of text, highlighted or not; the pieces of a passage joined give its text."""

    text: str
    hit: bool  # True: the rule matched here
    entry: str = ""  # what it matched: "us_envoys: Steve Witkoff"


@dataclass(frozen=True, slots=True)
class PassageView:
    """The part of one field around what matched, cut at word boundaries with ellipses."""

    field: str  # "title", "summary", "content", "author", "url"
    spans: tuple[SpanView, ...]


@dataclass(frozen=True, slots=True)
class SourceView:
    """One report of the development."""

    outlet: str
    tier: str  # "wire", worded for people: "wire agency", "state media"...
    country: str
    language: str
    title: str
    summary: str  # at most about 300 characters
    url: str  # "" when the entry had none; only http and https
    published: MomentView | None
    first_seen: MomentView
    is_new: bool  # brought by a revision that this message tells
    is_copy: bool  # repeats another source: no corroboration
    note: str  # "repeats Meridian Wire", "state media"; "" when nothing needs saying
    passages: tuple[PassageView, ...]  # why it matched
    is_withdrawn: bool = False  # its outlet changed it since: it no longer says this


@dataclass(frozen=True, slots=True)
class RevisionView:
    """One step in the alert's life."""

    number: int
    reason: str  # "new", "update"...
    note: str  # what is new, in a sentence
    at: MomentView


@dataclass(frozen=True, slots=True)
class AlertView:
    """One alert as one message tells it; complete even when it is the first one a recipient gets."""

    alert_id: str
    short_id: str  # first 8 digits: what people type
    revision: int
    reason: str  # the most important one among the revisions told
    first_contact: bool  # the recipient has heard nothing of this alert before
    severity: str
    rule_id: str
    rule_title: str
    rule_description: str
    owner: str
    topic: str
    tags: tuple[str, ...]
    flags: tuple[str, ...]  # "UNCONFIRMED", "corrected"; empty when nothing needs a warning
    headline: str  # title of the leading source
    event: MomentView
    first_seen: MomentView
    sources: tuple[SourceView, ...]  # leading source first, then new ones, then the rest
    independent: int  # number of independent owners that report it
    entities: Labels  # (list, entry name), sorted
    matched: tuple[str, ...]  # list entries and phrases in the evidence, without repeats
    revisions: tuple[RevisionView, ...]  # those this message tells, oldest first
    why: str  # why this recipient gets it: the route, in a sentence
    story_id: str = ""  # alerts of several rules can be about one story
    omitted: int = 0  # further sources that are not listed: a message has room for a limited number
    ack_command: str = ""  # what to type so that updates and reminders stop
    silence_command: str = ""  # what to type so that the rule is not heard for some hours


@dataclass(frozen=True, slots=True)
class BarView:
    """One bar of a chart."""

    label: str  # when it begins: "14:00", "Thu 12"
    count: int
    share: int  # of the highest bar, 0 to 100


@dataclass(frozen=True, slots=True)
class NotificationView:
    """The whole message: one alert, or a digest of several."""

    kind: str  # "alert", "digest", "test", "notice", "system"
    notification_id: str
    subject: str  # one line, severity and reason first: "[HIGH new] US envoy arrives in Moscow: ..."
    recipient_id: str
    timezone: str  # IANA name that every MomentView is in
    created: MomentView
    alerts: tuple[AlertView, ...]  # exactly one for "alert"; none for "test" and "notice"
    intro: str  # a sentence or two that opens the message
    product: str  # "Diplomatic Monitor"
    version: str
    volume: tuple[BarView, ...] = ()  # a digest's reports by the time they came, oldest first
    lines: tuple[str, ...] = ()  # what a notice lists, one finding each; none for other kinds
