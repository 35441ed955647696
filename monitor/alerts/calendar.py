"""Quiet hours and digest slots, computed from wall time and IANA zone.

Wall times that a change of clocks doubles or drops are read like this: a time in the gap is the first
instant after it; of a doubled time, quiet starts at the first occurrence and ends at the second, and a
digest leaves at the first, so that there is one for each local date and slot. Intervals are half open:
at the instant quiet ends, a message may leave.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.models import QuietSpan, Recipient

DEFAULT_DIGEST: Final = (7 * 60 + 30, 17 * 60 + 30)  # minutes after local midnight
_LOOK_BACK: Final = 2  # days: a span that began yesterday, seen from a date that clocks skipped
_LOOK_AHEAD: Final = 10  # days: a week in which every weekday is quiet, and its edges
_SLOT_SEARCH: Final = 16  # days in which a digest slot outside quiet hours is looked for
_MINUTES_A_DAY: Final = 24 * 60


def instant(zone: ZoneInfo, day: date, minute: int, *, last: bool = False) -> datetime:
    """Return the UTC instant of a wall time.

    Args:
        zone: where the wall clock hangs.
        day: local date.
        minute: minutes after local midnight; 1440 and more reach into the next days.
        last: of a doubled wall time, take the second occurrence instead of the first.

    Returns:
        The instant; for a wall time that the clocks skip, the first instant after the gap.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if first <= second:  # an ordinary time (equal) or a doubled one
        return second if last else first
    return _end_of_gap(zone, second, first)


def _end_of_gap(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the change of offset between two instants, to the second (PEP 495: fold in a gap)."""
    new_offset = after.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while low < high:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == new_offset:
            high = middle
        else:
            low = middle + 1
    return before + timedelta(seconds=low)


def quiet_until(recipient: Recipient, at: datetime) -> datetime | None:
    """Return when the quiet period around `at` ends, or None when the recipient may be disturbed.

    Spans that touch or overlap (a night that runs into a weekend) are one period. A recipient who is
    always quiet, which the checker refuses, is asked again after ten days.
    """
    if not recipient.quiet:
        return None
    periods = sorted(_periods(recipient, at))
    until: datetime | None = None
    for start, end in periods:
        reached = at if until is None else until
        if start <= reached < end:
            until = end
    return until


def _periods(recipient: Recipient, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the quiet periods of the dates around `at`; empty ones (inside a gap) are left out."""
    zone = ZoneInfo(recipient.timezone)
    today = at.astimezone(zone).date()
    for offset in range(-_LOOK_BACK, _LOOK_AHEAD + 1):
        day = today + timedelta(days=offset)
        for span in recipient.quiet:
            if span.weekday is None or span.weekday == day.weekday():
                start, end = _period(zone, day, span)
                if start < end:
                    yield start, end


def _period(zone: ZoneInfo, day: date, span: QuietSpan) -> tuple[datetime, datetime]:
    passes_midnight = span.end_minute <= span.start_minute
    end_minute = span.end_minute + (_MINUTES_A_DAY if passes_midnight else 0)
    return instant(zone, day, span.start_minute), instant(zone, day, end_minute, last=True)


def next_digest(recipient: Recipient, at: datetime) -> tuple[datetime, str]:
    """Return the instant and the label of the first digest slot after `at`.

    Slots inside the recipient's quiet hours are passed over. If every slot lies in them, the next one
    leaves when quiet ends. The label, "2026-03-12T17:30 Europe/Brussels", names the local date and
    slot: there is one digest for each.
    """
    zone = ZoneInfo(recipient.timezone)
    today = at.astimezone(zone).date()
    first: tuple[datetime, str] | None = None
    for offset in range(-1, _SLOT_SEARCH):
        day = today + timedelta(days=offset)
        for minute in sorted(recipient.digest or DEFAULT_DIGEST):
            due = instant(zone, day, minute)
            if due <= at:
                continue
            slot = due, f"{day.isoformat()}T{minute // 60:02d}:{minute % 60:02d} {recipient.timezone}"
            first = first or slot
            if quiet_until(recipient, due) is None:
                return slot
    assert first is not None, "sixteen days hold at least one slot"
    return quiet_until(recipient, first[0]) or first[0], first[1]


def slot_is_always_quiet(recipient: Recipient, minute: int) -> bool:
    """Return whether the daily slot at `minute` lies inside quiet hours on all days of the week."""
    monday = date(2024, 1, 1)  # any week: only wall times are compared, in UTC without clock changes
    plain = ZoneInfo("UTC")
    spans = [
        _period(plain, monday + timedelta(days=offset), span)
        for offset in range(-1, 8)
        for span in recipient.quiet
        if span.weekday is None or span.weekday == (monday + timedelta(days=offset)).weekday()
    ]
    slots = [instant(plain, monday + timedelta(days=offset), minute) for offset in range(7)]
    return all(any(start <= slot < end for start, end in spans) for slot in slots)


def is_always_quiet(recipient: Recipient) -> bool:
    """Return whether quiet hours cover the whole week: then none of them has an end that is free."""
    ends = {span.end_minute % _MINUTES_A_DAY for span in recipient.quiet}
    return bool(ends) and all(slot_is_always_quiet(recipient, minute) for minute in ends)
