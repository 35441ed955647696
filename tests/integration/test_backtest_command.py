"""`monitor backtest` and `monitor diff` as people run them: files, the store, git, several processes."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.app import open_storage
from monitor.backtest.parallel import Plan, evaluate
from monitor.cli import call
from monitor.directory import read_files
from monitor.lastgood import pack
from monitor.ruleskeeper import LAST_GOOD
from monitor.storage.base import PollCommit
from tests.factories import make_item, make_seed
from tests.installation import ROUTES, RULE, make
from tests.shipped import shipped_book

FEEDS = {"gazette": "https://gazette.example/feed.xml"}
OTHER = """\
  - id: storm-warning
    title: A storm
    severity: low
    when: {any: [storm]}
    must_match: ["A storm comes"]
    must_not_match: ["The sun shines"]
"""
HEADLINES = (
    "The envoy lands in Vienna", "A storm closes the harbour", "Cats are well", "An envoy sails to Malta",
)  # fmt: skip


def headline(number: int) -> dict[str, object]:
    """Return one line; every fourth is a hit of the envoy's rule, at another time about another thing."""
    at = datetime(2026, 3, 1, 9, tzinfo=UTC) + timedelta(hours=7 * number)
    where = ("north", "south", "east", "west", "centre")[number % 5]
    return {
        "id": number,
        "title": f"{HEADLINES[number % 4]} number {number}",
        "summary": f"Our reporter in the {where} counted {number * 37} boats.",
        "link": f"https://gazette.example/{number}",
        "published": at.isoformat(),
        "source": "gazette",
    }


@pytest.fixture
def place(tmp_path):
    installation = make(tmp_path / "here", FEEDS, rule=RULE + OTHER)
    installation.write("items.jsonl", "".join(json.dumps(headline(n)) + "\n" for n in range(60)))
    return installation


@dataclass(frozen=True)
class Answer:
    stdout: str
    stderr: str


@pytest.fixture
def answer(place, monkeypatch, capfd):
    """Run commands in this process: it saves the second that imports take."""
    monkeypatch.chdir(place.path)
    for name, value in place.settings.items():
        monkeypatch.setenv(name, value)

    def run(*arguments, code=0):
        capfd.readouterr()
        returned = call(arguments)
        said = Answer(*capfd.readouterr())
        assert "internal error" not in said.stderr
        assert returned == code, said.stderr
        return said

    return run


# --- files ----------------------------------------------------------------------------------------


def test_a_backtest_over_a_file(place):
    done = place.run("backtest", ".", "--items", "items.jsonl")
    out = done.stdout
    assert done.returncode == 0
    assert out.startswith(
        "60 items from 2026-03-01 to 2026-03-18 (18 days)\n30 hits on 30 items, 500.00 per 1,000"
    )
    assert re.search(r"^ *2026\-03\-01\s+2", out, re.MULTILINE)  # plain numbers when piped
    assert re.search(r"^ *envoy\-lands\s+15\s+250\.00\s+15", out, re.MULTILINE)
    assert re.search(r"^ *envoy\-lands\s+lands\s+15\s+100%", out, re.MULTILINE)
    assert re.search(r"^ *desk", out, re.MULTILINE)
    assert "The [envoy] [lands] in Vienna" in out
    assert not {"\x1b", "█", "▁"} & set(out)
    assert done.stderr == ""


def test_one_rule_and_the_same_answer_from_two_processes(place, answer):
    def run(*arguments):
        return answer("backtest", *arguments, "--items", "items.jsonl", "--json").stdout

    whole = run(".", "--processes", "1")
    assert run(".", "--processes", "2") == whole
    assert run(".") == whole
    value = json.loads(whole)
    assert list(value) == [
        "from", "until", "days", "items", "items_hit", "hits", "per_1000", "stories", "per_day", "rules",
        "recipients", "wrong_lines",
    ]  # fmt: skip
    assert [(rule["rule"], rule["hits"]) for rule in value["rules"]] == [
        ("envoy-lands", 15),
        ("storm-warning", 15),
    ]
    assert [(one["recipient"], one["now"], one["digests"]) for one in value["recipients"]] == [
        ("desk", 30, 0),
        ("hook", 30, 0),
    ]
    one = json.loads(run("storm-warning"))  # the directory is the present one
    assert [rule["rule"] for rule in one["rules"]] == ["storm-warning"]
    assert len(one["rules"][0]["samples"]) == 5
    assert [s["at"] for s in one["rules"][0]["samples"]] == sorted(
        s["at"] for s in one["rules"][0]["samples"]
    )


