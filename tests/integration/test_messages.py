"""What goes wrong is told in one line: what, where, what to do; and nothing is lost."""

from __future__ import annotations

import re
import sqlite3

import pytest

from tests import fakes, installation
from tests.receivers import smtp_receiver


@pytest.fixture
def place(tmp_path):
    return installation.make(tmp_path, {"outlet": "http://127.0.0.1:9/feed"}, smtp_port="9")


def one_line(done) -> str:
    """The command's message: one line, no traceback."""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return lines[0]


def test_no_such_directory(place):
    done = place.run("run", str(place.path / "nowhere"))
    assert done.returncode == 3
    assert "no such directory" in one_line(done)
    assert "monitor init" in one_line(done)


def test_unreadable_rules(place):
    place.write("rules/talks/talks.yaml", b"rules: [\xff\xfe")
    done = place.run("once", str(place.path))
    assert done.returncode == 2
    assert re.search(r"talks\.yaml:1:\d+", one_line(done))
    assert "monitor check" in one_line(done)


def test_unknown_key(place):
    place.write("rules/talks/talks.yaml", installation.RULE.replace("must_match", "must_macth"))
    done = place.run("check", str(place.path))
    assert done.returncode in {1, 2}
    assert re.search(
        r'talks\.yaml:10:5: error\[[a-z-]+\]: unknown key "must_macth" \(did you mean "must_match"\?\)',
        done.stdout,
    )


def test_missing_template_piece(place):
    place.write("templates/email/alert.txt", '{% include "email/no-such-file.txt" %}')
    done = place.run("check", str(place.path))
    assert done.returncode == 1
    assert "email/no-such-file.txt" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


async def test_a_broken_template_loses_no_alert(place):
    """The shipped template is used instead, and the log names the broken one."""
    place.write("templates/email/alert.txt", "{{ no_such_variable }}")
    async with fakes.WebServer() as feeds, smtp_receiver() as smtp:
        feeds.on("/feed", fakes.Answer.rss("The envoy lands in Vienna"))
        place = installation.make(place.path, {"outlet": feeds.url("/feed")}, smtp_port=str(smtp.port))
        await place.once()
        assert "The envoy lands in Vienna" in smtp.messages[0].part("plain")


async def test_unreachable_mail_server(place):
    async with fakes.WebServer() as feeds:
        feeds.on("/feed", fakes.Answer.rss("The envoy lands in Vienna"))
        place = installation.make(place.path, {"outlet": feeds.url("/feed")}, smtp_port="9")
        summary = await place.once()
    assert summary["notifications"]["pending"] >= 1
    status = place.run("status", str(place.path))
    assert "127.0.0.1:9" in status.stdout
    done = place.run("send-test", str(place.path), "desk")
    assert done.returncode == 1
    assert "127.0.0.1:9" in one_line(done)
    assert "MONITOR_SMTP_HOST" in one_line(done)


def test_database_of_a_newer_version(place):
    assert place.run("status", str(place.path)).returncode == 0
    with sqlite3.connect(place.path / "var" / "monitor.db") as database:
        database.execute("UPDATE monitor_schema SET version_num = '9999_later'")
    database.close()
    done = place.run("status", str(place.path))
    assert done.returncode == 3
    assert "newer version" in one_line(done)


def test_database_that_is_none(place):
    place.write("var/monitor.db", "this is a shopping list, not a database" * 200)
    done = place.run("once", str(place.path))
    assert done.returncode == 3
    assert "monitor.db" in one_line(done)


async def test_a_feed_that_is_a_web_page(place):
    async with fakes.WebServer() as feeds:
        page = b"<!doctype html><html><head><title>Welcome</title></head><body><p>News</p></body></html>"
        feeds.on("/feed", fakes.Answer(page, 200, (("Content-Type", "text/html"),)))
        place = installation.make(place.path, {"outlet": feeds.url("/feed")})
        summary = await place.once()
    assert summary["feeds"] == {"polled": 1, "not_modified": 0, "failed": 1}
    status = place.run("status", str(place.path))
    assert "outlet" in status.stdout
    assert re.search(r"HTML|web page", status.stdout)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no-such-command",), "no-such-command"),
        (("run",), "DIR"),
        (("match", "--rules", "."), "--items"),
        (("once", ".", "--no-such-option"), "--no-such-option"),
    ],
)
def test_wrong_usage_is_exit_code_3(place, arguments, said):
    done = place.run(*arguments)
    assert done.returncode == 3
    assert said in one_line(done)


def test_wrong_settings_name_the_setting_and_not_its_value(place):
    place.settings["MONITOR_SMTP_PORT"] = "hunter2"
    done = place.run("once", str(place.path))
    assert done.returncode == 3
    assert "MONITOR_SMTP_PORT" in one_line(done)
    assert "hunter2" not in one_line(done)
