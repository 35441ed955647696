"""The one HTTP client against real servers on loopback: limits, guard, packing, and what it never does."""

import gzip
import os
import ssl
import subprocess
import zlib
from datetime import timedelta

import pytest
from aiohttp import web

from monitor.errors import AddressRefusedError, ErrorKind, FetchError
from monitor.http import AddressGuard, HttpClient
from tests.fakes import LOOPBACK, Answer, WebServer

SHORT = timedelta(seconds=0.3)


def client(allow=LOOPBACK, **options):
    return HttpClient(AddressGuard(allow), "monitor-test/1 (+https://example.org/contact)", **options)


@pytest.fixture
async def server():
    async with WebServer() as running:
        yield running


async def get(url, allow=LOOPBACK, limit=100_000, error_limit=64 * 1024, headers=None, **options):
    async with client(allow, **options) as http:
        return await http.get(url, limit=limit, error_limit=error_limit, headers=headers)


async def test_it_gets_a_body_with_lower_case_header_names(server):
    server.on("/", Answer(b"hello", headers=(("ETag", '"a"'), ("X-Two", "1"), ("X-Two", "2"))))
    answer = await get(server.url("/"))
    assert (answer.status, answer.body, answer.truncated) == (200, b"hello", False)
    assert answer.headers["etag"] == '"a"'
    assert answer.headers["x-two"] == "1, 2"


async def test_it_says_who_it_is_and_a_request_may_say_otherwise(server):
    server.on("/", Answer())
    await get(server.url("/"))
    await get(server.url("/"), headers={"User-Agent": "other/2"})
    first, second = (received.headers["user-agent"] for received in server.received)
    assert first == "monitor-test/1 (+https://example.org/contact)"
    assert second == "other/2"


async def test_no_cookies_come_back(server):
    server.on("/", Answer(headers=(("Set-Cookie", "id=1"),)))
    async with client() as http:
        await http.get(server.url("/"))
        await http.get(server.url("/"))
    assert "cookie" not in server.received[1].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_answers(server, status):
    server.on("/", Answer.redirect("/elsewhere", status))
    answer = await get(server.url("/"))
    assert (answer.status, answer.headers["location"]) == (status, "/elsewhere")
    assert len(server.received) == 1


