"""What has to hold after each step of an installation's life: one method a guarantee."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from itertools import combinations
from typing import NamedTuple

from monitor.alerts.bundle import MOST_DECISIONS
from monitor.alerts.calendar import quiet_until
from monitor.alerts.decide import bypasses_quiet, is_waiting, pace_for, routes_by_recipient, was_told
from monitor.alerts.silences import SILENCE_SLOT, covers, running
from monitor.loops.administer import read_silences
from monitor.models import AlertState, Decision, NotificationState, Outcome, Reason
from tests.integration.guarantee_world import BOOKS

HOUR = timedelta(hours=1)
TOLD = {Outcome.SENT, Outcome.FAILED}
NEVER_TOLD = {Outcome.LOGGED, Outcome.NO_ROUTE, Outcome.ACKED, Outcome.SUPERSEDED}
UNSHOWN = str.maketrans("", "", "\u2066\u2067\u2068\u2069\u200e\u200f")


def words(text: str) -> str:
    return " ".join(text.translate(UNSHOWN).split())


def key_of(decision) -> tuple[str, int, str]:
    return decision.alert_id, decision.revision, decision.recipient_id


class Standing(NamedTuple):
    """What was so before a merge."""

    reports: set[tuple[str, str]]  # (rule, item)
    decisions: dict[tuple[str, int, str], Decision]


class Checks:
    """Reads the store once after a step and looks at everything."""

    def __init__(self, world) -> None:
        self.world = world
        self.turned_at = None  # when all that was due should have left
        self.split = False  # a person split a story: an item may then be under two alerts of one rule
        self.merged = False  # a person merged two
        self.alerts = ()
        self.revisions, self.decisions, self.rows = (), (), ()
        self.bodies: dict[str, tuple[str, ...]] = {}
        self.held: set[tuple] = set()

    async def read(self) -> None:
        store = self.world.store
        self.alerts = await store.list_alerts(limit=1000)
        ids = [alert.alert_id for alert in self.alerts]
        self.revisions = await store.revisions(ids)
        self.decisions = await store.decisions(ids)
        self.rows = await store.notifications(limit=10_000)
        self.silences = await read_silences(store)
        self.by_id = {alert.alert_id: alert for alert in self.alerts}

    async def everything(self) -> tuple:
        """Return all that a user could see."""
        await self.read()
        return self.alerts, self.revisions, self.decisions, len(self.rows), len(self.sent)

    @property
    def sent(self):
        return [*self.world.channel.sent, *self.world.hook.sent]

    async def all(self) -> None:
        await self.read()
        self.revisions_are_gapless()
        self.decisions_are_complete()
        new = [row for row in self.rows if row.notification_id not in self.bodies]
        self.one_id_one_body()
        self.one_decision_one_message()
        self.nothing_goes_back()
        self.first_contact_is_complete(new)
        self.quiet_hours_are_quiet(new)
        self.what_is_due_has_left()
        self.silences_hold_what_they_cover(new)
        self.corroborated_if_and_only_if()
        self.floods_are_guarded(new)
        self.digests_are_one()
        self.items_are_kept()

    def revisions_are_gapless(self):
        """Guarantee 2."""
        found = defaultdict(list)
        for one in self.revisions:
            found[one.alert_id].append(one)
        for alert in self.alerts:
            told = found[alert.alert_id]
            assert [one.revision for one in told] == list(range(1, alert.revision + 1))
            assert [one.at for one in told] == sorted(one.at for one in told)
            assert [one.reason for one in told].count(Reason.NEW) <= 1
            assert alert.state is not AlertState.OPEN or told

    def decisions_are_complete(self):
        """Guarantee 3: one for each recipient and revision; what is decided to be told adds up."""
        keys = Counter((d.alert_id, d.revision, d.recipient_id) for d in self.decisions)
        assert set(keys.values()) <= {1}
        told = {(d.alert_id, d.revision) for d in self.decisions}
        assert told == {(a.alert_id, n) for a in self.alerts for n in range(1, a.revision + 1)}
        rows = {row.notification_id: row for row in self.rows}
        for one in self.decisions:
            states = {rows[name].state for name in one.notification_ids}
            if one.outcome in NEVER_TOLD:
                assert not states
                assert one.due_at is None
            elif one.outcome is Outcome.SENT:
                assert NotificationState.SENT in states
            elif one.outcome is Outcome.FAILED:
                assert states <= {NotificationState.DEAD}
            else:
                assert is_waiting(one) != (NotificationState.PENDING in states), one

    def one_id_one_body(self):
        """Guarantee 5: the same id, the same words."""
        for row in self.rows:
            body = row.message.subject, row.message.text, row.message.html, row.message.body
            assert self.bodies.setdefault(row.notification_id, body) == body

    def one_decision_one_message(self):
        """Guarantee 5: no revision is told to a recipient by two messages of one channel."""
        channels = {row.notification_id: row.channel for row in self.rows}
        for one in self.decisions:
            used = [channels[name] for name in one.notification_ids]
            assert len(used) == len(set(used))

    def nothing_goes_back(self):
        """Guarantee 6: in the order in which messages arrived."""
        rows = {row.notification_id: row for row in self.rows}
        for channel in (self.world.channel, self.world.hook):
            newest: dict[tuple[str, str], int] = {}
            for recipient, name, sequence in channel.sent:
                alert_id = rows[name].alert_id
                if alert_id:
                    assert sequence >= newest.get((recipient, alert_id), 0)
                    newest[recipient, alert_id] = sequence

    def first_contact_is_complete(self, new):
        """Guarantee 7: whatever its reason, the first message about an alert tells all of it."""
        for row in new:
            alert = self.by_id.get(row.alert_id)
            if alert is None or row.channel != "email" or row.message.kind != "alert":
                continue
            before = [
                d
                for d in self.decisions
                if (d.alert_id, d.recipient_id) == (row.alert_id, row.recipient_id)
                and d.notification_ids
                and row.notification_id not in d.notification_ids
            ]
            if before:
                continue
            text = words(row.message.text)
            assert alert.rule.title in text
            for source in alert.sources:
                assert words(source.title) in text, (source.title, text)
                assert source.outlet in text
            assert "monitor ack" in text

    def quiet_hours_are_quiet(self, new):
        """Guarantee 9: what does not bypass is not sent in quiet hours, in any zone, across clock changes."""
        for row in new:
            recipient = self.world.book.routing.recipient(row.recipient_id)
            about = {d.alert_id for d in self.decisions if row.notification_id in d.notification_ids}
            if not about:
                continue  # a notice about delivery, which waits for nothing
            if row.alert_id or "flood " in row.order_key:
                about = {a for a in about if not bypasses_quiet(recipient, self.by_id[a].severity)}
            if about:
                assert quiet_until(recipient, row.created_at) is None, row.message.subject

    def what_is_due_has_left(self):
        """Guarantee 9: what was held leaves when it may; only quiet hours keep what is due."""
        if self.turned_at != self.world.at:
            return
        for one in self.decisions:
            if is_waiting(one) and one.due_at <= self.world.at and one.decided_at < self.world.at:
                recipient = self.world.book.routing.recipient(one.recipient_id)
                assert quiet_until(recipient, self.world.at) is not None, one

    def silences_hold_what_they_cover(self, new):
        """Guarantee 10: nothing covered leaves, and nothing is held that is not covered."""
        by_slot = {f"{SILENCE_SLOT}{one.silence_id}": one for one in self.silences}
        for one in self.decisions:
            key = one.alert_id, one.revision, one.recipient_id
            if one.outcome is Outcome.SILENCED and key not in self.held:
                silence = by_slot[one.slot]
                assert running(silence, one.decided_at)
                assert covers(silence, self.by_id[one.alert_id])
            if one.outcome is Outcome.SILENCED:
                self.held.add(key)
        for row in new:
            alert = self.by_id.get(row.alert_id)
            if alert is not None and row.message.kind == "alert" and row.created_at == self.world.at:
                own = [d for d in self.decisions if row.notification_id in d.notification_ids]
                lifted = all(d.outcome is Outcome.SILENCED for d in own)
                assert lifted or not any(
                    running(s, row.created_at) and covers(s, alert) for s in self.silences
                ), row.message.subject
            if f"/{SILENCE_SLOT}" in row.order_key and row.created_at == self.world.at:
                told = {d.alert_id for d in self.decisions if row.notification_id in d.notification_ids}
                still = [s for s in self.silences if running(s, row.created_at)]
                assert not any(covers(s, self.by_id[one]) for s in still for one in told), still

    def corroborated_if_and_only_if(self):
        """Guarantee 11: at least two owners inside the window; a copy of an existing item never counts."""
        for alert in self.alerts:
            asked = self.world.book.standard(alert.rule.rule_id)
            if asked is None:
                assert alert.corroborated is None
                continue
            own = [s for s in alert.sources if not s.copy_of and not s.withdrawn]
            met = any(
                first.owner != second.owner and abs(first.event_at - second.event_at) <= asked.within
                for first, second in combinations(own, 2)
            )
            changed = any(s.withdrawn for s in alert.sources) or any(
                r.reason is Reason.CORRECTED for r in self.revisions if r.alert_id == alert.alert_id
            )
            assert alert.corroborated is met or (changed and alert.corroborated)

    def floods_are_guarded(self, new):
        """Guarantee 13: messages about a rule in an hour, and the summaries' counts."""
        pushes = {}
        for row in self.rows:
            if row.alert_id in self.by_id and row.message.kind == "alert":
                place = row.recipient_id, self.by_id[row.alert_id].rule.rule_id
                pushes.setdefault((*place, row.alert_id, row.sequence), row.created_at)
        by_place = defaultdict(list)
        for (recipient, rule_id, alert_id, _), at in pushes.items():
            by_place[recipient, rule_id].append((at, alert_id))
        for (recipient, _), told in by_place.items():
            if len(told) < 3:
                continue
            most = max(
                pace_for(self.by_id[alert_id], recipient, book.routing).max_per_hour
                for _, alert_id in told
                for book in BOOKS
            )
            times = sorted(at for at, _ in told)
            for first, last in zip(times, times[most + 1 :], strict=False):
                assert last - first >= HOUR

        for row in new:
            if row.message.kind == "digest":
                told = {d.alert_id for d in self.decisions if row.notification_id in d.notification_ids}
                count = f"{len(told)} alert{'s' if len(told) > 1 else ''} ("
                assert count in row.message.subject, row.message.subject

    def digests_are_one(self):
        """Guarantee 14: one message for each recipient, channel and slot, in parts when it is very long.

        When quiet hours have begun, a summary of the flood guard tells what bypasses them, and the rest
        in another one behind them.
        """
        made = defaultdict(set)
        parts = Counter()
        for row in self.rows:
            if row.message.kind == "digest":
                made[row.order_key].add(row.created_at)
                parts[row.order_key] += 1
        for key, times in made.items():
            recipient = self.world.book.routing.recipient(key.partition("/")[0])
            *first, _ = sorted(times)
            assert "/flood " in key or not first, (key, times)
            assert all(quiet_until(recipient, at) is not None for at in first), (key, times)
        told = Counter(name for one in self.decisions for name in one.notification_ids)
        for row in self.rows:
            if parts[row.order_key] > 1:
                total = sum(told[r.notification_id] for r in self.rows if r.order_key == row.order_key)
                assert total > MOST_DECISIONS

    def items_are_kept(self):
        """Guarantee 19: each report that was grouped is under one alert of its rule, and stays there.

        An alert that ended by a merge keeps a record of its reports; they count where it led to.
        """
        for alert in self.alerts:
            if alert.merged_into:
                assert alert.state in {AlertState.CLOSED, AlertState.EXPIRED}
                assert self.by_id[alert.merged_into].rule.rule_id == alert.rule.rule_id
        if self.split:
            return
        going_on = [alert for alert in self.alerts if not alert.merged_into]
        threats = {s.item_id for alert in going_on if alert.rule.rule_id == "threat" for s in alert.sources}
        found = Counter()
        for alert in going_on:
            if alert.rule.rule_id != "threat-after-visit":
                found.update((alert.rule.rule_id, source.item_id) for source in alert.sources)
            elif not self.merged:
                # A rule that remembers shows the reports of the alerts that it stands on. What completed
                # a set is under one alert; a visit is named again when a late threat made an earlier set
                # (see `stateful.py`), and so is all of a set whose alert had ended when another followed.
                # What stood on two stories before they were merged shows the reports of both.
                place = f"threat-after-visit, {alert.generation}"
                found.update((place, s.item_id) for s in alert.sources if s.item_id in threats)
        twice = {place for place, count in found.items() if count > 1}
        assert not twice, twice

    def standing(self) -> Standing:
        """Return what a merge must keep."""
        return Standing(self.going_on(), {key_of(one): one for one in self.decisions})

    def led_to(self, alert_id: str) -> list[str]:
        """Return an alert and those that merges led its reports to, one after the other."""
        found = [alert_id]
        while (into := self.by_id[found[-1]].merged_into) and into not in found:
            found.append(into)
        return found

    def going_on(self) -> set[tuple[str, str]]:
        """Return (rule, item) of all reports under alerts that did not end with a merge."""
        alerts = [alert for alert in self.alerts if not alert.merged_into]
        return {(alert.rule.rule_id, source.item_id) for alert in alerts for source in alert.sources}

    def merge_loses_nothing(self, before: Standing) -> None:
        """Guarantee 19: each report is under an alert that goes on, and who waited for it hears of it."""
        assert self.going_on() == before.reports
        for one in self.decisions:
            was = before.decisions.get(key_of(one))
            if was is None or not is_waiting(was) or is_waiting(one):
                continue
            (told,) = [r for r in self.revisions if (r.alert_id, r.revision) == (one.alert_id, one.revision)]
            others = [d for d in self.decisions if is_waiting(d) and d.recipient_id == one.recipient_id]
            reports = {s.item_id for other in others for s in self.by_id[other.alert_id].sources}
            assert one.outcome is Outcome.SUPERSEDED, one
            assert set(told.item_ids) <= reports, one

    def merge_tells_once(self, before: Standing) -> None:
        """Guarantee 19: who heard of both stories hears of their merge by one alert."""
        told = Counter()
        heard = {
            (self.by_id[one.alert_id].merged_into, one.recipient_id)
            for one in before.decisions.values()
            if was_told(one)
        }
        for one in self.decisions:
            new = key_of(one) not in before.decisions and is_waiting(one)
            assert not new or self.by_id[one.alert_id].merged_into == "", one
            if new and (one.alert_id, one.recipient_id) in heard:
                told[one.recipient_id] += 1
        assert set(told.values()) <= {1}, told

    def nothing_is_left(self):
        """Guarantee 4, when nothing has been in the way for long enough."""
        assert [d for d in self.decisions if is_waiting(d)] == []
        assert [row for row in self.rows if row.state is NotificationState.PENDING] == []
        assert all(alert.state is not AlertState.PENDING for alert in self.alerts)
        assert all(alert.remind_at is None for alert in self.alerts)
        routed = {
            (alert.alert_id, name)
            for alert in self.alerts
            for name in routes_by_recipient(self.world.book.routing, alert)
        }
        # What an alert told before it was merged into another need not be told again.
        decided = {(name, d.recipient_id) for d in self.decisions for name in self.led_to(d.alert_id)}
        assert {pair for pair in routed if pair not in decided} == set()
