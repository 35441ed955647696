"""What became of one alert for one recipient: its revisions, the decisions, the messages, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.alerts.moments import wall_time
from monitor.alerts.wording import counted
from monitor.models import NotificationState
from monitor.stories.wording import as_dict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from monitor.models import Alert, AlertRevision, Comparison, Decision, Notification, StoryMember


@dataclass(frozen=True, slots=True)
class Sending:
    """One message that carried a revision, over one channel."""

    notification: Notification
    created: str  # in the recipient's zone, as all texts of times here
    due: str
    tried: str  # last attempt, "" before the first
    sent: str  # "" until it left

    @property
    def said(self) -> str:
        """Return what became of it, in words."""
        row = self.notification
        times = counted(row.attempts, "attempt")
        error = f"; last error: {row.last_error}" if row.last_error else ""
        if row.state is NotificationState.SENT:
            return f"sent {self.sent}" + (f", after {times}" if row.attempts > 1 else "")
        if row.state is NotificationState.DEAD:
            return f"given up after {times}{error}"
        tried = f"tried {_times(row.attempts)}" if row.attempts else "waits"
        return f"{tried}, next at {self.due}{error}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One revision of the alert, and what was decided about it for the recipient."""

    revision: AlertRevision
    at: str
    decision: Decision | None  # None: nothing was decided for this recipient
    reason: str  # the decision's sentence, or why there is none
    decided: str = ""
    due: str = ""
    sendings: tuple[Sending, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """One item under the alert: why it counts to the story."""

    title: str
    outlet: str
    at: str
    url: str
    reason: str  # StoryMember.reason, "" when the store knows none
    copy_of: str  # headline of the item that this one repeats, "" for an account of its own
    why: Comparison | None = None  # the comparison that put it there, when it was one
    novel: tuple[str, ...] = ()  # what its headline told beyond the story so far


@dataclass(frozen=True, slots=True)
class Trail:
    """Everything that is stored about one alert and one recipient."""

    alert: Alert
    recipient_id: str
    timezone: str
    route: str  # the route that names the recipient now, "" when none does
    entries: tuple[Entry, ...]  # by revision
    reports: tuple[Report, ...]  # by time

    def as_dict(self) -> dict[str, Any]:
        """Return everything for JSON; times are RFC 3339."""
        alert = self.alert
        return {
            "alert": alert.alert_id,
            "rule": alert.rule.rule_id,
            "title": alert.rule.title,
            "severity": alert.severity.value,
            "state": alert.state.value,
            "group_key": alert.group_key,
            "recipient": self.recipient_id,
            "timezone": self.timezone,
            "route": self.route,
            "revisions": [_entry_dict(entry) for entry in self.entries],
            "items": [
                {
                    "item": source.item_id,
                    "title": source.title,
                    "outlet": source.outlet,
                    "url": source.url,
                    "event_at": _iso(source.event_at),
                    "reason": report.reason,
                    "why": as_dict(report.why) if report.why else None,
                    "new": list(report.novel),
                    "copy_of": source.copy_of,
                }
                for source, report in zip(alert.sources, self.reports, strict=True)
            ],
        }


def trail(
    alert: Alert,
    recipient_id: str,
    *,
    timezone: str,
    route: str,
    revisions: Sequence[AlertRevision],
    decisions: Sequence[Decision],
    notifications: Sequence[Notification],
    members: Mapping[str, StoryMember],
) -> Trail:
    """Put together what is stored.

    Args:
        alert: as it is now.
        recipient_id: for whom.
        timezone: the recipient's, an IANA name.
        route: how the present routes file names the recipient for this alert, "" when it does not.
        revisions: all of the alert, by revision.
        decisions: all about the alert.
        notifications: the recipient's, digests included.
        members: the story membership of the alert's items.
    """
    rows = {row.notification_id: row for row in notifications}
    entries = tuple(_entry(one, recipient_id, timezone, decisions, rows) for one in revisions)
    titles = {source.item_id: source.title for source in alert.sources}
    reports = tuple(
        Report(
            title=source.title,
            outlet=source.outlet,
            at=wall_time(source.event_at, timezone),
            url=source.url,
            reason=members[source.item_id].reason if source.item_id in members else "",
            copy_of=titles.get(source.copy_of, source.copy_of),
            why=members[source.item_id].why if source.item_id in members else None,
            novel=source.novel,
        )
        for source in alert.sources
    )
    return Trail(alert, recipient_id, timezone, route, entries, reports)


def _entry(
    revision: AlertRevision,
    recipient_id: str,
    timezone: str,
    decisions: Sequence[Decision],
    rows: Mapping[str, Notification],
) -> Entry:
    about = [one for one in decisions if one.revision == revision.revision]
    # A decision without a recipient is about everybody: no route, or a rule in shadow.
    mine = next((one for one in about if one.recipient_id in {recipient_id, ""}), None)
    at = wall_time(revision.at, timezone)
    if mine is None:
        others = ", ".join(one.recipient_id for one in about) or "nobody yet"
        reason = f"Nothing was decided for {recipient_id}: no route named them. Decided for: {others}."
        return Entry(revision, at, None, reason)
    sendings = tuple(_sending(rows[one], timezone) for one in mine.notification_ids if one in rows)
    return Entry(
        revision,
        at,
        mine,
        mine.reason,
        wall_time(mine.decided_at, timezone),
        wall_time(mine.due_at, timezone) if mine.due_at else "",
        sendings,
    )


def _sending(row: Notification, timezone: str) -> Sending:
    def wall(at: datetime | None) -> str:
        return wall_time(at, timezone) if at else ""

    return Sending(row, wall(row.created_at), wall(row.due_at), wall(row.last_attempt_at), wall(row.sent_at))


def _entry_dict(entry: Entry) -> dict[str, Any]:
    decision = entry.decision
    return {
        "revision": entry.revision.revision,
        "reason": entry.revision.reason.value,
        "note": entry.revision.note,
        "at": _iso(entry.revision.at),
        "decision": {
            "outcome": decision.outcome.value,
            "reason": decision.reason,
            "decided_at": _iso(decision.decided_at),
            "due_at": _iso(decision.due_at),
            "slot": decision.slot,
        }
        if decision
        else None,
        "explanation": entry.reason,
        "notifications": [
            {
                "id": one.notification.notification_id,
                "channel": one.notification.channel,
                "state": one.notification.state.value,
                "attempts": one.notification.attempts,
                "last_error": one.notification.last_error,
                "due_at": _iso(one.notification.due_at),
                "sent_at": _iso(one.notification.sent_at),
            }
            for one in entry.sendings
        ],
    }


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
