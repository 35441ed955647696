"""What commands print: tables and colour in a terminal, plain text when piped."""

from __future__ import annotations

import difflib
import json
import shlex
import sys
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from monitor.document import Diagnostic

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str) -> None:
    """Print one line to standard error: what, where, what to do."""
    err.print(f"[bold red]monitor:[/] {escape(message)}")


def note(message: str) -> None:
    """Print one line to standard error that is no failure."""
    err.print(f"[dim]{escape(message)}[/]")


def as_json(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Print one JSON value as one line, for programs."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    colours: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Print rows under a title: a ruled table in a terminal, aligned columns with headings when piped.

    `colours` are those of whole cells by their text, for terminals.
    """
    if not out.is_terminal:
        lines = [
            tuple(" ".join(cell.split()) for cell in row)
            for row in ((columns,) if any(columns) else ()) + tuple(rows)
        ]
        widths = [max(map(len, column)) for column in zip_longest(*lines, fillvalue="")]
        if title:
            sys.stdout.write(f"\n{title}\n")
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=False))
            sys.stdout.write("  " + "  ".join(cells).rstrip() + "\n")
        return
    grid = Table(title=title, title_justify="left", title_style="bold", header_style="bold dim", expand=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell, colours[cell]) if cell in colours else escape(cell) for cell in row))
    out.print(grid)


def diagnostics(findings: Iterable[Diagnostic]) -> None:
    """Print findings as `file:line:column: error[code]: text (hint)`, one a line."""
    colours = {"error": "bold red", "warning": "yellow"}
    for finding in findings:
        if not out.is_terminal:
            sys.stdout.write(f"{finding}\n")
            continue
        place, _, rest = str(finding).partition(f": {finding.level}")
        out.print(f"[bold]{escape(place)}[/]: [{colours[finding.level]}]{finding.level}[/]{escape(rest)}")


def diff(before: bytes, after: bytes, name: str) -> None:
    """Print how two versions of a file differ, in colours in a terminal; nothing when they are equal."""
    one, other = (data.decode("utf-8-sig").splitlines(keepends=True) for data in (before, after))
    lines = difflib.unified_diff(one, other, fromfile=name, tofile=name)
    if not out.is_terminal:
        sys.stdout.writelines(lines)
        return
    for line in lines:
        out.print(line, end="", markup=False, style={"+": "green", "-": "red", "@": "cyan"}.get(line[0], ""))


def program() -> str:
    """Return how this command was called, as people would type it again."""
    called = Path(sys.argv[0])
    return "python -m monitor" if called.name == "__main__.py" else shlex.quote(str(called))


def plural(count: int, one: str, many: str = "") -> str:
    """Return "1 feed" or "3 feeds"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def ago(now: datetime, then: datetime | None) -> str:
    """Return how long ago `then` was, in words; "never" for None."""
    if then is None:
        return "never"
    minutes = int((now - then).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 120:  # noqa: PLR2004 - two hours are better read in minutes
        return f"{minutes} min ago"
    hours = minutes // 60
    return f"{hours} h ago" if hours < 48 else f"{hours // 24} days ago"  # noqa: PLR2004 - likewise two days in hours
