"""What a message says: subject, order, dates, passages, warnings."""

from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.bundle import Bundle
from monitor.alerts.compose import SUBJECT_CHARS, compose, safe_url
from monitor.alerts.decide import decide, rendered
from monitor.alerts.lifecycle import transition
from monitor.alerts.moments import moment, wall_time
from monitor.alerts.passages import merged, passages
from monitor.models import AlertRevision, Decision, Evidence, Outcome, Reason, Severity
from tests.core.alerts.alert_values import (
    NOW,
    hours,
    minutes,
    opened,
    recipient,
    route,
    routing,
    rule,
    source,
)

BRUSSELS = routing(route("desk", severity=">=low"), recipients=(recipient(timezone="Europe/Brussels"),))


def written(alert, revisions, *, told=None, earlier=(), routes=BRUSSELS, now=NOW, slot="", alerts=None):
    """The view of a message that tells the revisions numbered `told` (all by default)."""
    alerts = alerts or [alert]
    numbers = told or [one.revision for one in revisions]
    outcome = Outcome.DIGEST if slot else Outcome.QUEUED
    decisions = tuple(
        Decision(one.alert_id, number, "desk", outcome, "Route x; why.", now, now, slot)
        for one in alerts
        for number in numbers
    )
    kind = "digest" if slot else "alert"
    made = Bundle(kind, "desk", "" if slot else alert.alert_id, slot, decisions)
    by_id = {one.alert_id: one for one in alerts}
    return compose(made, "email", by_id, list(revisions), [*earlier, *decisions], routes, now, "1.2.3")


def followed(alert, *sources, at=NOW, severity="high"):
    step = transition(alert, rule(severity), "story:s", sources, at)
    return step.alert, step.revisions


def test_a_first_message_holds_everything():
    lead = source(
        "meridian",
        tier="wire",
        outlet="Meridian Wire",
        title="Envoy lands",
        country="GB",
        at=NOW - minutes(20),
    )
    alert, new = opened(lead, tags=("cameo.042",), description="Why it matters.")
    view = written(alert, [new])
    assert view.subject == "[HIGH new] Envoy arrives: Envoy lands"
    assert view.intro == "First report: Meridian Wire (wire agency)."
    assert (view.kind, view.recipient_id, view.timezone, view.version) == (
        "alert",
        "desk",
        "Europe/Brussels",
        "1.2.3",
    )
    assert view.created.local == "Thu 12 Mar 2026, 14:00 (UTC+01:00)"
    (shown,) = view.alerts
    assert (shown.reason, shown.first_contact, shown.severity, shown.revision) == ("new", True, "high", 1)
    assert (shown.rule_id, shown.owner, shown.topic, shown.tags) == (
        "envoy-arrives", "east-desk", "talks", ("cameo.042",),
    )  # fmt: skip
    assert shown.short_id == alert.alert_id[:8]
    assert (shown.event.iso, shown.event.short) == ("2026-03-12T12:40:00Z", "13:40")
    assert shown.why == "Route routes.yaml:21 (severity >= low)."
    (one,) = shown.sources
    assert (one.outlet, one.tier, one.country, one.is_new, one.note) == (
        "Meridian Wire", "wire agency", "GB", True, "",
    )  # fmt: skip
    assert [(r.number, r.reason) for r in shown.revisions] == [(1, "new")]


# what arrives after the first report, the message tells; subject's bracket
BRACKETS = [
    ([source("two", at=NOW + minutes(1))], [2], "[HIGH update, 2 sources]"),
    # One owner, two items: no number of sources to boast of.
    ([source(f"x{n}", owner="first-daily", at=NOW + minutes(1)) for n in range(3)], [2], "[HIGH update]"),
    ([source("ministry", tier="official", at=NOW + minutes(1))], [2], "[HIGH official, 2 sources]"),
    # Told together with the opening, it is new.
    ([source("two", at=NOW + minutes(1))], [1, 2], "[HIGH new]"),
]


@pytest.mark.parametrize(("arrivals", "told", "bracket"), BRACKETS)
def test_the_subject_says_severity_and_reason_first(arrivals, told, bracket):
    alert, new = opened("first-daily")
    alert, more = followed(alert, *arrivals)
    assert written(alert, [new, *more], told=told).subject.startswith(f"{bracket} Envoy arrives: ")


