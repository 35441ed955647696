"""The command `check`: everything that is wrong with the files that people edit, in one run."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from monitor.app import joining
from monitor.channels.samples import VIEWS
from monitor.cli.output import fail, note, out, plural, table
from monitor.cli.report_formats import RENDERERS, Format, Report, as_terminal
from monitor.clock import machine_time
from monitor.codes import CODES
from monitor.directory import Directory, find, read_files
from monitor.document import Diagnostic, Place, closest
from monitor.errors import ConfigurationError, RenderError, RulesUnreadableError
from monitor.rendering import Templates
from monitor.rulebook import FEEDS_FILE, ROUTES_FILE, SUFFIXES, read_book
from monitor.settings import ENV_FILE, load
from monitor.shipped import shipped

if TYPE_CHECKING:
    from monitor.codes import Code
    from monitor.rulebook import RuleBook

FINDINGS: Final = 1
UNREADABLE: Final = 2

PATHS = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATHS]...", help="an installation, its rules directory, or files and directories in it"
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(check)


def check(
    paths: PATHS = None,
    format: Annotated[Format, typer.Option("--format", help="how findings are written")] = Format.TEXT,  # noqa: A002 - the option's name
    strict: Annotated[bool, typer.Option("--strict", help="warnings count as errors")] = False,
    explain: Annotated[str, typer.Option("--explain", metavar="CODE", help="tell what a code means")] = "",
    codes: Annotated[bool, typer.Option("--codes", help="list all codes")] = False,
) -> None:
    """Check all files that are edited: feeds, lists, rules, routes, templates.

    Given single files, only their findings are shown, but the whole tree is read so that names resolve.
    Exit 0: all is well; 1: findings; 2: nothing can be used or read; 3: usage.
    """
    if explain or codes:
        _explain(explain, format) if explain else _list_codes(format)
        return
    trees = [_look(tree) for tree in _trees(paths or [Path()])]
    report = _joined([report for report, _ in trees], strict=strict)
    if format is Format.TEXT and out.is_terminal:
        out.print(as_terminal(report, out.width), end="")
    else:
        write(RENDERERS[format](report))
    if format in (Format.TEXT, Format.GITHUB):
        _summarize(report)
    unusable = report.errors > 0 and any(unusable for _, unusable in trees)
    raise typer.Exit(UNREADABLE if unusable else FINDINGS if report.failed else 0)


def write(text: str) -> None:
    """Write to standard output whatever its encoding: names of files may be no text at all."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


# --- what is asked about ---------------------------------------------------------------------------


@dataclass(slots=True)
class _Tree:
    """Files that are read together, and those of them that are asked about."""

    directory: Directory | None  # None: a file on its own, with no tree around it
    whole: bool = False
    wanted: list[Path] = field(default_factory=list)  # absolute: files, or directories with all in them
    relative: bool = True  # show names relative to the working directory, as they were typed


def _trees(paths: list[Path]) -> list[_Tree]:
    """Return the trees to read for `paths`, each once.

    Raises:
        ConfigurationError: a path does not exist, or is nothing that is checked.
    """
    trees: dict[Path, _Tree] = {}
    for path in paths:
        if not path.exists():
            raise ConfigurationError(f"{path}: no such file or directory")
        directory, whole = _tree_of(path)
        wanted = _absolute(path)
        if directory is None and path.suffix not in SUFFIXES:
            raise ConfigurationError(f"{path}: is no YAML file (.yaml or .yml) and no template")
        key = wanted if directory is None else _absolute(directory.rules)
        tree = trees.setdefault(key, _Tree(directory, relative=not path.is_absolute()))
        tree.whole |= whole
        tree.wanted.append(wanted)
    return list(trees.values())


def _tree_of(path: Path) -> tuple[Directory | None, bool]:
    """Return the installation that `path` is or lies in, and whether all of it is meant."""
    if path.is_dir() and ((path / "rules").is_dir() or _is_root(path)):
        return find(path), True
    for parent in _absolute(path).parents:
        if _is_root(parent) or (parent / "rules" / FEEDS_FILE).is_file():
            return find(_as_typed(parent, relative=not path.is_absolute())), False
    return (find(path), True) if path.is_dir() else (None, False)


