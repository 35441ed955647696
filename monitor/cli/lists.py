"""The commands `lists check` and `lists expand`: keeping lists of names complete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.output import as_json, diff, note, out, plural, table
from monitor.clock import machine_time
from monitor.directory import find, read_files
from monitor.document import closest, parse
from monitor.errors import ConfigurationError, RulesUnreadableError
from monitor.feeds.catalog import read_catalog
from monitor.rulebook import FEEDS_FILE
from monitor.rules.country_check import check_countries
from monitor.rules.expand import INFLECTED, inflector, propose, with_forms
from monitor.rules.list_check import check_lists
from monitor.rules.load import load_tree

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.rules.expand import Proposal

FINDINGS = 1
DIR = Annotated[Path, typer.Argument(metavar="[DIR]", help="an installation, or its rules directory")]
_MOST_NAMED = 5

lists = typer.Typer(
    help="Looks after lists: what is stale or incomplete, and case forms of names.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(lists, name="lists")


@lists.command()
def check(
    directory: DIR = Path(),
    json: Annotated[bool, typer.Option("--json", help="print one JSON object a finding")] = False,
    countries: Annotated[
        Path | None, typer.Option(metavar="FILE", help="compare with this table of country codes, too")
    ] = None,
) -> None:
    """Show what is stale or incomplete: lists and terms of office, missing forms, doubles, collisions.

    Exit 1 with findings. Much of it may be meant: nothing here keeps a rule from working.
    """
    place = find(directory)
    files = read_files(place.rules)
    tree = load_tree(files, prefix=f"{place.rules.as_posix()}/")
    feeds, _ = read_catalog(FEEDS_FILE, files.get(FEEDS_FILE, b""))
    found = check_lists(tree, {feed.language for feed in feeds if feed.language}, machine_time().date())
    if countries is not None:
        found += check_countries(tree, _table(countries), countries.as_posix())
    if json:
        for one in found:
            where = {"file": one.place.file, "line": one.place.line, "column": one.place.column}
            as_json({"what": one.what, "list": one.listed, "entry": one.entry, "text": one.text, **where})
    else:
        rows = ((one.what, one.listed, one.entry, one.text, str(one.place)) for one in found)
        table("Lists", ("what", "list", "entry", "", "where"), rows)
    note(f"{plural(len(tree.lists), 'list')}: {plural(len(found), 'finding')}")
    raise typer.Exit(FINDINGS if found else 0)


@lists.command()
def expand(
    name: Annotated[str, typer.Argument(metavar="LIST", help="the name of a list of names")],
    directory: DIR = Path(),
    language: Annotated[
        str, typer.Option("--language", metavar="LANGUAGES", help="of ru, uk and ar, with commas")
    ] = ",".join(INFLECTED),
    write: Annotated[bool, typer.Option("--write", help="edit the file instead of printing a diff")] = False,
) -> None:
    """Propose case forms for the names in LIST, made of the spellings that stand in its `forms`.

    The forms are proposals of a dictionary: read them before you keep them.
    """
    rules = find(directory).rules
    files = read_files(rules)
    tree = load_tree(files)
    listed = tree.lists.get(name.removeprefix("$"))
    if listed is None:
        hint = closest(name, tree.lists) or "`monitor lists check` reads all lists"
        raise ConfigurationError(f'there is no list "{name}" ({hint})')
    if listed.kind == "vocabulary":
        raise ConfigurationError(f"{listed.name} is a vocabulary: its words match in every form already")
    wanted = dict.fromkeys(part.strip() for part in language.split(",") if part.strip())
    proposals = propose(listed, {one: inflector(one) for one in wanted})
    file = listed.place.file
    before = files[file]
    if any(one.level == "error" for one in parse(file, before)[1]):
        raise RulesUnreadableError(f"{rules / file}: has errors; `monitor check` tells them")
    after = with_forms(file, before, listed.name, proposals)
    _tell(proposals)
    if not any(one.forms for one in proposals) or after == before:
        note(f"{listed.name}: no new forms")
        return
    if not write:
        diff(before, after, (rules / file).as_posix())
        note("`--write` edits the file")
        return
    try:
        (rules / file).write_bytes(after)
    except OSError as error:
        raise ConfigurationError(f"{rules / file}: cannot be written: {error.strerror}") from None
    many = sum(len(one.forms) for one in proposals)
    out.print(
        f"{plural(many, 'form')} written to {rules / file}. Read them, then: monitor check, monitor test"
    )


def _table(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"{file}: cannot be read: {reason}") from None


def _tell(proposals: Iterable[Proposal]) -> None:
    """Say for whom nothing could be proposed, a line a reason."""
    reasons: dict[str, list[str]] = {}
    for one in proposals:
        if one.reason:
            reasons.setdefault(one.reason, []).append(one.entry)
    for reason, entries in reasons.items():
        more = f" and {len(entries) - _MOST_NAMED} more" if len(entries) > _MOST_NAMED else ""
        note(f"{reason}: {', '.join(entries[:_MOST_NAMED])}{more}")