def test_corroboration_is_told_with_its_number_of_sources():
    alert, new = opened(*(source(name) for name in "abc"))
    second = AlertRevision(alert.alert_id, 2, Reason.CORROBORATED, NOW, "Three.", ())
    view = written(alert, [new, second], told=[2])
    assert view.subject.startswith("[HIGH corroborated, 3 sources] ")


titles = st.text(alphabet=st.characters(codec="utf-8"), max_size=400) | st.sampled_from(
    ["a\r\nBcc: x@example.org", "\u2028\u202e", "", "x" * 500]
)


@given(titles, titles)
def test_a_subject_is_one_bounded_line_without_control_characters(title, headline):
    alert, new = opened(source("one", title=headline), title=title)
    subject = written(alert, [new]).subject
    assert len(subject) <= SUBJECT_CHARS
    assert subject.startswith("[HIGH new]")
    assert not any(
        ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u2028\u2029\u202e" for char in subject
    )


def test_the_headline_is_that_of_the_best_original():
    text = "Envoy lands in the capital for a second round of talks"
    alert, new = opened(
        source("social", tier="social", title="first but weak", at=NOW - minutes(9)),
        source("meridian", tier="wire", title=text, at=NOW - minutes(8)),
        source("copyist", tier="official", title=text, at=NOW - minutes(7)),
        source("daily", title="a national report", at=NOW - minutes(6)),
    )
    view = written(alert, [new]).alerts[0]
    assert view.headline == text
    assert [one.outlet for one in view.sources] == ["Meridian", "Social", "Copyist", "Daily"]
    assert [one.note for one in view.sources] == ["", "social media", "repeats Meridian", ""]
    assert [one.is_copy for one in view.sources] == [False, False, True, False]
    assert view.independent == 3


def test_new_sources_stand_before_those_told_before():
    alert, new = opened(source("wire", tier="wire"), source("old", at=NOW + minutes(1)))
    alert, more = followed(alert, source("fresh", at=NOW + minutes(2)))
    view = written(alert, [new, *more], told=[2]).alerts[0]
    assert [(one.outlet, one.is_new) for one in view.sources] == [
        ("Wire", False),
        ("Fresh", True),
        ("Old", False),
    ]


def test_items_attached_silently_are_new_to_the_next_message():
    alert, new = opened(source("wire", owner="group", tier="wire"))
    alert, none = followed(alert, source("silent", owner="group", at=NOW + minutes(1)))
    assert none == ()
    alert, more = followed(alert, source("other", at=NOW + minutes(2)))
    view = written(alert, [new, *more], told=[2]).alerts[0]
    assert [one.outlet for one in view.sources if one.is_new] == ["Group", "Other"]


def test_reports_that_credit_one_agency_are_shown_as_one_source():
    alert, new = opened(
        source("meridian", owner="meridian", tier="wire", outlet="Meridian Wire"),
        source("daily", owner="meridian", feed_id="daily", outlet="Daily", at=NOW + minutes(1)),
    )
    assert written(alert, [new]).alerts[0].sources[1].note == "counts as one source with Meridian Wire"


# tiers of the independent sources, tags of the rule; flags
FLAGS = [
    (["national"], (), ()),
    (["state_media"], (), ("UNCONFIRMED",)),
    (["state_media", "aggregator", "social"], (), ("UNCONFIRMED",)),
    (["state_media", "wire"], (), ()),
    (["national"], ("claim.unverified",), ("UNCONFIRMED",)),
    (["national", "wire"], ("claim.unverified",), ()),
]


@pytest.mark.parametrize(("tiers", "tags", "flags"), FLAGS)
def test_unconfirmed(tiers, tags, flags):
    alert, new = opened(*(source(f"s{n}", tier=tier) for n, tier in enumerate(tiers)), tags=tags)
    assert written(alert, [new]).alerts[0].flags == flags


