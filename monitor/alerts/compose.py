"""Word one message for one recipient: everything a template shows, chosen, sorted and dated."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from monitor.alerts.backfill import BACKFILL_SLOT
from monitor.alerts.decide import described_route, pace_for, routes_by_recipient, was_told
from monitor.alerts.excerpt import shorten
from monitor.alerts.guard import CATCH_UP_SLOT, FLOOD_SLOT
from monitor.alerts.lifecycle import IMPORTANCE
from monitor.alerts.moments import moment, wall_time
from monitor.alerts.passages import passages
from monitor.alerts.silences import SILENCE_SLOT
from monitor.alerts.sources import TIER_WORDS, arrival_order, independent_owners, tier_rank
from monitor.alerts.system import headline_of
from monitor.alerts.system_rules import is_system
from monitor.alerts.view import AlertView, NotificationView, RevisionView, SourceView
from monitor.alerts.volume import volume
from monitor.alerts.wording import FALLBACK, counted, duration, one_line, series
from monitor.models import Reason, Severity, Tier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from monitor.alerts.bundle import Bundle
    from monitor.alerts.view import BarView
    from monitor.models import Alert, AlertRevision, Decision, Routing, Source

PRODUCT: Final = "Diplomatic Monitor"
SUBJECT_CHARS: Final = 150
SUMMARY_CHARS: Final = 300
HEADLINE_CHARS: Final = 300
ITSELF: Final = "the monitor itself"  # in the place of a source's tier
UNCONFIRMED: Final = "UNCONFIRMED"
CORRECTED: Final = "corrected"
UNVERIFIED_TAG: Final = "claim.unverified"
_WEAK_TIERS: Final = frozenset({Tier.STATE_MEDIA, Tier.AGGREGATOR, Tier.SOCIAL})
MOST_SOURCES: Final = 200  # that a message about one alert lists; more would not fit a mail
MOST_SOURCES_IN_DIGEST: Final = 10  # for each of its alerts
# What a message of several alerts is called that is no digest, by its slot.
_COLLECTIONS: Final = {
    SILENCE_SLOT: "SILENCE ended",
    FLOOD_SLOT: "SUMMARY",
    CATCH_UP_SLOT: "CATCH-UP",
    BACKFILL_SLOT: "BACKFILL",
}
# The part of the command that people fill in; `monitor silence add` refuses it without who and why.
_SILENCED: Final = '--for 4h --author "your name" --comment "why"'
_NAMED_IN_DIGEST: Final = 3  # headlines in a digest's subject


def compose(
    bundle: Bundle,
    channel: str,
    alerts: Mapping[str, Alert],
    revisions: Sequence[AlertRevision],
    all_decisions: Sequence[Decision],
    routing: Routing,
    now: datetime,
    version: str,
) -> NotificationView:
    """Return everything that one message holds.

    Args:
        bundle: what the message tells.
        channel: "email", "webhook"...: part of the message's id.
        alerts: the bundle's alerts, by id.
        revisions: all revisions of those alerts.
        all_decisions: all decisions about those alerts: who has heard what.
        routing: the recipient's zone, and the routes for explanations.
        now: when the message is written.
        version: the program's version, for the footer.

    Raises:
        KeyError: the bundle's recipient or one of its alerts is not there; `bundle` makes no such.
    """
    recipient = routing.recipient(bundle.recipient_id)
    if recipient is None:
        raise KeyError(bundle.recipient_id)
    writer = _Writer(bundle, recipient.timezone, now)
    views = []
    for alert_id in bundle.alert_ids:
        history = [r for r in revisions if r.alert_id == alert_id]
        heard = [d for d in all_decisions if d.alert_id == alert_id and d.recipient_id == bundle.recipient_id]
        views.append(writer.alert(alerts[alert_id], history, heard, routing))
    # As in the digest: severity, then how many tell it, then the newest.
    views.sort(key=lambda view: view.event.iso, reverse=True)
    views.sort(key=lambda view: (-Severity(view.severity).rank, -view.independent))
    return NotificationView(
        kind=_kind(bundle, alerts),
        notification_id=bundle.notification_id(channel),
        subject=writer.subject(views),
        recipient_id=bundle.recipient_id,
        timezone=recipient.timezone,
        created=moment(now, recipient.timezone, now),
        alerts=tuple(views),
        intro=writer.intro(views, alerts, routing),
        product=PRODUCT,
        version=version,
        volume=writer.volume(alerts) if bundle.kind == "digest" else (),
    )


class _Writer:
    """Words one bundle for one zone and moment."""

    def __init__(self, bundle: Bundle, timezone: str, now: datetime) -> None:
        self._bundle = bundle
        self._timezone = timezone
        self._now = now
        self._most = MOST_SOURCES if bundle.kind == "alert" else MOST_SOURCES_IN_DIGEST

    def alert(
        self, alert: Alert, history: Sequence[AlertRevision], heard: Sequence[Decision], routing: Routing
    ) -> AlertView:
        """Return one alert as this message tells it, complete whatever its reason."""
        numbers = {d.revision for d in self._bundle.decisions if d.alert_id == alert.alert_id}
        told = sorted((r for r in history if r.revision in numbers), key=lambda r: r.revision)
        first_contact = not any(was_told(d) for d in heard if d.revision not in numbers)
        new_ids = {item_id for revision in told for item_id in revision.item_ids}
        ordered = _ordered(alert.sources, new_ids)
        if self._bundle.kind == "digest":
            ordered = _once(ordered)
        owners = independent_owners(alert.sources)
        rule, own = alert.rule, is_system(alert)
        return AlertView(
            alert_id=alert.alert_id,
            short_id=alert.alert_id[:8],
            revision=max(numbers),
            reason=lead_reason(told).value,
            first_contact=first_contact,
            severity=alert.severity.value,
            rule_id=rule.rule_id,
            rule_title=one_line(rule.title),
            rule_description=rule.description,
            owner=rule.owner or ", ".join(sorted({s.owner for s in alert.sources} - {""}) if own else ()),
            topic=rule.topic,
            tags=rule.tags,
            flags=_flags(alert, owners, history),
            headline=headline_of(alert) if own else _headline(alert, ordered),
            event=moment(min(s.event_at for s in ordered), self._timezone, self._now),
            first_seen=moment(min(s.first_seen_at for s in ordered), self._timezone, self._now),
            sources=tuple(self._source(source, alert, new_ids) for source in ordered[: self._most]),
            omitted=max(0, len(ordered) - self._most),
            independent=len(owners),
            entities=tuple(sorted({entity for source in ordered for entity in source.entities})),
            matched=_matched(ordered),
            revisions=tuple(self._revision(revision) for revision in told),
            why=_why(alert, self._bundle, routing),
            ack_command=f"monitor ack {alert.alert_id[:8]}",
            silence_command=f"monitor silence add --match rule={rule.rule_id} {_SILENCED}",
            story_id=alert.story_id,
        )

    def volume(self, alerts: Mapping[str, Alert]) -> tuple[BarView, ...]:
        """Return when the reports of a digest came, since the first of its alerts was decided about."""
        since = min(decision.decided_at for decision in self._bundle.decisions)
        told = [alerts[alert_id] for alert_id in self._bundle.alert_ids]
        times = [s.first_seen_at for alert in told if not is_system(alert) for s in alert.sources]
        return volume(times, since, self._now, self._timezone)

    def _stands_for(self) -> tuple[str, ...]:
        """Return for whom the recipient is told, as their fallback."""
        return tuple(dict.fromkeys(name for d in self._bundle.decisions for name in d.stands_for))

    def _revision(self, revision: AlertRevision) -> RevisionView:
        at = moment(revision.at, self._timezone, self._now)
        return RevisionView(revision.revision, revision.reason.value, one_line(revision.note), at)

    def _source(self, source: Source, alert: Alert, new_ids: set[str]) -> SourceView:
        published = source.published_at
        return SourceView(
            outlet=one_line(source.outlet),
            tier=ITSELF if is_system(alert) else TIER_WORDS[source.tier],
            country=source.country,
            language=source.language,
            title=shorten(one_line(source.title), HEADLINE_CHARS),
            summary=shorten(one_line(source.summary), SUMMARY_CHARS),
            url=safe_url(source.url),
            published=moment(published, self._timezone, self._now) if published else None,
            first_seen=moment(source.first_seen_at, self._timezone, self._now),
            is_new=source.item_id in new_ids and not source.withdrawn,
            is_copy=bool(source.copy_of),
            note=_system_note(source) if is_system(alert) else _note(source, alert.sources),
            passages=passages(source),
            is_withdrawn=source.withdrawn,
        )

    def subject(self, views: Sequence[AlertView]) -> str:
        """Return the subject line: severity and reason first, at most 150 characters."""
        if self._bundle.kind == "alert":
            view = views[0]
            names = ", ".join(self._stands_for())
            first = f"{FALLBACK} {names}] " if names else ""
            return shorten(f"{first}{_bracket(view)} {view.rule_title}: {view.headline}", SUBJECT_CHARS)
        name = next((name for slot, name in _COLLECTIONS.items() if self._bundle.slot.startswith(slot)), "")
        if name:
            headlines = "; ".join(view.headline for view in views[:_NAMED_IN_DIGEST])
            counts = f"{counted(len(views), 'alert')} ({_severities(views)})"
            return shorten(one_line(f"[{name}] {counts}: {headlines}"), SUBJECT_CHARS)
        day = moment(self._now, self._timezone, self._now).local.split(",")[0]
        clock = self._bundle.slot.partition("T")[2].split(" ")[0]
        headlines = "; ".join(view.headline for view in views[:_NAMED_IN_DIGEST])
        text = f"[DIGEST {clock or day}] {counted(len(views), 'alert')} ({_severities(views)}): {headlines}"
        return shorten(one_line(text), SUBJECT_CHARS)

    def intro(self, views: Sequence[AlertView], alerts: Mapping[str, Alert], routing: Routing) -> str:
        """Return the sentence or two that open the message."""
        if told := self._collected(views, alerts, routing):
            return told
        if self._bundle.kind == "digest":
            since = moment(min(d.decided_at for d in self._bundle.decisions), self._timezone, self._now)
            return f"{counted(len(views), 'alert')} since {since.short}: {_severities(views)}."
        view = views[0]
        notes = " ".join(revision.note for revision in view.revisions)
        if names := series(self._stands_for()):
            notes = f"You are the fallback of {names}, who did not acknowledge. {notes}"
        if view.first_contact and view.reason != Reason.NEW:
            opened = wall_time(alerts[view.alert_id].opened_at, self._timezone)
            return f"This is your first message about this alert, which opened on {opened}. {notes}"
        return notes

    def _collected(self, views: Sequence[AlertView], alerts: Mapping[str, Alert], routing: Routing) -> str:
        """Return what opens a message of several alerts that is no digest; "" for any other."""
        if self._bundle.slot.startswith(SILENCE_SLOT):
            held = counted(len(views), "alert")
            return f"The {self._bundle.slot} has ended. It held back news of {held}: {_severities(views)}."
        if self._bundle.slot.startswith(BACKFILL_SLOT):
            found = counted(len(views), "alert")
            return (
                f"A rule was tried on news that was there already, and found {found}: {_severities(views)}. "
                "Further reports are told as always."
            )
        if self._bundle.slot.startswith(CATCH_UP_SLOT):
            due = counted(len(views), "alert")
            return f"News of {due} became due at once, as after a standstill: {_severities(views)}."
        if self._bundle.slot.startswith(FLOOD_SLOT):
            more = counted(len(views), "alert")
            paces = [
                pace_for(alert, self._bundle.recipient_id, routing)
                for alert in map(alerts.__getitem__, self._bundle.alert_ids)
            ]
            every = duration(min(pace.summary_every for pace in paces))
            return f"{more} more than are sent one by one, summarised every {every}. Nothing was dropped."
        return ""


def lead_reason(told: Sequence[AlertRevision]) -> Reason:
    """Return the most important reason among the revisions that a message tells."""
    reasons = {revision.reason for revision in told}
    return next((reason for reason in IMPORTANCE if reason in reasons), Reason.UPDATE)


def safe_url(url: str) -> str:
    """Return `url` if it is an http or https address on one line, else ""."""
    clean = one_line(url) == url and " " not in url
    return url if clean and re.match(r"https?://[^/]", url, re.IGNORECASE) else ""


def _bracket(view: AlertView) -> str:
    several = view.independent > 1 and view.reason != Reason.NEW
    sources = f", {view.independent} sources" if several else ""
    return f"[{view.severity.upper()} {view.reason}{sources}]"


def _severities(views: Sequence[AlertView]) -> str:
    count = Counter(view.severity for view in views)
    return series([f"{count[s]} {s}" for s in sorted(Severity, key=lambda s: -s.rank) if count[s]])


def leading(sources: Sequence[Source]) -> Source:
    """Return the source that a message leads with: no copy, of the highest tier, the earliest."""
    return min(sources, key=lambda s: (s.withdrawn, bool(s.copy_of), -tier_rank(s.tier), *arrival_order(s)))


def _once(ordered: Sequence[Source]) -> tuple[Source, ...]:
    """Return the sources without further items of one address: feeds list a live page again and again."""
    pages: dict[str, Source] = {}
    for source in ordered:
        pages.setdefault(source.url or source.item_id, source)
    return tuple(pages.values())


def _ordered(sources: Sequence[Source], new_ids: set[str]) -> tuple[Source, ...]:
    """Return the sources for showing: the leading one, then new ones, then the rest."""
    first = leading(sources)
    rest = [source for source in sources if source is not first]
    return (first, *sorted(rest, key=lambda s: (s.item_id not in new_ids, *arrival_order(s))))


def _headline(alert: Alert, ordered: Sequence[Source]) -> str:
    texts = (ordered[0].title, *(source.title for source in ordered), ordered[0].summary, alert.rule.title)
    return shorten(next(filter(None, map(one_line, texts)), "(no headline)"), HEADLINE_CHARS)


def _flags(alert: Alert, owners: Sequence[str], history: Sequence[AlertRevision]) -> tuple[str, ...]:
    own = [source for source in alert.sources if not source.copy_of]
    weak = all(source.tier in _WEAK_TIERS for source in own)
    claim = UNVERIFIED_TAG in alert.rule.tags and len(owners) < 2  # noqa: PLR2004 -- a second owner confirms
    corrected = any(revision.reason is Reason.CORRECTED for revision in history)
    asked = alert.corroborated is False  # the rule asks for more sources than there are
    sure = alert.corroborated is True
    return (
        *((UNCONFIRMED,) if asked or (not sure and (weak or claim)) else ()),
        *((CORRECTED,) if corrected else ()),
    )


def _matched(ordered: Sequence[Source]) -> tuple[str, ...]:
    found = (e.entry or e.text for source in ordered for e in source.evidence)
    return tuple(dict.fromkeys(filter(None, map(one_line, found))))


def _kind(bundle: Bundle, alerts: Mapping[str, Alert]) -> str:
    own = bundle.kind == "alert" and all(is_system(alerts[alert_id]) for alert_id in bundle.alert_ids)
    return "system" if own else bundle.kind


def _system_note(source: Source) -> str:
    return "over" if source.withdrawn else ""


def _note(source: Source, sources: Sequence[Source]) -> str:
    if source.withdrawn:
        return "changed since: it no longer says this"
    original = next((other for other in sources if other.item_id == source.copy_of), None)
    if original is not None:
        return f"repeats {one_line(original.outlet)}"
    earlier = [s for s in sources if s.owner == source.owner and arrival_order(s) < arrival_order(source)]
    other = next((s for s in earlier if s.feed_id != source.feed_id), None)
    if other is not None:
        return f"counts as one source with {one_line(other.outlet)}"
    return TIER_WORDS[source.tier] if source.tier in _WEAK_TIERS else ""


def _why(alert: Alert, bundle: Bundle, routing: Routing) -> str:
    route = routes_by_recipient(routing, alert).get(bundle.recipient_id)
    if route is not None:
        return f"{described_route(route)}."
    newest = max((d for d in bundle.decisions if d.alert_id == alert.alert_id), key=lambda d: d.revision)
    return f"{newest.reason.partition(';')[0]}."