def test_a_truncated_archive_stops_with_a_clear_message(place, answer):
    # Random letters do not compress: the cut is far from the beginning.
    text = "".join(json.dumps({**headline(n), "author": f"{hash((n, 'x')):x}"}) + "\n" for n in range(3000))
    whole = gzip.compress(text.encode())
    place.write("cut.ndjson.gz", whole[: len(whole) // 2])
    done = answer("backtest", ".", "--items", "cut.ndjson.gz", code=3)
    assert "cut.ndjson.gz: the compressed data ends in the middle, after line" in done.stderr
    assert done.stdout == ""


def test_wrong_lines_are_told_by_number_and_the_rest_counts(place, answer):
    text = (place.path / "items.jsonl").read_text()
    place.write("mixed.jsonl", 'nonsense\n{"title": 3}\n' + text + "{\n" * 30)
    done = answer("backtest", ".", "--items", "mixed.jsonl", "--json", code=1)
    assert "mixed.jsonl:1: not JSON" in done.stderr
    assert 'mixed.jsonl:2: "title" is no text' in done.stderr
    assert done.stderr.count("mixed.jsonl:") == 20
    assert "32 lines could not be read" in done.stderr
    value = json.loads(done.stdout)
    assert (value["items"], value["hits"], value["wrong_lines"]) == (60, 30, 32)


def test_several_files_are_one_archive(place, answer):
    lines = (place.path / "items.jsonl").read_bytes().splitlines(keepends=True)
    place.write("a.jsonl", b"".join(lines[:40]))
    place.write("b.jsonl.gz", gzip.compress(b"".join(lines[30:])))
    value = json.loads(
        answer("backtest", ".", "--items", "a.jsonl", "--items", "b.jsonl.gz", "--json").stdout
    )
    assert value == json.loads(answer("backtest", ".", "--items", "items.jsonl", "--json").stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("storm-warnings", ".", "--items", "items.jsonl"), 3, 'did you mean "storm-warning"?'),
        ((".", "--items", "none.jsonl"), 3, "none.jsonl: cannot be read: No such file"),
        ((".", "--items", "empty.jsonl"), 3, "there are no items to try the rules on"),
        ((".", "--items", "items.jsonl", "--days", "3"), 3, "--days chooses from the stored archive"),
        ((), 3, "the store holds no items of the last 30 days"),
        (("nowhere/at/all",), 3, "no such directory"),
        ((".", "--items", "items.jsonl", "--against", "HEAD"), 3, "is in no git checkout"),
        (("--processes", "many"), 3, "valid integer"),
    ],
)
def test_a_mistake_is_explained(place, arguments, code, said, answer):
    place.write("empty.jsonl", "\n")
    done = answer("backtest", *arguments, code=code)
    assert said in done.stderr
    assert done.stdout == ""


def test_rules_with_errors_are_told_and_the_others_tried(place, answer):
    place.write("rules/talks/talks.yaml", RULE + OTHER.replace("severity: low", "severity: lwo"))
    done = answer("backtest", ".", "--items", "items.jsonl", "--json")
    assert "talks.yaml:14:15: error" in done.stderr
    assert [rule["rule"] for rule in json.loads(done.stdout)["rules"]] == ["envoy-lands"]
    place.write("rules/talks/talks.yaml", "rules: 3")
    answer("backtest", ".", "--items", "items.jsonl", code=2)


# --- against --------------------------------------------------------------------------------------


def git(place, *arguments):
    settings = ("user.name=Desk", "user.email=desk@example.org", "commit.gpgsign=false")
    options = [word for setting in settings for word in ("-c", setting)]
    subprocess.run(["git", *options, *arguments], cwd=place.path, check=True, capture_output=True, timeout=60)


@pytest.fixture
def committed(place):
    if shutil.which("git") is None:
        pytest.skip("git is not installed: comparing with revisions was NOT tested")
    git(place, "init", "--quiet")
    git(place, "add", "rules")
    git(place, "commit", "--quiet", "-m", "rules: first form")
    place.write(
        "rules/talks/talks.yaml", RULE.replace("[envoy, lands]", "[envoy]") + OTHER.replace("storm]", "gale]")
    )
    return place


def test_against_a_revision_only_differences_are_shown(committed, answer):
    compare = ("backtest", ".", "--items", "items.jsonl", "--against", "HEAD")
    value = json.loads(answer(*compare, "--json").stdout)
    rules = {rule["rule"]: rule for rule in value["rules"]}
    figures = ("what", "hits_before", "hits_now", "gained", "lost")
    assert {name: [rule[figure] for figure in figures] for name, rule in rules.items()} == {
        "envoy-lands": [["when"], 15, 30, 15, 0],
        "storm-warning": [["when"], 15, 0, 0, 15],
    }
    assert all("sails" in sample["title"] for sample in rules["envoy-lands"]["samples_gained"])
    assert json.loads(answer(*compare, "--json", "--processes", "2").stdout) == value
    out = answer(*compare).stdout
    assert "15 hits only now, 15 hits only before" in out
    assert "envoy-lands: only now" in out
    assert "A [storm] closes the harbour" in out
    git(committed, "commit", "--quiet", "-a", "-m", "rules: wider")
    assert "No difference to the rules at HEAD." in answer(*compare).stdout
    unknown = answer(*compare[:-1], "HEAD~7", code=3)
    assert "git knows no revision 'HEAD~7'" in unknown.stderr


