"""The command `backtest`: what the rules would have found in past items, and whom that would have told."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from monitor.app import joining, open_storage
from monitor.backtest import compare, revision
from monitor.backtest.archive import Archive
from monitor.backtest.books import read_trial, sendable
from monitor.backtest.items import Lines, stored_items
from monitor.backtest.parallel import Plan, evaluate
from monitor.backtest.replay import replay
from monitor.backtest.report import difference_dict, figures_dict, period_dict, recipients_dict
from monitor.backtest.run import Tally, figures, recipient_figures
from monitor.cli.backtest_print import print_comparison, print_figures
from monitor.cli.output import as_json, err, fail, plural
from monitor.clock import machine_time
from monitor.directory import find, read_files
from monitor.errors import ConfigurationError, RulesUnreadableError
from monitor.logs import configure
from monitor.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.backtest.compare import RuleDifference
    from monitor.backtest.run import Found, Hit, RecipientFigures
    from monitor.directory import Directory
    from monitor.models import Item
    from monitor.rulebook import RuleBook
    from monitor.stories.linking import Joining

FINDINGS = 1
DAYS = 30
ALL_ITEMS = 10_000_000  # more than a store keeps
FEW = 2000  # items that one process is done with before a second one is ready
MOST_PROCESSES = 8
MOST_WRONG_SHOWN = 20

Json = Annotated[bool, typer.Option("--json", help="print one JSON object")]
Processes = Annotated[
    int, typer.Option("--processes", metavar="N", min=0, max=64, help="0 = one for each processor")
]
Samples = Annotated[
    int | None,
    typer.Option("--samples", metavar="N", min=0, max=1000, help="hits to show of each rule"),
]


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(backtest)


def backtest(
    rule: Annotated[
        str | None,
        typer.Argument(metavar="[RULE]", help="one rule, which may be a draft; default: all live rules"),
    ] = None,
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="an installation, or its rules directory")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help=f"of the stored archive, up to now; default: {DAYS}")
    ] = None,
    items: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="instead: JSON Lines, perhaps .gz; may be given several times"),
    ] = None,
    against: Annotated[
        str,
        typer.Option(metavar="REV", help="show only what differs from a git revision or another directory"),
    ] = "",
    json: Json = False,
    samples: Samples = None,
    processes: Processes = 0,
) -> None:
    """Try rules on past items: hits, stories, messages for each recipient, the noisiest terms, samples."""
    rule_id, path = _which(rule, directory)
    place = find(path)
    if items and days is not None:
        raise ConfigurationError("--days chooses from the stored archive; a file of --items is read whole")
    now = read_side(place, rule_id)
    before = _earlier(place, against, rule_id) if against else None
    source = FileItems(items, now) if items else stored(place, timedelta(days=days or DAYS))
    if before is None:
        shown = samples if samples is not None else (5 if rule_id else 1)
        _alone(now, source, how_items_join(place), processes=processes, samples=shown, json=json)
    else:
        name = f"in {against}" if Path(against).is_dir() else f"at {against}"
        trial = Comparison(before, now, name, how_items_join(place))
        trial.run(source, processes=processes, samples=3 if samples is None else samples)
        if json:
            as_json({"against": against, **trial.as_dict(), "wrong_lines": source.wrong})
        else:
            print_comparison(trial)
    source.finish()


def _which(rule: str | None, directory: Path | None) -> tuple[str, Path]:
    """Tell a rule's id from a directory: a single argument may be either."""
    if directory is None and rule is not None and (Path(rule).is_dir() or os.sep in rule):
        return "", Path(rule)
    return rule or "", directory or Path()


def read_side(place: Directory, rule_id: str = "") -> RuleBook:
    """Read the rules of a directory, and tell their errors.

    Raises:
        MonitorError: no rule can be tried.
    """
    book = read_trial(read_files(place.rules), prefix=f"{place.rules.as_posix()}/", only=rule_id)
    for finding in book.errors:
        err.print(str(finding), markup=False)
    if not book.tree.rules:
        raise RulesUnreadableError(
            f"{place.rules}: no live rule can be used; `monitor check` shows the errors"
        )
    return book


def how_items_join(place: Directory) -> Joining:
    """Return how items join stories in an installation, by its settings."""
    settings, _ = load(place.path)
    return joining(place, settings)


def _earlier(place: Directory, against: str, rule_id: str) -> RuleBook:
    """Read the rules to compare with: another directory's, or this one's at a git revision."""
    other = Path(against)
    files = read_files(find(other).rules) if other.is_dir() else revision.files_at(place.rules, against)
    try:
        return read_trial(files, only=rule_id)
    except (ConfigurationError, RulesUnreadableError):
        if not rule_id:
            raise
        return read_trial({})  # the rule is new since then


# --- items ----------------------------------------------------------------------------------------


class ItemSource(Protocol):
    """Items, and how far they were read."""

    @property
    def total(self) -> int:
        """Return how much there is to be done."""

    def __iter__(self) -> Iterator[Item]:
        """Yield the items."""

    def done(self, items: int, /) -> int:
        """Return how much is done after so many items."""


@dataclass(slots=True)
class StoredItems:
    """Items of the store."""

    items: Sequence[Item]
    wrong: int = 0

    @property
    def total(self) -> int:
        """Return how much there is to be done."""
        return len(self.items)

    def __iter__(self) -> Iterator[Item]:
        """Yield the items."""
        return iter(self.items)

    def done(self, items: int) -> int:
        """Return how much is done after so many items."""
        return items

    def finish(self) -> None:
        """Do nothing: what is stored was right."""


