"""The commands that help with editing, run as a user runs them."""

from __future__ import annotations

import importlib.util
import json

import pytest

from tests.installation import make

LISTS = """\
version: 1
lists:
  envoys:
    kind: person
    entries:
      - name: Witkoff # the envoy
        forms: {ru: [Уиткофф], ar: [شي]}
        valid: {from: 2025-01-20}
      - name: Kellogg
        valid: {until: 2020-01-01}
  hosts: {kind: place, en: [Doha, Doha Forum]}
"""
MESSY = "rules:\n- severity: low\n  # why\n  id: a-rule\n  status: draft\n  title: 'A'\n  when: {any: [x]}\n"


@pytest.fixture
def place(tmp_path):
    installation = make(tmp_path, {"world": "https://example.org/w.xml"})
    installation.write("rules/lists/people.yaml", LISTS)
    for name in ("feeds.yaml", "routes.yaml", "talks/talks.yaml"):
        assert installation.run("fmt", f"rules/{name}").returncode == 0
    return installation


# --- fmt -------------------------------------------------------------------------------------------


def test_fmt_tells_changes_and_is_content_with_what_it_wrote(place):
    file = place.write("rules/own/messy.yaml", MESSY)
    checked = place.run("fmt", ".", "--check")
    assert (checked.returncode, checked.stdout) == (1, "rules/own/messy.yaml\n")
    assert "5 files: 1 would change" in checked.stderr
    shown = place.run("fmt", "rules", "--diff")
    assert shown.returncode == 1
    assert shown.stdout.startswith("--- rules/own/messy.yaml\n+++ rules/own/messy.yaml\n@@")
    assert "+    severity: low\n" in shown.stdout
    assert "1 would change" in shown.stderr
    assert file.read_text() == MESSY
    done = place.run("fmt")
    assert (done.returncode, done.stdout) == (0, "rules/own/messy.yaml\n")
    assert file.read_text() == (
        "rules:\n  # why\n  - id: a-rule\n    title: A\n"
        "    severity: low\n    status: draft\n    when: {any: [x]}\n"
    )
    assert place.run("fmt", "rules", "--check").returncode == 0


def test_fmt_leaves_files_with_errors_and_goes_on(place):
    broken = place.write("rules/own/broken.yaml", "rules: [\n")
    place.write("rules/own/messy.yaml", MESSY)
    done = place.run("fmt")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "rules/own/messy.yaml")
    assert "rules/own/broken.yaml:2:1: error[yaml-syntax]" in done.stdout
    assert "left as it is" in done.stderr
    assert broken.read_text() == "rules: [\n"


@pytest.mark.parametrize(
    ("path", "says"), [("nowhere", "no such file or directory"), ("rules/x.txt", "is no YAML file")]
)
def test_fmt_refuses_what_it_cannot_read(place, path, says):
    place.write("rules/x.txt", "x")
    done = place.run("fmt", path)
    assert done.returncode == 3
    assert says in done.stderr


# --- lists -----------------------------------------------------------------------------------------


FINDABLE = """\
version: 1
lists:
  travels: {kind: vocabulary, en: [arrive, arrive in style]}
  mediators:
    kind: person
    entries:
      - {name: Barth Eide, match: [Barth Eide]}
  all_mediators: {kind: person, include: [mediators]}
  everyone: {kind: person, include: [all_mediators]}
"""


def test_lists_find_shows_who_holds_a_word(place):
    place.write("rules/lists/findable.yaml", FINDABLE)
    done = place.run("lists", "find", "barth eide")
    assert done.returncode == 0
    assert done.stdout.splitlines()[2].split() == ["list", "entry", "word", "included", "in", "where"]
    row = done.stdout.splitlines()[-1]
    assert "all_mediators, everyone" in row
    assert row.endswith("rules/lists/findable.yaml:7:36")
    assert "1 list" in done.stderr
    near = place.run("lists", "find", "Barth Eidf")
    assert (near.returncode, near.stdout) == (1, "")
    assert 'no list holds "Barth Eidf" (did you mean "Barth Eide"?)' in near.stderr
    arrived = place.run("lists", "find", "arrived", "--json")
    assert [json.loads(line)["how"] for line in arrived.stdout.splitlines()] == ["form", "part"]


