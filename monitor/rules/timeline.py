"""Run the `timeline` of a rule: timed items, and what the rule makes of each, on a virtual clock.

Each item is matched by the engine, gets its story, and opens or joins alerts as in the daemon. The first
hits of alerts are the signals that rules with `sequence`, `together` and `volume` take in, those below
first. What a step may expect:

| `expect` | the rule, at this item |
|---|---|
| `alert` | opens an alert, reopens one, or lets go of one that was held |
| `nothing` | tells nobody: no hit, a hit that is attached silently, or an alert that is held |
| `new` | opens an alert, or lets go of one that was held |
| `pending` | holds an alert back (`corroborate` with `until_then: hold`) until it is corroborated |
| `corroborated` | has enough independent sources for the first time |
| `escalated` | is raised by `corroborate.raise_to` |
| `official`, `update` | tells more of an open alert, for this reason; a further complete set is an update |

Without `expect` a step asks nothing; it only happens. Steps happen in order of `at`, and an item's event
time is its `at`. `feed` names where an item comes from: the catalogue's feed of this id with its owner and
tier, or an outlet of this name. An item without `feed` comes from an outlet of its own. A baseline (`volume`
with `times`) begins with the timeline, at 0h.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from monitor.alerts.lifecycle import group_key, transition
from monitor.alerts.sources import known_agencies, make_source
from monitor.models import Hit, Item, Reason, stable_id
from monitor.rules.corroboration import corroborate
from monitor.rules.examples import example_item
from monitor.rules.reasons import moment
from monitor.rules.schema import Status
from monitor.rules.stateful import begin, input_ids, signal_of, step
from monitor.rules.windows import Signal
from monitor.stories.grouping import Assigner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.alerts.lifecycle import Transition
    from monitor.models import Alert, Feed, Source
    from monitor.rules.engine import Engine
    from monitor.rules.schema import Example, Rule, RuleTree, TimelineStep
    from monitor.rules.stateful import Firing, State

START: Final = datetime(2000, 1, 1, tzinfo=UTC)  # the virtual clock at 0h
_NO_FEEDS: Final[Mapping[str, Feed]] = MappingProxyType({})
_MOST_REASONS: Final = 3  # a failure names the obstacles of so many input rules
_OPENING: Final = frozenset((Reason.NEW.value, Reason.REOPENED.value))


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of one step of a timeline."""

    rule_id: str
    step: TimelineStep
    passed: bool
    detail: str = ""  # for people: what was expected and why it did not happen, "" when it passed


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What one rule made of one item."""

    words: frozenset[str]  # of those in `expect`; empty = nothing
    reason: str  # for people
    signals: tuple[Signal, ...] = ()  # first hits of alerts
    hit: bool = False


def run_timeline(
    tree: RuleTree, engine: Engine, rule: Rule, feeds: Mapping[str, Feed] = _NO_FEEDS
) -> tuple[StepResult, ...]:
    """Run the timeline of a rule; steps without `expect` have no result.

    Args:
        tree: holds the rules that `rule` stands on.
        engine: compiled from `tree`, with every rule that is not retired.
        rule: of the tree.
        feeds: by id; for steps that name one of them.
    """
    if not rule.timeline:
        return ()
    run = _Run(tree, engine, rule, feeds)
    results = []
    for number, one in enumerate(sorted(rule.timeline, key=lambda one: one.at), start=1):
        outcome = run.take(number, one)
        if one.expect:
            results.append(_judged(rule, one, outcome))
    return tuple(results)


class _Run:
    """One timeline on its way: stories, alerts and memories so far."""

    def __init__(self, tree: RuleTree, engine: Engine, rule: Rule, feeds: Mapping[str, Feed]) -> None:
        self._engine = engine
        self._feeds = feeds
        self._agencies = known_agencies(feeds.values())
        self._rules = _needed(rule, {one.rule_id: one for one in tree.rules})
        self._states: dict[str, State] = {one.rule_id: begin(START) for one in self._rules}
        self._alerts: dict[tuple[str, str], Alert] = {}
        self._sources: dict[tuple[str, str], tuple[Source, ...]] = {}  # by rule and item
        self._assigner = Assigner(START)

    def take(self, number: int, timed: TimelineStep) -> _Outcome:
        """Let one item happen and return what the timeline's rule, the last one, made of it."""
        at = START + timed.at
        outcomes: dict[str, _Outcome] = {}
        for rule in self._rules:
            if rule.when is not None:
                outcomes[rule.rule_id] = self._plain(rule, number, timed.item, at)
            else:
                outcomes[rule.rule_id] = self._stateful(rule, outcomes, at)
        return outcomes[self._rules[-1].rule_id]

    def _plain(self, rule: Rule, number: int, example: Example, at: datetime) -> _Outcome:
        asked, stated = example_item(rule, example)
        feed = self._feed(number, example, stated)
        found = next((one for one in self._engine.match(asked, feed) if one.rule_id == rule.rule_id), None)
        if found is None:
            return _Outcome(frozenset(), self._engine.why_not(rule.rule_id, asked, feed))
        # Numbers in the id order items of one moment as the timeline does.
        item = replace(
            asked,
            item_id=f"step-{number:06}",
            feed_id=feed.feed_id,
            published_at=at,
            first_seen_at=at,
        )
        hit = Hit(
            hit_id=stable_id("hit", rule.rule_id, item.item_id),
            rule_id=rule.rule_id,
            item_id=item.item_id,
            rule_version=found.rule_version,
            severity=found.severity,
            evidence=found.evidence,
            entities=found.entities,
            hit_at=at,
            event_at=at,
        )
        source = make_source(hit, item, feed, self._agencies)
        signal = Signal(
            rule_id=rule.rule_id,
            item_id=item.item_id,
            event_at=at,
            first_seen_at=at,
            story_id=self._assigner.assign(item).story_id,
            topic=rule.topic,
            country=source.country,
            entities=source.entities,
            owner=source.owner,
            tier=source.tier,
        )
        return self._join(rule, signal, (source,), at)

    def _stateful(self, rule: Rule, outcomes: Mapping[str, _Outcome], at: datetime) -> _Outcome:
        words: set[str] = set()
        reasons: list[str] = []
        made: list[Signal] = []
        offered = [
            signal
            for one in dict.fromkeys(input_ids(rule))
            if one in outcomes
            for signal in outcomes[one].signals
        ]
        for signal in offered:
            taken = step(rule, self._states[rule.rule_id], signal, at)
            self._states[rule.rule_id] = taken.state
            reasons.append(taken.reason)
            for firing in taken.firings:
                outcome = self._fired(rule, firing, at)
                words |= outcome.words
                reasons.append(outcome.reason)
                made += outcome.signals
        if not offered:
            reasons = [_no_signal(one, outcomes.get(one)) for one in dict.fromkeys(input_ids(rule))]
        shown = " ".join(dict.fromkeys(reasons[:_MOST_REASONS]))
        return _Outcome(frozenset(words), shown, tuple(made), hit=bool(words))

    def _fired(self, rule: Rule, firing: Firing, at: datetime) -> _Outcome:
        named = [self._sources[signal.rule_id, signal.item_id] for signal in firing.signals]
        sources = {source.item_id: source for some in named for source in some}
        outcome = self._join(rule, signal_of(rule, firing), tuple(sources.values()), at)
        return outcome if outcome.words else replace(outcome, words=frozenset((Reason.UPDATE.value,)))

    def _join(self, rule: Rule, signal: Signal, sources: tuple[Source, ...], at: datetime) -> _Outcome:
        """Open the rule's alert that the signal belongs to, or go on with it."""
        info = self._engine.rule_infos[rule.rule_id]
        item = Item(item_id=signal.item_id, feed_id="", key="")
        place = rule.rule_id, group_key(info, signal.story_id, item, signal.entities)
        before = self._alerts.get(place)
        moved = transition(before, info, place[1], sources, at, signal.story_id)
        self._alerts[place] = moved.alert
        self._sources.setdefault((rule.rule_id, signal.item_id), sources)
        opened = any(one.reason is Reason.NEW for one in moved.revisions)
        words, reason = _told(rule, before, moved, at)
        return _Outcome(
            words, reason, (replace(signal, alert_id=moved.alert.alert_id),) if opened else (), hit=True
        )

    def _feed(self, number: int, example: Example, stated: Feed) -> Feed:
        """Return where a step's item comes from: a feed of the catalogue, or an outlet of its own."""
        known = self._feeds.get(example.feed)
        if known is not None:
            return replace(
                known,
                tier=example.tier or known.tier,
                country=example.country or known.country,
                language=example.language or known.language,
                category=example.category or known.category,
            )
        if example.feed:
            return replace(stated, title=example.feed)
        # The feed's id stays what a `where` asks for; the owner is what makes a source of its own.
        return replace(stated, title=f"item {number}", owner=f"item-{number}")


