"""Fetching over real connections: conditional requests, redirects, credentials, statuses, limits."""

import gzip
import os
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.errors import AddressRefusedError, ErrorKind, FetchError
from monitor.feeds.fetch import Fetcher, body_hash
from monitor.feeds.redirects import ADOPT_AFTER, ADOPT_POLLS
from monitor.feeds.results import Fetched, NotModified, Redirect
from monitor.http import AddressGuard, HttpClient
from monitor.models import Feed, FeedState
from tests.fakes import LOOPBACK, Answer, WebServer

NOW = datetime(2025, 3, 30, 12, tzinfo=UTC)
EVERYWHERE = {"file_roots": (Path("/"),)}
DOCUMENT = Answer.rss(
    "one", "two", ETag='W/"1"', Last_Modified="Sun, 30 Mar 2025 11:00:00 GMT", Cache_Control="max-age=300"
)


@pytest.fixture
async def server():
    async with WebServer() as running:
        yield running


@pytest.fixture
async def http():
    async with HttpClient(AddressGuard(LOOPBACK), "monitor-test/1") as client:
        yield client


def state_of(url, **fields):
    return replace(FeedState("outlet", url, "127.0.0.1", NOW), **fields)


async def fetch(http, url, state=None, *, secrets=lambda _: None, options=(), **fields):
    feed = Feed("outlet", url, **fields)
    return await Fetcher(http, secrets, **dict(options)).fetch(feed, state or state_of(url), NOW)


async def failure(http, url, state=None, **options):
    with pytest.raises(FetchError) as caught:
        await fetch(http, url, state, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return caught.value


async def test_a_new_document(server, http):
    server.on("/rss", DOCUMENT)
    url = server.url("/rss")
    found = await fetch(http, url)
    assert isinstance(found, Fetched)
    assert (found.status, found.requested, found.url, found.redirects) == (200, url, url, ())
    assert (found.body, found.body_hash) == (DOCUMENT.body, body_hash(DOCUMENT.body))
    assert (found.etag, found.last_modified) == ('W/"1"', "Sun, 30 Mar 2025 11:00:00 GMT")
    assert (found.cache_for, found.fetched_at) == (timedelta(minutes=5), NOW)
    assert found.headers == {"content-type": "application/rss+xml"}
    (request,) = server.received
    assert request.headers["user-agent"] == "monitor-test/1"
    assert "application/rss+xml" in request.headers["accept"]
    assert "if-none-match" not in request.headers


async def test_validators_go_back_verbatim(server, http):
    server.on("/rss", Answer(status=304, headers=(("ETag", 'W/"2"'),)))
    url = server.url("/rss")
    state = state_of(url, etag='W/"odd', last_modified="yesterday", validators_at=NOW, body_hash="x")
    found = await fetch(http, url, state)
    assert isinstance(found, NotModified)
    assert (found.etag, found.same_body) == ('W/"2"', False)
    (request,) = server.received
    assert request.headers["if-none-match"] == 'W/"odd'
    assert request.headers["if-modified-since"] == "yesterday"


@pytest.mark.parametrize(
    "fields",
    [
        {"validators_at": NOW - timedelta(days=8)},  # some servers answer 304 for ever
        {"validators_at": None},
        {"body_hash": ""},  # nothing was ever processed
        {"url": "https://other.example/rss"},  # they belong to another address
    ],
)
async def test_when_no_validators_are_sent(server, http, fields):
    server.on("/rss", DOCUMENT)
    url = server.url("/rss")
    state = state_of(url, etag='"1"', last_modified="x", validators_at=NOW, body_hash="x")
    assert isinstance(await fetch(http, url, replace(state, **fields)), Fetched)
    assert "if-none-match" not in server.received[0].headers


async def test_an_equal_body_is_not_parsed_again(server, http):
    server.on("/rss", DOCUMENT)
    url = server.url("/rss")
    found = await fetch(http, url, state_of(url, body_hash=body_hash(DOCUMENT.body)))
    assert isinstance(found, NotModified)
    assert (found.same_body, found.etag) == (True, 'W/"1"')


async def test_not_modified_without_a_question_is_an_error(server, http):
    server.on("/rss", Answer(status=304))
    assert (await failure(http, server.url("/rss"))).kind is ErrorKind.SERVER


async def test_a_packed_document(server, http):
    server.on("/rss", DOCUMENT.gzipped())
    assert (await fetch(http, server.url("/rss"))).body == DOCUMENT.body


# --- redirects ---


async def test_a_chain_of_redirects_is_kept_with_its_permanence(server, http):
    server.on("/a", Answer.redirect("/b", 301))
    server.on("/b", Answer.redirect("c?x=1#part", 302))
    server.on("/c", DOCUMENT)
    found = await fetch(http, server.url("/a"))
    assert found.redirects == (Redirect(301, server.url("/b")), Redirect(302, server.url("/c?x=1")))
    assert [hop.permanent for hop in found.redirects] == [True, False]
    assert (found.requested, found.url) == (server.url("/a"), server.url("/c?x=1"))


async def test_five_redirects_are_followed_six_are_not(server, http):
    for number in range(6):
        server.on(f"/{number}", Answer.redirect(f"/{number + 1}"))
    server.on("/6", DOCUMENT)
    assert len((await fetch(http, server.url("/1"))).redirects) == 5
    error = await failure(http, server.url("/0"))
    assert (error.kind, "more than 5 times" in str(error)) == (ErrorKind.REFUSED, True)


@pytest.mark.parametrize("chain", [{"/a": "/a"}, {"/a": "/b", "/b": "/a"}])
async def test_circles(server, http, chain):
    server.on_all((path, Answer.redirect(target)) for path, target in chain.items())
    error = await failure(http, server.url("/a"))
    assert (error.kind, "circle" in str(error)) == (ErrorKind.REFUSED, True)


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://a.example/",
        "javascript:x",
        "http://",
        "http://[::1",
        "data:text/xml,<rss/>",
    ],
)
async def test_redirects_out_of_the_web_are_refused(server, http, target):
    server.on("/a", Answer.redirect(target))
    assert (await failure(http, server.url("/a"), options=EVERYWHERE)).kind is ErrorKind.REFUSED


