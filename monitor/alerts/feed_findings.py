"""Alerts about feeds, from the events that polls left: those of one window and kind are one alert; pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from monitor.alerts import system_rules as rules
from monitor.alerts.system import Finding, Over, Survey
from monitor.errors import ErrorKind
from monitor.models import FeedEventKind, stable_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.models import Alert, Feed, FeedEvent

_BEGINS: Final = {
    FeedEventKind.FAILING: (rules.FEED_FAILING, "cannot be read"),
    FeedEventKind.SILENT: (rules.FEED_SILENT, "has nothing new"),
    FeedEventKind.GAP: (rules.FEED_GAP, "may have missed items"),
    FeedEventKind.MOVED: (rules.FEED_CHANGED, "has moved"),
    FeedEventKind.RENAMED: (rules.FEED_CHANGED, "is read in another way"),
}
_ENDS: Final = {
    FeedEventKind.RECOVERED: rules.FEED_FAILING,
    FeedEventKind.RESUMED: rules.FEED_SILENT,
}
# What lasts is one thing, however often it is said; what happened is another each time.
_LASTS: Final = frozenset(_ENDS.values())
_MANY = 5  # feeds that cannot be reached at once, and half of all: the fault is probably at our end
_HALF = 0.5


def feed_survey(events: Sequence[FeedEvent], feeds: Mapping[str, Feed]) -> Survey:
    """Return what events say of feeds.

    Of what began and ended among them, only the last counts. Several feeds with the same trouble at the
    same time are one alert: an outage is one message.

    Args:
        events: oldest first.
        feeds: those in force, by id; a feed that is gone is named by its id.
    """
    begun: dict[tuple[str, str], Finding] = {}
    over: dict[tuple[str, str], Over] = {}
    for event in events:
        if (ended := _ENDS.get(event.kind)) is not None:
            place = ended, f"feed:{event.feed_id}"
            begun.pop(place, None)
            over[place] = Over(*place)
        else:
            finding = _finding(event, feeds)
            begun[finding.rule_id, finding.subject] = finding
            over.pop((finding.rule_id, finding.subject), None)
    return Survey(tuple(_together(begun.values(), events, feeds)), tuple(over.values()))


def removed(open_: Iterable[Alert], feeds: Mapping[str, Feed]) -> tuple[Over, ...]:
    """Return the end of what was told of feeds that are no longer configured."""
    ended = []
    for alert in open_:
        if alert.rule.rule_id in _LASTS:
            for source in alert.sources:
                feed_id = source.feed_id
                if feed_id and feed_id not in feeds:
                    ended.append(Over(alert.rule.rule_id, f"feed:{feed_id}", "It is no longer configured."))
    return tuple(ended)


def _finding(event: FeedEvent, feeds: Mapping[str, Feed]) -> Finding:
    rule_id, verb = _BEGINS[event.kind]
    name = _name(event.feed_id, feeds)
    lasts = rule_id in _LASTS
    subject = f"feed:{event.feed_id}" if lasts else f"feed:{event.feed_id}:{event.event_id}"
    group = "" if lasts else f"feed:{event.feed_id}"
    return Finding(
        rule_id, subject, name, f"{name} {verb}", event.text, event.at, group=group, feed_id=event.feed_id
    )


def _together(
    begun: Iterable[Finding], events: Sequence[FeedEvent], feeds: Mapping[str, Feed]
) -> list[Finding]:
    """Return the findings, those of one rule in one group when there are several."""
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for finding in begun:
        by_rule[finding.rule_id].append(finding)
    made: list[Finding] = []
    for rule_id, findings in by_rule.items():
        if len({finding.name for finding in findings}) == 1:
            made += findings
            continue
        group = f"feeds:{stable_id('feeds', *sorted(one.event_id for one in events))[:8]}"
        hint = _outage(events, feeds) if rule_id == rules.FEED_FAILING else ""
        made += [finding.grouped(group, hint) for finding in findings]
    return made


def _outage(events: Sequence[FeedEvent], feeds: Mapping[str, Feed]) -> str:
    unreachable = {
        one.feed_id
        for one in events
        if one.kind is FeedEventKind.FAILING and one.cause == ErrorKind.TRANSIENT.value
    }
    if len(unreachable) < _MANY or len(unreachable) < _HALF * len(feeds):
        return ""
    return (
        f"{len(unreachable)} of {len(feeds)} feeds cannot be reached at the same time: see to this machine's"
        " network and name servers first. All of them are tried again by themselves."
    )


def _name(feed_id: str, feeds: Mapping[str, Feed]) -> str:
    feed = feeds.get(feed_id)
    return feed.title if feed and feed.title else feed_id