def test_a_correction_is_flagged_from_then_on():
    alert, new = opened("first-daily")
    corrected = AlertRevision(alert.alert_id, 2, Reason.CORRECTED, NOW, "Corrected.", ())
    later = AlertRevision(alert.alert_id, 3, Reason.UPDATE, NOW, "More.", ())
    assert written(alert, [new, corrected, later], told=[3]).alerts[0].flags == ("corrected",)


def test_who_joins_late_is_told_when_it_began():
    alert, new = opened("first-daily", severity="medium")
    alert, more = followed(alert, source("two"), at=NOW + hours(2))
    view = written(alert, [new, *more], told=[2], now=NOW + hours(2))
    assert view.alerts[0].first_contact
    assert view.subject.startswith("[HIGH escalated, 2 sources]")
    assert view.intro.startswith(
        "This is your first message about this alert, which opened on Thu 12 Mar 2026, 14:00 (UTC+01:00)."
    )


def test_who_was_told_before_gets_only_the_news():
    alert, new = opened("first-daily")
    earlier = [rendered(one, ["n"], NOW) for one in decide(alert, new, BRUSSELS, (), NOW)]
    alert, more = followed(alert, source("two", tier="wire"))
    view = written(alert, [new, *more], told=[2], earlier=earlier)
    assert not view.alerts[0].first_contact
    assert view.intro == "Second independent source: Two (wire agency)."
    # Yet the alert is shown whole.
    assert len(view.alerts[0].sources) == 2


def test_a_digest_tells_its_alerts_by_severity():
    one, first = opened("a", severity="low")
    two, second = opened("b", severity="high")
    two = replace(two, alert_id="f" * 32)
    second = replace(second, alert_id="f" * 32)
    view = written(one, [first, second], told=[1], alerts=[one, two], slot="2026-03-12T17:30 Europe/Brussels")
    assert view.kind == "digest"
    assert view.subject.startswith("[DIGEST 17:30] 2 alerts (1 high and 1 low): ")
    assert [shown.severity for shown in view.alerts] == ["high", "low"]
    assert view.intro.startswith("2 alerts since ")
    assert view.intro.endswith(": 1 high and 1 low.")


def test_a_message_can_be_written_again_after_it_was_marked_as_rendered():
    alert, new = opened("first-daily")
    first = written(alert, [new])
    marked = [rendered(one, ["n"], NOW) for one in decide(alert, new, BRUSSELS, (), NOW)]
    assert written(alert, [new], earlier=marked) == first


def test_a_message_has_room_for_a_limited_number_of_sources():
    alert, new = opened(*(source(f"s{n}", at=NOW - minutes(n)) for n in range(230)))
    shown = written(alert, [new]).alerts[0]
    assert (len(shown.sources), shown.omitted, shown.independent) == (200, 30, 230)
    shown = written(alert, [new], slot="2026-03-12T17:30 Europe/Brussels").alerts[0]
    assert (len(shown.sources), shown.omitted) == (10, 220)


def test_text_from_feeds_cannot_break_lines_or_turn_the_direction():
    title, summary = "Envoy\u202e lands\r\nBcc: x", "line\u2028break envoy"
    alert, new = opened(
        source(
            "one",
            title=title,
            summary=summary,
            outlet="Daily\x00\nNews",
            evidence=(
                Evidence("title", 0, 5, "Envoy", "people:\nenvoy"),
                Evidence("summary", 11, 16, "envoy"),
            ),
        )
    )
    shown = written(alert, [new]).alerts[0]
    (one,) = shown.sources
    texts = [shown.headline, one.title, one.summary, one.outlet, *shown.matched]
    texts += [span.text for passage in one.passages for span in passage.spans]
    assert not any(char in text for text in texts for char in "\u202e\u2028\r\n\x00")


def test_the_same_revisions_make_the_same_id_and_words():
    alert, new = opened("first-daily")
    assert written(alert, [new]) == written(alert, [new])
    assert written(alert, [new]).notification_id == written(alert, [new], now=NOW + hours(1)).notification_id


