"""Politeness per host: which feeds share a host, and when it may be asked again."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import tldextract

from monitor.errors import ErrorKind, FetchError

if TYPE_CHECKING:
    from datetime import datetime

MAX_HOLD = timedelta(hours=24)  # a longer Retry-After is a mistake, or a way to switch the monitor off

UNNAMED_HOLD = timedelta(minutes=5)  # for a host that asks to be left alone and does not say how long

# Servers of our own: a pause between requests would protect nobody.
LOCAL_HOSTS = ("127.", "localhost:", "[::1]", "::1", "file:")

# Only the list that comes with the package: no download, no cache directory, the same answer everywhere.
_extract = tldextract.TLDExtract(
    cache_dir=None, suffix_list_urls=(), fallback_to_snapshot=True, include_psl_private_domains=True
)


@lru_cache(maxsize=4096)  # asked at every poll, for a few thousand URLs that stay
def host_of(url: str) -> str:
    """Return the unit of politeness of a feed's URL.

    That is the registrable domain (`bbc.co.uk` for `feeds.bbc.co.uk`), because its hosts are usually one
    machine; host and port for addresses and local names, which stand for separate services; the path for
    a `file:` URL.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return url.lower()
    if not host:
        return f"{parts.scheme}:{parts.path}".lower()
    if _is_address(host) or "." not in host or host.endswith((".localhost", ".local", ".internal")):
        name = f"[{host}]" if ":" in host else host
        return f"{name}:{port or (443 if parts.scheme == 'https' else 80)}"
    return _extract(host).top_domain_under_public_suffix or host


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def free_at(outcome: object, now: datetime, spacing: timedelta, host: str = "") -> datetime:
    """Return when the host may be asked again after a request that ended at `now`.

    A FetchError of kind RATE_LIMITED, or with `retry_after`, holds the whole host, 24 h at most; not when
    another host asked, to which the feed is redirected.

    Args:
        outcome: what the poll gave: a result, or the error.
        now: when the request ended.
        spacing: pause between any two requests to one host.
        host: the host that was claimed.
    """
    if isinstance(outcome, FetchError) and outcome.host in {"", host}:
        if outcome.retry_after is not None:
            return now + max(spacing, min(outcome.retry_after, MAX_HOLD))
        if outcome.kind is ErrorKind.RATE_LIMITED:
            return now + max(spacing, UNNAMED_HOLD)
    return now + spacing