class FileItems:
    """Items of files; lines that are wrong are told by number and passed over."""

    def __init__(self, paths: Sequence[Path], book: RuleBook) -> None:
        """Open the files."""
        self._archives = [Archive(path) for path in paths]
        self._lines = Lines(book.feeds, machine_time())
        self.total = sum(archive.size for archive in self._archives)
        self.wrong = 0

    def __iter__(self) -> Iterator[Item]:
        """Yield the items of all files."""
        for archive in self._archives:
            for number, item in self._lines.read(archive.lines()):
                if isinstance(item, str):
                    self._tell(archive.path, number, item)
                else:
                    yield item

    def done(self, _: int) -> int:
        """Return how many bytes were read."""
        return sum(archive.done() for archive in self._archives)

    def finish(self) -> None:
        """End with a finding if lines could not be read."""
        if self.wrong:
            fail(f"{plural(self.wrong, 'line')} could not be read and went uncounted")
            raise typer.Exit(FINDINGS)

    def _tell(self, path: Path, number: int, what: str) -> None:
        self.wrong += 1
        if self.wrong <= MOST_WRONG_SHOWN:
            err.print(f"{path}:{number}: {what}", markup=False)
        elif self.wrong == MOST_WRONG_SHOWN + 1:
            err.print("further wrong lines are only counted")


def stored(place: Directory, span: timedelta) -> StoredItems:
    """Return the stored items of the last `span`.

    Raises:
        MonitorError: the store cannot be used, or holds none.
    """
    settings, _ = load(place.path)
    configure(settings.log_format, "error")
    since = machine_time() - span

    async def read() -> StoredItems:
        async with open_storage(settings.database(place.path)) as storage:
            items = await storage.items(since=since, limit=ALL_ITEMS)
            return StoredItems(stored_items(items, await storage.feed_states(), since))

    found = asyncio.run(read())
    if not found.items:
        raise ConfigurationError(
            f"{place.path}: the store holds no items of the last {plural(span.days, 'day')};"
            " let the monitor run, ask for more --days, or give --items FILE"
        )
    return found


# --- running --------------------------------------------------------------------------------------


def evaluated(source: ItemSource, plan: Plan, tally: Tally, processes: int) -> list[Found]:
    """Evaluate the rules over all items, with a progress bar in a terminal."""
    configure("console", "error")
    with _progress() as progress:
        task = progress.add_task("matching", total=source.total)
        done = 0

        def told(count: int) -> None:
            nonlocal done
            done += count
            progress.update(task, completed=source.done(done))

        found = evaluate(
            tally.passing(source),
            plan,
            processes=processes or min(MOST_PROCESSES, len(os.sched_getaffinity(0))),
            few=0 if processes else FEW,
            told=told,
        )
    if not tally.items:
        raise ConfigurationError("there are no items to try the rules on; a line of --items holds one object")
    return found


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def _alone(
    book: RuleBook, source: StoredItems | FileItems, how: Joining, *, processes: int, samples: int, json: bool
) -> None:
    tally = Tally()
    plan = Plan((sendable(book.tree, book.tree.rules),), (dict(book.feeds),))
    hits = compare.hits_of(evaluated(source, plan, tally, processes))
    replayed = asyncio.run(replay(hits, book, joining=how))
    result = figures(
        tally,
        hits,
        [rule.rule_id for rule in book.tree.rules if rule.when is not None],
        replayed.stories,
        replayed.heard,
        [recipient.recipient_id for recipient in book.routing.recipients],
        samples,
    )
    if json:
        as_json({**figures_dict(result), "wrong_lines": source.wrong})
    else:
        print_figures(result, book)


@dataclass(slots=True)
class Comparison:
    """Two versions of the rules over the same items."""

    before: RuleBook
    now: RuleBook
    how: Joining  # how items join stories, in both
    name: str  # of the earlier version, for people: "at HEAD~1"
    tally: Tally
    rules: tuple[RuleDifference, ...]
    recipients: tuple[tuple[RecipientFigures, ...], tuple[RecipientFigures, ...]]

    def __init__(self, before: RuleBook, now: RuleBook, name: str, how: Joining) -> None:
        """Keep the two versions."""
        self.how = how
        self.before, self.now, self.name = before, now, name
        self.tally, self.rules, self.recipients = Tally(), (), ((), ())

    def run(self, source: StoredItems | FileItems, *, processes: int, samples: int) -> None:
        """Evaluate both versions; the earlier one only where it may differ."""
        again = compare.to_evaluate(self.before, self.now)
        plan = Plan(
            (sendable(self.now.tree, self.now.tree.rules), sendable(self.before.tree, again)),
            (dict(self.now.feeds), dict(self.before.feeds)),
        )
        found = evaluated(source, plan, self.tally, processes)
        now, before = compare.hits_of(found), compare.earlier_hits(found, self.before, again)
        self.rules = compare.differences(before, now, (self.before, self.now), samples)
        self.recipients = (_told(before, self.before, self.how), _told(now, self.now, self.how))

    def as_dict(self) -> dict[str, object]:
        """Return the differences as JSON values."""
        return {
            **period_dict(self.tally.days),
            "items": self.tally.items,
            "rules": [difference_dict(one) for one in self.rules],
            "recipients": recipients_dict(*self.recipients),
        }


def _told(hits: Sequence[Hit], book: RuleBook, how: Joining) -> tuple[RecipientFigures, ...]:
    heard = asyncio.run(replay(hits, book, joining=how)).heard
    return recipient_figures(heard, [recipient.recipient_id for recipient in book.routing.recipients])