@pytest.mark.parametrize(
    ("zone", "at", "local", "short"),
    [
        ("Europe/Brussels", "2026-03-12T13:05:00+00:00", "Thu 12 Mar 2026, 14:05 (UTC+01:00)", "14:05"),
        ("Europe/Brussels", "2026-07-01T22:30:00+00:00", "Thu 2 Jul 2026, 00:30 (UTC+02:00)", "2 Jul 00:30"),
        ("America/St_Johns", "2026-03-12T13:05:00+00:00", "Thu 12 Mar 2026, 10:35 (UTC-02:30)", "10:35"),
        ("Asia/Kathmandu", "2026-03-11T13:05:00+00:00", "Wed 11 Mar 2026, 18:50 (UTC+05:45)", "11 Mar 18:50"),
        ("UTC", "2026-03-12T13:05:59.999999+00:00", "Thu 12 Mar 2026, 13:05 (UTC+00:00)", "13:05"),
    ],
)
def test_moments(zone, at, local, short):
    instant = datetime.fromisoformat(at)
    view = moment(instant, zone, NOW)
    assert (view.local, view.short) == (local, short)
    assert view.local == wall_time(instant, zone)
    assert view.iso == instant.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def test_matches_are_marked_and_overlapping_ones_are_one():
    title = "Special envoy arrives"
    found = source(
        "one",
        title=title,
        evidence=(
            Evidence("title", 8, 13, "envoy", "people: envoy"),
            Evidence("title", 0, 13, "Special envoy", "special envoy"),
            Evidence("title", 14, 21, "arrives", "verbs: arrive"),
        ),
    )
    (passage,) = passages(found)
    assert [(span.text, span.hit, span.entry) for span in passage.spans] == [
        ("Special envoy", True, "special envoy; people: envoy"),
        (" ", False, ""),
        ("arrives", True, "verbs: arrive"),
    ]
    alert, new = opened(found)
    assert written(alert, [new]).alerts[0].matched == ("people: envoy", "special envoy", "verbs: arrive")


def test_passages_are_cut_at_words_with_ellipses():
    summary = "start " + "word " * 60 + "the envoy landed " + "word " * 60 + "end"
    start = summary.index("envoy")
    found = source("one", summary=summary, evidence=(Evidence("summary", start, start + 5, "envoy"),))
    (passage,) = passages(found)
    text = "".join(span.text for span in passage.spans)
    assert text.startswith("… word word")
    assert text.endswith("word …")
    assert "the envoy landed" in text
    assert [span.text for span in passage.spans if span.hit] == ["envoy"]


evidence = st.lists(
    st.tuples(st.sampled_from(["title", "summary"]), st.integers(0, 300), st.integers(1, 40)), max_size=8
)


@given(st.text(alphabet="ab \u4e2d", min_size=1, max_size=300), evidence)
def test_the_pieces_of_a_passage_are_text_of_the_field(text, places):
    found = source(
        "one",
        title=text,
        summary=text,
        evidence=tuple(
            Evidence(f, s % len(text), min(s % len(text) + n, len(text)), "") for f, s, n in places
        ),
    )
    for passage in passages(found):
        joined = "".join(span.text for span in passage.spans)
        assert joined.removeprefix("… ").removesuffix(" …") in text
        assert any(span.hit for span in passage.spans)
        assert all(span.text for span in passage.spans)
    for marks in (merged([e for e in found.evidence if e.field == "title"], len(text)),):
        assert all(a[1] <= b[0] for a, b in pairwise(marks))


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://meridian.example/a?b=c#d", True),
        ("HTTP://meridian.example/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("https:///nowhere", False),
        ("https://meridian.example/a\nb", False),
        ("https://meridian.example/a b", False),
        ("ftp://meridian.example/", False),
        ("", False),
    ],
)
def test_only_web_addresses_become_links(url, safe):
    assert safe_url(url) == (url if safe else "")


def test_a_bundle_for_nobody_is_a_mistake_of_the_caller():
    alert, new = opened()
    with pytest.raises(KeyError):
        written(alert, [new], routes=routing(recipients=(recipient("other"),)))


def test_a_lower_severity_is_told_as_it_is():
    alert, new = opened(severity="critical")
    calmer = replace(alert, severity=Severity.LOW)
    assert written(calmer, [new]).subject.startswith("[LOW new]")
