"""Hosts: what counts as one, and how long it is left alone."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.errors import ErrorKind, FetchError
from monitor.feeds.headers import cache_lifetime, http_date, retry_after
from monitor.feeds.politeness import free_at, host_of

NOW = datetime(2025, 3, 30, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://feeds.bbc.co.uk/news/rss.xml", "bbc.co.uk"),
        ("https://www.bbc.co.uk/", "bbc.co.uk"),
        ("http://EXAMPLE.org./a", "example.org"),
        ("https://mid.ru/rss", "mid.ru"),
        ("https://новости.рф/rss", "новости.рф"),
        ("https://www.ministry.gov.uk/rss", "ministry.gov.uk"),
        ("https://news.outlet.example/rss", "news.outlet.example"),
        ("https://one.github.io/feed", "one.github.io"),  # each is somebody else's
        ("https://two.github.io/feed", "two.github.io"),
        ("http://127.0.0.1:8081/a", "127.0.0.1:8081"),
        ("http://127.0.0.1/a", "127.0.0.1:80"),
        ("https://[2001:db8::1]/a", "[2001:db8::1]:443"),
        ("http://localhost:9000/a", "localhost:9000"),
        ("http://intranet/a", "intranet:80"),
        ("http://feeds.internal/a", "feeds.internal:80"),
        ("file:///var/replay/a.xml", "file:/var/replay/a.xml"),
        ("http://[::1", "http://[::1"),  # not readable, but never a crash
    ],
)
def test_what_is_one_host(url, host):
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("outcome", "wait"),
    [
        (None, SECOND),
        (FetchError("x", ErrorKind.SERVER), SECOND),
        (FetchError("x", ErrorKind.RATE_LIMITED), 5 * MINUTE),
        (FetchError("x", ErrorKind.RATE_LIMITED, retry_after=HOUR), HOUR),
        (FetchError("x", ErrorKind.RATE_LIMITED, retry_after=timedelta(0)), SECOND),
        (FetchError("x", ErrorKind.RATE_LIMITED, retry_after=timedelta(days=30)), timedelta(hours=24)),
    ],
)
def test_when_the_host_is_free_again(outcome, wait):
    assert free_at(outcome, NOW, SECOND) == NOW + wait


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "120"}, 2 * MINUTE),
        ({"retry-after": "0"}, timedelta(0)),
        ({"retry-after": "99999999999"}, timedelta(hours=24)),
        ({"retry-after": "1.5"}, timedelta(seconds=1.5)),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sun, 30 Mar 2025 13:00:00 GMT"}, HOUR),
        ({"retry-after": "Sun, 30 Mar 2025 11:00:00 GMT"}, timedelta(0)),
        # the server's clock is a day behind: its own Date says what it means
        ({"retry-after": "Sat, 29 Mar 2025 13:00:00 GMT", "date": "Sat, 29 Mar 2025 12:00:00 GMT"}, HOUR),
        ({"retry-after": "Sun, 30 Mar 2031 13:00:00 GMT"}, timedelta(hours=24)),
    ],
)
def test_retry_after(headers, wait):
    assert retry_after(headers, NOW) == wait


@pytest.mark.parametrize(
    ("headers", "lifetime"),
    [
        ({}, None),
        ({"cache-control": "public"}, None),
        ({"cache-control": "public, max-age=300"}, 5 * MINUTE),
        ({"cache-control": 'Max-Age="300"'}, 5 * MINUTE),
        ({"cache-control": "max-age=300", "age": "100"}, 200 * SECOND),
        ({"cache-control": "max-age=300", "age": "400"}, timedelta(0)),
        ({"cache-control": "max-age=300, no-cache"}, timedelta(0)),
        ({"cache-control": "no-store"}, timedelta(0)),
        ({"cache-control": "max-age=abc"}, None),
        ({"cache-control": "max-age=99999999999999"}, timedelta(days=366)),
        ({"expires": "Sun, 30 Mar 2025 12:10:00 GMT"}, 10 * MINUTE),
        ({"expires": "Sun, 30 Mar 2025 11:10:00 GMT", "date": "Sun, 30 Mar 2025 11:00:00 GMT"}, 10 * MINUTE),
        ({"expires": "0"}, timedelta(0)),
        (
            {"expires": "Sun, 30 Mar 2025 12:10:00 GMT", "cache-control": "max-age=60"},
            MINUTE,
        ),  # the newer field wins
    ],
)
def test_cache_lifetime(headers, lifetime):
    assert cache_lifetime(headers, NOW) == lifetime


@pytest.mark.parametrize("text", ["", "x", "Sun, 99 Mar 2025 12:00:00 GMT", "\x00", "1"])
def test_no_http_date(text):
    assert http_date(text) is None
