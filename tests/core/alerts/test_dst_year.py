"""A whole year of nights and digests in four zones, across both changes of clocks.

Brussels and New York change by an hour in the night, Lord Howe by half an hour, and Tehran did at
midnight until 2022 and does not since: there a night of 2026 is as long as any other.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.alerts.calendar import next_digest, quiet_until
from monitor.models import QuietSpan, Recipient

NIGHT = QuietSpan(22 * 60, 7 * 60)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)

# zone, the evening before the change, hours of the night 22:00-07:00, its end, and the digests of the next
# day at 02:15 and 17:30, all UTC. Sources: the tz database; each end is 07:00 of the wall clock.
CHANGES = [
    # 29 March: 02:00 becomes 03:00; 02:15 does not exist, so the digest leaves at once after the gap.
    ("Europe/Brussels", "2026-03-28", 8.0, "2026-03-29T05:00", "2026-03-29T01:00", "2026-03-29T15:30"),
    # 25 October: 03:00 becomes 02:00; 02:15 comes twice, and the first one counts.
    ("Europe/Brussels", "2026-10-24", 10.0, "2026-10-25T06:00", "2026-10-25T00:15", "2026-10-25T16:30"),
    ("America/New_York", "2026-03-07", 8.0, "2026-03-08T11:00", "2026-03-08T07:00", "2026-03-08T21:30"),
    # 1 November: 02:00 becomes 01:00; 02:15 comes once, after it.
    ("America/New_York", "2026-10-31", 10.0, "2026-11-01T12:00", "2026-11-01T07:15", "2026-11-01T22:30"),
    # 5 April: 02:00 becomes 01:30; 02:15 comes once, half an hour later than the day before.
    ("Australia/Lord_Howe", "2026-04-04", 9.5, "2026-04-04T20:30", "2026-04-04T15:45", "2026-04-05T07:00"),
    # 4 October: 02:00 becomes 02:30.
    ("Australia/Lord_Howe", "2026-10-03", 8.5, "2026-10-03T20:00", "2026-10-03T15:30", "2026-10-04T06:30"),
    # 22 March 2022: 00:00 becomes 01:00.
    ("Asia/Tehran", "2022-03-21", 8.0, "2022-03-22T02:30", "2022-03-21T21:45", "2022-03-22T13:00"),
    # 22 September 2022: 00:00 becomes 23:00 of the 21st.
    ("Asia/Tehran", "2022-09-21", 10.0, "2022-09-22T03:30", "2022-09-21T22:45", "2022-09-22T14:00"),
    # The same nights of 2026: nothing happens.
    ("Asia/Tehran", "2026-03-21", 9.0, "2026-03-22T03:30", "2026-03-21T22:45", "2026-03-22T14:00"),
    ("Asia/Tehran", "2026-09-21", 9.0, "2026-09-22T03:30", "2026-09-21T22:45", "2026-09-22T14:00"),
]
YEARS = [
    ("Europe/Brussels", 2026), ("America/New_York", 2026), ("Australia/Lord_Howe", 2026),
    ("Asia/Tehran", 2022), ("Asia/Tehran", 2026),
]  # fmt: skip


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("zone", "evening", "hours", "end", "early", "late"), CHANGES)
def test_the_night_of_a_change(zone, evening, hours, end, early, late):
    reader = Recipient("r", zone, quiet=(NIGHT,))
    start = datetime.fromisoformat(f"{evening}T22:00").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert utc(end) - start == hours * HOUR
    assert quiet_until(reader, start - MINUTE) is None
    minutes = int(hours * 60)
    # Whichever minute of the night asks, the answer is one: nothing leaves before, all that is held then.
    assert {quiet_until(reader, start + n * MINUTE) for n in range(minutes)} == {utc(end)}
    assert quiet_until(reader, utc(end)) is None
    awake = Recipient("r", zone, digest=(2 * 60 + 15, 17 * 60 + 30))
    first, label = next_digest(awake, start)
    second, after = next_digest(awake, first)
    day = (date.fromisoformat(evening) + timedelta(days=1)).isoformat()
    assert (first, label) == (utc(early), f"{day}T02:15 {zone}")
    assert (second, after) == (utc(late), f"{day}T17:30 {zone}")
    asleep = Recipient("r", zone, quiet=(NIGHT,), digest=(2 * 60 + 15, 17 * 60 + 30))
    assert next_digest(asleep, start) == (utc(late), after), "a slot inside the night is passed over"


@pytest.mark.parametrize(("zone", "year"), YEARS)
@pytest.mark.parametrize("slots", [(450, 1050), (0, 90, 135), (1410,)], ids=str)
def test_every_local_date_has_each_of_its_digests_once(zone, year, slots):
    """Also those that lie in a gap or a fold: 01:30 and 02:15, midnight and 23:30."""
    reader, at = Recipient("r", zone, digest=slots), datetime(year, 1, 1, tzinfo=ZoneInfo(zone)) - MINUTE
    at, labels, times = at.astimezone(UTC), [], []
    while not labels or labels[-1] < f"{year}-12-31T{slots[-1] // 60:02}:{slots[-1] % 60:02}":
        at, label = next_digest(reader, at)
        labels.append(label)
        times.append(at)
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
    assert labels == [
        f"{day.isoformat()}T{minute // 60:02}:{minute % 60:02} {zone}" for day in days for minute in slots
    ]
    assert times == sorted(set(times)), "each leaves once, in order"


@pytest.mark.parametrize(("zone", "year"), YEARS)
def test_every_night_of_the_year_has_its_length(zone, year):
    reader, tz = Recipient("r", zone, quiet=(NIGHT,)), ZoneInfo(zone)
    odd = {}
    for number in range(364):
        day = date(year, 1, 1) + timedelta(days=number)
        start = datetime(day.year, day.month, day.day, 22, tzinfo=tz).astimezone(UTC)
        end = quiet_until(reader, start)
        assert end.astimezone(tz).strftime("%H:%M") == "07:00"
        if end - start != 9 * HOUR:
            odd[day.isoformat()] = (end - start) / HOUR
    assert odd == {evening: hours for name, evening, hours, *_ in CHANGES
                   if name == zone and evening.startswith(str(year)) and hours != 9}  # fmt: skip