async def test_the_environment_names_no_proxy(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server.on("/", Answer(b"direct"))
    assert (await get(server.url("/"))).body == b"direct"


async def test_the_query_arrives_as_written(server):
    server.on("/f", Answer())
    await get(server.url("/f?sig=a%2Fb%3D%3d&x=1+2#part"))
    assert server.received[0].path == "/f?sig=a%2Fb%3D%3d&x=1+2"


async def test_a_url_in_another_script_is_quoted(server):
    server.on("/новости", Answer(b"ok"))
    assert (await get(server.url("/новости"))).body == b"ok"


# --- packing ---


def deflate_raw(data):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


TEXT = b"<rss/>" * 5000

PACKED = [
    ("gzip", gzip.compress(TEXT), TEXT),
    ("x-gzip", gzip.compress(TEXT), TEXT),
    ("GZIP", gzip.compress(TEXT), TEXT),
    ("deflate", zlib.compress(TEXT), TEXT),
    ("deflate", deflate_raw(TEXT), TEXT),  # against the RFC, and common
    ("identity", TEXT, TEXT),
    ("none", TEXT, TEXT),
    ("gzip, gzip", gzip.compress(gzip.compress(TEXT)), TEXT),
    ("gzip", gzip.compress(TEXT) + gzip.compress(b"more"), TEXT + b"more"),  # two members
    ("gzip", gzip.compress(TEXT) + b"\0" * 20, TEXT),  # padding
    ("gzip", b"", b""),
]


@pytest.mark.parametrize(("encoding", "body", "expected"), PACKED, ids=range(len(PACKED)))
async def test_bodies_are_unpacked(server, encoding, body, expected):
    server.on("/", Answer(body, headers=(("Content-Encoding", encoding),)))
    assert (await get(server.url("/"))).body == expected


async def test_a_body_cut_off_in_the_middle_keeps_what_came(server):
    text = os.urandom(5000).hex().encode()
    server.on("/", Answer(gzip.compress(text)[:-2000], headers=(("Content-Encoding", "gzip"),)))
    body = (await get(server.url("/"))).body
    assert 1000 < len(body) < len(text)
    assert text.startswith(body)


@pytest.mark.parametrize(
    ("encoding", "body"), [("gzip", b"<rss/>"), ("deflate", b"<rss/>"), ("br", b"x"), ("gzip", b"\x1f\x8b")]
)
async def test_bodies_that_cannot_be_unpacked(server, encoding, body):
    server.on("/", Answer(body, headers=(("Content-Encoding", encoding),)))
    with pytest.raises(FetchError, match="cannot be unpacked") as caught:
        await get(server.url("/"))
    assert caught.value.kind is ErrorKind.BROKEN


# --- limits ---


async def test_a_small_body_that_unpacks_to_a_large_one(server):
    bomb = gzip.compress(gzip.compress(b"\0" * 50_000_000))
    assert len(bomb) < 10_000
    server.on("/", Answer(bomb, headers=(("Content-Encoding", "gzip, gzip"),)))
    with pytest.raises(FetchError, match="more than 97 KB") as caught:
        await get(server.url("/"))
    assert caught.value.kind is ErrorKind.TOO_LARGE


async def test_a_body_without_end(server):
    server.on("/", server.endless)
    with pytest.raises(FetchError) as caught:
        await get(server.url("/"))
    assert caught.value.kind is ErrorKind.TOO_LARGE


async def test_the_limit_itself_is_allowed(server):
    server.on("/", Answer(b"x" * 100_000))
    assert len((await get(server.url("/"))).body) == 100_000


async def test_a_long_error_page_is_cut_not_refused(server):
    server.on("/", Answer(b"x" * 100_000, status=503))
    answer = await get(server.url("/"), error_limit=1000)
    assert (answer.status, len(answer.body), answer.truncated) == (503, 1000, True)


FAILURES = [
    # path of the server, options, kind, words of the message
    ("drip", {"total_timeout": SHORT}, ErrorKind.TRANSIENT, "did not finish within 0.3 s"),
    ("hang", {"total_timeout": SHORT}, ErrorKind.TRANSIENT, "did not finish"),
    ("hang", {"read_timeout": SHORT}, ErrorKind.TRANSIENT, "stopped sending"),
    ("disconnect", {}, ErrorKind.TRANSIENT, "127.0.0.1"),
]


@pytest.mark.parametrize(("script", "options", "kind", "words"), FAILURES)
async def test_failures_below_http(server, script, options, kind, words):
    server.on("/", getattr(server, script))
    with pytest.raises(FetchError, match=words) as caught:
        await get(server.url("/"), **options)
    assert caught.value.kind is kind
    assert "\n" not in str(caught.value)


async def test_nobody_listens():
    async with WebServer() as gone:
        url = gone.url("/secret/token")
    with pytest.raises(FetchError, match="cannot be connected to") as caught:
        await get(url)
    assert caught.value.kind is ErrorKind.TRANSIENT
    assert "secret" not in str(caught.value)


async def test_a_name_that_does_not_exist():
    with pytest.raises(FetchError, match=r"nothing\.invalid") as caught:
        await get("http://nothing.invalid/", total_timeout=timedelta(seconds=5))
    assert caught.value.kind is ErrorKind.TRANSIENT


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://x/",
        "",
        "//x",
        "http://",
        "http:///x",
        "http://[::1",
    ],
)
async def test_other_schemes_and_broken_urls(url):
    with pytest.raises(FetchError) as caught:
        await get(url)
    assert caught.value.kind is ErrorKind.REFUSED


async def test_a_header_cannot_be_smuggled_in(server):
    server.on("/", Answer())
    with pytest.raises(FetchError, match="headers"):
        await get(server.url("/"), headers={"X-A": "1\r\nX-B: 2"})
    assert not server.received


