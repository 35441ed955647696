"""The table of codes is whole, and each of its examples does what it says."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import pytest

from monitor.codes import CODES
from monitor.rulebook import read_book

ROOT = Path(__file__).resolve().parents[2]

# --- the table and the program -------------------------------------------------------------------

REPORTERS = {"error": 1, "warning": 1, "_report": 1, "_stop": 1, "Diagnostic": 2}  # place of the code
LEVELS = {"error": "error", "warning": "warning", "_report": "error", "_stop": "error"}


def emitted() -> dict[str, set[str]]:
    """Return every code that a call in the program reports, with its levels."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "monitor").rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            place = REPORTERS.get(name)
            if place is None or len(call.args) <= place + 1:
                continue  # a logger's `error`, or a call that passes the code on
            code = call.args[place]
            if not (isinstance(code, ast.Constant) and isinstance(code.value, str)):
                assert isinstance(code, ast.Name), f"{path}:{call.lineno}: codes are literal"
                assert code.id == "code", f"{path}:{call.lineno}: codes are literal"
                continue
            level = LEVELS[name] if name in LEVELS else ast.literal_eval(call.args[1])
            found.setdefault(code.value, set()).add(level)
    return found


def test_every_code_of_the_program_is_in_the_table_and_vice_versa():
    assert sorted(emitted()) == sorted(CODES)


def test_levels_are_those_of_the_program():
    assert {code: " or ".join(sorted(levels)) for code, levels in emitted().items()} == {
        code: row.level for code, row in CODES.items()
    }


@pytest.mark.parametrize("row", CODES.values(), ids=CODES)
def test_rows_are_whole(row):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.code)
    assert re.fullmatch(r"[A-Za-z`%].*[.]", row.meaning)
    assert set(row.files.split()) <= {"rules", "lists", "feeds", "routes", "templates"}
    assert row.wrong
    assert row.right
    assert row.wrong != row.right


def test_no_code_is_there_twice():
    from monitor.codes import clauses, every_file, feeds_routes, rules

    rows = [row for part in (every_file, rules, clauses, feeds_routes) for row in part.ROWS]
    assert len(rows) == len(CODES)


# --- the examples --------------------------------------------------------------------------------

LISTS = "lists: {capitals: {kind: place, en: [Doha, Vienna]}}\n"
BASE_RULES = """\
version: 1
defaults: {owner: desk, topic: talks, severity: high}
rules:
  - {id: base-rule, title: Base, when: {all: [base]}, must_match: [The base], must_not_match: [Else]}
  - {id: old-rule, title: Old, when: {all: [old]}, status: retired}
  - id: uses-the-list
    title: Uses the list
    when: {all: [$capitals]}
    must_match: [Snow in Vienna]
    must_not_match: [Else]
"""
RULE = {
    "id": "id: a-rule",
    "title": "title: A rule",
    "when": "when: {all: [talks]}",
    "must_match": "must_match: [Talks begin]",
    "must_not_match": "must_not_match: [A walk]",
}
FEED = {"id": "id: a-feed", "url": "url: https://example.org/a.xml"}
BASE_FEED = "feeds:\n  - {id: base-feed, url: https://example.org/base.xml}\n"
RECIPIENT = {
    "id": "id: desk",
    "email": "email: {to: [desk@example.org]}",
    "timezone": "timezone: Europe/Paris",
}
BOSS = "  - {id: boss, email: {to: [boss@example.org]}, timezone: UTC, fallback: deputy}\n"
DEPUTY = "  - {id: deputy, email: {to: [deputy@example.org]}, timezone: UTC}\n"
ROUTES = "- {match: {topic: talks}, to: [desk]}\n- {match: {severity: high}, to: [desk]}\n"
DEFAULT = "- {default: true, to: [desk, boss]}\n"


