"""The command `fmt`: the files that people edit in one standard form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.output import diagnostics, diff, fail, note, out, plural
from monitor.directory import find, read_files
from monitor.errors import ConfigurationError, RulesUnreadableError
from monitor.rulebook import FEEDS_FILE, ROUTES_FILE, SUFFIXES
from monitor.rules.fmt import format_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from monitor.rules.fmt import Formatted

FINDINGS = 1
PATHS = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATHS]...", help="an installation, its rules directory, or files in it"),
]


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    name: str  # relative to the rules directory
    data: bytes


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command("fmt")(fmt)


def fmt(
    paths: PATHS = None,
    check: Annotated[bool, typer.Option("--check", help="only list the files that would change")] = False,
    show: Annotated[bool, typer.Option("--diff", help="only print what would change, as a diff")] = False,
) -> None:
    """Put rules, lists, feeds and routes into standard form: order of keys, indentation, quotes, blank lines.

    What the files say does not change, and comments stay. Files with errors are left as they are.
    Exit 1 when a file has errors, and with --check or --diff when one would change.
    """
    changed, broken, count = 0, 0, 0
    for file in _files(paths or [Path()]):
        count += 1
        made = format_file(file.name, file.data, shown=file.path.as_posix())
        if made.errors:
            broken += 1
            fail(f"{file.path}: left as it is")
            diagnostics(made.errors)
        elif made.changed:
            changed += 1
            if show:
                diff(file.data, made.data, file.path.as_posix())
            else:
                out.print(file.path.as_posix(), markup=False)
            if not (check or show):
                _write(file.path, made)
    what = "would change" if check or show else "changed"
    note(f"{plural(count, 'file')}: {changed} {what}" + (f", {broken} with errors" if broken else ""))
    raise typer.Exit(FINDINGS if broken or ((check or show) and changed) else 0)


def _files(paths: list[Path]) -> Iterator[_File]:
    """Go through the files that are meant, each once."""
    seen: set[Path] = set()
    for path in paths:
        for file in _inside(path) if path.is_dir() else (_single(path),):
            if file.path.resolve() not in seen:
                seen.add(file.path.resolve())
                yield file


def _inside(path: Path) -> Iterator[_File]:
    root = _root(path) if _root(path) is not None else None
    rules = path if root is not None else find(path).rules
    for name, data in read_files(rules).items():
        full = rules / name
        yield _File(full, full.resolve().relative_to((root or rules).resolve()).as_posix(), data)


def _single(path: Path) -> _File:
    if not path.exists():
        raise ConfigurationError(f"{path}: no such file or directory")
    if path.suffix not in SUFFIXES:
        raise ConfigurationError(f"{path}: is no YAML file (.yaml or .yml)")
    root = _root(path.parent)
    name = path.resolve().relative_to(root.resolve()).as_posix() if root else path.name
    try:
        return _File(path, name, path.read_bytes())
    except OSError as error:
        raise RulesUnreadableError(
            f"{path}: cannot be read: {error.strerror}; check its permissions"
        ) from None


def _root(path: Path) -> Path | None:
    """Return the rules directory that `path` is or lies in, if there is one."""
    full = path.resolve()
    return next(
        (
            one
            for one in (full, *full.parents)
            if (one / FEEDS_FILE).is_file() or (one / ROUTES_FILE).is_file()
        ),
        None,
    )


def _write(path: Path, made: Formatted) -> None:
    try:
        path.write_bytes(made.data)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from None
