"""`monitor replay`: past items through the whole pipeline, as people run it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from monitor.cli import call
from tests.installation import RULE, make

FEEDS = {"gazette": "https://gazette.example/feed.xml", "herald": "https://herald.example/feed.xml"}
OTHER = """\
  - id: storm-warning
    title: A storm
    severity: low
    when: {any: [storm]}
    must_match: ["A storm comes"]
    must_not_match: ["The sun shines"]
"""
ROUTES = """\
recipients:
  - id: desk
    email: {to: [desk@example.org]}
    webhook: {url_env: TEST_HOOK_URL}
    timezone: Europe/Brussels
    quiet: ["22:00-07:00"]
    bypass: critical
routes:
  - {default: true, to: [desk]}
"""
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def line(number, title, minutes, source="gazette"):
    at = START + timedelta(minutes=minutes)
    return json.dumps({"id": number, "title": title, "link": f"https://{source}.example/{number}",
                       "published": at.isoformat(), "source": source}) + "\n"  # fmt: skip


@pytest.fixture
def place(tmp_path):
    """Two developments on two days, the first told by a second outlet; and ten storms for the digests."""
    installation = make(tmp_path / "here", FEEDS, rule=RULE + OTHER, routes=ROUTES)
    lines = [
        line(1, "The envoy lands in Vienna for talks on the Brenner tunnel", 0),
        line(2, "The envoy lands in Vienna for talks on the Brenner tunnel", 20, "herald"),
        line(3, "Another envoy lands in Lima with a letter about copper", 24 * 60),
        *[line(10 + n, f"A storm closes harbour {n} of {n * 7} on coast {n}", 90 * n) for n in range(10)],
        *[line(50 + n, f"Quiet news number {n} from town {n * 13}", 30 * n) for n in range(60)],
    ]  # fmt: skip
    installation.write("items.jsonl", "".join(lines))
    return installation.path


def test_figures_for_programs(place, capsys):
    assert call(["replay", str(place), "--items", str(place / "items.jsonl"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["items"], found["hits"], found["alerts"]) == (73, 13, 12)
    assert found["by_severity"] == {"critical": 2, "low": 10}
    assert found["alerts_per_day"]["2026-03-02"] >= 8
    assert found["repeated_ids"] == 0
    (desk,) = found["recipients"]
    assert desk["recipient"] == "desk"
    assert sum(desk["digest_entries"]) == 10, "each storm is in one digest"
    assert sum(desk["per_day"].values()) == desk["alert_messages"] + desk["digests"] == sum(desk["per_hour"])
    assert sum(desk["per_hour"][hour] for hour in (22, 23, *range(7))) == 0, "nothing came in quiet hours"
    assert set(desk["by_rule"]) == {"envoy-lands"}
    assert sum(found["alerts_by_updates"].values()) == found["alerts"]


def test_what_people_see_and_the_mails_that_would_have_left(place, capsys):
    mails = place / "mails"
    arguments = ["replay", str(place), "--items", str(place / "items.jsonl"), "--write", str(mails)]
    assert call(arguments) == 0
    shown = capsys.readouterr()
    assert "73 items, 2026-03-02 to 2026-03-03 (2 days)" in shown.out
    assert "12 alerts from 13 hits, 6.0 a day: 2 critical, 10 low" in shown.out
    assert "Updates of an alert after its first message" in shown.out
    assert "by hour, 0 to 23" in shown.out
    subjects = [path.read_text().splitlines()[0] for path in sorted(mails.glob("*.txt"))]
    assert subjects[0].startswith("Subject: [CRITICAL new")
    assert any("[DIGEST" in subject for subject in subjects)
    assert len(list(mails.glob("*.html"))) == len(subjects)
    assert call(arguments) == 3
    assert "exists; name a new directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says", "code"),
    [
        (["--items", "items.jsonl", "--days", "3"], "--days chooses from the stored items", 3),
        ([], "the store holds no items of the last 30 days", 3),
        (["--items", "none.jsonl"], "none.jsonl: cannot be read", 3),
    ],
)
def test_mistakes(place, options, says, code, capsys, monkeypatch):
    monkeypatch.chdir(place)
    assert call(["replay", ".", *options]) == code
    assert says in capsys.readouterr().err
