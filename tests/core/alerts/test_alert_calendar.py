"""Quiet hours and digest slots, above all where clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.alerts.calendar import instant, is_always_quiet, next_digest, quiet_until, slot_is_always_quiet
from monitor.models import QuietSpan, Recipient

NIGHT = QuietSpan(22 * 60, 7 * 60)
SATURDAY, SUNDAY = QuietSpan(weekday=5), QuietSpan(weekday=6)


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(text):
    start, end = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
    return QuietSpan(start, end)


# zone, quiet, at (UTC), quiet until (UTC; None = not quiet)
QUIET = [
    # An ordinary night: half open, quiet at its first instant, not at its last.
    ("UTC", [NIGHT], "2026-03-11T21:59:59", None),
    ("UTC", [NIGHT], "2026-03-11T22:00", "2026-03-12T07:00"),
    ("UTC", [NIGHT], "2026-03-12T06:59:59", "2026-03-12T07:00"),
    ("UTC", [NIGHT], "2026-03-12T07:00", None),
    # Friday night runs into the weekend, and the weekend into Sunday night: one period.
    ("UTC", [NIGHT, SATURDAY, SUNDAY], "2026-03-13T22:30", "2026-03-16T07:00"),
    ("UTC", [SATURDAY, SUNDAY], "2026-03-14T12:00", "2026-03-16T00:00"),
    # Spans that only touch are one period, too.
    ("UTC", [span("20:00-22:00"), NIGHT], "2026-03-11T20:30", "2026-03-12T07:00"),
    # Brussels loses 02:00-03:00 on 29 March: the night is an hour shorter.
    ("Europe/Brussels", [NIGHT], "2026-03-28T21:00", "2026-03-29T05:00"),
    # A quiet end inside the gap: the first instant after it (03:00 CEST).
    ("Europe/Brussels", [span("22:00-02:30")], "2026-03-28T23:00", "2026-03-29T01:00"),
    # A quiet start inside the gap: the first instant after it.
    ("Europe/Brussels", [span("02:30-05:00")], "2026-03-29T00:59:59", None),
    ("Europe/Brussels", [span("02:30-05:00")], "2026-03-29T01:00", "2026-03-29T03:00"),
    # A span wholly inside the gap does not exist that day.
    ("Europe/Brussels", [span("02:10-02:50")], "2026-03-29T01:00", None),
    # Brussels has 02:00-03:00 twice on 25 October: quiet ends at the second 02:30 (CET) ...
    ("Europe/Brussels", [span("22:00-02:30")], "2026-10-24T23:00", "2026-10-25T01:30"),
    # ... also seen from between the two ...
    ("Europe/Brussels", [span("22:00-02:30")], "2026-10-25T00:45", "2026-10-25T01:30"),
    # ... and starts at the first 02:30 (CEST).
    ("Europe/Brussels", [span("02:30-05:00")], "2026-10-25T00:29:59", None),
    ("Europe/Brussels", [span("02:30-05:00")], "2026-10-25T00:30", "2026-10-25T04:00"),
    # Both ends inside the doubled hour: from the first start to the second end.
    ("Europe/Brussels", [span("02:15-02:45")], "2026-10-25T00:50", "2026-10-25T01:45"),
    # New York loses 02:00-03:00 on 8 March and doubles 01:00-02:00 on 1 November.
    ("America/New_York", [NIGHT], "2026-03-08T03:30", "2026-03-08T11:00"),
    ("America/New_York", [span("22:00-02:30")], "2026-03-08T05:00", "2026-03-08T07:00"),
    ("America/New_York", [span("22:00-01:30")], "2026-11-01T05:00", "2026-11-01T06:30"),
    ("America/New_York", [NIGHT], "2026-11-01T05:00", "2026-11-01T12:00"),
    # Lord Howe changes by half an hour: 02:00-02:30 is lost on 4 October ...
    ("Australia/Lord_Howe", [span("22:00-02:15")], "2026-10-03T14:00", "2026-10-03T15:30"),
    # ... and 01:30-02:00 comes twice on 5 April.
    ("Australia/Lord_Howe", [span("22:00-01:45")], "2026-04-04T14:00", "2026-04-04T15:15"),
    ("Australia/Lord_Howe", [span("01:45-06:00")], "2026-04-04T14:45", "2026-04-04T19:30"),
    # Tehran changed at midnight until 2022: 00:00-01:00 was lost on 22 March ...
    ("Asia/Tehran", [span("22:00-00:30")], "2022-03-21T19:00", "2022-03-21T20:30"),
    # ... and 23:00-24:00 of 21 September came twice; since then there is no change.
    ("Asia/Tehran", [span("22:00-23:30")], "2022-09-21T18:45", "2022-09-21T20:00"),
    ("Asia/Tehran", [NIGHT], "2026-03-21T20:00", "2026-03-22T03:30"),
    # A weekday that starts inside a gap (midnight does not exist) starts after it.
    ("Asia/Tehran", [QuietSpan(weekday=1)], "2022-03-21T20:30", "2022-03-22T19:30"),
    # Samoa skipped the whole of Friday 30 December 2011.
    ("Pacific/Apia", [QuietSpan(weekday=4)], "2011-12-30T10:00", None),
    ("Pacific/Apia", [NIGHT], "2011-12-30T09:00", "2011-12-30T17:00"),
]


@pytest.mark.parametrize(("zone", "quiet", "at", "until"), QUIET)
def test_quiet_until(zone, quiet, at, until):
    desk = Recipient("desk", zone, quiet=tuple(quiet))
    assert quiet_until(desk, utc(at)) == (until and utc(until))


# zone, digest minutes, quiet, at (UTC), due (UTC), label
BRUSSELS, NEW_YORK = "Europe/Brussels", "America/New_York"
DIGESTS = [
    # The next slot is after `at`, never at it: what is decided at 17:30:00 is not in that digest.
    ("UTC", [450, 1050], [], "2026-03-12T07:29:59", "2026-03-12T07:30", "2026-03-12T07:30 UTC"),
    ("UTC", [450, 1050], [], "2026-03-12T07:30", "2026-03-12T17:30", "2026-03-12T17:30 UTC"),
    ("UTC", [450, 1050], [], "2026-03-12T17:30", "2026-03-13T07:30", "2026-03-13T07:30 UTC"),
    # A slot in quiet hours is passed over: Friday evening's news waits for Monday morning.
    (
        "Europe/Brussels", [450, 1050], [NIGHT, SATURDAY, SUNDAY],
        "2026-03-13T20:00", "2026-03-16T06:30", "2026-03-16T07:30 Europe/Brussels",
    ),
    # A slot in the gap leaves at the first instant after it.
    (BRUSSELS, [150], [], "2026-03-28T12:00", "2026-03-29T01:00", "2026-03-29T02:30 Europe/Brussels"),
    # A doubled slot leaves once, at the first occurrence; after it comes the next date's.
    (BRUSSELS, [150], [], "2026-10-24T12:00", "2026-10-25T00:30", "2026-10-25T02:30 Europe/Brussels"),
    (BRUSSELS, [150], [], "2026-10-25T00:30", "2026-10-26T01:30", "2026-10-26T02:30 Europe/Brussels"),
    (NEW_YORK, [90], [], "2026-11-01T05:30", "2026-11-02T06:30", "2026-11-02T01:30 America/New_York"),
    (
        "Australia/Lord_Howe", [105], [],
        "2026-04-04T12:00", "2026-04-04T14:45", "2026-04-05T01:45 Australia/Lord_Howe",
    ),
    ("Asia/Tehran", [30], [], "2022-03-21T12:00", "2022-03-21T20:30", "2022-03-22T00:30 Asia/Tehran"),
    # Every slot in quiet hours (the checker warns): it leaves when they end.
    ("UTC", [180], [NIGHT], "2026-03-12T12:00", "2026-03-13T07:00", "2026-03-13T03:00 UTC"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "minutes", "quiet", "at", "due", "label"), DIGESTS)
def test_next_digest(zone, minutes, quiet, at, due, label):
    desk = Recipient("desk", zone, quiet=tuple(quiet), digest=tuple(minutes))
    assert next_digest(desk, utc(at)) == (utc(due), label)


@pytest.mark.parametrize(
    ("quiet", "always"),
    [
        ([NIGHT], False),
        ([QuietSpan(weekday=day) for day in range(7)], True),
        ([NIGHT, span("07:00-22:00")], True),
        ([NIGHT, span("07:01-22:00")], False),
        # Sunday is free until its night begins.
        ([NIGHT, span("07:00-12:00"), *(QuietSpan(weekday=day) for day in range(6))], False),
        ([], False),
    ],
)
def test_always_quiet(quiet, always):
    assert is_always_quiet(Recipient("desk", "UTC", quiet=tuple(quiet))) is always


def test_slot_is_always_quiet():
    desk = Recipient("desk", "UTC", quiet=(NIGHT, SATURDAY))
    assert slot_is_always_quiet(desk, 3 * 60)
    assert not slot_is_always_quiet(desk, 12 * 60)


ZONES = (
    "UTC", "Europe/Brussels", "America/New_York", "Australia/Lord_Howe", "Asia/Tehran", "Pacific/Apia",
    "Africa/Casablanca", "America/St_Johns", "Asia/Kathmandu", "Antarctica/Troll",
)  # fmt: skip
spans = st.builds(
    QuietSpan,
    start_minute=st.integers(0, 1439),
    end_minute=st.integers(1, 1440),
    weekday=st.none() | st.integers(0, 6),
).filter(lambda s: s.start_minute != s.end_minute)
recipients = st.builds(
    Recipient,
    recipient_id=st.just("desk"),
    timezone=st.sampled_from(ZONES),
    quiet=st.lists(spans, max_size=4).map(tuple),
    digest=st.lists(st.integers(0, 1439), min_size=1, max_size=3).map(tuple),
)
moments = st.datetimes(datetime(2011, 12, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


@given(recipients, moments)
def test_what_is_held_leaves_right_at_the_end_and_never_before(desk, at):
    until = quiet_until(desk, at)
    assume(not is_always_quiet(desk))
    if until is None:
        return
    assert at < until <= at + timedelta(days=9)
    assert quiet_until(desk, until) is None
    # All the way up to the end it is quiet: nothing is held for longer than needed.
    assert quiet_until(desk, until - timedelta(seconds=1)) == until
    assert quiet_until(desk, at + (until - at) / 2) == until


@given(recipients, moments)
def test_wall_times_inside_a_span_are_quiet(desk, at):
    local = at.astimezone(ZoneInfo(desk.timezone))
    minute = local.hour * 60 + local.minute
    inside = any(
        span.start_minute <= minute < span.end_minute
        for span in desk.quiet
        if span.weekday in (None, local.weekday()) and span.start_minute < span.end_minute
    )
    if inside:
        assert quiet_until(desk, at) is not None


@given(recipients, moments)
def test_slots_rise_and_none_is_given_twice(desk, at):
    seen = set()
    for _ in range(6):
        due, slot = next_digest(desk, at)
        assert due > at
        assert slot not in seen
        if not is_always_quiet(desk):
            assert quiet_until(desk, due) is None
        seen.add(slot)
        at = due


@given(
    st.sampled_from(ZONES),
    st.dates(datetime(2011, 1, 1).date(), datetime(2030, 1, 1).date()),
    st.integers(0, 1439),
)
def test_an_instant_is_its_wall_time_or_the_end_of_a_gap(name, day, minute):
    zone = ZoneInfo(name)
    first, last = instant(zone, day, minute), instant(zone, day, minute, last=True)
    wall = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
    shown = first.astimezone(zone).replace(tzinfo=None)
    assert first <= last
    if shown != wall:  # skipped: one instant, right after the change
        assert first == last
        assert shown > wall
        just_before = (first - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
        assert just_before < wall
    else:
        assert last.astimezone(zone).replace(tzinfo=None) == wall
