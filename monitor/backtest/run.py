"""What rules found in past items, in figures; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from monitor.backtest.replay import Heard
    from monitor.models import Item, Match

MOST_TERMS: Final = 10  # of one rule
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Found:
    """An item that some rule fired on."""

    item: Item
    matches: tuple[tuple[Match, ...], ...]  # for each tree that was evaluated


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule on one item."""

    item: Item
    match: Match


@dataclass(slots=True)
class Tally:
    """Counts items as they pass by; the only value here that changes."""

    items: int = 0
    first_day: date | None = None
    last_day: date | None = None

    def passing(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items and count them."""
        for item in items:
            day = day_of(item)
            self.items += 1
            self.first_day = min(self.first_day or day, day)
            self.last_day = max(self.last_day or day, day)
            yield item

    @property
    def days(self) -> tuple[date, ...]:
        """Return every day from the first item's to the last one's."""
        if self.first_day is None or self.last_day is None:
            return ()
        return tuple(self.first_day + _DAY * n for n in range((self.last_day - self.first_day).days + 1))


@dataclass(frozen=True, slots=True)
class TermFigures:
    """How much of a rule's hits one list entry or phrase has a part in."""

    entry: str
    hits: int
    share: float  # of the rule's hits


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """What one rule found."""

    rule_id: str
    hits: int
    stories: int
    per_day: Mapping[date, int]  # only days with hits
    terms: tuple[TermFigures, ...]  # noisiest first
    samples: tuple[Hit, ...]  # spread over time


@dataclass(frozen=True, slots=True)
class RecipientFigures:
    """What one recipient would have been sent."""

    recipient_id: str
    now: int  # messages about one alert, as soon as its waits allow
    digests: int  # collected messages
    entries: int  # alerts' revisions told in them
    per_day: Mapping[date, int]  # messages of both kinds, by the recipient's own calendar

    @property
    def busiest(self) -> tuple[date, int] | None:
        """Return the first of the days with most messages."""
        return min(self.per_day.items(), key=lambda day: (-day[1], day[0]), default=None)


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything a backtest tells."""

    items: int
    days: tuple[date, ...]  # from the first item's to the last one's
    hits: int
    items_hit: int
    stories: int
    per_day: Mapping[date, int]
    rules: tuple[RuleFigures, ...]  # all that were evaluated, most hits first
    recipients: tuple[RecipientFigures, ...]  # all that are configured, in order of the file

    def per_thousand(self, hits: int) -> float:
        """Return the rate per 1,000 items."""
        return 1000 * hits / self.items if self.items else 0.0

    def a_day(self, count: int) -> float:
        """Return the mean per day of the period."""
        return count / len(self.days) if self.days else 0.0


def figures(
    tally: Tally,
    hits: Sequence[Hit],
    rule_ids: Iterable[str],
    stories: Mapping[str, str],
    heard: Iterable[Heard],
    recipients: Iterable[str],
    samples: int,
) -> Figures:
    """Sum up.

    Args:
        tally: of all items.
        hits: of all rules, in any order.
        rule_ids: the rules that were evaluated.
        stories: story id by item id, for every item hit.
        heard: the messages that would have left.
        recipients: ids of those who are configured.
        samples: how many hits of each rule to show.
    """
    by_rule: dict[str, list[Hit]] = {rule_id: [] for rule_id in rule_ids}
    for hit in sorted(hits, key=in_time):
        by_rule[hit.match.rule_id].append(hit)
    rules = [_rule_figures(rule_id, found, stories, samples) for rule_id, found in by_rule.items()]
    return Figures(
        items=tally.items,
        days=tally.days,
        hits=len(hits),
        items_hit=len({hit.item.item_id for hit in hits}),
        stories=len({stories[hit.item.item_id] for hit in hits}),
        per_day=_per_day(hits),
        rules=tuple(sorted(rules, key=lambda rule: -rule.hits)),
        recipients=recipient_figures(heard, recipients),
    )


def recipient_figures(heard: Iterable[Heard], recipients: Iterable[str]) -> tuple[RecipientFigures, ...]:
    """Sum up what each recipient would have been sent."""
    by_recipient: dict[str, list[Heard]] = defaultdict(list)
    for message in heard:
        by_recipient[message.recipient_id].append(message)
    return tuple(
        RecipientFigures(
            recipient_id=recipient_id,
            now=sum(not message.digest for message in by_recipient[recipient_id]),
            digests=sum(message.digest for message in by_recipient[recipient_id]),
            entries=sum(message.entries for message in by_recipient[recipient_id] if message.digest),
            per_day=dict(sorted(Counter(message.day for message in by_recipient[recipient_id]).items())),
        )
        for recipient_id in recipients
    )


def spread(hits: Sequence[Hit], count: int, stories: Mapping[str, str]) -> tuple[Hit, ...]:
    """Return up to `count` hits at even distances in time order, of different stories while there are any.

    The same hits always give the same samples.
    """
    firsts: dict[str, Hit] = {}
    for hit in hits:
        firsts.setdefault(stories.get(hit.item.item_id, hit.item.item_id), hit)
    chosen = list(firsts.values())
    if len(chosen) <= count:
        return tuple(chosen)
    return tuple(chosen[(2 * n + 1) * len(chosen) // (2 * count)] for n in range(count))


def day_of(item: Item) -> date:
    """Return the day (UTC) on which an item counts: that of its news, as `valid` dates ask."""
    return item.event_at().date()


def in_time(hit: Hit) -> tuple[datetime, str, str]:
    """Return the sort key of hits."""
    return hit.item.event_at(), hit.item.item_id, hit.match.rule_id


def _rule_figures(rule_id: str, hits: Sequence[Hit], stories: Mapping[str, str], samples: int) -> RuleFigures:
    entries = Counter(entry for hit in hits for entry in {e.entry for e in hit.match.evidence if e.entry})
    noisiest = sorted(entries.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_TERMS]
    return RuleFigures(
        rule_id=rule_id,
        hits=len(hits),
        stories=len({stories[hit.item.item_id] for hit in hits}),
        per_day=_per_day(hits),
        terms=tuple(TermFigures(entry, count, count / len(hits)) for entry, count in noisiest),
        samples=spread(hits, samples, stories),
    )


def _per_day(hits: Iterable[Hit]) -> dict[date, int]:
    return dict(sorted(Counter(day_of(hit.item) for hit in hits).items()))
