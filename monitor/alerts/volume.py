"""How many reports came when: the bars of a digest's chart; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from monitor.alerts.view import BarView

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_BARS: Final = 12  # a telephone shows no more side by side
_HOUR: Final = timedelta(hours=1)
_STEPS: Final = tuple(_HOUR * hours for hours in (1, 2, 3, 6, 12, 24, 48, 168, 336))
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def volume(times: Iterable[datetime], since: datetime, now: datetime, timezone: str) -> tuple[BarView, ...]:
    """Return the bars from `since` to `now`, oldest first; none when nothing came, or all at one time.

    The steps are equal in real time, so that none counts twice when clocks change; labels are wall time.

    Args:
        times: when the reports came; those outside the period are left out.
        since: when the period began; its first bar begins with the full hour.
        now: when it ends.
        timezone: IANA name of the zone of the labels.
    """
    zone = ZoneInfo(timezone)
    local = since.astimezone(zone)
    start = since - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    step = next((one for one in _STEPS if now - start <= one * MOST_BARS), _STEPS[-1])
    if step >= timedelta(days=1):
        start -= timedelta(hours=local.hour)
    bars = min(MOST_BARS, max(1, -((start - now) // step)))
    counts = [0] * bars
    for at in times:
        if start <= at <= now:
            counts[min(bars - 1, (at - start) // step)] += 1
    if bars == 1 or not any(counts):
        return ()
    top = max(counts)
    return tuple(
        BarView(_label((start + step * n).astimezone(UTC), zone, step), count, round(100 * count / top))
        for n, count in enumerate(counts)
    )


def _label(at: datetime, zone: ZoneInfo, step: timedelta) -> str:
    local = at.astimezone(zone)
    day = f"{_DAYS[local.weekday()]} {local.day}"
    return day if step >= timedelta(days=1) else f"{local:%H:%M}"