def filled(keys: str, defaults: dict[str, str]) -> str:
    """Return `keys` with those of `defaults` that are missing."""
    there = {found[1] for line in keys.splitlines() if (found := re.match(r"\[?([a-z_]+)\]?:", line))}
    return "\n".join((keys, *(line for key, line in defaults.items() if key not in there)))


def item(text: str, indent: str = "  ") -> str:
    """Return `text` as one item of a list."""
    return textwrap.indent(text, indent + "  ").replace(indent + "  ", indent + "- ", 1) + "\n"


def routes_file(recipient: str = "", routes: str = "", tests: str = "") -> str:
    recipient = filled(recipient, RECIPIENT)
    desk = "" if "id: desk" in recipient else item(filled("id: desk", RECIPIENT))
    text = (
        "recipients:\n" + item(recipient) + desk + BOSS + DEPUTY + "routes:\n" + textwrap.indent(routes, "  ")
    )
    return text + (f"tests:\n{textwrap.indent(tests, '  ')}\n" if tests else "")


def tree(scope: str, example: str) -> dict[str, str]:
    """Return a whole tree of files that holds the example and is right otherwise."""
    files = {
        "feeds.yaml": BASE_FEED,
        "lists/base.yaml": LISTS,
        "base/base.yaml": BASE_RULES,
        "routes.yaml": routes_file(routes=ROUTES + DEFAULT),
    }
    own = "defaults: {owner: desk, topic: talks, severity: high}\nrules:\n"
    if scope == "file":
        files["x.yaml"] = example
    elif scope == "lists":
        files["lists/x.yaml"] = example + "\n"
        files["x.yaml"] = own + item(filled("when: {any: [talks, $used_elsewhere]}", RULE))
        files["lists/y.yaml"] = "macros: {used_elsewhere: {any: [parley]}}"
    elif scope == "rule":
        files["x.yaml"] = own + item(filled(example, RULE))
    elif scope == "rule-whole":
        files["x.yaml"] = "rules:\n" + item(example)
    elif scope == "clause":
        files["x.yaml"] = own + item(filled(f"when:\n  any:\n{item(example, '    ')}", RULE))
    elif scope == "feed":
        files["feeds.yaml"] = BASE_FEED + item(filled(example, FEED))
    elif scope == "recipient":
        files["routes.yaml"] = routes_file(example, ROUTES + DEFAULT)
    elif scope == "recipient-whole":
        routes = textwrap.indent(ROUTES + DEFAULT, "  ")
        files["routes.yaml"] = f"recipients:\n{item(example)}{BOSS}{DEPUTY}routes:\n{routes}"
    elif scope == "route":
        files["routes.yaml"] = routes_file(routes=ROUTES + item(example, "") + DEFAULT)
    elif scope == "routes":
        files["routes.yaml"] = routes_file(routes=example)
    elif scope == "routes-tests":
        files["routes.yaml"] = routes_file(routes=ROUTES + DEFAULT, tests=example)
    else:
        raise AssertionError(scope)
    return files


def findings(scope: str, example: str):
    return read_book({path: text.encode() for path, text in tree(scope, example).items()}).diagnostics


RUN = [row for row in CODES.values() if row.scope]


@pytest.mark.parametrize("row", RUN, ids=[row.code for row in RUN])
def test_the_wrong_example_gives_the_code(row):
    found = findings(row.scope, row.wrong)
    assert row.code in {one.code for one in found}, [str(one) for one in found]
    assert all(one.level in row.level for one in found if one.code == row.code)


@pytest.mark.parametrize("row", RUN, ids=[row.code for row in RUN])
def test_the_right_example_is_right(row):
    found = findings(row.scope, row.right)
    assert row.code not in {one.code for one in found}, [str(one) for one in found]
    assert [str(one) for one in found if one.level == "error"] == []


def test_few_are_told_in_words_only():
    assert [row.code for row in CODES.values() if not row.scope] == [
        "file-too-large", "missing-file", "not-utf-8", "too-deep", "too-many-regexes", "bad-template"
    ]  # fmt: skip
