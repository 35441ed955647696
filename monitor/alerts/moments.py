"""Instants as people read them: in their zone, with the offset, in English whatever the locale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from monitor.alerts.view import MomentView

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment(at: datetime, timezone: str, now: datetime) -> MomentView:
    """Return `at` worded for a reader in `timezone` of a message written at `now`."""
    zone = ZoneInfo(timezone)
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    clock = f"{local:%H:%M}"
    short = clock if local.date() == today else f"{local.day} {_MONTHS[local.month - 1]} {clock}"
    return MomentView(iso=_rfc3339(at), local=wall_time(at, timezone), short=short)


def wall_time(at: datetime, timezone: str) -> str:
    """Return "Thu 12 Mar 2026, 14:05 (UTC+01:00)"."""
    local = at.astimezone(ZoneInfo(timezone))
    day = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
    return f"{day}, {local:%H:%M} (UTC{_offset(local)})"


def _offset(local: datetime) -> str:
    minutes = (local.utcoffset() or timedelta(0)) // timedelta(minutes=1)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _rfc3339(at: datetime) -> str:
    """Return RFC 3339 in UTC, to the second, with "Z"."""
    return at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
