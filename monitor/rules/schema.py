"""What a rule tree is made of: frozen rules, clauses, lists and macros, as the files say it.

Places are kept for messages and are no part of equality, so that two rules with one condition compare
equal. `Rule.fingerprint` and `ListDef.fingerprint` name the wording that decides what matches.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from monitor.document import Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, timedelta

    from monitor.document import Diagnostic
    from monitor.models import FieldName, Severity, Tier

NOWHERE: Final = Place("", 1, 1)


class Status(StrEnum):
    """What is done with a rule."""

    DRAFT = "draft"  # its tests run, nothing else
    SHADOW = "shadow"  # evaluated and recorded, never sent
    LIVE = "live"
    RETIRED = "retired"  # kept so that its id is not used again


class Kind(StrEnum):
    """What the words of a list are, which decides how they match."""

    PERSON = "person"  # listed forms only
    PLACE = "place"  # listed forms only
    ORGANISATION = "organisation"  # listed forms only
    VOCABULARY = "vocabulary"  # any form of the word, by its lemma


class MatchMode(StrEnum):
    """How the words of a term compare with those of a text."""

    STEM = "stem"  # by lemma in the term's language
    WORD = "word"  # equal when folded
    PREFIX = "prefix"  # begins with it


DEFAULT_FIELDS: Final[tuple[FieldName, ...]] = ("title", "summary", "content")


# --- clauses -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or words that stand next to each other in this order."""

    text: str  # as written
    match: MatchMode = MatchMode.STEM
    exact: bool = False  # compare the raw tokens: `case: exact`
    language: str = ""  # primary tag; "" = by its script
    masks: tuple[Clause, ...] = ()  # `except`: occurrences inside one of these do not count
    fields: tuple[FieldName, ...] = ()  # `in`; () = those of the clause around it
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Reference:
    """`$name`: a list or macro."""

    name: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Group:
    """Several clauses under `all`, `any` or `none`."""

    operator: Literal["all", "any", "none"]
    clauses: tuple[Clause, ...]
    fields: tuple[FieldName, ...] = ()
    place: Place = field(default=NOWHERE, compare=False, repr=False)


Within: TypeAlias = int | Literal["sentence", "paragraph"]


@dataclass(frozen=True, slots=True)
class Near:
    """Operands that occur close to each other, without overlapping."""

    operands: tuple[Clause, ...]
    within: Within = "sentence"
    ordered: bool = False
    fields: tuple[FieldName, ...] = ()
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression in RE2's syntax."""

    regex: str
    fields: tuple[FieldName, ...] = ()
    place: Place = field(default=NOWHERE, compare=False, repr=False)


Clause: TypeAlias = Term | Reference | Group | Near | Pattern


# --- lists and macros ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in a list, with every way it is written."""

    name: str
    terms: tuple[Term, ...]
    valid_from: date | None = None  # inclusive
    valid_until: date | None = None  # inclusive
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ListDef:
    """A named list, after `extend` was applied to it."""

    name: str
    kind: Kind
    entries: tuple[Entry, ...]  # its own; those of included lists are found through `include`
    include: tuple[str, ...] = ()  # names of lists of the same kind
    description: str = ""
    place: Place = field(default=NOWHERE, compare=False, repr=False)
    checked: date | None = field(default=None, compare=False)  # when somebody last looked through it


@dataclass(frozen=True, slots=True)
class MacroDef:
    """A named clause."""

    name: str
    clause: Clause
    place: Place = field(default=NOWHERE, compare=False, repr=False)


# --- rules ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions on an item's metadata; () asks nothing."""

    language: tuple[str, ...] = ()  # primary tags, "und" for unknown
    feed: tuple[str, ...] = ()  # feed ids
    not_feed: tuple[str, ...] = ()
    tier: tuple[Tier, ...] = ()
    not_tier: tuple[Tier, ...] = ()
    country: tuple[str, ...] = ()  # ISO 3166-1 alpha-2, upper case
    category: tuple[str, ...] = ()  # of the feed or the item, compared without case


@dataclass(frozen=True, slots=True)
class Exemption:
    """One clause of a rule's `except`: an item in which it holds does not match."""

    clause: Clause
    reason: str
    expires: date | None = None  # not used for items from this day on
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Corroborate:
    """How many independent sources turn an unconfirmed alert into a corroborated one."""

    sources: int
    within: timedelta
    distinct: Literal["owner", "country", "alignment"] = "owner"
    not_tier: tuple[Tier, ...] = ()
    until_then: Literal["notify", "hold"] = "notify"
    raise_to: Severity | None = None


