"""One code of a finding, and what its examples are a part of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

# What an example is a part of. "rule" and "recipient" show some of its keys, "-whole" all of them.
Scope: TypeAlias = Literal[
    "file",  # a file of rules
    "lists",  # a file of lists and macros
    "rule",
    "rule-whole",
    "clause",
    "feeds",  # the file of feeds
    "feed",
    "recipient",
    "recipient-whole",
    "route",
    "routes",  # all routes
    "routes-tests",  # all tests of the routes
    "",  # told in words, not in YAML
]


@dataclass(frozen=True, slots=True)
class Code:
    """What a code means, for the person who finds it in a message."""

    code: str  # a-z0-9-; never used for another thing
    # An error leaves out the rule, list, feed or recipient; a warning leaves nothing out.
    level: Literal["error", "warning", "error or warning"]
    files: str  # the kinds of file in which it occurs, separated by spaces
    meaning: str  # what is wrong and what to do, in whole sentences
    scope: Scope  # what `wrong` and `right` are a part of
    wrong: str  # the smallest example that gives the code
    right: str  # the same, mended
