"""`monitor explain`: why a rule fires on an item or not, and what became of an alert for a recipient."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from monitor.alerts.decide import described_route, routes_by_recipient
from monitor.alerts.trail import Trail, trail
from monitor.app import open_storage
from monitor.cli.output import as_json, diagnostics
from monitor.cli.trail import print_trail
from monitor.cli.tree import print_explanation
from monitor.clock import machine_time
from monitor.directory import find, read_directory
from monitor.document import closest
from monitor.errors import ConfigurationError, RulesUnreadableError
from monitor.feeds.urls import url_key
from monitor.intake_jsonl import read_items
from monitor.logs import configure
from monitor.rules.explain import Explainer
from monitor.rules.schema import Example
from monitor.rules.testing import example_item
from monitor.settings import load

if TYPE_CHECKING:
    from monitor.directory import Directory
    from monitor.models import Alert, Feed, Item
    from monitor.rulebook import RuleBook
    from monitor.rules.schema import Rule
    from monitor.storage.base import Storage

DOES_NOT_FIRE: Final = 1

# Recent items are asked for most: look there before reading the whole archive.
_WINDOWS: Final = (timedelta(days=2), timedelta(days=14), timedelta(days=3650))
_MOST_ITEMS: Final = 500_000
_MOST_ALERTS: Final = 1_000_000
_MOST_MESSAGES: Final = 100_000
_ID: Final = re.compile(r"[0-9a-f]{8,32}\Z", re.ASCII)

DIR = Annotated[Path, typer.Argument(metavar="DIR", help="an installation, or its rules directory")]


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(explain)


def explain(
    name: Annotated[
        str,
        typer.Argument(metavar="RULE|ALERT", help="a rule's id; with --to an alert's, or its first 8 digits"),
    ],
    directory: DIR = Path(),
    item: Annotated[
        str,
        typer.Option(
            "--item", metavar="URL|ID|FILE[:N]|TEXT", help="the item: stored, JSON Lines, or a title"
        ),
    ] = "",
    to: Annotated[str, typer.Option("--to", metavar="RECIPIENT", help="an id from routes.yaml")] = "",
    full: Annotated[
        bool, typer.Option("--full", help="every alternative and every absent word, too")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Explain why RULE fires on an item or not (--item), or what became of ALERT for a recipient (--to).

    With --item: exit 0 if the rule fires, 1 if it does not.
    """
    if bool(item) == bool(to):
        raise ConfigurationError(
            "say what to explain: --item URL, FILE or TEXT for a rule, or --to RECIPIENT for an alert"
        )
    place = find(directory)
    book = read_directory(place)
    if to:
        _explain_alert(name, to, place, book, json=json)
        return
    rule = rule_named(book, name)
    found = Explainer(book.tree, rule).explain(*_item(item, rule, place, book))
    if json:
        as_json(found.as_dict())
    else:
        print_explanation(found, full=full)
    raise typer.Exit(0 if found.fires else DOES_NOT_FIRE)


def rule_named(book: RuleBook, name: str) -> Rule:
    """Return the rule of that id, also under an older id.

    Raises:
        RulesUnreadableError: the rule is there, but has errors, which are printed.
        ConfigurationError: there is no such rule.
    """
    for rule in book.tree.rules:
        if name == rule.rule_id or name in rule.formerly:
            return rule
    if name in book.tree.left_out:
        diagnostics(book.errors)
        raise RulesUnreadableError(f'the rule "{name}" has errors and cannot be used; mend them first')
    hint = closest(name, [rule.rule_id for rule in book.tree.rules])
    raise ConfigurationError(f'there is no rule "{name}"' + (f" ({hint})" if hint else ""))


# --- items ---------------------------------------------------------------------------------------