def test_lists_check_shows_what_to_look_after(place):
    done = place.run("lists", "check")
    assert done.returncode == 1
    assert "who came after?" in done.stdout
    assert "2 findings" in done.stderr
    found = [json.loads(line) for line in place.run("lists", "check", "--json").stdout.splitlines()]
    rows = [(one["what"], one["list"], one["entry"]) for one in found]
    assert rows == [("expired", "envoys", "Kellogg"), ("contained", "hosts", "Doha Forum")]
    assert (found[0]["what"], found[0]["file"], found[0]["line"]) == ("expired", "rules/lists/people.yaml", 9)


def test_lists_expand_shows_a_diff_and_writes_when_asked(place):
    file = place.path / "rules" / "lists" / "people.yaml"
    shown = place.run("lists", "expand", "envoys", "--language", "ar")
    assert shown.returncode == 0
    assert "+        forms: {ru: [Уиткофф], ar: [شي, وشي, فشي, بشي, لشي, كشي]}" in shown.stdout
    assert "no spelling in ar to begin with: Kellogg" in shown.stderr
    assert file.read_text() == LISTS
    done = place.run("lists", "expand", "envoys", ".", "--language", "ar", "--write")
    assert done.returncode == 0
    assert file.read_text() == LISTS.replace("[شي]", "[شي, وشي, فشي, بشي, لشي, كشي]")
    again = place.run("lists", "expand", "envoys", "--language", "ar")
    assert (again.stdout, "no new forms" in again.stderr) == ("", True)


def test_lists_expand_inflects_or_says_what_to_install(place):
    done = place.run("lists", "expand", "$envoys", "--language", "ru")
    if importlib.util.find_spec("pymorphy3") is None:
        assert done.returncode == 3
        assert "pip install 'diplomatic-monitor[morphology]'" in done.stderr
        pytest.skip("the extra `morphology` is not installed: Russian forms were NOT checked")
    assert "[Уиткофф, Уиткоффа, Уиткоффу, Уиткоффом, Уиткоффе]" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["envoy"], 'did you mean "envoys"?'), (["envoys", "--language", "fr"], "not in fr")],
)
def test_lists_expand_refuses_what_it_cannot_do(place, arguments, says):
    done = place.run("lists", "expand", *arguments)
    assert done.returncode == 3
    assert says in done.stderr


# --- new rule --------------------------------------------------------------------------------------

HEADLINE = 'Witkoff lands in Doha: "talks" with mediators'


def test_a_new_rule_checks_and_passes_its_tests_at_once(place):
    made = place.run("new", "rule", "doha-talks", "--title", "Talks in Doha", "--from", HEADLINE)
    assert made.returncode == 0, made.stderr
    text = (place.path / "rules" / "own" / "doha-talks.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=../../.schema/rules.json\n")
    assert {"- $envoys", "- $hosts"} <= {line.strip() for line in text.splitlines()}
    assert "Next:" in made.stdout
    for command in (["check"], ["test"], ["fmt", "--check"]):
        done = place.run(*command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert "doha-talks" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["envoy-lands"], "is in use at rules/talks/talks.yaml:4:5"),
        (["Envoy_Lands"], "cannot be an id"),
        (["x", "--pack", "../out"], "cannot be the name of a pack"),
        (["x", "--pack", "lists"], "cannot be the name of a pack"),
    ],
)
def test_a_new_rule_is_refused(place, arguments, says):
    done = place.run("new", "rule", *arguments)
    assert done.returncode == 3
    assert says in done.stderr


def test_a_new_rule_overwrites_nothing(place):
    file = place.write("rules/own/mine.yaml", "# empty\n")
    done = place.run("new", "rule", "mine")
    assert done.returncode == 3
    assert "exists already" in done.stderr
    assert file.read_text() == "# empty\n"
