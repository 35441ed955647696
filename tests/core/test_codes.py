"""The table of codes is whole, and each of its examples does what it says."""

from __future__ import annotations

import ast
import re
from datetime import date
from pathlib import Path

import pytest

from monitor.codes import CODES
from monitor.rulebook import read_book
from tests.code_examples import tree

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
    assert set(row.files.split()) <= {"rules", "lists", "feeds", "routes", "templates", "settings"}
    assert row.wrong
    assert row.right
    assert row.wrong != row.right


def test_no_code_is_there_twice():
    from monitor.codes import clauses, every_file, feeds_routes, rules

    rows = [row for part in (every_file, rules, clauses, feeds_routes) for row in part.ROWS]
    assert len(rows) == len(CODES)


# --- the examples --------------------------------------------------------------------------------


def findings(scope: str, example: str):
    files = {path: text.encode() for path, text in tree(scope, example).items()}
    return read_book(files, today=date(2026, 3, 12)).diagnostics


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
        "file-too-large", "missing-file",
        "no-standard-form", "not-utf-8", "too-deep", "missing-forms", "too-many-regexes", "bad-template",
        "bad-setting",
    ]  # fmt: skip
