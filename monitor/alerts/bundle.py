"""Put due decisions together into messages: one for each recipient and alert, or digest slot."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal

from monitor.alerts.calendar import quiet_until
from monitor.alerts.decide import COLLECTED, PUSHES, bypasses_quiet, is_waiting
from monitor.alerts.moments import wall_time
from monitor.models import Decision, Outcome, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from monitor.models import Alert, Recipient, Routing

MOST_DECISIONS: Final = 250  # in one digest; a longer one is sent in parts: a webhook's body has an end


@dataclass(frozen=True, slots=True)
class Bundle:
    """The decisions that one message tells."""

    kind: Literal["alert", "digest"]
    recipient_id: str
    alert_id: str  # "" for a digest
    slot: str  # "" for an alert
    decisions: tuple[Decision, ...]  # by (alert_id, revision); never empty

    @property
    def alert_ids(self) -> tuple[str, ...]:
        """Return the alerts told, each once."""
        return tuple(dict.fromkeys(decision.alert_id for decision in self.decisions))

    @property
    def sequence(self) -> int:
        """Return the highest revision told: `Notification.sequence`."""
        return max(decision.revision for decision in self.decisions)

    def order_key(self, channel: str) -> str:
        """Return what keeps one alert's messages in order (`Notification.order_key`).

        It holds the channel: a webhook that fails for hours does not hold the same reader's mail back.
        """
        return f"{self.recipient_id}/{self.alert_id or self.slot}/{channel}"

    def notification_id(self, channel: str) -> str:
        """Return the id of this message on one channel: the same revisions always give the same."""
        told = ",".join(f"{d.alert_id}:{d.revision}" for d in self.decisions)
        if self.kind == "alert":
            told = ",".join(str(d.revision) for d in self.decisions)
        return stable_id("notification", self.alert_id or self.slot, told, self.recipient_id, channel)


@dataclass(frozen=True, slots=True)
class Bundles:
    """What becomes of due decisions."""

    bundles: tuple[Bundle, ...]  # to be rendered now, oldest alert first
    changed: tuple[Decision, ...] = ()  # to be stored as they are: held again, put off, or FAILED


def bundle(
    due: Sequence[Decision],
    alerts: Mapping[str, Alert],
    all_decisions: Iterable[Decision],
    routing: Routing,
    now: datetime,
) -> Bundles:
    """Put decisions together.

    1. A decision whose recipient or alert is gone is FAILED, with the reason.
    2. What became due inside quiet hours is held again, unless it bypasses them.
    3. A push takes along all that still waits for the same (alert, recipient), so that no later
       message goes back to an earlier revision.
    4. A due digest entry whose alert also has a push waiting leaves with that push.
    5. What remains in a digest slot is one message for each recipient (in parts, when very long).

    Args:
        due: unrendered decisions with `due_at <= now`.
        alerts: all alerts that they are about, by id.
        all_decisions: all decisions about those alerts, `due` among them.
        routing: the present recipients.
        now: when the messages are rendered.
    """
    sorting = _Sorting(alerts, routing, now)
    for decision in due:
        if is_waiting(decision):
            sorting.take(decision)
    return sorting.result(list(all_decisions))


class _Sorting:
    """One run of `bundle`."""

    def __init__(self, alerts: Mapping[str, Alert], routing: Routing, now: datetime) -> None:
        self._alerts = alerts
        self._routing = routing
        self._now = now
        self._changed: list[Decision] = []
        self._pushes: dict[tuple[str, str], list[Decision]] = defaultdict(list)
        self._digests: dict[tuple[str, str], list[Decision]] = defaultdict(list)

    def take(self, decision: Decision) -> None:
        """Put one due decision where it belongs."""
        recipient = self._routing.recipient(decision.recipient_id)
        alert = self._alerts.get(decision.alert_id)
        if recipient is None:
            self._fail(decision, f'the recipient "{decision.recipient_id}" is no longer configured')
        elif alert is None:
            self._fail(decision, "the alert is no longer stored")
        elif (until := self._quiet_end(decision, alert, recipient)) is not None:
            self._hold(decision, recipient, until)
        elif decision.outcome in COLLECTED:
            self._digests[decision.recipient_id, decision.slot].append(decision)
        else:
            self._pushes[decision.recipient_id, decision.alert_id].append(decision)

    def _quiet_end(self, decision: Decision, alert: Alert, recipient: Recipient) -> datetime | None:
        # A digest never bypasses: a severity that does is pushed. A summary of the flood guard stands for
        # pushes, so it does.
        may = decision.outcome in PUSHES or decision.outcome is Outcome.RATE_LIMITED
        if may and bypasses_quiet(recipient, alert.severity):
            return None
        return quiet_until(recipient, self._now)

    def _hold(self, decision: Decision, recipient: Recipient, until: datetime) -> None:
        outcome = decision.outcome if decision.outcome in COLLECTED else Outcome.HELD
        reason = f"{decision.reason} Quiet hours: held until {wall_time(until, recipient.timezone)}."
        self._changed.append(replace(decision, outcome=outcome, due_at=until, reason=_once(reason, decision)))

    def _fail(self, decision: Decision, why: str) -> None:
        reason = f"{decision.reason} Not sent: {why}."
        self._changed.append(replace(decision, outcome=Outcome.FAILED, due_at=None, reason=reason))

    def result(self, all_decisions: list[Decision]) -> Bundles:
        """Return the messages, after pushes took along what waits beside them."""
        waiting: dict[tuple[str, str], list[Decision]] = defaultdict(list)
        for decision in all_decisions:
            if is_waiting(decision):
                waiting[decision.recipient_id, decision.alert_id].append(decision)
        made = [self._push(pair, (*told, *waiting[pair])) for pair, told in self._pushes.items()]
        for (recipient_id, slot), told in self._digests.items():
            kept = [d for d in told if not self._leaves_with_push(d, waiting[recipient_id, d.alert_id])]
            parts = (Bundle("digest", recipient_id, "", slot, part) for part in self._parts(_in_order(kept)))
            made.extend(parts)
        # A digest entry that was held again leaves after all with a push that bypasses quiet hours.
        told_now = {_key(decision) for bundle in made for decision in bundle.decisions}
        changed = tuple(decision for decision in self._changed if _key(decision) not in told_now)
        return Bundles(tuple(sorted(made, key=self._age)), changed)

    def _parts(self, decisions: Sequence[Decision]) -> Iterator[tuple[Decision, ...]]:
        """Yield the decisions in parts for one message each, the most severe alerts in the first.

        Those about one alert stay together.
        """
        groups = [list(told) for _, told in groupby(decisions, key=lambda decision: decision.alert_id)]
        groups.sort(key=lambda told: -self._alerts[told[0].alert_id].severity.rank)
        part: list[Decision] = []
        for about_one in groups:
            if part and len(part) + len(about_one) > MOST_DECISIONS:
                yield _in_order(part)
                part = []
            part += about_one
        if part:
            yield _in_order(part)

    def _push(self, pair: tuple[str, str], told: Sequence[Decision]) -> Bundle:
        recipient_id, alert_id = pair
        return Bundle("alert", recipient_id, alert_id, "", _in_order(told))

    def _leaves_with_push(self, decision: Decision, waiting: Sequence[Decision]) -> bool:
        """Return whether a push of the same alert takes this digest entry along, and put it off if so."""
        if self._pushes.get((decision.recipient_id, decision.alert_id)):
            return True  # it leaves now
        later = [d.due_at for d in waiting if d.outcome in PUSHES and d.due_at is not None]
        if not later:
            return False
        reason = f"{decision.reason} It leaves with a message about the same alert instead."
        self._changed.append(
            replace(
                decision, outcome=Outcome.QUEUED, due_at=min(later), slot="", reason=_once(reason, decision)
            )
        )
        return True

    def _age(self, made: Bundle) -> tuple[datetime, str, str]:
        opened = min(self._alerts[alert_id].opened_at for alert_id in made.alert_ids)
        return opened, made.alert_id or made.slot, made.recipient_id


def _key(decision: Decision) -> tuple[str, int, str]:
    return decision.alert_id, decision.revision, decision.recipient_id


def _in_order(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    unique = {_key(decision): decision for decision in decisions}
    return tuple(unique[key] for key in sorted(unique))


def _once(reason: str, decision: Decision) -> str:
    """Return `reason` unless the decision already carries such an addition: reasons do not pile up."""
    return decision.reason if decision.reason.count(". ") else reason
