"""`monitor show`: a rule as resolved YAML, or as plain English sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from monitor.alerts.wording import shown
from monitor.cli.explain import rule_named
from monitor.cli.output import as_json, out
from monitor.directory import find, read_directory
from monitor.rules.plain import plain
from monitor.rules.written import written

DIR = Annotated[Path, typer.Argument(metavar="DIR", help="an installation, or its rules directory")]


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(show)


def show(
    name: Annotated[str, typer.Argument(metavar="RULE", help="a rule's id")],
    directory: DIR = Path(),
    plainly: Annotated[bool, typer.Option("--plain", help="as English sentences")] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Show RULE as YAML with its file's defaults applied and its lists counted; with --plain in English."""
    book = read_directory(find(directory))
    rule = rule_named(book, name)
    paragraphs = plain(book.tree, rule)
    if json:
        text = written(book.tree, rule)
        as_json({"rule": rule.rule_id, "place": str(rule.place), "yaml": text, "plain": paragraphs})
    elif plainly:
        for number, paragraph in enumerate(paragraphs):
            if number:
                out.print()
            for sentence in paragraph:
                # Sentences are long: broken at the edge of a terminal, whole in a pipe.
                out.print(Text(shown(sentence)), soft_wrap=not out.is_terminal)
    else:
        out.print(f"# {rule.place}", markup=False)
        out.print(written(book.tree, rule), markup=False, end="")