def _is_root(path: Path) -> bool:
    """Tell whether `path` is a directory of rules, and not one somewhere inside it."""
    return (path / FEEDS_FILE).is_file() or (path / ROUTES_FILE).is_file()


def _absolute(path: Path) -> Path:
    # Not `resolve`: a file is named by the path that leads to it, also through a link.
    return Path(os.path.abspath(path))  # noqa: PTH100 - `absolute` keeps "..", whose parents are wrong


def _as_typed(path: Path, *, relative: bool) -> Path:
    return Path(os.path.relpath(path)) if relative else path


# --- what is found ---------------------------------------------------------------------------------


def _look(tree: _Tree) -> tuple[Report, bool]:
    """Read one tree; return what was found in what is asked about, and whether nothing can be used."""
    directory = tree.directory
    root = tree.wanted[0].parent if directory is None else directory.rules
    prefix = root if directory else _as_typed(root, relative=tree.relative)
    files = read_files(root) if directory else {tree.wanted[0].name: _read(tree.wanted[0])}
    before = "" if prefix == Path() else f"{prefix.as_posix()}/"
    book = read_book(files, prefix=before, today=machine_time().date())
    findings = [*book.diagnostics]
    if directory and (tree.whole or any(_in_templates(directory, path) for path in tree.wanted)):
        findings += _template_findings(directory)
    if directory and tree.whole:
        findings += _setting_findings(directory)
    sources = {(prefix / name).as_posix(): data for name, data in files.items()}
    asked = {name for name in (*sources, *(one.place.file for one in findings)) if _is_asked(tree, name)}
    if not tree.whole:
        _refuse_unread(tree, asked)
    shown = tuple(_as_asked(tree, one) for one in findings if one.place.file in asked)
    named = {_name(tree, name): data for name, data in sources.items() if name in asked}
    report = Report(
        findings=shown,
        files=tuple(named),
        sources={name: data.decode("utf-8-sig", "replace") for name, data in named.items()},
        rules=len(book.rules),
        feeds=len(book.feeds),
        recipients=len(book.routing.recipients),
        left_out=book.tree.left_out,
        elsewhere=len(findings) - len(shown) if directory else 0,
    )
    return report, _unusable(book) if tree.whole else directory is None and _holds_nothing(book)


def _name(tree: _Tree, file: str) -> str:
    """Return the name of a file as people would type it where they are."""
    return _as_typed(Path(file), relative=tree.relative).as_posix()


def _as_asked(tree: _Tree, finding: Diagnostic) -> Diagnostic:
    return replace(finding, place=replace(finding.place, file=_name(tree, finding.place.file)))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RulesUnreadableError(
            f"{path}: cannot be read: {error.strerror}; check its permissions"
        ) from None


def _is_asked(tree: _Tree, name: str) -> bool:
    if tree.whole:
        return True
    path = _absolute(Path(name))
    return any(path == wanted or wanted in path.parents for wanted in tree.wanted)


def _in_templates(directory: Directory, path: Path) -> bool:
    return directory.templates is not None and path.is_relative_to(_absolute(directory.templates))


def _refuse_unread(tree: _Tree, asked: set[str]) -> None:
    """Refuse to say that all is well with a file that was not read at all."""
    read = [_absolute(Path(name)) for name in asked]
    for wanted in tree.wanted:
        if tree.directory is not None and _in_templates(tree.directory, wanted):
            continue
        if not any(path == wanted or wanted in path.parents for path in read):
            shown = _as_typed(wanted, relative=tree.relative)
            why = "only .yaml and .yml files whose names do not begin with a dot are read"
            raise ConfigurationError(f"{shown}: is no part of the rules; {why}")


_TEMPLATE: Final = re.compile(r"template (\S+?)(?:, line (\d+))?: (.+?)(?:; (.+))?", re.DOTALL)


def _template_findings(directory: Directory) -> list[Diagnostic]:
    own = directory.templates or shipped("templates")
    try:
        problems = Templates(directory).problems(*VIEWS)
    except RenderError as error:  # a file that is no text
        problems = (str(error),)
    return [_template_finding(own, problem) for problem in problems]


def _template_finding(own: Path, problem: str) -> Diagnostic:
    found = _TEMPLATE.fullmatch(problem)
    if found is None:
        return _bad_template(Place(own.as_posix(), 1, 1), problem)
    name, line, text, hint = found.groups()
    file = own / name if (own / name).is_file() else shipped("templates") / name
    return _bad_template(Place(file.as_posix(), int(line or 1), 1), f"template {name}: {text}", hint or "")


