"""Frozen values that pass between the stages; every field says what it holds.

Times end in `_at` and are aware UTC; durations are `timedelta`; ids end in `_id` and are text.
This package imports nothing else of the project: every other module may import it, by this name.
"""

from __future__ import annotations

from monitor.models.alerts import Alert, AlertRevision, AlertState, Decision, Outcome, Reason, Source
from monitor.models.feeds import Feed, FeedEvent, FeedEventKind, FeedState, FirstPoll, HostClaim, IdentityMode
from monitor.models.hits import Evidence, Hit, Match, RuleInfo
from monitor.models.items import FIELDS, Entry, FieldName, Item, KnownItem
from monitor.models.notifications import Message, Notification, NotificationState
from monitor.models.routing import (
    AppriseTarget,
    EmailTarget,
    Matcher,
    QuietSpan,
    Recipient,
    Route,
    RouteTest,
    Routing,
    Silence,
    Silences,
    Timing,
    WebhookTarget,
)
from monitor.models.stories import Comparison, StoryLayer, StoryMember
from monitor.models.values import Labels, Severity, Tier, changed, stable_id

__all__ = [
    "FIELDS",
    "Alert",
    "AlertRevision",
    "AlertState",
    "AppriseTarget",
    "Comparison",
    "Decision",
    "EmailTarget",
    "Entry",
    "Evidence",
    "Feed",
    "FeedEvent",
    "FeedEventKind",
    "FeedState",
    "FieldName",
    "FirstPoll",
    "Hit",
    "HostClaim",
    "IdentityMode",
    "Item",
    "KnownItem",
    "Labels",
    "Match",
    "Matcher",
    "Message",
    "Notification",
    "NotificationState",
    "Outcome",
    "QuietSpan",
    "Reason",
    "Recipient",
    "Route",
    "RouteTest",
    "Routing",
    "RuleInfo",
    "Severity",
    "Silence",
    "Silences",
    "Source",
    "StoryLayer",
    "StoryMember",
    "Tier",
    "Timing",
    "WebhookTarget",
    "changed",
    "stable_id",
]