# --- guard ---


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "[::1]", "0.0.0.0"]
)
async def test_loopback_is_refused_in_every_spelling(server, host):
    server.on("/", Answer())
    with pytest.raises(AddressRefusedError):
        await get(server.url("/", host), allow=())
    assert not server.received


async def test_a_name_that_leads_to_loopback_is_refused_at_connect_time(server):
    """What DNS says is looked at when the socket is made: rebinding between check and use is impossible."""
    import socket

    name = socket.gethostname()
    try:
        addresses = {info[4][0] for info in socket.getaddrinfo(name, None)}
    except OSError:
        pytest.skip(f"the machine's own name {name} cannot be resolved here")
    with pytest.raises(AddressRefusedError, match=name):
        await get(server.url("/", name), allow=())
    assert addresses
    assert not server.received


async def test_webhooks_are_guarded_too(server):
    async with client(()) as http:
        with pytest.raises(AddressRefusedError, match="MONITOR_ALLOW_NETWORKS"):
            await http.post(server.url("/"), b"{}", {})


# --- webhooks ---


async def test_post_sends_the_bytes_and_follows_nothing(server):
    server.on("/hook", Answer(b"no", status=307, headers=(("Location", "/other"),)))
    async with client() as http:
        answer = await http.post(
            server.url("/hook"), b'{"a":1}', {"Content-Type": "application/json", "webhook-id": "m1"}
        )
    assert (answer.status, answer.body) == (307, b"no")
    (received,) = server.received
    assert (received.method, received.body, received.headers["webhook-id"]) == ("POST", b'{"a":1}', "m1")


async def test_post_cuts_a_long_answer(server):
    server.on("/hook", Answer(b"x" * 200_000, status=500))
    async with client() as http:
        answer = await http.post(server.url("/hook"), b"", {})
    assert (len(answer.body), answer.truncated) == (64 * 1024, True)


async def test_post_has_its_own_deadline(server):
    server.on("/hook", server.hang)
    async with client() as http:
        with pytest.raises(FetchError, match="did not finish"):
            await http.post(server.url("/hook"), b"", {}, SHORT)


# --- proxy ---


async def test_a_proxy_is_asked_for_the_whole_url_and_its_own_address_needs_no_leave(server):
    server.on("/feed", Answer(b"via"))
    async with client(()) as http:
        answer = await http.get("http://news.example/feed", proxy=server.url("").rstrip("/"))
    assert answer.body == b"via"
    assert server.received[0].headers["host"] == "news.example"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "http://10.0.0.1/", "http://localhost/", "http://127.1/"]
)
async def test_a_proxy_is_not_asked_for_refused_addresses(server, url):
    async with client(()) as http:
        with pytest.raises(AddressRefusedError):
            await http.get(url, proxy=server.url(""))
    assert not server.received


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "127.0.0.1:3128", "http://"])
async def test_a_proxy_that_cannot_be_used(proxy):
    async with client() as http:
        with pytest.raises(FetchError, match="proxy_env"):
            await http.get("http://news.example/", proxy=proxy)


# --- TLS ---


@pytest.fixture
def certificate(tmp_path):
    """Make a key and a self-signed certificate for 127.0.0.1."""
    key, path = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
    try:
        subprocess.run([*command, "-keyout", key, "-out", path], check=True, capture_output=True, timeout=30)
    except FileNotFoundError:
        pytest.skip("openssl is not installed: TLS verification was not tested")
    return key, path


async def test_a_certificate_that_nobody_vouches_for(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key, path = certificate
    context.load_cert_chain(path, key)

    async def serve(_):
        return web.Response(body=b"private")

    application = web.Application()
    application.router.add_get("/", serve)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        with pytest.raises(FetchError, match="certificate") as caught:
            await get(url)
        assert caught.value.kind is ErrorKind.PERMANENT
        trusting = ssl.create_default_context(cafile=str(path))
        assert (await get(url, tls=trusting)).body == b"private"
    finally:
        await runner.cleanup()
