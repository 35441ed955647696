"""The HTTP endpoints over real sockets, and the metrics."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from monitor.errors import ConfigurationError, ErrorKind, StorageError
from monitor.models import Reason, Severity
from monitor.web import page
from monitor.web.health import Health, judge
from monitor.web.metrics import Metrics
from monitor.web.probes import Check, Probes, Row, Tick, Tone
from monitor.web.server import HEADERS, WebServer, parse_bind

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ROOT = Path(__file__).resolve().parents[2]


class Daemon:
    """Stands where the daemon stands: answers the server's questions from plain attributes."""

    def __init__(self):
        self.ticks = [Tick("poll", timedelta(seconds=3), 2 * MINUTE)]
        self.database = Check("database", ok=True, reason="The database answers.")
        self.rows = [Row("Feeds", "12 polled", Tone.OK)]
        self.trouble = None  # an exception every probe raises, or "hang"
        self.metrics = Metrics("1.2.3", process=False)
        self.pending = 0

    async def answer(self, value):
        if self.trouble == "hang":
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble
        return value

    async def refresh(self):
        await self.answer(None)
        self.metrics.queue(pending=self.pending, dead=0, oldest=None)

    def probes(self):
        async def rules():
            return Check("rules", ok=True, reason="41 rules are in force.")

        return Probes(
            ticks=lambda: self.answer(self.ticks),
            ready=(("database", lambda: self.answer(self.database)), ("rules", rules)),
            rows=lambda: self.answer(self.rows),
            metrics=self.metrics,
            refresh=self.refresh,
            timeout=timedelta(seconds=0.2),
        )


@pytest.fixture
def daemon():
    return Daemon()


@pytest.fixture
async def server(daemon):
    server = WebServer("127.0.0.1:0", daemon.probes())
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def get(server):
    async with aiohttp.ClientSession(server.url, timeout=aiohttp.ClientTimeout(total=10)) as session:

        async def fetch(path, method="GET", **kwargs):
            async with session.request(method, path, **kwargs) as response:
                await response.read()
                return response

        yield fetch


# --- health ---------------------------------------------------------------------------------------


async def test_alive_while_the_loops_tick(get):
    response = await get("health/live")
    assert response.status == 200
    assert await response.json() == {
        "status": "ok",
        "reasons": [],
        "checks": [
            {
                "name": "tick poll",
                "ok": True,
                "reason": "The poll loop ticked 3 s ago; at most 120 s are allowed.",
            }
        ],
    }


async def test_a_hanging_loop_is_told_with_both_figures(get, daemon):
    daemon.ticks = [Tick("poll", MINUTE, 2 * MINUTE), Tick("deliver", 3 * MINUTE, 2 * MINUTE)]
    response = await get("health/live")
    assert response.status == 503
    body = await response.json()
    assert body["status"] == "failing"
    assert body["reasons"] == ["The deliver loop has not ticked for 180 s; at most 120 s are allowed."]


@pytest.mark.parametrize(
    ("age", "alive"),
    [(timedelta(0), True), (2 * MINUTE, True), (2 * MINUTE + timedelta(microseconds=1), False)],
)
def test_the_bound_itself_is_allowed(age, alive):
    assert [check.ok for check in judge([Tick("poll", age, 2 * MINUTE)])] == [alive]


def test_a_process_that_is_starting_is_alive():
    assert Health(judge([])).ok


async def test_ready_when_every_probe_says_so(get):
    response = await get("health/ready")
    assert response.status == 200
    assert [check["name"] for check in (await response.json())["checks"]] == ["database", "rules"]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        # Our own errors are written for people; others might hold a password or a path.
        (StorageError("the database does not answer; is it running?"), "the database does not answer; is"),
        (
            RuntimeError("postgresql://monitor:hunter2@db"),
            "The check failed (RuntimeError); the log says why.",
        ),
        ("hang", "No answer within 0.2 s."),
    ],
)
@pytest.mark.parametrize("path", ["health/ready", "health/live"])
async def test_a_failing_probe_is_an_answer(get, daemon, trouble, reason, path):
    daemon.trouble = trouble
    response = await get(path)
    assert response.status == 503
    (told,) = (await response.json())["reasons"]
    assert told.startswith(reason)


async def test_not_ready_gives_the_probes_reason(get, daemon):
    daemon.database = Check("database", ok=False, reason="The database is full.")
    response = await get("health/ready")
    assert (response.status, (await response.json())["reasons"]) == (503, ["The database is full."])