@pytest.mark.parametrize(
    "target", ["http://10.0.0.1/", "http://169.254.169.254/latest", "http://[fd00::1]/", "http://0.0.0.0/"]
)
async def test_each_hop_is_checked_for_private_addresses(server, http, target):
    server.on("/a", Answer.redirect(target))
    with pytest.raises(AddressRefusedError, match="MONITOR_ALLOW_NETWORKS"):
        await fetch(http, server.url("/a"))


async def test_a_redirect_without_a_target_is_an_error(server, http):
    server.on("/a", Answer(status=301))
    assert (await failure(http, server.url("/a"))).kind is ErrorKind.SERVER


async def test_an_adopted_redirect_is_asked_directly(server, http):
    server.on("/new", DOCUMENT)
    url = server.url("/old")
    state = state_of(
        url,
        redirect_url=server.url("/new"),
        redirect_since=NOW - ADOPT_AFTER,
        redirect_polls=ADOPT_POLLS,
        last_success_at=NOW,
    )
    found = await fetch(http, url, state)
    assert (found.requested, found.redirects) == (server.url("/new"), ())


# --- credentials and headers ---


def keyring(**values):
    return values.get


async def test_credentials_come_from_the_keyring(server, http):
    server.on("/rss", DOCUMENT)
    await fetch(
        http,
        server.url("/rss"),
        secrets=keyring(USER="desk", PASSWORD="пароль"),
        username_env="USER",
        password_env="PASSWORD",
    )
    kind, _, coded = server.received[0].headers["authorization"].partition(" ")
    assert (kind, b64decode(coded).decode()) == ("Basic", "desk:пароль")


@pytest.mark.parametrize("field", ["username_env", "password_env", "proxy_env"])
async def test_a_missing_secret_is_told_by_its_name(server, http, field):
    error = await failure(http, server.url("/rss"), **{field: "MISSING_ONE"})
    assert error.kind is ErrorKind.PERMANENT
    assert f"`{field}` names MISSING_ONE" in str(error)
    assert not server.received


async def test_own_headers_and_user_agent(server, http):
    server.on("/rss", DOCUMENT)
    await fetch(
        http, server.url("/rss"), user_agent="Reader/2", headers=(("Accept", "text/xml"), ("X-Edition", "2"))
    )
    headers = server.received[0].headers
    assert (headers["user-agent"], headers["accept"], headers["x-edition"]) == ("Reader/2", "text/xml", "2")


@pytest.mark.parametrize(("other_host", "kept"), [(False, True), (True, False)])
async def test_credentials_stay_with_their_host(server, http, other_host, kept):
    async with WebServer() as other:
        target = other if other_host else server
        target.on("/b", DOCUMENT)
        server.on("/a", Answer.redirect(target.url("/b"), 301))
        await fetch(
            http,
            server.url("/a"),
            secrets=keyring(U="u"),
            username_env="U",
            headers=(("Cookie", "a=1"), ("X-Edition", "2")),
        )
        headers = target.received[-1].headers
    assert (("authorization" in headers), ("cookie" in headers)) == (kept, kept)
    assert headers["x-edition"] == "2"


async def test_credentials_in_a_redirect_are_dropped(server, http):
    server.on("/a", Answer.redirect(f"http://me:secret@127.0.0.1:{server.port}/b"))
    server.on("/b", DOCUMENT)
    found = await fetch(http, server.url("/a"))
    assert "secret" not in found.url
    assert "authorization" not in server.received[1].headers


