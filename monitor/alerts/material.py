"""What is material in a step of an alert's life, and the notes that tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from monitor.alerts.sources import described, independent_owners, tier_rank
from monitor.alerts.wording import counted, one_line, ordinal, series
from monitor.models import Reason, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.models import Alert, Source
    from monitor.rules.corroboration import Verdict

_NAMED: Final = 3  # sources or entities that a note names before it counts the rest


@dataclass(slots=True)
class Step:
    """What is material in a step, most important first."""

    reason: Reason | None = None
    parts: tuple[str, ...] = field(default=())

    def add(self, reason: Reason, part: str) -> None:
        """Take note of one thing; the first reason noted names the step."""
        self.reason = self.reason or reason
        self.parts = (*self.parts, part)


def material(before: Alert, after: Alert, added: set[str], verdict: Verdict | None = None) -> Step:
    """Compare two values of an alert; the checks stand in order of importance.

    `added` holds the ids of the step's own items: those attached silently before were judged then.
    """
    step = Step()
    new = [source for source in after.sources if source.item_id in added]
    if after.corroborated and not before.corroborated:
        step.add(Reason.CORROBORATED, confirmed(verdict).rstrip(".") or "corroborated")
    if after.severity.rank > before.severity.rank:
        step.add(Reason.ESCALATED, f"severity raised from {before.severity} to {after.severity}")
    officials = [source for source in new if source.tier is Tier.OFFICIAL]
    if officials and all(source.tier is not Tier.OFFICIAL for source in before.sources):
        step.add(Reason.OFFICIAL, f"first official source: {described(officials[0])}")
    owners, former = independent_owners(after.sources), set(independent_owners(before.sources))
    gained = [_first_of(new, owner) for owner in owners if owner not in former]
    others = [source for source in gained if source]
    if len(owners) > len(former) and others:
        step.add(Reason.UPDATE, _independent(len(owners), others))
    best = max(new, key=lambda source: tier_rank(source.tier))
    highest = max(tier_rank(source.tier) for source in before.sources)
    if tier_rank(best.tier) > highest and best not in others and best.tier is not Tier.OFFICIAL:
        step.add(Reason.UPDATE, f"first source of a higher tier: {described(best)}")
    mentions = _entities(after.sources) - _entities(before.sources)
    if mentions:
        step.add(Reason.UPDATE, f"first mention of {_limited(sorted({name for _, name in mentions}))}")
    listed = {name for _, name in mentions}
    fresh = dict.fromkeys(word for source in new for word in _novel(source))
    if told := [word for word in fresh if word not in listed]:
        step.add(Reason.UPDATE, f"new in the reports: {_limited(told)}")
    return step


def _novel(source: Source) -> tuple[str, ...]:
    """Return what is new in a report; of a copy the figures alone, as other words for a text say nothing."""
    if not source.copy_of:
        return source.novel
    return tuple(word for word in source.novel if any(map(str.isdigit, word)))


def _independent(total: int, gained: Sequence[Source]) -> str:
    first = total - len(gained) + 1
    numbers = series([ordinal(number) for number in range(max(first, 1), total + 1)])
    noun = "source" if len(gained) == 1 else "sources"
    return f"{numbers} independent {noun}: {named(gained)}"


def further(told: Sequence[Source]) -> str:
    """Return "2 further reports: A, B" for what is told without being material."""
    repeats = ", which repeat earlier ones" if all(source.copy_of for source in told) else ""
    return f"{counted(len(told), 'further report')}{repeats}: {named(told)}"


def _first_of(sources: Iterable[Source], owner: str) -> Source | None:
    return next((source for source in sources if source.owner == owner and not source.copy_of), None)


def _entities(sources: Iterable[Source]) -> set[tuple[str, str]]:
    return {entity for source in sources for entity in source.entities}


def by_id(alert: Alert, item_ids: Iterable[str]) -> tuple[Source, ...]:
    """Return the sources of an alert with these item ids, in its order."""
    wanted = set(item_ids)
    return tuple(source for source in alert.sources if source.item_id in wanted)


def named(sources: Sequence[Source]) -> str:
    """Return "A (wire agency), B (local media) and 2 more"."""
    return _limited(list(dict.fromkeys(described(source) for source in sources)))


def related(sources: Sequence[Source]) -> str:
    """Return the sentence that links to what was told before and may belong to it; "" for nothing."""
    titles = list(dict.fromkeys(title for source in sources for title in source.related))
    if not titles:
        return ""
    return f"Perhaps related: {series([f'“{one_line(title)}”' for title in titles[:_NAMED]])}."


def _limited(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return series(names)
    return series([*names[:_NAMED], f"{len(names) - _NAMED} more"])


def sentence(parts: Sequence[str]) -> str:
    """Return the parts as one sentence."""
    text = "; ".join(parts)
    end = "" if text.endswith((".", "!", "?", "…")) else "."
    return f"{text[:1].upper()}{text[1:]}{end}"


def span(duration: timedelta) -> str:
    """Return a duration in words: "3 hours", "2 days"."""
    if duration < timedelta(days=2):
        return counted(max(1, round(duration / timedelta(hours=1))), "hour")
    return counted(round(duration / timedelta(days=1)), "day")


def confirmed(verdict: Verdict | None) -> str:
    """Return the sentence that says by whom an alert was corroborated, "" while it is not."""
    return f"Corroborated by {verdict.reason}" if verdict and verdict.met else ""
