"""Print an explanation as a tree: marks and colours in a terminal, indented lines when piped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from monitor.alerts.excerpt import shorten
from monitor.alerts.wording import shown
from monitor.cli.output import out

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    for child in found.tree.children:
        yield from _lines(child, depth, path, full=full, terminal=terminal)
    if path:
        steps = " > ".join(step.what for step in path[1:])
        reason = f": {path[-1].reason}" if path[-1].reason else ""
        lead = INDENT * depth
        yield Text.assemble(lead, ("first differing leaf: ", "bold"), shown(f"{steps}{reason}"))


def _lines(step: Step, depth: int, path: tuple[Step, ...], *, full: bool, terminal: bool) -> Iterator[Text]:
    mark, style, word = _MARKS[step.passed, step.wanted]
    parts: list[tuple[str, str]] = [(INDENT * depth, ""), (mark if terminal else f"{word:<7}", style)]
    parts.append((f" {shown(step.what)}", "" if step.passed else "bold"))
    if step.reason:
        parts.append((f": {shown(step.reason)}", "dim" if step.passed else ""))
    yield Text.assemble(*parts)
    if step.kind != "near":
        yield from (_spot_line(spot, depth + 1) for spot in step.spots[:MOST_SPOTS])
        if len(step.spots) > MOST_SPOTS:
            yield Text(f"{INDENT * (depth + 1)}and {len(step.spots) - MOST_SPOTS} more", "dim")
    children = step.children if full else _telling(step, path)
    for child in children:
        yield from _lines(child, depth + 1, path, full=full, terminal=terminal)
    hidden = len(step.children) - len(children)
    if hidden and step.kind == "any" and step.wanted:
        others = "1 other alternative does" if hidden == 1 else f"{hidden} other alternatives do"
        yield Text(f"{INDENT * (depth + 1)}{others} not hold", "dim")


def _telling(step: Step, path: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the children that matter to the verdict."""
    if step.kind in {"none", "except"} or not step.wanted:
        return () if step.passed else tuple(child for child in step.children if not child.passed)
    if step.kind == "any" and step.passed:
        return tuple(child for child in step.children if child.passed)
    if step.kind == "any" and not any(step is one for one in path):
        return ()  # another alternative came closer: this one is told by its own line
    return step.children


def _spot_line(spot: Spot, depth: int) -> Text:
    called = spot.entry.casefold() != spot.text.casefold()
    return Text.assemble(
        INDENT * depth,
        (f"{spot.field}: ", "dim"),
        shown(spot.before),
        ("«", "dim"),
        (shown(spot.text), "bold yellow"),
        ("»", "dim"),
        shown(spot.after),
        (f"  ({shown(spot.entry)})" if called else "", "cyan"),
    )
