"""The memories of rules with `sequence`, `together` and `volume`, kept from flush to flush."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.models import stable_id
from monitor.rules.stateful import State, begin, input_ids, step
from monitor.rules.windows import Signal
from monitor.storage.codec import dumps, loads

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from monitor.models import Alert
    from monitor.rulebook import RuleBook
    from monitor.rules.schema import Rule
    from monitor.rules.stateful import Firing
    from monitor.storage.base import Storage


class Memory:
    """What the rules that remember know, for one batch; `values` is stored with what followed from it."""

    def __init__(self, storage: Storage, book: RuleBook, now: datetime) -> None:
        """Read nothing yet."""
        self._storage = storage
        self._now = now
        self._rules = [rule for rule in book.tree.rules if rule.when is None and rule.rule_id in book.rules]
        # A signal may come from a rule under its former id.
        self._present: Mapping[str, str] = {
            former: info.rule_id for info in book.rules.values() for former in info.formerly
        }
        self._states: dict[str, State] = {}

    async def take(self, signal: Signal) -> list[tuple[Rule, Firing]]:
        """Let every rule that waits for the signal's rule take it in; return what fired."""
        fired: list[tuple[Rule, Firing]] = []
        for rule in self._rules:
            inputs = {self._present.get(one, one) for one in input_ids(rule)} | set(input_ids(rule))
            if signal.rule_id not in inputs:
                continue
            name = memory_name(rule)
            taken = step(rule, await self._state(name), signal, self._now)
            self._states[name] = taken.state
            fired += [(rule, firing) for firing in taken.firings]
        return fired

    def values(self) -> tuple[tuple[str, str], ...]:
        """Return the memories that changed, as they are stored."""
        return tuple((name, dumps(state)) for name, state in sorted(self._states.items()))

    async def _state(self, name: str) -> State:
        if name not in self._states:
            stored = await self._storage.get_value(name)
            self._states[name] = begin(self._now) if stored is None else loads(State, stored)
        return self._states[name]


def memory_name(rule: Rule) -> str:
    """Return under what a rule's memory is kept: another condition begins anew, other labels do not."""
    return f"memory:{rule.rule_id}:{stable_id(repr(rule.sequence), repr(rule.volume))}"


def opening_signal(alert: Alert) -> Signal:
    """Return the signal that an alert gives when it opens: its first report in order of events."""
    first = alert.sources[0]
    return Signal(
        rule_id=alert.rule.rule_id,
        item_id=first.item_id,
        event_at=first.event_at,
        first_seen_at=first.first_seen_at,
        story_id=alert.story_id,
        topic=alert.rule.topic,
        country=first.country,
        entities=first.entities,
        owner=first.owner,
        tier=first.tier,
        alert_id=alert.alert_id,
    )
