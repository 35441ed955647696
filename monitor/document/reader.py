"""Typed getters over YAML nodes that collect diagnostics instead of raising."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeVar

from monitor.document.nodes import Diagnostic, MappingNode, Node, Place, ScalarNode, SequenceNode
from monitor.document.parse import resolve_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_Choice = TypeVar("_Choice", bound=StrEnum)

_DURATION: Final = re.compile(
    r"(?:(\d{1,5})w)?(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,8})s)?\Z", re.ASCII
)
_BOOLEAN_WORDS: Final = {
    **dict.fromkeys(("yes", "y", "on", "true", "1"), "true"),
    **dict.fromkeys(("no", "n", "off", "false", "0"), "false"),
}
_LONGEST_SHOWN: Final = 60  # characters of a wrong value that a message repeats


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping whose keys were checked: `fields.get("title")` is a node or None."""

    node: MappingNode
    what: str  # what the mapping is, for messages: "a rule", "a feed"
    known: dict[str, tuple[ScalarNode, Node]]  # known keys only, in file order
    meant: frozenset[str] = (
        frozenset()
    )  # keys that misspelled ones were taken for: told once, not missed again

    @property
    def place(self) -> Place:
        """Return where the mapping starts."""
        return self.node.place

    def get(self, key: str) -> Node | None:
        """Return the value of `key`, or None when it is not there."""
        entry = self.known.get(key)
        return entry[1] if entry else None

    def key_place(self, key: str) -> Place:
        """Return where `key` stands, or the mapping's start when it is not there."""
        entry = self.known.get(key)
        return entry[0].place if entry else self.node.place

    def __contains__(self, key: object) -> bool:
        """Tell whether `key` is there."""
        return key in self.known

    def __iter__(self) -> Iterator[str]:
        """Go through the keys that are there, in file order."""
        return iter(self.known)


