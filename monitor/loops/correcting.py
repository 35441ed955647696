"""Look at reports that their outlets changed after they were put under alerts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from monitor.alerts.corrections import correct
from monitor.alerts.lifecycle import Transition
from monitor.alerts.sources import Agencies, known_agencies, make_source
from monitor.intake import make_hit
from monitor.models import Feed, Hit, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from monitor.models import Alert, AlertRevision, Item, Match, Source
    from monitor.rulebook import RuleBook
    from monitor.storage.base import PendingCorrection


def corrections(
    pending: Sequence[PendingCorrection], book: RuleBook, now: datetime
) -> tuple[Transition, ...]:
    """Return what the changes make of the alerts: one step for each alert.

    Args:
        pending: changed items with the alerts that rest on them.
        book: the present rules; an alert whose rule is gone stays as it is, as does one that was merged away.
        now: when this is decided.
    """
    agencies = known_agencies(book.feeds.values())
    alerts: dict[str, Alert] = {}
    revisions: dict[str, tuple[AlertRevision, ...]] = {}
    for one in pending:
        feed = book.feeds.get(one.item.feed_id)
        for stored in one.alerts:
            alert = alerts.get(stored.alert_id, stored)
            if alert.rule.rule_id not in book.rules or alert.merged_into:
                continue  # what a merge ended is told by the alert that has its reports now
            step = _step(alert, one.item, feed, book, agencies, now)
            alerts[alert.alert_id] = step.alert
            revisions[alert.alert_id] = (*revisions.get(alert.alert_id, ()), *step.revisions)
    return tuple(Transition(alert, revisions[alert_id]) for alert_id, alert in alerts.items())


def _step(
    alert: Alert, item: Item, feed: Feed | None, book: RuleBook, agencies: Agencies, now: datetime
) -> Transition:
    """Judge one changed report under one alert.

    That the rule does not match now says something about the report only if the same rule matches what
    the report said before: rules are edited, too, and some look at more than one item.
    """
    before = next(source for source in alert.sources if source.item_id == item.item_id)
    match = _match(alert, item, feed, book)
    was = replace(item, title=before.title, summary=before.summary, content=before.content)
    if match is not None or before.withdrawn:
        matched = match is not None
    else:
        matched = _match(alert, was, feed, book) is None
    report = _source(before, item, match, feed, agencies, now)
    return correct(alert, report, matched=matched, now=now)


def _match(alert: Alert, item: Item, feed: Feed | None, book: RuleBook) -> Match | None:
    return next((m for m in book.engine.match(item, feed) if m.rule_id == alert.rule.rule_id), None)


def _source(
    before: Source, item: Item, match: Match | None, feed: Feed | None, agencies: Agencies, now: datetime
) -> Source:
    """Return the report as it reads now, with the place in the alert that it has."""
    if match is not None:
        hit = make_hit(item, match, now)
    else:
        # What is left of the old evidence is found again in the new text.
        hit = Hit(
            hit_id=before.hit_id,
            rule_id="",
            item_id=item.item_id,
            rule_version="",
            severity=Severity.INFO,
            evidence=before.evidence,
            entities=before.entities,
            hit_at=now,
            event_at=before.event_at,
        )
    outlet = feed or Feed(before.feed_id, "", title=before.outlet, owner=before.owner)
    made = make_source(hit, item, outlet, agencies)
    return replace(made, hit_id=before.hit_id, event_at=before.event_at, first_seen_at=before.first_seen_at)