# --- metrics --------------------------------------------------------------------------------------


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_metrics_are_refreshed_before_a_scrape(get, daemon):
    daemon.pending = 7
    response = await get("metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    assert samples(await response.text())["monitor_queue_depth", ("state", "pending")] == 7


@pytest.mark.parametrize("trouble", [RuntimeError("no database"), "hang"])
async def test_counters_are_served_without_the_store(get, daemon, trouble):
    daemon.trouble = trouble
    daemon.metrics.poll("fetched", 0.1)
    response = await get("metrics")
    assert response.status == 200
    assert samples(await response.text())["monitor_polls_total", ("outcome", "fetched")] == 1


async def test_metrics_speak_openmetrics_when_asked(get):
    response = await get("metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert (await response.text()).endswith("# EOF\n")


def test_every_method_is_seen_in_the_exposition():
    metrics = Metrics("1.2.3", process=False)
    metrics.poll("fetched", 0.2)
    metrics.poll(ErrorKind.SERVER, 3)
    metrics.items(seen=30, new=4)
    metrics.hit(Severity.HIGH)
    metrics.hit(Severity.LOW, 2)
    metrics.alert(Reason.NEW)
    metrics.notification("email", "sent")
    metrics.latency("email", 75)
    metrics.latency("email", -1)
    metrics.tick("poll", NOW)
    metrics.rules_applied(41, NOW)
    metrics.rules_refused()
    metrics.queue(pending=3, dead=1, oldest=5 * MINUTE)
    metrics.feeds(total=12, failing=2)
    shown = samples(metrics.expose()[0].decode())
    for name, value in {
        ("monitor_polls_total", ("outcome", "fetched")): 1,
        ("monitor_polls_total", ("outcome", "server")): 1,
        ("monitor_polls_total", ("outcome", "not_modified")): 0,
        ("monitor_poll_duration_seconds_sum",): 3.2,
        ("monitor_items_seen_total",): 30,
        ("monitor_items_new_total",): 4,
        ("monitor_hits_total", ("severity", "high")): 1,
        ("monitor_hits_total", ("severity", "low")): 2,
        ("monitor_hits_total", ("severity", "critical")): 0,
        ("monitor_alert_revisions_total", ("reason", "new")): 1,
        ("monitor_notifications_total", ("channel", "email"), ("outcome", "sent")): 1,
        ("monitor_notifications_total", ("channel", "webhook"), ("outcome", "dead")): 0,
        ("monitor_delivery_latency_seconds_count", ("channel", "email")): 2,
        ("monitor_delivery_latency_seconds_sum", ("channel", "email")): 75,
        ("monitor_delivery_latency_seconds_bucket", ("channel", "email"), ("le", "120.0")): 2,
        ("monitor_last_tick_timestamp_seconds", ("loop", "poll")): NOW.timestamp(),
        ("monitor_rules_loaded",): 41,
        ("monitor_rules_last_reload_timestamp_seconds",): NOW.timestamp(),
        ("monitor_rules_last_reload_successful",): 0,
        ("monitor_rules_reloads_total", ("result", "refused")): 1,
        ("monitor_queue_depth", ("state", "dead")): 1,
        ("monitor_queue_oldest_pending_age_seconds",): 300,
        ("monitor_feeds",): 12,
        ("monitor_feeds_failing",): 2,
        ("monitor_build_info", ("version", "1.2.3")): 1,
    }.items():
        assert shown[name] == pytest.approx(value), name


def test_metric_names_follow_the_conventions():
    metrics = Metrics("1.2.3", process=False)
    for family in text_string_to_metric_families(metrics.expose()[0].decode()):
        assert re.fullmatch(r"monitor_[a-z_]+", family.name)
        assert family.documentation.endswith("."), f"{family.name} has no sentence"
        assert not re.search(r"_(ms|millis|minutes|hours|kb|percent)(_|$)", family.name), "base units only"
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter")
            assert not sample.name.endswith("_created")


def test_two_daemons_in_one_process_have_metrics_of_their_own():
    first, second = Metrics("1", process=False), Metrics("2", process=False)
    first.items(seen=1, new=1)
    assert samples(second.expose()[0].decode())[("monitor_items_seen_total",)] == 0


def test_process_metrics_are_there():
    assert ("process_resident_memory_bytes",) in samples(Metrics("1").expose()[0].decode())


# --- the page -------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Collects tags and text, as a browser would see them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.data = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data):
        self.data.append(data)


async def test_the_page_shows_the_table_and_every_link_works(get):
    response = await get("")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    text = await response.text()
    assert "Running" in text
    assert "12 polled" in text
    for link in Reader(text).links:
        assert (await get(link)).status == 200, link


async def test_the_page_says_what_is_wrong(get, daemon):
    daemon.database = Check("database", ok=False, reason="The database is full.")
    daemon.rows = [Row("Queue", "812 waiting", Tone.PROBLEM, "Is the mail server down?")]
    text = await (await get("")).text()
    for said in ("Not ready", "The database is full.", "812 waiting", "Is the mail server down?"):
        assert said in text
    daemon.ticks = [Tick("poll", 9 * MINUTE, 2 * MINUTE)]
    assert "Stalled" in await (await get("")).text()


@pytest.mark.parametrize(
    ("trouble", "said"),
    [(RuntimeError("secret detail"), "log says why"), (StorageError("disk full"), "disk full")],
)
async def test_the_page_stands_without_its_table(get, daemon, trouble, said):
    daemon.trouble = trouble
    response = await get("")
    assert response.status == 200
    text = await response.text()
    assert "not available" in text
    assert said in text
    assert "secret detail" not in text


ALIVE = Health((Check("database", ok=True, reason="It answers."),))
PLAIN_TAGS = Reader(page.render(ALIVE, ALIVE, [Row("a", "b", Tone.OK, "c")], "1")).tags


@given(st.text(max_size=60), st.text(max_size=60), st.text(min_size=1, max_size=60))
def test_nothing_a_row_says_becomes_markup(label, value, note):
    reader = Reader(page.render(ALIVE, ALIVE, [Row(label, value, Tone.OK, note)], "1"))
    assert reader.tags == PLAIN_TAGS


def test_scripts_and_quotes_are_shown_as_text():
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=y>"
    problem = Health((Check(hostile, ok=False, reason=hostile),))
    text = page.render(problem, problem, [Row(hostile, hostile, Tone.PROBLEM, hostile)], hostile)
    assert "<script" not in text
    assert "<img" not in text
    assert hostile in "".join(Reader(text).data)


# --- the server -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["", "health/live", "health/ready", "metrics", "style.css", "icon.svg", "no"]
)
async def test_every_answer_carries_the_security_headers(get, path):
    response = await get(path)
    assert HEADERS.items() <= dict(response.headers).items()
    assert "Server" not in response.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_can_be_changed(get, method):
    assert (await get("", method)).status == 405


async def test_head_is_answered_for_load_balancers(get):
    assert (await get("health/live", "HEAD")).status == 200


async def test_a_port_in_use_is_explained(server, daemon):
    second = WebServer(server.url.removeprefix("http://").rstrip("/"), daemon.probes())
    with pytest.raises(ConfigurationError, match=r"cannot listen on 127\.0\.0\.1:\d+: another program"):
        await second.start()
    await second.stop()


async def test_stop_ends_at_once_and_frees_the_port(daemon):
    server = WebServer("127.0.0.1:0", daemon.probes())
    await server.start()
    async with aiohttp.ClientSession(server.url) as session, session.get("health/live") as response:
        assert response.status == 200
        async with asyncio.timeout(5):
            await server.stop()
    again = WebServer(server.url.removeprefix("http://").rstrip("/"), daemon.probes())
    await again.start()
    await again.stop()
    await again.stop()


@pytest.mark.parametrize(
    ("bind", "parsed"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        (" 0.0.0.0:80 ", ("0.0.0.0", 80)),
        ("[::1]:8080", ("::1", 8080)),
        (":8080", ("", 8080)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_bind_is_read(bind, parsed):
    assert parse_bind(bind) == parsed


@pytest.mark.parametrize(
    "bind", ["", "8080", "localhost", "::1:8080", "h:99999", "h:-1", "h:x", "h:²", "http://h:1/"]
)
def test_a_wrong_bind_is_explained(bind):
    with pytest.raises(ConfigurationError, match="write host:port"):
        parse_bind(bind)


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("0.0.0.0:8080", "http://127.0.0.1:8080/"),
        (":8080", "http://127.0.0.1:8080/"),
        ("[::]:8080", "http://[::1]:8080/"),
        ("monitor.example:80", "http://monitor.example:80/"),
    ],
)
def test_the_url_is_one_that_can_be_opened(bind, url, daemon):
    assert WebServer(bind, daemon.probes()).url == url


async def test_the_containers_healthcheck_follows_liveness(server, daemon):
    async def check():
        script = ROOT / "deploy" / "container" / "healthcheck.py"
        url = server.url + "health/live"
        # A proxy meant for feeds must not be asked about the monitor's own health.
        environment = os.environ | {"http_proxy": "http://127.0.0.1:1"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, script, url, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE
        )
        async with asyncio.timeout(20):
            out, err = await process.communicate()
        return process.returncode, (out + err).decode()

    assert (await check())[0] == 0
    daemon.ticks = [Tick("poll", 9 * MINUTE, 2 * MINUTE)]
    code, told = await check()
    assert code == 1
    assert "The poll loop has not ticked for 540 s" in told
    await server.stop()
    code, told = await check()
    assert code == 1
    assert "Traceback" not in told