async def test_a_feeds_own_proxy(server, http):
    server.on("/rss", DOCUMENT)
    proxy = server.url("").rstrip("/")
    found = await fetch(http, "http://outlet.example/rss", secrets=keyring(PROXY=proxy), proxy_env="PROXY")
    assert found.body == DOCUMENT.body
    assert server.received[0].headers["host"] == "outlet.example"


# --- statuses ---

STATUSES = [
    (204, ErrorKind.EMPTY, "without a document"),
    (400, ErrorKind.PERMANENT, "Check the URL"),
    (401, ErrorKind.PERMANENT, "username_env"),
    (403, ErrorKind.PERMANENT, "user_agent"),
    (404, ErrorKind.PERMANENT, "new address"),
    (408, ErrorKind.TRANSIENT, "tried again"),
    (410, ErrorKind.GONE, "gone for good"),
    (429, ErrorKind.RATE_LIMITED, "left alone"),
    (451, ErrorKind.PERMANENT, "legal"),
    (500, ErrorKind.SERVER, "on its side"),
    (502, ErrorKind.SERVER, "on its side"),
    (503, ErrorKind.SERVER, "on its side"),
    (520, ErrorKind.SERVER, "on its side"),
]


@pytest.mark.parametrize(("status", "kind", "words"), STATUSES)
async def test_statuses(server, http, status, kind, words):
    server.on("/rss", Answer(b"sorry" if status != 204 else b"", status))
    error = await failure(http, server.url("/rss?token=secret"))
    assert error.kind is kind
    assert words in str(error)
    assert f"127.0.0.1:{server.port}/rss" in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("90", timedelta(seconds=90)),
        ("Sun, 30 Mar 2025 13:00:00 GMT", timedelta(hours=1)),
        ("999999", timedelta(hours=24)),
    ],
)
async def test_retry_after(server, http, status, value, wait):
    server.on(
        "/rss", Answer(b"", status, (("Retry-After", value), ("Date", "Sun, 30 Mar 2025 12:00:00 GMT")))
    )
    error = await failure(http, server.url("/rss"))
    assert (error.kind, error.retry_after) == (ErrorKind.RATE_LIMITED, wait)


async def test_a_challenge_behind_403_is_named(server, http):
    server.on(
        "/rss", Answer(b"<html><title>Just a moment...</title></html>", 403, (("Content-Type", "text/html"),))
    )
    assert "challenge page" in str(await failure(http, server.url("/rss")))


# --- limits ---


async def test_the_deadline_covers_the_whole_chain(server, http):
    async def slow_redirect(request):
        return await server.hang(request)

    server.on("/a", Answer.redirect("/b"))
    server.on("/b", slow_redirect)
    error = await failure(http, server.url("/a"), options={"timeout": timedelta(seconds=0.3)})
    assert error.kind is ErrorKind.TRANSIENT


@pytest.mark.parametrize("script", ["drip", "hang"])
async def test_slow_servers(server, http, script):
    server.on("/rss", getattr(server, script))
    error = await failure(http, server.url("/rss"), options={"timeout": timedelta(seconds=0.3)})
    assert (error.kind, "0.3 s" in str(error)) == (ErrorKind.TRANSIENT, True)


@pytest.mark.parametrize("bomb", [b"\0" * 5_000_000, os.urandom(200_000)], ids=["unpacked", "on the wire"])
async def test_too_large(server, http, bomb):
    server.on("/rss", Answer(gzip.compress(bomb), headers=(("Content-Encoding", "gzip"),)))
    error = await failure(http, server.url("/rss"), options={"max_bytes": 100_000})
    assert error.kind is ErrorKind.TOO_LARGE


# --- files ---


async def test_files_are_read_only_where_allowed(http, tmp_path):
    path = tmp_path / "день 1.xml"
    path.write_bytes(DOCUMENT.body)
    url = path.as_uri()
    assert (await failure(http, url)).kind is ErrorKind.REFUSED
    found = await fetch(http, url, options=EVERYWHERE)
    assert (found.body, found.url) == (DOCUMENT.body, url)
    again = await fetch(http, url, state_of(url, body_hash=found.body_hash), options=EVERYWHERE)
    assert isinstance(again, NotModified)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("file:///nowhere/at/all.xml", ErrorKind.PERMANENT),
        ("file:///dev/zero", ErrorKind.PERMANENT),  # no regular file: it would never end
        ("file:///tmp", ErrorKind.PERMANENT),
        ("file://host/share/a.xml", ErrorKind.REFUSED),
    ],
)
async def test_files_that_cannot_be_read(http, url, kind):
    assert (await failure(http, url, options=EVERYWHERE)).kind is kind


async def test_a_file_over_the_limit(http, tmp_path):
    path = tmp_path / "a.xml"
    path.write_bytes(b"x" * 2000)
    error = await failure(http, path.as_uri(), options={**EVERYWHERE, "max_bytes": 1999})
    assert error.kind is ErrorKind.TOO_LARGE
