"""The commands `lists find`, `check` and `expand`: which list holds a word, and what is incomplete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.output import as_json, diff, note, out, plural, table
from monitor.clock import machine_time
from monitor.directory import find as locate
from monitor.directory import read_files
from monitor.document import closest, parse
from monitor.errors import ConfigurationError, RulesUnreadableError
from monitor.feeds.catalog import read_catalog
from monitor.rulebook import FEEDS_FILE
from monitor.rules.country_check import check_countries
from monitor.rules.expand import INFLECTED, inflector, propose, with_forms
from monitor.rules.list_check import check_lists
from monitor.rules.list_find import How, find_word, spellings
from monitor.rules.load import load_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.rules.expand import Proposal
    from monitor.rules.list_find import Found

FINDINGS = 1
NOTHING = 1
DIR = Annotated[Path, typer.Argument(metavar="[DIR]", help="an installation, or its rules directory")]
_MOST_NAMED = 5
_HOW = {
    How.SAME: "so written",
    How.FORM: "in any form",
    How.PART: "in a phrase",
    How.NAME: "only its name",
    How.HIDDEN: "in an except",
}

lists = typer.Typer(
    help="Looks after lists: which one holds a word, what is stale or incomplete, and case forms of names.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(lists, name="lists")


@lists.command()
def find(
    word: Annotated[str, typer.Argument(metavar="WORD", help='a word, or a phrase: "prisoner swap"')],
    directory: DIR = Path(),
    every: Annotated[
        bool, typer.Option("--all", help="longer phrases and exceptions, too, when there is the word itself")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object a place")] = False,
) -> None:
    """Show which lists hold WORD, in which entry, and which lists include them.

    A word of a vocabulary is found in any form. Exit 1 when no list holds it.
    """
    rules = locate(directory).rules
    tree = load_tree(read_files(rules), prefix=f"{rules.as_posix()}/")
    found = find_word(tree, word)
    shown = found if every or json else _nearest(found)
    if json:
        for one in shown:
            where = {"file": one.place.file, "line": one.place.line, "column": one.place.column}
            told = {"list": one.listed, "entry": one.entry, "text": one.text, "how": one.how.name.lower()}
            as_json({**told, "included_in": one.within, **where})
    elif shown:
        columns = ("list", "entry", "word", "", "included in", "where")
        table("Lists", columns, (_row(one) for one in shown))
    if not found:
        hint = closest(word, spellings(tree))
        note(f'no list holds "{word}"' + (f" ({hint})" if hint else ""))
        raise typer.Exit(NOTHING)
    more = len(found) - len(shown)
    rest = f"; {plural(more, 'other place')} in longer phrases and exceptions: --all" if more else ""
    note(f"{plural(len({one.listed for one in shown}), 'list')}{rest}")


def _nearest(found: Sequence[Found]) -> tuple[Found, ...]:
    """Return the places that hold the word itself; all, where none does."""
    return tuple(one for one in found if one.how <= How.FORM) or tuple(found)


def _row(one: Found) -> tuple[str, ...]:
    return one.listed, one.entry, one.text, _HOW[one.how], ", ".join(one.within), str(one.place)


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
    place = locate(directory)
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
    rules = locate(directory).rules
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
