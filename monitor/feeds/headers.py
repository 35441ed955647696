"""Reads the HTTP header fields that polling follows: freshness, Retry-After, dates; pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_RETRY_AFTER = timedelta(hours=24)
_MAX_SECONDS = 366 * 24 * 3600
_DIRECTIVE = re.compile(r"([a-z-]+)(?:\s*=\s*\"?([^\",]*)\"?)?", re.IGNORECASE)


def http_date(value: str) -> datetime | None:
    """Return an HTTP date (RFC 9110, section 5.6.7) in UTC; None when it is none."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long the server asks to be left alone (RFC 9110, section 10.2.3), 24 h at most.

    A date is taken relative to the server's own Date, whose clock may be wrong in the same way.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]*)?", value):
        wait = timedelta(seconds=min(float(value), _MAX_SECONDS))
    else:
        until = http_date(value)
        if until is None:
            return None
        wait = until - (http_date(headers.get("date", "")) or now)
    return min(max(wait, timedelta(0)), MAX_RETRY_AFTER)


def cache_lifetime(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long the answer stays fresh (RFC 9111, section 4.2); None when the server says nothing.

    `no-cache` and `no-store` are zero. The time that the answer has spent in caches (Age) is taken off.
    """
    directives = {name.lower(): value for name, value in _DIRECTIVE.findall(headers.get("cache-control", ""))}
    if directives.keys() & {"no-cache", "no-store"}:
        return timedelta(0)
    age = _seconds(headers.get("age", "")) or 0
    if (lifetime := _seconds(directives.get("max-age", ""))) is not None:
        return timedelta(seconds=max(0, lifetime - age))
    expires = headers.get("expires", "")
    if not expires:
        return None
    moment = http_date(expires)
    if moment is None:
        return timedelta(0)  # RFC 9111, section 5.3: an invalid date, above all "0", is the past
    lifetime_left = moment - (http_date(headers.get("date", "")) or now)
    return max(timedelta(0), min(lifetime_left, timedelta(seconds=_MAX_SECONDS)))


def _seconds(value: str) -> int | None:
    return min(int(value[:12]), _MAX_SECONDS) if value.strip().isascii() and value.strip().isdigit() else None
