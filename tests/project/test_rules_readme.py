"""The examples in `rules/README.md` are run, and its tables name what the program reads."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from monitor.alerts.route_tests import run_route_tests
from monitor.alerts.routes_file import read_routes
from monitor.reference import TABLES, with_tables
from monitor.rules.engine import compile_tree
from monitor.rules.load import load_tree
from monitor.rules.schema import RULE_KEYS, WHERE_KEYS
from monitor.rules.testing import run_tests

ROOT = Path(__file__).parents[2]
README = (ROOT / "rules" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
FILES = {found[1]: block for block in BLOCKS if (found := re.match(r"# (\S+\.yaml)\n", block))}
ROUTES = re.findall(r"```yaml routes\n(.*?)```", README, re.DOTALL)
FRAGMENTS = [block for block in BLOCKS if block not in FILES.values()]


def test_the_files_load_together_and_pass_their_tests():
    assert len(FILES) >= 4
    tree = load_tree({path: text.encode() for path, text in FILES.items()})
    assert [str(one) for one in tree.diagnostics if one.code != "unused"] == []
    results = run_tests(tree)
    assert [str(one) for one in results if not one.passed] == []
    assert {one.rule_id for one in results} == {rule.rule_id for rule in tree.rules}
    compile_tree(tree)


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_the_clauses_are_read(fragment):
    source = (
        "rules:\n  - id: one\n    title: One\n    severity: low\n    status: draft\n    when:\n      any:\n"
    )
    tree = load_tree({"x.yaml": (source + textwrap.indent(fragment, " " * 8)).encode()})
    assert [str(one) for one in tree.errors] == []


@pytest.mark.parametrize("text", [FILES["routes.yaml"], *ROUTES])
def test_the_routes_are_read_and_pass_their_own_tests(text):
    routing, findings = read_routes("routes.yaml", text.encode())
    assert [str(one) for one in findings] == []
    tree = load_tree({path: file.encode() for path, file in FILES.items()})
    results = run_route_tests(routing, compile_tree(tree).rule_infos.values())
    assert results
    assert [(one.where, one.recipient_id, one.expected, one.got) for one in results if not one.passed] == []


def test_every_key_is_documented():
    assert [key for key in (*RULE_KEYS, *WHERE_KEYS) if f"`{key}`" not in README] == []


def test_its_tables_are_those_of_the_program():
    assert set(re.findall(r"<!-- table: ([a-z-]+),", README)) == set(TABLES)
    assert with_tables(README) == README, "run `make docs`"


REPORT = re.compile(
    r"""(?:\.error|\.warning|_report|_stop)\((?:[^"()]|\([^()]*\))*?"([a-z0-9]+(?:-[a-z0-9]+)*)\""""
    r"""|"error", "([a-z-]+)\""""
)


def test_every_message_code_is_in_the_table_and_nothing_else():
    table = README.partition("## Messages of")[2]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("|")]
    documented = {code for cell in rows for code in re.findall(r"`([a-z0-9-]+)`", cell)}
    reported = set()
    for package in ("rules", "document"):
        for path in (ROOT / "monitor" / package).glob("*.py"):
            reported |= {one or other for one, other in REPORT.findall(path.read_text(encoding="utf-8"))}
    assert documented == reported - {"warning"}
