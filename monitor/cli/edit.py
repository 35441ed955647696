"""Commands for those who edit rules: init, test, match."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli.output import diagnostics, err, fail, note, out, plural, program
from monitor.cli.tree import print_tree
from monitor.clock import machine_time
from monitor.directory import create, find, read_directory
from monitor.errors import ConfigurationError
from monitor.intake_jsonl import read_items
from monitor.rules.explain import Explainer
from monitor.rules.testing import example_item, run_tests

if TYPE_CHECKING:
    from monitor.models import Evidence
    from monitor.rulebook import RuleBook
    from monitor.rules.testing import TestResult

FINDINGS = 1
MOST_WRONG = 10  # lines of one file that are told one by one
UNREADABLE = 2
MOST_EXPLAINED = 20  # failed tests with their trees: a broken list fails hundreds

DIR = Annotated[Path, typer.Argument(metavar="DIR", help="an installation, or its rules directory")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(init)
    app.command("test")(run_rule_tests)
    app.command()(match)


def init(directory: Annotated[Path, typer.Argument(metavar="DIR", help="new or existing directory")]) -> None:
    """Write the rules, templates and a settings file into DIR; files that exist are left alone."""
    written = create(directory)
    if not written:
        out.print(f"{directory} holds everything already; nothing was written.")
        return
    place = shlex.quote(str(directory))
    out.print(f"[bold]{plural(len(written), 'file')}[/] written to {directory}.")
    out.print(f"Next: edit {directory}/rules/routes.yaml and {directory}/monitor.env, then")
    out.print(f"  {program()} check {place}\n  {program()} run {place}")


def run_rule_tests(directory: DIR = Path()) -> None:
    """Run the tests that stand in the rules (must_match, must_not_match) and the routes."""
    book = read_directory(find(directory))
    diagnostics(book.errors)
    results = run_tests(book.tree, book.feeds)
    failed = [result for result in results if not result.passed]
    for number, result in enumerate(failed):
        out.print(str(result), markup=False)
        if number < MOST_EXPLAINED and result.expectation != "timeline":  # whose detail tells each step
            _print_why(book, result)
    routes = [str(result) for result in book.route_tests() if not result.passed]
    for line in routes:
        out.print(line, markup=False)
    total, wrong = len(results) + len(book.routing.tests), len(failed) + len(routes)
    if failed or routes or book.errors:
        fail(f"{wrong} of {plural(total, 'test')} failed, {plural(len(book.errors), 'error')}")
        raise typer.Exit(UNREADABLE if _nothing_usable(book) else FINDINGS)
    note(f"{plural(total, 'test')} passed")


def _print_why(book: RuleBook, result: TestResult) -> None:
    """Print the tree of a failed test, and the first leaf that differs from what was expected."""
    rule = next(rule for rule in book.tree.rules if rule.rule_id == result.rule_id)
    found = Explainer(book.tree, rule).explain(*example_item(rule, result.example))
    print_tree(found, depth=2)
    if found.fires:
        out.print(
            "    no leaf differs: nothing keeps this item out; narrow a condition, or add to none or except"
        )


def match(
    rules: Annotated[Path, typer.Option("--rules", metavar="DIR", help="an installation or its rules")],
    items: Annotated[Path, typer.Option("--items", metavar="FILE", help="JSON Lines; - for standard input")],
) -> None:
    """Match items from a JSON Lines file: one JSON line a hit, with the evidence.

    A line is an object with "id" and any of "title", "summary", "content", and if known "url", "author",
    "language", "published" and "feed" (an id from feeds.yaml). Texts may hold HTML. The spans of the evidence
    are offsets into the line's own text, and its "text" is what stands there.
    """
    book = read_directory(find(rules))
    for finding in book.errors:
        err.print(str(finding), markup=False)
    if not book.rules:
        fail(f"{rules}: no rule can be used")
        raise typer.Exit(UNREADABLE)
    stream = sys.stdin.buffer if str(items) == "-" else _open(items)
    wrong = 0
    for number, parsed in read_items(stream, machine_time()):
        if isinstance(parsed, str):
            wrong += 1
            if wrong <= MOST_WRONG:
                err.print(f"{items}:{number}: {parsed}", markup=False)
            continue
        if parsed.remark:
            err.print(f"{items}:{number}: {parsed.remark}", markup=False)
        item, feed = parsed.item, parsed.feed
        for found in book.engine.match(item, book.feeds.get(feed)):
            line = {
                "item": item.key,
                "rule": found.rule_id,
                "severity": found.severity.value,
                "evidence": [_evidence(piece) for piece in parsed.quoted(found.evidence)],
            }
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    if wrong:
        fail(f"{plural(wrong, 'line')} of {items} could not be read")
        raise typer.Exit(FINDINGS)


def _evidence(piece: Evidence) -> dict[str, Any]:
    return {
        "field": piece.field, "start": piece.start, "end": piece.end, "text": piece.text, "entry": piece.entry
    }  # fmt: skip


def _open(path: Path) -> Any:  # noqa: ANN401 - a binary stream
    try:
        return path.open("rb")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None


def _nothing_usable(book: RuleBook) -> bool:
    return not book.rules or not book.feeds or not book.routing.routes