def test_against_another_directory_and_a_rule_that_was_not_there(place, tmp_path, answer):
    make(tmp_path / "there", FEEDS, routes=ROUTES)
    done = answer("backtest", ".", "--items", "items.jsonl", "--against", str(tmp_path / "there"), "--json")
    [rule] = json.loads(done.stdout)["rules"]
    assert (rule["rule"], rule["change"], rule["gained"]) == ("storm-warning", "added", 15)
    alone = answer(
        "backtest",
        "storm-warning",
        ".",
        "--items",
        "items.jsonl",
        "--against",
        str(tmp_path / "there"),
    )
    assert re.search(r"^ *storm\-warning\s+added\s+0\s+15\s+\+15", alone.stdout, re.MULTILINE)


# --- the store ------------------------------------------------------------------------------------


def fill(place, *, ran=True) -> None:
    """Store sixty items of the last days, and the rules as they are, as a running monitor does."""
    now = datetime.now(UTC)

    async def work() -> None:
        async with open_storage(f"sqlite:///{place.path}/var/monitor.db") as storage:
            await storage.sync_feeds([make_seed()], now)
            (claim,) = await storage.claim_hosts(now, limit=1, per_host=1, lease=timedelta(minutes=1))
            items = [
                make_item(
                    f"i{n}", title=f"{HEADLINES[n % 4]} number {n}", published_at=None,
                    summary=f"Counted {n * 37} boats.", first_seen_at=now - timedelta(hours=4 * n + 1),
                )
                for n in range(60)
            ]  # fmt: skip
            state = replace(claim.feeds[0], polls=1)
            await storage.commit_poll(claim, PollCommit(state, tuple(items)), now)
            if ran:
                await storage.set_value(LAST_GOOD, pack(read_files(place.path / "rules")))

    (place.path / "var").mkdir(exist_ok=True)
    asyncio.run(work())


def test_the_stored_archive_is_the_default(place, answer):
    fill(place)
    value = json.loads(answer("backtest", "--json").stdout)
    assert (value["items"], value["hits"]) == (60, 30)
    value = json.loads(answer("backtest", "--days", "2", "--json").stdout)
    assert value["items"] == 12


def test_diff_tells_what_an_edit_would_do(place, answer):
    fill(place)
    assert "No difference to the rules that the monitor last read without errors." in answer("diff").stdout
    edited = RULE.replace("[envoy, lands]", "[envoy]") + OTHER.replace("storm-warning", "gale-warning")
    place.write("rules/talks/talks.yaml", edited)
    value = json.loads(answer("diff", "--json").stdout)
    assert value["items"] == 42  # seven days
    assert {rule["rule"]: (rule["change"], rule["gained"], rule["lost"]) for rule in value["rules"]} == {
        "envoy-lands": ("changed", 10, 0),
        "gale-warning": ("added", 11, 0),
        "storm-warning": ("removed", 0, 11),
    }
    out = answer("diff").stdout
    assert re.search(r"^ *envoy\-lands\s+changed:\ when\s+11\s+21\s+\+10", out, re.MULTILINE)


def test_diff_tries_a_working_copy(place, tmp_path, answer):
    fill(place)
    make(tmp_path / "copy", FEEDS)
    value = json.loads(answer("diff", "--rules", str(tmp_path / "copy"), "--json").stdout)
    assert [(rule["rule"], rule["change"]) for rule in value["rules"]] == [("storm-warning", "removed")]


def test_diff_without_a_running_monitor_is_explained(place, answer):
    fill(place, ran=False)
    done = answer("diff", code=3)
    assert "no monitor has run with this database yet" in done.stderr


# --- shipped rules --------------------------------------------------------------------------------


def test_the_shipped_rules_give_the_same_hits_in_one_and_two_processes():
    book = shipped_book()
    examples = [e for rule in book.tree.rules for e in (*rule.must_match, *rule.must_not_match)]
    items = [
        make_item(f"{n}", title=e.title, summary=e.summary, content=e.content)
        for n, e in enumerate(examples * 2)
    ]
    plan = Plan(
        (replace(book.tree, lists=dict(book.tree.lists), macros=dict(book.tree.macros)),), (dict(book.feeds),)
    )
    done: list[int] = []
    alone = evaluate(items, plan)
    assert alone
    assert evaluate(items, plan, processes=2, told=done.append) == alone
    assert sum(done) == len(items)