@dataclass(frozen=True, slots=True)
class Combination:
    """Other rules' first hits, in order (`sequence`) or in any order (`together`)."""

    rule_ids: tuple[str, ...]
    within: timedelta
    ordered: bool
    same: str = "topic"  # topic, story, country, entity.<list> or none


@dataclass(frozen=True, slots=True)
class Volume:
    """An unusual number of stories under another rule."""

    of: str  # rule id
    within: timedelta
    stories: int | None = None  # at least so many,
    times: float | None = None  # or so many times as in the same window of `baseline`
    baseline: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """An item that a rule has to match, or not to."""

    title: str = ""
    summary: str = ""
    content: str = ""
    author: str = ""
    url: str = ""
    language: str = ""
    feed: str = ""  # feed id
    tier: Tier | None = None
    country: str = ""
    category: str = ""
    published: date | None = None  # for lists with `valid` dates
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """One timed item of a test for rules that remember."""

    at: timedelta  # since the timeline's start
    item: Example
    expect: str = ""  # "alert", "nothing" or a reason such as "corroborated"; "" asks nothing


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, with its file's defaults applied."""

    rule_id: str
    title: str
    severity: Severity
    when: Clause | None = None  # exactly one of when, sequence and volume is there
    sequence: Combination | None = None
    volume: Volume | None = None
    status: Status = Status.LIVE
    description: str = ""
    owner: str = ""
    topic: str = ""
    tags: tuple[str, ...] = ()
    expires: date | None = None  # retired for items from this day on
    references: tuple[str, ...] = ()
    known_issues: tuple[str, ...] = ()
    where: Where = field(default_factory=Where)
    exceptions: tuple[Exemption, ...] = ()
    corroborate: Corroborate | None = None
    alert_per: str = "story"
    grouping: str = ""  # safe or balanced: how readily its items join stories; "" = as the setting says
    formerly: tuple[str, ...] = ()
    supersedes: tuple[str, ...] = ()
    must_match: tuple[Example, ...] = ()
    must_not_match: tuple[Example, ...] = ()
    timeline: tuple[TimelineStep, ...] = ()
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RuleTree:
    """Everything usable of a directory of rules, and what is wrong with the rest."""

    rules: tuple[Rule, ...]  # in order of files and lines; those with errors are left out
    lists: Mapping[str, ListDef]
    macros: Mapping[str, MacroDef]
    diagnostics: tuple[Diagnostic, ...]  # by place
    left_out: tuple[str, ...] = ()  # ids of rules with errors: the daemon keeps their last good version

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Return the errors without the warnings."""
        return tuple(found for found in self.diagnostics if found.level == "error")


# --- keys: what may stand where, for the reader, for suggestions and for editors -----------------

FILE_KEYS: Final = ("version", "defaults", "rules", "lists", "macros", "extend", "add", "remove")
DEFAULT_KEYS: Final = ("owner", "topic", "severity", "status", "grouping")
GROUPINGS: Final = ("safe", "balanced")
RULE_KEYS: Final = (
    "id",
    "title",
    "description",
    "severity",
    "status",
    "owner",
    "topic",
    "tags",
    "expires",
    "references",
    "known_issues",
    "when",
    "where",
    "except",
    "corroborate",
    "sequence",
    "together",
    "within",
    "same",
    "volume",
    "alert_per",
    "grouping",
    "formerly",
    "supersedes",
    "must_match",
    "must_not_match",
    "timeline",
)
CONDITION_KEYS: Final = ("all", "any", "none", "in")
CLAUSE_KINDS: Final = ("text", "all", "any", "none", "near", "regex")
CLAUSE_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text", "case", "match", "language", "except", "in"),
    "near": ("near", "within", "ordered", "in"),
    "regex": ("regex", "in"),
}
WHERE_KEYS: Final = ("language", "feed", "not_feed", "tier", "not_tier", "country", "category")
EXCEPTION_KEYS: Final = ("reason", "expires")  # beside those of the clause
CORROBORATE_KEYS: Final = ("sources", "distinct", "within", "not_tier", "until_then", "raise_to")
VOLUME_KEYS: Final = ("of", "within", "stories", "times", "baseline")
EXAMPLE_KEYS: Final = (
    "title",
    "summary",
    "content",
    "author",
    "url",
    "language",
    "feed",
    "tier",
    "country",
    "category",
    "published",
)
TIMELINE_KEYS: Final = ("at", "expect", *EXAMPLE_KEYS)
LIST_KEYS: Final = ("kind", "description", "checked", "entries", "include", "except")  # beside language tags
ENTRY_KEYS: Final = ("name", "match", "forms", "case", "valid", "except")
TAG_NAMESPACES: Final = ("plover", "cameo", "acled", "iptc", "claim", "x")