def _item(wanted: str, rule: Rule, place: Directory, book: RuleBook) -> tuple[Item, Feed | None]:
    """Return the item that `--item` means, and its feed: stored, of a file, or a title."""
    if re.match(r"https?://", wanted, re.IGNORECASE) or _ID.match(wanted):
        item = asyncio.run(_stored(wanted, place))
        if item is None:
            raise ConfigurationError(
                f"{wanted}: no such item is stored; give its text or a JSON Lines file instead"
            )
        return item, book.feeds.get(item.feed_id)
    line = _line_of(wanted)
    if line is not None:
        item, feed = _from_file(*line)
        return item, book.feeds.get(feed)
    if wanted.endswith((".jsonl", ".json")):
        raise ConfigurationError(f"{wanted}: no such file")
    # As for the tests in rule files: a plain title is what `where` asks for, so it tests the words.
    return example_item(rule, Example(title=wanted))


def _line_of(wanted: str) -> tuple[Path, int] | None:
    """Return file and line number if `wanted` names a file, else None."""
    path, colon, number = wanted.rpartition(":")
    candidates = [(wanted, 1)] + ([(path, int(number))] if colon and number.isdecimal() else [])
    for name, line in candidates:
        try:
            if Path(name).is_file():
                return Path(name), line
        except (OSError, ValueError):  # a long title is no file name
            continue
    return None


def _from_file(path: Path, wanted: int) -> tuple[Item, str]:
    try:
        with path.open("rb") as file:
            for number, parsed in read_items(file, machine_time()):
                if number < wanted:
                    continue
                if number > wanted:
                    break
                if isinstance(parsed, str):
                    raise ConfigurationError(f"{path}:{number}: {parsed}")
                return parsed.item, parsed.feed
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    raise ConfigurationError(f"{path}:{wanted}: there is no item on this line")


async def _stored(wanted: str, place: Directory) -> Item | None:
    """Return the stored item of that URL, id or beginning of an id; the newest if there are several."""
    settings, _ = load(place.path)
    configure(settings.log_format, "warning")
    key = url_key(wanted) if "/" in wanted else ""
    now = machine_time()
    async with open_storage(settings.database(place.path)) as storage:
        for window in _WINDOWS:
            for item in await storage.items(since=now - window, limit=_MOST_ITEMS):
                if (url_key(item.url) == key) if key else item.item_id.startswith(wanted):
                    return item
    return None


# --- alerts --------------------------------------------------------------------------------------


def _explain_alert(name: str, to: str, place: Directory, book: RuleBook, *, json: bool) -> None:
    if not _ID.match(name):
        raise ConfigurationError(
            f'"{name}" is no alert id: give at least its first 8 digits, as in `monitor status`'
        )
    found = asyncio.run(_trail(name, to, place, book))
    if json:
        as_json(found.as_dict())
    else:
        print_trail(found)


async def _trail(name: str, to: str, place: Directory, book: RuleBook) -> Trail:
    """Read everything that is stored about the alert for the recipient."""
    settings, _ = load(place.path)
    configure(settings.log_format, "warning")
    async with open_storage(settings.database(place.path)) as storage:
        alert = await _alert(name, storage)
        decisions = await storage.decisions([alert.alert_id])
        recipient = book.routing.recipient(to)
        known = {decision.recipient_id for decision in decisions if decision.recipient_id}
        if recipient is None and to not in known:
            hint = closest(to, [*known, *(one.recipient_id for one in book.routing.recipients)])
            raise ConfigurationError(f'routes.yaml has no recipient "{to}"' + (f" ({hint})" if hint else ""))
        route = routes_by_recipient(book.routing, alert).get(to)
        return trail(
            alert,
            to,
            timezone=recipient.timezone if recipient else "UTC",
            route=described_route(route) if route else "",
            revisions=await storage.revisions([alert.alert_id]),
            decisions=decisions,
            notifications=await storage.notifications(recipient_id=to, limit=_MOST_MESSAGES),
            members=await storage.story_of([source.item_id for source in alert.sources]),
        )


async def _alert(name: str, storage: Storage) -> Alert:
    whole = await storage.alerts([name])
    if name in whole:
        return whole[name]
    found = [one for one in await storage.list_alerts(limit=_MOST_ALERTS) if one.alert_id.startswith(name)]
    if not found:
        raise ConfigurationError(f"there is no alert {name}; `monitor status` lists the latest")
    if len(found) > 1:
        ids = ", ".join(one.alert_id for one in found[:5])
        raise ConfigurationError(f"several alerts begin with {name}: {ids}")
    return found[0]
