"""The life of alerts about the monitor itself: what begins, goes on, ends, and is told of it; pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from monitor.alerts.decide import is_waiting, was_told
from monitor.alerts.lifecycle import CLEARS_ACK, REOPEN_WITHIN, Transition
from monitor.alerts.sources import arrival_order
from monitor.alerts.system_rules import SYSTEM_RULES, Lasting
from monitor.alerts.wording import counted
from monitor.models import Alert, AlertRevision, AlertState, Outcome, Reason, Source, Tier, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from monitor.alerts.system_rules import SystemRule
    from monitor.models import Decision

FADES_AFTER: Final = timedelta(hours=24)  # without a further occurrence
RENEWED_AFTER: Final = timedelta(hours=12)  # `last_hit_at` of what goes on is brought up to date
NOTED: Final = 3  # findings that a revision's note names


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the monitor that is so, or has happened."""

    rule_id: str  # a key of SYSTEM_RULES
    subject: str  # what it is about, stable: "feed:gazette", "rule:talks"
    name: str  # how people call that: "The Gazette"
    headline: str  # one line: what is wrong
    text: str  # one or two sentences: since when, why, what to do
    at: datetime  # since when it is so, or when it happened
    owner: str = ""  # who hears of it besides the operator: the owner of the rule that it is about
    group: str = ""  # findings of one group are told by one alert; "" = the subject
    feed_id: str = ""  # the feed that it is about
    hint: str = ""  # a sentence for the alert as a whole: the likely cause of all its findings

    @property
    def item_id(self) -> str:
        """Return what names it among an alert's sources."""
        return source_id(self.rule_id, self.subject)

    def grouped(self, group: str, hint: str = "") -> Finding:
        """Return the finding as one of a group."""
        return replace(self, group=group, hint=hint)

    @property
    def key(self) -> str:
        """Return the group key of its alert."""
        return f"system:{self.group or self.subject}"


@dataclass(frozen=True, slots=True)
class Over:
    """Something that is known to have ended."""

    rule_id: str
    subject: str
    note: str = ""  # how; "" = in the words of the rule's row


@dataclass(frozen=True, slots=True)
class Survey:
    """What was seen in one look at the monitor."""

    findings: tuple[Finding, ...] = ()
    over: tuple[Over, ...] = ()
    # Rules that were looked at whole: what is open under them, not found now and not unsure, is over.
    whole: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()  # source ids of which nothing is known: they stay as they are


def source_id(rule_id: str, subject: str) -> str:
    """Return the item id of the source that tells of `subject`."""
    return stable_id("system", rule_id, subject)


def join(surveys: Iterable[Survey]) -> Survey:
    """Return several surveys as one."""
    every = list(surveys)
    return Survey(
        tuple(finding for one in every for finding in one.findings),
        tuple(over for one in every for over in one.over),
        frozenset().union(*(one.whole for one in every)),
        frozenset().union(*(one.unsure for one in every)),
    )


def headline_of(alert: Alert) -> str:
    """Return one line for an alert about the monitor: its first finding, and how many more there are."""
    active = _active(alert) or alert.sources
    more = f" (and {len(active) - 1} more)" if len(active) > 1 else ""
    return f"{active[0].title}{more}" if active else alert.rule.title


