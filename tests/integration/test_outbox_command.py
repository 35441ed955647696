"""`monitor outbox`: what waits and what was given up is shown, sent again, or dropped."""

from __future__ import annotations

import asyncio
import json

import pytest

from monitor.app import open_storage
from monitor.loops.gate import GONE_VALUE
from monitor.models import NotificationState
from tests import installation
from tests.factories import make_message, make_notification

DEAD, PENDING, SENT = NotificationState.DEAD, NotificationState.PENDING, NotificationState.SENT


@pytest.fixture
def place(tmp_path):
    """An installation with one message given up, one that waits and one that was sent."""
    place = installation.make(tmp_path, {"outlet": "https://outlet.example/feed"})
    gone = make_message(subject="[HIGH new] The envoy [lands]")

    async def fill():
        async with open_storage(url(place)) as storage:
            await storage.add_notifications(
                [
                    make_notification(
                        "a", notification_id="aaaa1111", recipient_id="hook", channel="webhook", state=DEAD,
                        attempts=10, last_error="HTTP 410 from hook.example", message=gone,
                    ),
                    make_notification("b", notification_id="bbbb2222", last_error="452 later", attempts=2),
                    make_notification("c", notification_id="cccc3333", state=SENT),
                ]
            )  # fmt: skip
            await storage.set_value(GONE_VALUE, json.dumps({"hook/webhook": "x", "other/webhook": "y"}))

    asyncio.run(fill())
    return place


def url(place) -> str:
    return f"sqlite:///{place.path / 'var' / 'monitor.db'}"


def stored(place):
    async def read():
        async with open_storage(url(place)) as storage:
            rows = {row.notification_id: row for row in await storage.notifications()}
            return rows, json.loads(await storage.get_value(GONE_VALUE))

    return asyncio.run(read())


def test_list_shows_what_was_given_up_and_what_waits(place):
    shown = place.run("outbox", "list", str(place.path))
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert [line.split()[0] for line in lines if line] == ["id", "aaaa1111", "bbbb2222"]
    assert "[HIGH new] The envoy [lands]" in lines[1]
    assert "HTTP 410 from hook.example" in lines[1]
    machine = place.run("outbox", "list", str(place.path), "--json", "--state", "sent").stdout.splitlines()
    assert [json.loads(line)["id"] for line in machine] == ["cccc3333"]
    assert place.run("outbox", "list", str(place.path), "--recipient", "nobody").stdout.startswith("nothing")


def test_retry_sends_again_and_calls_a_gone_receiver_again(place):
    done = place.run("outbox", "retry", str(place.path), "aaaa")
    assert done.returncode == 0, done.stderr
    assert "1 message will be sent at once" in done.stderr
    rows, gone = stored(place)
    assert (rows["aaaa1111"].state, rows["aaaa1111"].attempts) == (PENDING, 0)
    assert gone == {"other/webhook": "y"}


def test_drop_takes_it_from_the_list(place):
    assert place.run("outbox", "drop", str(place.path), "aaaa1111", "bbbb").returncode == 0
    rows, _ = stored(place)
    assert {name: row.state for name, row in rows.items()} == {"bbbb2222": DEAD, "cccc3333": SENT}
    assert place.run("outbox", "drop", str(place.path), "--all").stderr.strip() == "1 message dropped"


# (arguments, words, exit code)
MISTAKES = (
    (("retry", "."), "which messages? name ids, or give --recipient ID or --all", 3),
    (("retry", ".", "ffff"), 'no message that waits or was given up is "ffff"', 3),
    (("drop", ".", "aa"), '"aa" is too short for an id', 3),
    (("list", ".", "--state", "lost"), 'there is no state "lost"; known are pending, sent, dead', 3),
)


@pytest.mark.parametrize(("arguments", "words", "code"), MISTAKES)
def test_mistakes_are_told(place, arguments, words, code):
    done = place.run("outbox", *arguments)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
