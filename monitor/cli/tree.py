"""Print an explanation as a tree: marks and colours in a terminal, indented lines when piped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from monitor.alerts.excerpt import shorten
from monitor.alerts.wording import shown
from monitor.cli.output import out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from monitor.rules.explain import Explanation, Spot, Step

INDENT: Final = "  "
MOST_SPOTS: Final = 3  # lines for one leaf
LONGEST: Final = 240  # characters of the item's text in the heading

# (passed, wanted): mark in a terminal, its style, word when piped. What stands under `none` or `except`
# should be absent, so "passed" alone would mislead there.
_MARKS: Final = {
    (True, True): ("✓", "bold green", "pass"),
    (False, True): ("✗", "bold red", "FAIL"),
    (True, False): ("–", "dim", "absent"),
    (False, False): ("!", "bold red", "PRESENT"),
}


def print_explanation(found: Explanation, *, full: bool = False) -> None:
    """Print verdict, item and tree, and where a rule that does not fire fails.

    Args:
        found: what is told.
        full: every alternative and every absent word, instead of those that matter.
    """
    verdict = ("fires", "bold green") if found.fires else ("does not fire", "bold red")
    out.print(Text.assemble((found.rule_id, "bold"), " ", verdict, shown(f": {found.title}")))
    for name in ("title", "summary", "content", "url"):
        text = found.item.text(name)
        if text:
            out.print(Text.assemble((f"{name}: ", "dim"), shorten(shown(text), LONGEST)))
    for note in found.notes:
        out.print(Text(note, "yellow"))
    print_tree(found, full=full)


def print_tree(found: Explanation, *, full: bool = False, depth: int = 0) -> None:
    """Print only the tree, and below it the leaf that decides."""
    for line in tree_lines(found, full=full, terminal=out.is_terminal, depth=depth):
        out.print(line)


def tree_lines(
    found: Explanation, *, full: bool = False, terminal: bool = False, depth: int = 0
) -> Iterator[Text]:
    """Go through the lines of the tree.

    Args:
        found: what is told.
        full: as for `print_explanation`.
        terminal: marks instead of words.
        depth: by how many steps the whole is moved to the right.
    """
    path = found.decisive
    printer = _Printer(path, full=full, terminal=terminal)
    for child in found.tree.children:
        yield from printer.lines(child, depth, brief=False)
    if path:
        steps = " > ".join(_told(path[1:]))
        reason = f": {path[-1].reason}" if path[-1].reason else ""
        lead = INDENT * depth
        yield Text.assemble(lead, ("first differing leaf: ", "bold"), shown(f"{steps}{reason}"))


class _Printer:
    """Makes the lines of one tree."""

    def __init__(self, path: tuple[Step, ...], *, full: bool, terminal: bool) -> None:
        self._path = {id(step) for step in path}
        self._full = full
        self._terminal = terminal

    def lines(self, step: Step, depth: int, *, brief: bool) -> Iterator[Text]:
        """Go through the lines of a step and those below it.

        Args:
            step: what is told.
            depth: steps to the right.
            brief: another alternative came closer: what passes here is told in one line.
        """
        children = () if brief and step.passed else self._telling(step)
        yield self._line(step, depth, alone=not children)
        if step.kind != "near" and not (brief and step.passed):
            yield from _spot_lines(step, depth + 1)
        for child in children:
            aside = step.kind == "any" and not step.passed and id(child) not in self._path
            yield from self.lines(child, depth + 1, brief=not self._full and (brief or aside))
        hidden = len(step.children) - len(children)
        if hidden and children and step.kind == "any" and step.holds and step.wanted:
            others = "1 other alternative does" if hidden == 1 else f"{hidden} other alternatives do"
            yield Text(f"{INDENT * (depth + 1)}{others} not hold", "dim")

    def _line(self, step: Step, depth: int, *, alone: bool) -> Text:
        mark, style, word = _MARKS[step.passed, step.wanted]
        parts: list[tuple[str, str]] = [
            (INDENT * depth, ""),
            (mark, style) if self._terminal else (f"{word:<7}", ""),
        ]
        parts.append((f" {shown(step.what)}", "" if step.passed else "bold"))
        if step.reason and (step.kind != "any" or alone):  # else its children say it
            parts.append((f": {shown(step.reason)}", "dim" if step.passed else ""))
        return Text.assemble(*parts)

    def _telling(self, step: Step) -> tuple[Step, ...]:
        """Return the children that matter to the verdict."""
        if self._full:
            return step.children
        if step.kind in {"none", "except"} or not step.wanted:
            return () if step.passed else tuple(child for child in step.children if not child.passed)
        if step.kind == "any" and step.passed:
            return tuple(child for child in step.children if child.passed)
        if step.kind == "any" and id(step) not in self._path:
            return ()  # another alternative came closer: this one is told by its own line
        return step.children


def _told(path: Sequence[Step]) -> Iterator[str]:
    """Go through the names on a path; groups without a name of their own tell nothing."""
    for step in path:
        name, colon, _ = step.what.partition(":")
        if step.what.startswith("$") and colon:
            yield name
        elif step.kind not in {"all", "any"}:
            yield step.what


def _places(spots: Sequence[Spot]) -> list[list[Spot]]:
    """Return the spots place by place: several entries may stand for the same words."""
    places: dict[tuple[str, int, int], list[Spot]] = {}
    for spot in spots:
        places.setdefault((spot.field, spot.start, spot.end), []).append(spot)
    return list(places.values())


def _spot_lines(step: Step, depth: int) -> Iterator[Text]:
    places = _places(step.spots)
    for spots in places[:MOST_SPOTS]:
        spot = spots[0]
        called = _entries(one.entry for one in spots if one.entry.casefold() != spot.text.casefold())
        yield Text.assemble(
            INDENT * depth,
            (f"{spot.field}: ", "dim"),
            shown(spot.before),
            ("«", "dim"),
            (shown(spot.text), "bold yellow"),
            ("»", "dim"),
            shown(spot.after),
            (f"  ({shown(called)})" if called else "", "cyan"),
        )
    if len(places) > MOST_SPOTS:
        yield Text(f"{INDENT * depth}and {len(places) - MOST_SPOTS} more", "dim")


def _entries(names: Iterable[str]) -> str:
    """Join entries, naming their list once: "arrive: arrive, arriver"."""
    lists: dict[str, list[str]] = {}
    for name in names:
        listed, colon, entry = name.partition(": ")
        lists.setdefault(listed if colon else "", []).append(entry if colon else name)
    return "; ".join(
        f"{listed}: {', '.join(those)}" if listed else ", ".join(those) for listed, those in lists.items()
    )