def reconcile(
    survey: Survey, open_: Sequence[Alert], stored: Mapping[tuple[str, str], Alert], now: datetime
) -> tuple[Transition, ...]:
    """Return what a survey makes of the alerts about the monitor.

    1. A finding that an open alert tells of changes nothing but its words and how lately it was so.
    2. Others open an alert, reopen one that closed less than 72 h ago, or join the open one of their group.
    3. What is over leaves its alert; an alert without anything left is closed, and that is told.

    Args:
        survey: what was seen.
        open_: all open alerts of SYSTEM_RULES.
        stored: the newest alert of each (rule id, group key) that the findings may reopen.
        now: when this is decided.
    """
    books = {alert.alert_id: _Book(alert, now) for alert in open_}
    told_by = {source.item_id: alert.alert_id for alert in open_ for source in _active(alert)}
    new: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in {one.item_id: one for one in survey.findings}.values():
        if finding.item_id in told_by:
            books[told_by[finding.item_id]].goes_on(finding)
        else:
            new[finding.rule_id, finding.key].append(finding)
    held = {finding.item_id for finding in survey.findings}
    for item_id, note in _ended(survey, open_, held, now).items():
        if item_id in told_by:
            books[told_by[item_id]].ends(item_id, note)
    for (rule_id, key), findings in new.items():
        alert = stored.get((rule_id, key))
        if alert is not None and alert.alert_id in books:
            books[alert.alert_id].begin(findings)
        else:
            made = _opened(alert, SYSTEM_RULES[rule_id], key, findings, now)
            books[made.alert.alert_id] = made
    steps = (book.step() for book in books.values())
    return tuple(step for step in steps if step is not None)


def _ended(survey: Survey, open_: Sequence[Alert], held: set[str], now: datetime) -> dict[str, str]:
    """Return source ids of what is over, with the sentence that tells it."""
    ended: dict[str, str] = {}
    for alert in open_:
        row = SYSTEM_RULES.get(alert.rule.rule_id)
        faded = row is not None and row.lasting is Lasting.FADING and now - alert.last_hit_at >= FADES_AFTER
        if row is None or not (faded or alert.rule.rule_id in survey.whole):
            continue
        for source in _active(alert):
            if source.item_id not in held | survey.unsure:
                ended[source.item_id] = row.over
    for one in survey.over:
        item_id = source_id(one.rule_id, one.subject)
        if item_id not in held:
            ended[item_id] = one.note or SYSTEM_RULES[one.rule_id].over
    return ended


def _active(alert: Alert) -> tuple[Source, ...]:
    return tuple(source for source in alert.sources if not source.withdrawn)


@dataclass(slots=True)
class _Book:
    """One alert in the course of a reconciliation."""

    alert: Alert
    now: datetime
    begun: list[Finding] = field(default_factory=list)
    over: dict[str, str] = field(default_factory=dict)  # source id: how it ended
    reason: Reason = Reason.UPDATE  # of a revision that tells what has begun
    changed: bool = False

    def goes_on(self, finding: Finding) -> None:
        """Note that something is still so; its words may have changed."""
        renewed = self.now - self.alert.last_hit_at >= RENEWED_AFTER
        row = SYSTEM_RULES[finding.rule_id]
        before = next(one for one in self.alert.sources if one.item_id == finding.item_id)
        after = replace(before, title=finding.headline, summary=finding.text, owner=finding.owner)
        # What only happens again and again is not stored each time it does, nor when its count alone rises.
        if before.title != after.title or (row.lasting is Lasting.STANDING and before != after) or renewed:
            sources = tuple(after if one is before else one for one in self.alert.sources)
            self.alert = replace(self.alert, sources=sources, last_hit_at=self.now)
            self.changed = True

    def begin(self, findings: Sequence[Finding]) -> None:
        """Add what is so from now on."""
        self.begun += findings

    def ends(self, item_id: str, note: str) -> None:
        """Take out what is over."""
        self.over[item_id] = note

    def step(self) -> Transition | None:
        """Return the alert with its next revision, None when nothing is to be stored."""
        if not self.begun and not self.over:
            return Transition(self.alert) if self.changed else None
        sources = [
            replace(source, withdrawn=True) if source.item_id in self.over else source
            for source in self.alert.sources
        ]
        if self.begun:  # what was over before is history: the revisions keep it
            begun = {finding.item_id for finding in self.begun}
            kept = [one for one in sources if one.item_id not in begun and not one.withdrawn]
            sources = [*kept, *map(_source, self.begun)]
        left = [source for source in sources if not source.withdrawn]
        reason = self.reason if left else Reason.RECOVERED
        alert = replace(
            self.alert,
            sources=tuple(sorted(sources, key=arrival_order)),
            state=AlertState.OPEN if left else AlertState.CLOSED,
            closed_at=None if left else self.now,
            last_hit_at=max(self.alert.last_hit_at, self.now),
            revision=self.alert.revision + 1,
        )
        if reason in CLEARS_ACK:
            alert = replace(alert, acked_by="", acked_at=None)
        told = tuple(one.item_id for one in self.begun) or tuple(self.over)
        note = self._note(len(left))
        return Transition(
            alert, (AlertRevision(alert.alert_id, alert.revision, reason, self.now, note, told),)
        )

    def _note(self, left: int) -> str:
        parts = []
        if self.begun:
            parts.append(_named([finding.headline for finding in self.begun]))
            parts += dict.fromkeys(finding.hint for finding in self.begun if finding.hint)
        if self.over:
            titles = [source.title for source in self.alert.sources if source.item_id in self.over]
            how = list(dict.fromkeys(self.over.values()))
            what = f"{_named(titles)} " if left or len(titles) > 1 else ""
            parts.append(f"Over: {what}{' '.join(how)}")
        if self.over and left:
            parts.append(f"{counted(left, 'other')} not yet.")
        return " ".join(parts)


