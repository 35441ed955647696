"""The figures of a backtest as JSON values: stable keys, the same run gives the same text; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.alerts.passages import passages
from monitor.alerts.sources import make_source
from monitor.models import Feed
from monitor.models import Hit as StoredHit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from monitor.alerts.view import PassageView
    from monitor.backtest.compare import RuleDifference
    from monitor.backtest.run import Figures, Hit, RecipientFigures, RuleFigures
    from monitor.rulebook import RuleBook


def figures_dict(figures: Figures) -> dict[str, Any]:
    """Return all figures of a backtest."""
    return {
        **period_dict(figures.days),
        "items": figures.items,
        "items_hit": figures.items_hit,
        "hits": figures.hits,
        "per_1000": round(figures.per_thousand(figures.hits), 3),
        "stories": figures.stories,
        "per_day": _days(figures.per_day),
        "rules": [_rule_dict(rule, figures) for rule in figures.rules],
        "recipients": [_recipient_dict(one, figures) for one in figures.recipients],
    }


def period_dict(days: tuple[date, ...]) -> dict[str, Any]:
    """Return first and last day and their distance; null without items."""
    first, last = (days[0].isoformat(), days[-1].isoformat()) if days else (None, None)
    return {"from": first, "until": last, "days": len(days)}


def difference_dict(one: RuleDifference) -> dict[str, Any]:
    """Return what a change to one rule does."""
    return {
        "rule": one.rule_id,
        "change": one.change.change if one.change else None,
        "what": list(one.change.what) if one.change else [],
        "hits_before": one.before,
        "hits_now": one.now,
        "gained": one.gained,
        "lost": one.lost,
        "samples_gained": [_sample_dict(hit) for hit in one.samples_gained],
        "samples_lost": [_sample_dict(hit) for hit in one.samples_lost],
    }


def recipients_dict(
    before: Iterable[RecipientFigures], now: Iterable[RecipientFigures]
) -> list[dict[str, Any]]:
    """Return whose messages change, with both numbers of each kind."""
    counts: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {}
    for one in before:
        counts[one.recipient_id] = ((one.now, one.digests), (0, 0))
    for one in now:
        counts[one.recipient_id] = (counts.get(one.recipient_id, ((0, 0),))[0], (one.now, one.digests))
    return [
        {
            "recipient": recipient_id,
            "before": {"now": was[0], "digests": was[1]},
            "now": {"now": is_[0], "digests": is_[1]},
        }
        for recipient_id, (was, is_) in counts.items()
        if was != is_
    ]


def shown_passages(hit: Hit, book: RuleBook) -> tuple[str, tuple[PassageView, ...]]:
    """Return the outlet's name and the passages that matched, as messages show them."""
    item, match = hit.item, hit.match
    feed = book.feeds.get(item.feed_id) or Feed(item.feed_id, "", title=item.feed_id)
    assert item.first_seen_at is not None, "items of a backtest have it"
    stored = StoredHit(
        "", match.rule_id, item.item_id, match.rule_version, match.severity, match.evidence, match.entities,
        item.first_seen_at, item.event_at(),
    )  # fmt: skip
    return feed.title or feed.feed_id, passages(make_source(stored, item, feed))


def _rule_dict(rule: RuleFigures, figures: Figures) -> dict[str, Any]:
    return {
        "rule": rule.rule_id,
        "hits": rule.hits,
        "per_1000": round(figures.per_thousand(rule.hits), 3),
        "stories": rule.stories,
        "per_day": _days(rule.per_day),
        "terms": [
            {"entry": term.entry, "hits": term.hits, "share": round(term.share, 3)} for term in rule.terms
        ],
        "samples": [_sample_dict(hit) for hit in rule.samples],
    }


def _recipient_dict(one: RecipientFigures, figures: Figures) -> dict[str, Any]:
    return {
        "recipient": one.recipient_id,
        "now": one.now,
        "digests": one.digests,
        "digest_entries": one.entries,
        "a_day": round(figures.a_day(one.now + one.digests), 3),
        "busiest": {"day": one.busiest[0].isoformat(), "messages": one.busiest[1]} if one.busiest else None,
        "per_day": _days(one.per_day),
    }


def _sample_dict(hit: Hit) -> dict[str, Any]:
    item = hit.item
    return {
        "item": item.key,
        "feed": item.feed_id,
        "at": item.event_at().isoformat(),
        "title": item.title,
        "url": item.url,
        "evidence": [
            {"field": e.field, "start": e.start, "end": e.end, "text": e.text, "entry": e.entry}
            for e in hit.match.evidence
        ],
    }


def _days(per_day: Mapping[date, int]) -> dict[str, int]:
    return {day.isoformat(): count for day, count in per_day.items()}
