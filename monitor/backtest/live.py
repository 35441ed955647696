"""What recipients would have lived through: alerts, updates and messages of a replay, in figures; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from monitor.models import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from monitor.backtest.replay import Replayed
    from monitor.backtest.run import Tally
    from monitor.models import Alert, Recipient

HOURS: Final = 24
MOST_RULES: Final = 10
# What a recipient hears of an alert after its first message.
_AFTER_NEW: Final = frozenset(
    {
        Reason.REOPENED, Reason.CORROBORATED, Reason.ESCALATED, Reason.OFFICIAL, Reason.CORRECTED,
        Reason.UPDATE, Reason.REMINDER,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Inbox:
    """What one recipient would have had, whatever the number of channels."""

    recipient_id: str
    alerts: int  # messages about one alert
    digests: int  # messages that tell several: digests, summaries of the flood guard, catch-ups
    per_day: Mapping[date, int]  # by the recipient's calendar; only days with messages
    per_hour: tuple[int, ...]  # messages by hour of the recipient's day, over all days
    busiest_hour: int  # most messages in one hour of one day
    entries: tuple[int, ...]  # alerts that each message of several tells, in order of time
    repeated: int  # messages about a report that an earlier one led with, by another alert
    by_rule: Mapping[str, int]  # messages about one alert, the noisiest rule first

    @property
    def messages(self) -> int:
        """Return the number of all messages."""
        return self.alerts + self.digests

    @property
    def busiest_day(self) -> tuple[date, int] | None:
        """Return the first of the days with most messages."""
        return min(self.per_day.items(), key=lambda day: (-day[1], day[0]), default=None)


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """Everything a replay tells."""

    items: int
    days: tuple[date, ...]  # from the first item's to the last one's
    hits: int
    alerts: int
    alerts_per_day: Mapping[date, int]  # by the day, UTC, on which they opened
    by_severity: Mapping[str, int]  # of the alerts
    reasons: Mapping[str, int]  # revisions by reason
    updates: Mapping[int, int]  # alerts by how many revisions came after their first
    repeated_ids: int  # messages with an id that was used before: has to be none
    inboxes: tuple[Inbox, ...]  # all recipients, in order of the file

    def a_day(self, count: int) -> float:
        """Return the mean per day of the period."""
        return count / len(self.days) if self.days else 0.0


def live_figures(tally: Tally, hits: int, replayed: Replayed, recipients: Sequence[Recipient]) -> LiveFigures:
    """Sum a replay up.

    Args:
        tally: of all items.
        hits: how many there were.
        replayed: what became of them.
        recipients: those that are configured.
    """
    after = Counter(one.alert_id for one in replayed.revisions if one.reason in _AFTER_NEW)
    alerts = {alert.alert_id: alert for alert in replayed.opened if alert.revision}
    ids = Counter(row.notification_id for row in replayed.written)
    return LiveFigures(
        items=tally.items,
        days=tally.days,
        hits=hits,
        alerts=len(alerts),
        alerts_per_day=_by_day(alert.opened_at for alert in alerts.values()),
        by_severity=Counter(alert.severity.value for alert in alerts.values()),
        reasons=dict(Counter(one.reason.value for one in replayed.revisions).most_common()),
        updates=dict(sorted(Counter(after[alert_id] for alert_id in alerts).items())),
        repeated_ids=sum(count - 1 for count in ids.values()),
        inboxes=tuple(_inbox(one, replayed, alerts) for one in recipients),
    )


def _inbox(recipient: Recipient, replayed: Replayed, alerts: Mapping[str, Alert]) -> Inbox:
    zone, channels = ZoneInfo(recipient.timezone), recipient.channels()[:1]
    rows = [r for r in replayed.written if r.recipient_id == recipient.recipient_id and r.channel in channels]
    told: dict[str, set[str]] = defaultdict(set)  # alerts by message
    for decision in replayed.decisions:
        for notification_id in decision.notification_ids:
            told[notification_id].add(decision.alert_id)
    own = [row for row in rows if row.alert_id]
    rules = Counter(alerts[row.alert_id].rule.rule_id for row in own if row.alert_id in alerts)
    local = [row.created_at.astimezone(zone) for row in rows]
    hours = Counter(at.hour for at in local)
    return Inbox(
        recipient_id=recipient.recipient_id,
        alerts=len(own),
        digests=len(rows) - len(own),
        per_day=dict(sorted(Counter(at.date() for at in local).items())),
        per_hour=tuple(hours[hour] for hour in range(HOURS)),
        busiest_hour=max(Counter((at.date(), at.hour) for at in local).values(), default=0),
        entries=tuple(len(told[row.notification_id]) for row in rows if not row.alert_id),
        repeated=_repeated([row.alert_id for row in own], alerts),
        by_rule=dict(rules.most_common(MOST_RULES)),
    )


def _repeated(alert_ids: Iterable[str], alerts: Mapping[str, Alert]) -> int:
    """Return how many first messages tell a report that another alert's message has told already."""
    known: set[str] = set()
    heard: set[str] = set()
    repeated = 0
    for alert_id in alert_ids:
        if alert_id in heard or alert_id not in alerts or not alerts[alert_id].sources:
            continue
        heard.add(alert_id)
        first = alerts[alert_id].sources[0].item_id
        repeated += first in known
        known.add(first)
    return repeated


def _by_day(moments: Iterable[datetime]) -> dict[date, int]:
    return dict(sorted(Counter(at.date() for at in moments).items()))