class Reader:
    """Reads nodes into values and collects what is wrong with them.

    Every getter takes a node or None (the key is absent) and returns the value, or None when the node
    is absent or wrong; a wrong one has then been reported, with its place, once. So a caller writes
    `reader.duration(fields.get("within")) or DEFAULT` and never handles an error itself.

        root, diagnostics = parse(file, data)
        reader = Reader(diagnostics)
        top = reader.mapping(root, ("version", "feeds"), "a feed catalogue")
        for node in reader.sequence(top.get("feeds") if top else None):
            feed = reader.mapping(node, FEED_KEYS, "a feed")
            if feed is None:
                continue
            url = reader.text(reader.required(feed, "url"))
            tier = reader.choice(feed.get("tier"), Tier, "tier") or Tier.NATIONAL

    To leave out a thing with errors, compare `reader.errors` before and after reading it.
    """

    def __init__(self, diagnostics: list[Diagnostic] | None = None) -> None:
        """Collect into `diagnostics` (such as those of `parse`), or into a new list."""
        self.diagnostics: list[Diagnostic] = [] if diagnostics is None else diagnostics
        self._errors = sum(found.level == "error" for found in self.diagnostics)

    @property
    def errors(self) -> int:
        """Return how many errors (not warnings) were collected so far."""
        return self._errors

    def error(self, at: Node | Place, code: str, text: str, hint: str = "") -> None:
        """Report an error at a node or place."""
        self._errors += 1
        self.diagnostics.append(Diagnostic(_place(at), "error", code, text, hint))

    def warning(self, at: Node | Place, code: str, text: str, hint: str = "") -> None:
        """Report a warning at a node or place."""
        self.diagnostics.append(Diagnostic(_place(at), "warning", code, text, hint))

    def mapping(self, node: Node | None, known_keys: Iterable[str], what: str) -> Fields | None:
        """Read a mapping; keys outside `known_keys` are errors with a suggestion.

        Args:
            node: the node, or None.
            known_keys: every key that may stand here.
            what: what the mapping is, with its article, for messages: "a rule".
        """
        if node is None:
            return None
        if not isinstance(node, MappingNode):
            self.error(node, "not-a-mapping", f"expected {what} (`key: value` lines), got {described(node)}")
            return None
        known_keys = tuple(known_keys)
        known: dict[str, tuple[ScalarNode, Node]] = {}
        meant: set[str] = set()
        for key, value in node.entries:
            if key.text in known_keys:
                known[key.text] = (key, value)
                continue
            near = nearest(key.text, known_keys)
            meant.update((near,) if near else ())
            hint = did_you_mean(near) or f"{what} knows {', '.join(known_keys)}"
            self.error(key, "unknown-key", f'unknown key "{_cut(key.text)}"', hint)
        return Fields(node, what, known, frozenset(meant))

    def entries(self, node: Node | None, what: str) -> tuple[tuple[ScalarNode, Node], ...]:
        """Read a mapping whose keys are free names; () when absent or wrong."""
        if node is None:
            return ()
        if not isinstance(node, MappingNode):
            self.error(node, "not-a-mapping", f"expected {what} (`name: value` lines), got {described(node)}")
            return ()
        return node.entries

    def required(self, fields: Fields, key: str) -> Node | None:
        """Return the value of `key`, reporting at the mapping's start when it is missing or empty."""
        node = fields.get(key)
        if node is None and key in fields.meant:
            return None
        if node is None:
            self.error(fields.place, "missing-key", f'{fields.what} needs the key "{key}"')
        elif isinstance(node, ScalarNode) and node.text == "":
            self.error(node, "missing-value", f'"{key}" has no value', "write it after the colon")
            return None
        return node

    def sequence(self, node: Node | None, what: str = "a list") -> tuple[Node, ...]:
        """Read a list; () when absent or wrong."""
        if node is None:
            return ()
        if not isinstance(node, SequenceNode):
            self.error(
                node, "not-a-list", f"expected {what} (`- item` lines or [a, b]), got {described(node)}"
            )
            return ()
        return node.items

    def text(self, node: Node | None) -> str | None:
        """Read text; numbers, dates and true/false have to be quoted, so that nobody is surprised."""
        if node is None:
            return None
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            return node.value
        if not isinstance(node, ScalarNode):
            self.error(node, "not-text", f"expected text, got {described(node)}")
        elif node.value is None:
            self.error(node, "missing-value", "expected text, got nothing", "write it, or remove the key")
        else:
            self.error(node, "not-text", f"expected text, got {_cut(node.text)}; put it in quotes")
        return None

    def texts(self, node: Node | None) -> tuple[str, ...] | None:
        """Read one text or a list of texts; wrong items are reported and left out."""
        if node is None:
            return None
        if not isinstance(node, SequenceNode):
            text = self.text(node)
            return None if text is None else (text,)
        return tuple(text for text in map(self.text, node.items) if text is not None)

    def choice(self, node: Node | None, choices: type[_Choice], what: str) -> _Choice | None:
        """Read a member of a `StrEnum` by its value; `what` names the key in the message."""
        text = self.one_of(node, [member.value for member in choices], what)
        return None if text is None else choices(text)

    def one_of(self, node: Node | None, choices: Sequence[str], what: str) -> str | None:
        """Read one of the given texts; `what` names the key in the message."""
        if node is None:
            return None
        # A bare `none` or `1943` that is no text cannot be a choice either: one message for all.
        text = node.text if isinstance(node, ScalarNode) else None
        if text is not None and text in choices:
            return text
        if text is None:
            self.error(
                node, "not-text", f"expected {what} (one of {', '.join(choices)}), got {described(node)}"
            )
        else:
            wrong = f'{what} "{_cut(text)}" is not one of {", ".join(choices)}'
            self.error(node, "unknown-value", wrong, closest(text, choices))
        return None

    def duration(self, node: Node | None, *, zero: bool = False) -> timedelta | None:
        """Read "90s", "30m", "6h", "2d", "1w" or a combination such as "1h30m"; `zero` allows "0h"."""
        if node is None:
            return None
        text = node.text if isinstance(node, ScalarNode) else ""
        found = _DURATION.match(text)
        if not text or not found:
            wrong = f'expected a duration such as "90s", "30m", "6h", "2d" or "1h30m", got {described(node)}'
            self.error(node, "not-a-duration", wrong, f'add the unit: "{text}h"' if text.isdecimal() else "")
            return None
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        value = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        if not value and not zero:
            self.error(node, "not-a-duration", "the duration has to be longer than zero")
            return None
        return value

    def boolean(self, node: Node | None) -> bool | None:
        """Read true or false (YAML 1.2: yes and no are text)."""
        if node is None:
            return None
        if isinstance(node, ScalarNode) and isinstance(node.value, bool):
            return node.value
        word = _BOOLEAN_WORDS.get(node.text.casefold(), "") if isinstance(node, ScalarNode) else ""
        hint = f"write {word}, without quotes" if word else ""
        self.error(node, "not-a-boolean", f"expected true or false, got {described(node)}", hint)
        return None

    def integer(
        self, node: Node | None, *, minimum: int | None = None, maximum: int | None = None
    ) -> int | None:
        """Read a whole number inside the given bounds (both inclusive)."""
        if node is None:
            return None
        value = node.value if isinstance(node, ScalarNode) else None
        if not isinstance(value, int) or isinstance(value, bool):
            self.error(node, "not-a-number", f"expected a whole number, got {described(node)}")
            return None
        if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
            low = f"at least {minimum}" if minimum is not None else ""
            high = f"at most {maximum}" if maximum is not None else ""
            self.error(
                node,
                "out-of-range",
                f"expected {' and '.join(filter(None, (low, high)))}, got {described(node)}",
            )
            return None
        return value

    def date(self, node: Node | None) -> date | None:
        """Read an ISO date such as 2025-01-20, quoted or not."""
        if node is None:
            return None
        value = resolve_plain(node.text) if isinstance(node, ScalarNode) and node.text else None
        if isinstance(value, date):
            return value
        self.error(node, "not-a-date", f"expected a date such as 2025-01-20, got {described(node)}")
        return None

    def moment(self, node: Node | None) -> datetime | None:
        """Read an ISO date and time with its offset, such as "2025-03-12T23:30+01:00"."""
        if node is None:
            return None
        text = node.text if isinstance(node, ScalarNode) else ""
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            value = None
        if value is None or value.tzinfo is None:
            wrong = f'expected a time with its offset such as "2025-03-12T23:30+01:00", got {described(node)}'
            self.error(node, "not-a-time", wrong)
            return None
        return value


def closest(wrong: str, choices: Iterable[str]) -> str:
    """Return the hint `did you mean "x"?` for the choice nearest to `wrong`, or "" when none is near."""
    return did_you_mean(nearest(wrong, choices))


def nearest(wrong: str, choices: Iterable[str]) -> str:
    """Return the choice nearest to `wrong`, or "" when none is near."""
    lowered = {choice.casefold(): choice for choice in choices}
    near = difflib.get_close_matches(wrong.casefold()[:_LONGEST_SHOWN], lowered, n=1, cutoff=0.6)
    return lowered[near[0]] if near else ""


def did_you_mean(choice: str) -> str:
    """Return the hint that proposes `choice`; "" for none."""
    return f'did you mean "{choice}"?' if choice else ""


def described(node: Node) -> str:
    """Return what a node is, for "got ..." in a message."""
    if isinstance(node, MappingNode):
        return "a mapping (`key: value`)"
    if isinstance(node, SequenceNode):
        return "a list"
    if node.quoted:
        return f'the text "{_cut(node.text)}"'
    return _cut(node.text) or "nothing"


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def _place(at: Node | Place) -> Place:
    return at if isinstance(at, Place) else at.place
