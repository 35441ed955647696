"""The address guard against every way to a place that is not the public internet: 0 hits with it.

The network under the client is replaced by one in which every address exists and leads to a listener
here, so that each row can show both: with the guard nothing arrives, without it something does.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket

import pytest
from aiohttp.abc import AbstractResolver

from monitor.addresses import AddressGuard
from monitor.errors import AddressRefusedError, FetchError
from monitor.http import HttpClient

EVERYTHING = ("0.0.0.0/0", "::/0")  # a guard that lets all through is no guard
PUBLIC = "93.184.215.14"

LITERALS = (
    # loopback in the spellings of inet_aton, with leading zeros, in other digits and with other dots
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "0x7f.1", "0x7f000001", "0X7F.0.0.1", "2130706433",
    "017700000001", "0177.0.0.1", "0177.0.0.0x1", "127.000.000.001", "127.0.0.1.", "0", "0.0.0.0", "0x0",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "127\u30020\u30020\u30021", "\uff11\uff12\uff17.0.0.1",
    "localhost", "LOCALHOST", "localhost.", "feeds.localhost",
    "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::]", "[::127.0.0.1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]",
    # private, link-local, carrier-grade NAT and other special networks
    "10.0.0.1", "10.1", "167772161", "0xa000001", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "0300.0250.1", "0xa9fea9fe", "169.254.169.254", "2852039166",
    "100.64.0.1", "100.127.255.254", "198.18.0.1", "192.0.0.8",
    "192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "[fe80::1]", "[fd00::1]", "[fc00::1]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[100::1]",
    # IPv4 inside IPv6: mapped, 6to4, NAT64, Teredo, ISATAP
    "[::ffff:10.0.0.1]", "[::ffff:a9fe:a9fe]", "[2002:7f00:1::]", "[2002:a00:1::1]", "[2002:a9fe:a9fe::]",
    "[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]", "[64:ff9b:1::a00:1]", "[2001:0:7f00:1::]",
    "[2001:0:808:808:0:0:f5ff:fffe]", "[2606:4700::5efe:a00:1]",
)  # fmt: skip

# The HTTP library itself takes these for no host at all; the guard refuses them before it is asked.
UNASKED = frozenset({
    "127.1", "127.0.1", "2130706433", "017700000001", "0177.0.0.1", "127.000.000.001", "127.0.0.1.", "0",
    "10.1", "167772161", "0300.0250.1", "2852039166",
})  # fmt: skip

# What a name may resolve to; the name itself is harmless.
ANSWERS = (
    "127.0.0.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "::1",
    "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1",
)  # fmt: skip


class Names(AbstractResolver):
    """DNS as the test wants it: each question takes the next answer, the last one repeats."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)

    async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            {
                "hostname": host, "host": address, "port": port, "proto": 0, "flags": socket.AI_NUMERICHOST,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
            }
            for address in addresses
        ]  # fmt: skip

    async def close(self):
        """Nothing is open."""