def _bad_template(place: Place, text: str, hint: str = "") -> Diagnostic:
    return Diagnostic(place, "error", "bad-template", text, hint)


def _setting_findings(directory: Directory) -> list[Diagnostic]:
    """Return what is wrong with the settings: the daemon would not start."""
    try:
        settings, _ = load(directory.path)
        joining(directory, settings)
    except ConfigurationError as error:
        place = Place((directory.path / ENV_FILE).as_posix(), 1, 1)
        return [Diagnostic(place, "error", "bad-setting", str(error))]
    return []


def _unusable(book: RuleBook) -> bool:
    return not book.rules or not book.feeds or not book.routing.routes


def _holds_nothing(book: RuleBook) -> bool:
    return not (book.tree.rules or book.tree.lists or book.tree.macros)


# --- what is told ----------------------------------------------------------------------------------


def _joined(reports: list[Report], *, strict: bool) -> Report:
    joined = replace(reports[0], strict=strict, base=str(Path.cwd()))
    for report in reports[1:]:
        joined = replace(
            joined,
            findings=joined.findings + report.findings,
            files=joined.files + report.files,
            sources={**joined.sources, **report.sources},
            rules=joined.rules + report.rules,
            feeds=joined.feeds + report.feeds,
            recipients=joined.recipients + report.recipients,
            left_out=joined.left_out + report.left_out,
            elsewhere=joined.elsewhere + report.elsewhere,
        )
    return joined


def _summarize(report: Report) -> None:
    """Tell the numbers on standard error."""
    facts = f"{plural(report.rules, 'rule')}, {plural(report.feeds, 'feed')}"
    if report.elsewhere:
        note(f"{plural(report.elsewhere, 'finding')} in other files not shown; give the directory to see all")
    if report.errors:
        fail(f"{plural(report.errors, 'error')}, {plural(report.warnings, 'warning')} ({facts} can be used)")
        codes = " ".join(dict.fromkeys(finding.code for finding in report.findings))
        note(f"`monitor check --explain CODE` tells more: {codes}")
        return
    note(
        f"{facts}, {plural(report.recipients, 'recipient')}: no errors, {plural(report.warnings, 'warning')}"
    )


_PARTS: Final = {
    "file": "a file",
    "lists": "a file of lists",
    "rule": "a rule",
    "rule-whole": "a rule",
    "clause": "a condition",
    "feed": "a feed",
    "recipient": "a recipient",
    "recipient-whole": "a recipient",
    "route": "a route",
    "routes": "the routes",
    "routes-tests": "the tests of the routes",
}


def _explain(code: str, format: Format) -> None:  # noqa: A002 - as the option
    row = CODES.get(code.strip().removeprefix("error").removeprefix("warning").strip("[]: "))
    if row is None:
        hint = closest(code, CODES) or "`monitor check --codes` lists all"
        raise ConfigurationError(f'there is no code "{code}" ({hint})')
    write(json.dumps(asdict(row), ensure_ascii=False) + "\n" if format is Format.JSON else explanation(row))


def explanation(row: Code) -> str:
    """Return what a code means, with an example and how it is mended."""
    where = f"in {part}" if (part := _PARTS.get(row.scope)) else "for example"
    lines = [
        f"{row.code} ({row.level} in {', '.join(row.files.split())})",
        "",
        f"  {row.meaning}",
        "",
        f"  Wrong, {where}:",
        *(f"    {line}" for line in row.wrong.splitlines()),
        "",
        "  Right:",
        *(f"    {line}" for line in row.right.splitlines()),
    ]
    return "\n".join(lines) + "\n"


def _list_codes(format: Format) -> None:  # noqa: A002 - as the option
    rows = sorted(CODES.values(), key=lambda row: row.code)
    if format is Format.JSON:
        write(json.dumps([asdict(row) for row in rows], ensure_ascii=False) + "\n")
        return
    cells = [(row.code, row.level, row.files, row.meaning) for row in rows]
    if out.is_terminal:
        table("Codes", ("code", "level", "files", "meaning"), cells)
    else:  # one a line for `grep`
        write("".join("\t".join(line) + "\n" for line in cells))