def _needed(rule: Rule, rules: Mapping[str, Rule]) -> tuple[Rule, ...]:
    """Return the rules that `rule` stands on, those below first, and `rule` itself last."""
    ordered: dict[str, Rule] = {}

    def add(one: Rule) -> None:
        for rule_id in input_ids(one):
            below = rules.get(rule_id)
            if below is not None and below.status is not Status.RETIRED and rule_id not in ordered:
                add(below)
        ordered[one.rule_id] = one

    add(rule)
    return tuple(ordered.values())


def _told(rule: Rule, before: Alert | None, moved: Transition, at: datetime) -> tuple[frozenset[str], str]:
    """Return the words for what a step tells people, and the sentences for it."""
    words = {one.reason.value for one in moved.revisions if one.reason is not Reason.CLOSED}
    notes = [one.note for one in moved.revisions if one.reason is not Reason.CLOSED]
    if not notes:
        notes = [f"Attached silently to the alert opened at {moment(moved.alert.opened_at)}."]
    if words & _OPENING:
        words.add("alert")
    condition = rule.corroborate
    if condition is None:
        return frozenset(words), " ".join(notes)
    same = before is not None and before.alert_id == moved.alert.alert_id
    former = corroborate(condition, before.sources, at) if before is not None and same else None
    verdict = corroborate(condition, moved.alert.sources, at)
    notes.append(verdict.reason)
    if verdict.held:
        return frozenset(("pending",)), " ".join(notes)
    if verdict.met and not (former and former.met):
        words.add("corroborated")
        if former and former.held:
            words |= {"alert", "new"}
        if verdict.severity and verdict.severity.rank > rule.severity.rank:
            words.add("escalated")
    return frozenset(words), " ".join(notes)


def _no_signal(rule_id: str, outcome: _Outcome | None) -> str:
    """Say why an input rule gave no signal."""
    if outcome is None:
        return f"{rule_id} is retired or has errors."
    if outcome.hit:
        return f"{rule_id} matches, but joins an alert that is open; only an alert's first hit counts."
    return f"{rule_id} does not match: {outcome.reason.rstrip('.')}."


def _judged(rule: Rule, timed: TimelineStep, outcome: _Outcome) -> StepResult:
    expected, words = timed.expect, outcome.words
    passed = words <= {"pending"} if expected == "nothing" else expected in words
    if passed:
        return StepResult(rule.rule_id, timed, passed=True)
    got = ", ".join(sorted(words)) or "nothing"
    clock = f" (0h is {moment(START)})" if " UTC" in outcome.reason else ""
    detail = f"expected {expected}, got {got}: {outcome.reason}{clock}"
    return StepResult(rule.rule_id, timed, passed=False, detail=detail)
