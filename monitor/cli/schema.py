"""The command `schema`: JSON Schemas with which editors complete and check the files of an installation."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - typer reads it in signatures
from typing import Annotated

import typer

from monitor.cli.output import note, out, plural
from monitor.directory import find, write_schemas
from monitor.document import closest
from monitor.errors import ConfigurationError
from monitor.schemas import DIRECTORY, SCHEMAS, editor_comment, schema_text

_KINDS = ", ".join(SCHEMAS)
# A file of each kind and depth: what to write into new files is told after writing the schemas.
_FILES = ("feeds.yaml", "routes.yaml", "lists/people.yaml", "talks/visits.yaml")


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(schema)


def schema(
    kind: Annotated[str, typer.Argument(metavar="[KIND]", help=f"one of {_KINDS}; without it rules")] = "",
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="DIR", help=f"write all into {DIRECTORY}/ of this installation"),
    ] = None,
) -> None:
    """Print a JSON Schema (2020-12), or write them all where the files' first lines look for them.

    Editors with the YAML language server then complete keys, show what each means and mark mistakes.
    """
    if kind and kind not in SCHEMAS:
        hint = closest(kind, SCHEMAS) or f"one of {_KINDS}"
        raise ConfigurationError(f'there is no schema of "{kind}" ({hint})')
    if write is None:
        sys.stdout.write(schema_text(kind or "rules"))
        return
    directory = find(write)
    written = write_schemas(directory.path, (kind,) if kind else tuple(SCHEMAS))
    note(f"{plural(len(written), 'schema')} written to {directory.path / DIRECTORY}; others were up to date")
    out.print("New files begin with the line for their place:")
    for file in _FILES:
        out.print(f"  rules/{file}: {editor_comment(file)}", markup=False)