def _opened(
    before: Alert | None, row: SystemRule, key: str, findings: Sequence[Finding], now: datetime
) -> _Book:
    """Return an alert that begins: a new one, the next generation, or one that is opened again."""
    closed_at = before.closed_at if before is not None else None
    if before is not None and closed_at is not None and now - closed_at < REOPEN_WITHIN:
        return _Book(replace(before, rule=row.info), now, list(findings), reason=Reason.REOPENED)
    generation = before.generation + 1 if before is not None else 1
    alert = Alert(
        alert_id=stable_id("alert", row.info.rule_id, key, str(generation)),
        rule=row.info,
        group_key=key,
        generation=generation,
        state=AlertState.OPEN,
        severity=row.info.severity,
        revision=0,
        opened_at=now,
        last_hit_at=now,
        closed_at=None,
        sources=(),
    )
    return _Book(alert, now, list(findings), reason=Reason.NEW)


def _source(finding: Finding) -> Source:
    return Source(
        item_id=finding.item_id,
        hit_id="",
        feed_id=finding.feed_id,
        outlet=finding.name,
        owner=finding.owner,
        tier=Tier.OFFICIAL,
        country="",
        language="en",
        title=finding.headline,
        summary=finding.text,
        url="",
        published_at=None,
        first_seen_at=finding.at,
        event_at=finding.at,
        evidence=(),
    )


def _named(headlines: Sequence[str]) -> str:
    more = len(headlines) - NOTED
    named = "; ".join(text.rstrip(".") for text in headlines[:NOTED])
    return f"{named}{f'; and {more} more' if more > 0 else ''}."


def unheard(
    step: Transition, made: Sequence[Decision], earlier: Sequence[Decision], now: datetime
) -> tuple[Decision, ...]:
    """Return the decisions about a step, without messages about what was over before anybody heard of it.

    A file that was saved half written and mended within the group wait is in the record, and in nobody's
    inbox. What waits for the end of quiet hours or for a digest is told: the night's outage explains what
    the morning misses.

    Args:
        step: the alert's step.
        made: what was decided about its revisions.
        earlier: all decisions about the alert before.
        now: when this is decided.
    """
    if not step.revisions or step.revisions[-1].reason is not Reason.RECOVERED:
        return tuple(made)
    final: list[Decision] = []
    for decision in made:
        before = [one for one in earlier if one.recipient_id == decision.recipient_id]
        waiting = [one for one in before if is_waiting(one)]
        if any(map(was_told, before)) or not waiting or any(w.outcome is not Outcome.QUEUED for w in waiting):
            final.append(decision)
            continue
        final += [_dropped(one, now) for one in (*waiting, decision)]
    return tuple(final)


def _dropped(decision: Decision, now: datetime) -> Decision:
    why = "It was over before it was told: only recorded."
    return replace(
        decision, outcome=Outcome.LOGGED, reason=f"{decision.reason} {why}", decided_at=now, due_at=None
    )
