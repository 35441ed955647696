"""`monitor explain` and `monitor show`, as a user runs them on an installation that has worked."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from monitor.cli import call
from tests import fakes, installation
from tests.receivers import Answer, http_receiver, smtp_receiver

ITEMS = """\
{"id": 1, "title": "The envoy stays at home"}
{"id": 2, "title": "Weather", "summary": "An envoy lands in Vienna", "feed": "outlet"}

not JSON
"""

QUIET = installation.ROUTES.replace("timezone: UTC", "timezone: Asia/Tokyo", 1)


@pytest.fixture
def place(tmp_path):
    """An installation that has not polled anything."""
    place = installation.make(tmp_path, {"outlet": "https://outlet.example/feed"}, routes=QUIET)
    place.write("items.jsonl", ITEMS)
    return place


@pytest.fixture
async def worked(tmp_path):
    """An installation that has stored one item that fires and one that does not, and sent one message."""
    async with fakes.WebServer() as feeds, smtp_receiver() as smtp, http_receiver() as hook:
        feeds.on("/feed", fakes.Answer.rss("The envoy lands in Vienna", "The envoy stays at home"))
        place = installation.make(
            tmp_path, {"outlet": feeds.url("/feed")}, routes=QUIET, smtp_port=str(smtp.port)
        )
        place.settings["TEST_HOOK_URL"] = hook.url("/hook")
        hook.answers.append(Answer(410, {}))
        await place.once()
    return place


@pytest.fixture
def ask(place, capsys, monkeypatch):
    """Runs `monitor ...` in this process: hundreds of starts would take minutes."""
    monkeypatch.chdir(place.path)

    def run(*arguments: str):
        code = call(arguments)
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=printed.out, stderr=printed.err)

    return run


def explain(place, *arguments: str):
    """Run `monitor explain ...` as a process of its own."""
    done = place.run("explain", *arguments)
    assert "Traceback" not in done.stderr
    return done


# --- rules ---------------------------------------------------------------------------------------


def test_a_headline_that_fires(ask):
    done = ask("explain", "envoy-lands", "--item", "The envoy lands in Vienna")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "envoy-lands fires: An envoy lands",
        "title: The envoy lands in Vienna",
        "pass    all of these",
        '  pass    "envoy"',
        "    title: The «envoy» lands in Vienna",
        '  pass    "lands"',
        "    title: The envoy «lands» in Vienna",
    ]


def test_a_headline_that_does_not_fire_exits_with_1(ask):
    done = ask("explain", "envoy-lands", "--item", "The envoy stays")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-3:] == [
        "    title: The «envoy» stays",
        '  FAIL    "lands": not in the title, summary or content',
        'first differing leaf: "lands": not in the title, summary or content',
    ]


def test_json_has_the_tree(place, ask):
    done = ask("explain", "envoy-lands", "--item", "The envoy lands", "--json", str(place.path))
    value = json.loads(done.stdout)
    assert value["fires"] is True
    assert [one["text"] for one in value["evidence"]] == ["envoy", "lands"]
    assert [child["what"] for child in value["tree"]["children"][0]["children"]] == ['"envoy"', '"lands"']


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("items.jsonl", 1, "title: The envoy stays at home"),
        ("items.jsonl:1", 1, "title: The envoy stays at home"),
        ("items.jsonl:2", 0, "summary: An «envoy» lands in Vienna"),
    ],
)
def test_a_line_of_a_file(ask, line, code, said):
    done = ask("explain", "envoy-lands", "--item", line)
    assert (done.returncode, done.stderr) == (code, "")
    assert said in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["envoy-lands", "--item", "items.jsonl:3"], 3, "items.jsonl:3: there is no item on this line"),
        (["envoy-lands", "--item", "items.jsonl:4"], 3, "items.jsonl:4: not JSON"),
        (["envoy-lands", "--item", "items.jsonl:9"], 3, "there is no item on this line"),
        (["envoy-lands", "--item", "other.jsonl"], 3, "other.jsonl: no such file"),
        (["envoy-land", "--item", "x"], 3, 'there is no rule "envoy-land" (did you mean "envoy-lands"?)'),
        (["envoy-lands"], 3, "--item URL, FILE or TEXT for a rule, or --to RECIPIENT for an alert"),
        (["envoy-lands", "--item", "x", "--to", "desk"], 3, "say what to explain"),
        (["envoy-lands", "--to", "desk"], 3, "is no alert id"),
    ],
)
def test_what_cannot_be_explained(ask, arguments, code, said):
    done = ask("explain", *arguments)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == ""


def test_a_rule_with_errors_says_which(place, ask):
    place.write("rules/talks/talks.yaml", installation.RULE.replace("critical", "kritical"))
    done = ask("explain", "envoy-lands", "--item", "x")
    assert done.returncode == 2
    assert 'did you mean "critical"' in done.stdout
    assert "has errors" in done.stderr


def test_control_characters_of_an_item_do_not_reach_the_terminal(ask):
    done = ask("explain", "envoy-lands", "--item", "The envoy \x1b[31mlands [red]here")
    assert "\x1b" not in done.stdout
    assert "[red]here" in done.stdout


async def test_stored_items_by_address_and_id(worked):
    done = explain(worked, "envoy-lands", "--item", "https://news.example/The%20envoy%20lands%20in%20Vienna")
    assert done.returncode == 0, done.stderr
    assert "title: The «envoy» lands in Vienna" in done.stdout
    # Scheme, www. and tracking do not matter.
    same = explain(
        worked,
        "envoy-lands",
        "--item",
        "http://www.news.example/The%20envoy%20stays%20at%20home?utm_source=x",
    )
    assert same.returncode == 1
    assert "title: The envoy stays at home" in same.stdout
    unknown = explain(worked, "envoy-lands", "--item", "https://news.example/x")
    assert unknown.returncode == 3
    assert "no such item is stored" in unknown.stderr


# --- alerts --------------------------------------------------------------------------------------


def alert_of(place) -> str:
    lines = place.run("status").stdout.splitlines()
    return next(line.split()[0] for line in lines if "An envoy lands" in line)


async def test_the_trail_of_an_alert(worked):
    alert = alert_of(worked)
    done = explain(worked, alert, "--to", "desk")
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert "An envoy lands (envoy-lands)" in text
    assert "for desk, times in Asia/Tokyo" in text
    assert "named by: Route" in text
    assert "Revision 1: new" in text
    assert "  sent: Route" in text
    assert "  email " in text
    assert ": sent " in text
    assert "(UTC+09:00)" in text
    assert "Why these items are one story\n  The envoy lands in Vienna" in text

    given_up = explain(worked, alert, "--to", "hook").stdout
    assert "  failed: Route" in given_up
    assert "given up after 1 attempt; last error: " in given_up

    value = json.loads(explain(worked, alert, "--to", "desk", "--json").stdout)
    assert value["alert"].startswith(alert)
    assert value["revisions"][0]["notifications"][0]["state"] == "sent"
    whole = explain(worked, value["alert"], "--to", "desk")
    assert whole.stdout == text

    other = explain(worked, "00000000", "--to", "desk")
    assert (other.returncode, "there is no alert 00000000" in other.stderr) == (3, True)
    stranger = explain(worked, alert, "--to", "dsk")
    assert stranger.returncode == 3
    assert 'routes.yaml has no recipient "dsk" (did you mean "desk"?)' in stranger.stderr


# --- show ----------------------------------------------------------------------------------------


def test_show_prints_the_rule_as_resolved(ask):
    done = ask("show", "envoy-lands")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "# rules/talks/talks.yaml:4:5\n  - id: envoy-lands\n    title: An envoy lands\n"
    )
    assert "    owner: test-desk\n    topic: test-talks\n" in done.stdout
    assert "    when:\n      all: [envoy, lands]\n" in done.stdout


def test_show_plain_prints_sentences(ask):
    done = ask("show", "envoy-lands", "--plain")
    assert done.returncode == 0, done.stderr
    assert (
        'It fires when all of these are true: (a) a form of "envoy" occurs; and (b) a form of "lands" occurs.'
        in done.stdout.splitlines()
    )
    value = json.loads(ask("show", "envoy-lands", "--json").stdout)
    assert value["rule"] == "envoy-lands"
    assert value["plain"][0][0] in done.stdout


# --- failed tests --------------------------------------------------------------------------------


def test_a_failed_test_shows_its_tree(place, ask):
    wrong = installation.RULE.replace("The minister stays", "The envoy lands").replace(
        '["The envoy lands in Vienna"]', '["The envoy stays"]'
    )
    place.write("rules/talks/talks.yaml", wrong)
    done = ask("test")
    assert done.returncode == 1
    assert '      FAIL    "lands": not in the title, summary or content\n' in done.stdout
    assert '    first differing leaf: "lands": not in the title, summary or content\n' in done.stdout
    assert "    no leaf differs: nothing keeps this item out" in done.stdout