class Everywhere:
    """A listener that stands for every address; `hits` are the addresses that were connected to."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        self.arrived = 0
        self.location = ""

    async def answer(self, reader, writer):
        self.arrived += 1
        await reader.readuntil(b"\r\n\r\n")
        place = f"Location: {self.location}\r\n" if self.location else ""
        status = "302 Found" if self.location else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\n{place}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    def client(self, *allow: str, names: Names | None = None) -> HttpClient:
        world = self

        class Rerouted(socket.socket):
            def connect(self, address):
                world.hits.append(str(ipaddress.ip_address(str(address[0]).partition("%")[0])))
                where = "::1" if self.family == socket.AF_INET6 else "127.0.0.1"
                super().connect((where, world.port))

        class Client(HttpClient):
            def _open_socket(self, info):
                super()._open_socket(info).close()  # the guard speaks here
                return Rerouted(*info[:3])

        return Client(AddressGuard(allow), "test/1", resolver=names)


@pytest.fixture
async def world():
    everywhere = Everywhere()
    async with contextlib.AsyncExitStack() as stack:
        server = await asyncio.start_server(everywhere.answer, "127.0.0.1", 0)
        stack.push_async_callback(server.wait_closed)
        stack.callback(server.close)
        everywhere.port = server.sockets[0].getsockname()[1]
        six = await asyncio.start_server(everywhere.answer, "::1", everywhere.port)
        stack.push_async_callback(six.wait_closed)
        stack.callback(six.close)
        yield everywhere


async def ask(client: HttpClient, url: str, **options) -> str:
    """Return the status, or what refused it."""
    async with client:
        try:
            return str((await client.get(url, **options)).status)
        except AddressRefusedError:
            return "refused"
        except FetchError as error:
            return f"failed: {error}"


async def hook(client: HttpClient, url: str) -> str:
    async with client:
        try:
            return str((await client.post(url, b"{}", {})).status)
        except AddressRefusedError:
            return "refused"
        except FetchError as error:
            return f"failed: {error}"


@pytest.mark.parametrize("way", [ask, hook], ids=["feed", "webhook"])
@pytest.mark.parametrize("host", LITERALS)
async def test_every_spelling_in_a_url(world, host, way):
    names = Names(("127.0.0.1",))  # for what is no literal: localhost
    guarded = await way(world.client(names=names), f"http://{host}:8080/latest/meta-data/")
    assert (world.hits, world.arrived) == ([], 0)
    assert guarded == "refused" or guarded.startswith("failed"), guarded
    await way(world.client(*EVERYTHING, names=names), f"http://{host}:8080/")
    assert world.arrived == (host not in UNASKED), "without the guard it gets there"


@pytest.mark.parametrize("address", ANSWERS)
async def test_every_answer_of_dns(world, address):
    names = Names((address,))
    assert await ask(world.client(names=names), "http://news.example/feed") == "refused"
    assert world.arrived == 0
    assert await ask(world.client(*EVERYTHING, names=names), "http://news.example/feed") == "200"
    assert world.arrived == 1


async def test_of_several_answers_only_the_public_one_is_connected_to(world):
    names = Names(("10.0.0.1", "::1", PUBLIC))
    assert await ask(world.client(names=names), "http://news.example/feed") == "200"
    assert world.hits == [PUBLIC]


async def test_dns_rebinding_changes_nothing_because_the_socket_is_asked(world):
    """The name is public when it is looked at and private when it is connected to."""
    names = Names((PUBLIC,), ("127.0.0.1",))
    async with world.client(names=names) as client:
        client._session.connector._use_dns_cache = False  # as if the answer lived for 0 s
        assert (await client.get("http://news.example/feed")).status == 200
        with pytest.raises(AddressRefusedError):
            await client.get("http://news.example/feed")
    assert world.hits == [PUBLIC]
    names = Names((PUBLIC,), ("127.0.0.1",))
    async with world.client(*EVERYTHING, names=names) as client:
        client._session.connector._use_dns_cache = False
        for _ in range(2):
            await client.get("http://news.example/feed")
    assert world.hits[1:] == [PUBLIC, "127.0.0.1"], "without the guard it works"


@pytest.mark.parametrize("target", ["http://127.0.0.1:8080/", "http://[::1]/", "http://169.254.169.254/x"])
async def test_a_redirect_hop_is_an_answer_and_its_target_is_checked_like_any_other(world, target):
    world.location = target
    names = Names((PUBLIC,))
    for way in (ask, hook):
        assert await way(world.client(names=names), "http://news.example/feed") == "302"
    assert set(world.hits) == {PUBLIC}, "nobody followed it"
    before = world.arrived
    assert await ask(world.client(names=names), target) == "refused"
    assert world.arrived == before
    await ask(world.client(*EVERYTHING, names=names), target)
    assert world.arrived == before + 1


async def test_proxies_come_from_the_feed_alone_and_hide_no_target(world, monkeypatch):
    proxy = f"http://127.0.0.1:{world.port}"
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy)
    monkeypatch.setenv("NO_PROXY", "")
    assert await ask(world.client(names=Names((PUBLIC,))), "http://news.example/feed") == "200"
    assert world.hits == [PUBLIC], "the environment's proxy is not used"
    for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "169.254.169.254"):
        assert await ask(world.client(), f"http://{host}/", proxy=proxy) == "refused", host
    assert world.arrived == 1
    assert await ask(world.client(*EVERYTHING), "http://169.254.169.254/", proxy=proxy) == "200"
    assert world.arrived == 2
