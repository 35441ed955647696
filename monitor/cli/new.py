"""The command `new rule`: a commented draft from headlines, whose tests hold at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.output import diagnostics, fail, note, out
from monitor.directory import find, read_files
from monitor.errors import ConfigurationError
from monitor.rules.load import load_tree
from monitor.rules.scaffold import scaffold
from monitor.rules.testing import run_tests
from monitor.schemas import editor_comment

PACK = "own"
DIR = Annotated[Path, typer.Argument(metavar="[DIR]", help="an installation, or its rules directory")]
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_PACK = re.compile(r"[\w-]+(?:/[\w-]+)*")

new = typer.Typer(help="Writes new files to begin with.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(new, name="new")


@new.callback()
def _group() -> None:
    """Write new files to begin with."""


@new.command("rule")
def new_rule(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="a-z, 0-9 and hyphens; never changes")],
    directory: DIR = Path(),
    title: Annotated[str, typer.Option("--title", help="what messages are headed with")] = "",
    headlines: Annotated[
        list[str] | None,
        typer.Option("--from", metavar="HEADLINE", help="what it has to match; may be repeated"),
    ] = None,
    pack: Annotated[str, typer.Option("--pack", help="the directory in rules/ that it goes to")] = PACK,
) -> None:
    """Write a draft of a rule into a file of its own: condition and tests are proposed from headlines."""
    if not _ID.fullmatch(rule_id):
        raise ConfigurationError(f'"{rule_id}" cannot be an id: a-z and 0-9, with single hyphens between')
    if not _PACK.fullmatch(pack) or pack == "lists":
        raise ConfigurationError(
            f'"{pack}" cannot be the name of a pack: a directory for rules inside rules/'
        )
    rules = find(directory).rules
    name = f"{pack}/{rule_id}.yaml"
    target = rules / name
    files = read_files(rules)
    if target.exists() or name in files:
        raise ConfigurationError(f"{target}: exists already and is not overwritten; choose another id")
    tree = load_tree(files, prefix=f"{rules.as_posix()}/")
    there = next((one for one in tree.rules if rule_id in (one.rule_id, *one.formerly)), None)
    if there is not None or rule_id in tree.left_out:
        where = f" at {there.place}" if there else ""
        raise ConfigurationError(f'the id "{rule_id}" is in use{where}; an id names one rule, for ever')
    draft = scaffold(tree, rule_id, title=title, headlines=headlines or (), schema=editor_comment(name))
    _write(target, draft.text)
    _prove(rules, name, rule_id)
    lists = ", ".join(f"${one}" for one in draft.lists) or "none of the lists"
    out.print(f"[bold]{target}[/] written: a draft that asks for {lists}.", soft_wrap=True)
    out.print("Next:")
    for step in _STEPS:
        out.print(f"  {step.format(directory=directory, id=rule_id)}", markup=False)


_STEPS = (
    "1. Open it: tighten the condition, say in the description what it is for.",
    "2. Add to must_not_match what should not ring, then: monitor test {directory}",
    "3. See what it would have found: monitor backtest {id} {directory}",
    "4. status: shadow to watch it, then status: live with an owner that a route names.",
)


def _write(target: Path, text: str) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigurationError(f"{target}: cannot be written: {error.strerror}") from None


def _prove(rules: Path, name: str, rule_id: str) -> None:
    """Check and test the new file as the user will; what fails is told, not hidden."""
    tree = load_tree(read_files(rules), prefix=f"{rules.as_posix()}/")
    diagnostics(one for one in tree.diagnostics if one.place.file.endswith(f"/{name}"))
    failed = [result for result in run_tests(tree) if result.rule_id == rule_id and not result.passed]
    for result in failed:
        fail(str(result))
    if not failed:
        note("its tests hold")
