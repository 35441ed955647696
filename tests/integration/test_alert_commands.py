"""`alerts`, `ack`, `close`, `silence` and `routes test` on a real SQLite store."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.alerts.system_rules import DISK_LOW, SYSTEM_RULES
from monitor.app import open_storage
from monitor.cli import call
from monitor.clock import machine_time
from monitor.directory import find
from monitor.models import Outcome
from monitor.settings import load
from monitor.storage.base import FlushCommit, PollCommit
from tests.factories import (
    make_alert,
    make_decision,
    make_item,
    make_notification,
    make_revision,
    make_seed,
)

ADD = ("silence", "add", "--match", "topic=x", "--author", "a", "--comment", "b")


@pytest.fixture
def installation(tmp_path, capsys):
    assert call(["init", str(tmp_path / "m")]) == 0
    capsys.readouterr()
    return tmp_path / "m"


def stored(installation, act: Any) -> Any:
    async def run() -> Any:
        settings, _ = load(installation)
        async with open_storage(settings.database(find(installation).path)) as storage:
            return await act(storage)

    return asyncio.run(run())


@pytest.fixture
def alert(installation):
    now = machine_time()
    made = make_alert(opened_at=now, last_hit_at=now, sources=())
    held = make_decision(
        made, recipient_id="duty-desk", outcome=Outcome.QUEUED, due_at=now + timedelta(hours=9)
    )

    async def put(storage: Any) -> None:
        claim = await storage.claim_flush(now, lease=timedelta(seconds=5))
        await storage.commit_flush(
            claim, FlushCommit(alerts=(made,), revisions=(make_revision(made),), decisions=(held,)), now
        )
        await storage.release_flush(claim)

    stored(installation, put)
    return made


def test_alerts_are_listed_acknowledged_and_closed(installation, alert, capsys):
    short = alert.alert_id[:8]
    assert call(["alerts", "list", str(installation)]) == 0
    assert short in capsys.readouterr().out
    assert call(["ack", short, str(installation), "--by", "J. Roe"]) == 0
    assert call(["alerts", "list", str(installation), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["acked_by"] == "J. Roe"
    assert call(["unack", short, str(installation)]) == 0
    assert call(["close", short, str(installation), "--by", "J. Roe"]) == 0
    assert call(["close", short, str(installation)]) == 3
    assert "closed already" in capsys.readouterr().err
    assert call(["alerts", "show", short, str(installation)]) == 0
    shown = capsys.readouterr().out
    assert "Closed by J. Roe." in shown
    assert call(["alerts", "list", str(installation), "--state", "closed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["acked_by"] is None


def test_the_alerts_of_a_digest_and_of_the_monitor_itself_are_listed(installation, alert, capsys):
    """What a digest only counts is seen by the message's id; alerts about the monitor apart from news."""
    row = make_notification("digest")
    own = replace(make_alert("own", sources=()), rule=SYSTEM_RULES[DISK_LOW].info, alert_id="f" * 32)
    told = make_decision(alert, outcome=Outcome.DIGEST, notification_ids=(row.notification_id,))

    async def put(storage: Any) -> None:
        claim = await storage.claim_flush(machine_time(), lease=timedelta(seconds=5))
        made = FlushCommit(alerts=(own,), notifications=(row,), decisions=(told,))
        await storage.commit_flush(claim, made, machine_time())
        await storage.release_flush(claim)

    stored(installation, put)

    def listed(*options: str) -> list[str]:
        assert call(["alerts", "list", str(installation), "--json", *options]) == 0
        return sorted(json.loads(line)["alert"] for line in capsys.readouterr().out.splitlines())

    assert listed("--message", row.notification_id[:8]) == [alert.alert_id]
    assert listed("--message", row.notification_id[:8], "--topic", "nothing") == []
    assert listed("--system") == [own.alert_id]
    assert listed("--no-system") == [alert.alert_id]
    assert listed() == sorted([alert.alert_id, own.alert_id])
    assert call(["status", str(installation), "--json"]) == 0
    assert [one["rule"] for one in json.loads(capsys.readouterr().out)["system"]] == [DISK_LOW]
    assert call(["status", str(installation)]) == 0
    assert "The monitor itself" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["alerts", "show", "12"], "at least its first 8 digits"),
        (["alerts", "show", "0123456789"], "there is no alert 0123456789"),
        (["alerts", "list", "--state", "odd"], "--state is one of all, pending, open"),
        (["alerts", "list", "--message", "12"], '"12" is no message id'),
        (["alerts", "list", "--message", "0123456789"], "no message 0123456789 tells alerts"),
        (["silence", "expire", "0123"], "there is no silence 0123"),
        ([*ADD], "say how long"),
        ([*ADD, "--for", "2"], "no duration"),
        (["routes", "test", "colour=red"], "is no label"),
        (["routes", "test", "rule=no-such-rule"], 'there is no rule "no-such-rule"'),
        (["routes", "test", "severity=huge"], "severity and tier have fixed values"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_a_line(installation, arguments, says, capsys, monkeypatch):
    monkeypatch.chdir(installation)
    assert call(arguments) == 3
    assert says in capsys.readouterr().err


def test_a_silence_has_a_preview_a_list_and_an_end(installation, alert, capsys):
    add = ["silence", "add", "--match", f"rule={alert.rule.rule_id}", "--for", "2h", "--author", "J. Roe"]
    add += ["--comment", "known already", str(installation)]
    assert call([*add, "--preview"]) == 0
    assert "would cover 1 open alert, and 1 alert of the last 7 days" in capsys.readouterr().out
    assert call(["silence", "list", str(installation), "--json"]) == 0
    assert capsys.readouterr().out == ""
    assert call(add) == 0
    assert call(["silence", "list", str(installation), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (listed["author"], listed["comment"]) == ("J. Roe", "known already")
    assert call(["silence", "update", listed["silence"], str(installation), "--for", "3d"]) == 0
    assert call(["silence", "expire", listed["silence"], str(installation)]) == 0
    capsys.readouterr()
    assert call(["silence", "list", str(installation), "--json"]) == 0
    assert capsys.readouterr().out == ""


def test_routes_are_tried_at_a_time(installation, capsys):
    at = ["--at", "2026-03-12T23:30+01:00", "--dir", str(installation), "--json"]
    assert call(["routes", "test", "severity=critical", *at]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows
    assert all(row["outcome"] == "queued" for row in rows), "critical comes through quiet hours"
    assert all(row["reason"] for row in rows)


def test_backfill_shows_what_it_would_find_and_then_groups_it_once(installation, capsys):
    now = machine_time()
    (installation / "rules" / "own.yaml").write_text(
        "version: 1\nrules:\n  - id: bridge-reopens\n    title: A bridge reopens\n    severity: high\n"
        "    owner: desk\n    topic: bridges\n    when: {all: [bridge, reopens]}\n"
        "    must_match: [The old bridge reopens]\n    must_not_match: [A ferry sails]\n"
    )
    items = [
        make_item(name, title=title, first_seen_at=now - timedelta(hours=hours), published_at=None)
        for name, title, hours in (
            ("a", "The old bridge reopens to lorries", 2),
            ("b", "A ferry sails", 2),
            ("c", "Another bridge reopens in the far north", 40),
        )
    ]

    async def put(storage: Any) -> None:
        await storage.sync_feeds([make_seed()], now)
        (claim,) = await storage.claim_hosts(now, limit=1, per_host=1, lease=timedelta(minutes=1))
        await storage.commit_poll(claim, PollCommit(claim.feeds[0], tuple(items)), now)

    stored(installation, put)
    command = ["backfill", "bridge-reopens", str(installation)]
    assert call([*command, "--preview"]) == 0
    shown = capsys.readouterr()
    assert "bridge-reopens: 1 new report in 2 items of the last 24h." in shown.out
    assert "The old bridge reopens to lorries" in shown.out
    assert stored(installation, lambda storage: storage.list_alerts()) == ()
    assert call(command) == 0
    assert "1 alert, told in one digest" in capsys.readouterr().err
    (alert,) = stored(installation, lambda storage: storage.list_alerts())
    decisions = stored(installation, lambda storage: storage.decisions([alert.alert_id]))
    assert {(one.outcome, one.slot[:24]) for one in decisions} == {
        (Outcome.DIGEST, "backfill bridge-reopens ")
    }
    assert call([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "rule": "bridge-reopens", "items": 2, "new": 0, "alerts": 0, "preview": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["blockade", "--since", "8d"], "--since is between 1m and 7d"),
        (["no-such-rule"], 'there is no rule "no-such-rule"'),
    ],
)
def test_backfill_says_what_it_cannot_do(installation, capsys, arguments, told):
    name, *options = arguments
    assert call(["backfill", name, str(installation), *options]) == 3
    assert told in capsys.readouterr().err
