"""A first version of a rule from headlines: what `monitor new rule` writes."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from monitor.models import Item, Severity
from monitor.rules.common_words import COMMON
from monitor.rules.engine import compile_tree
from monitor.rules.fmt import scalar_text
from monitor.rules.schema import Kind, Reference, Rule, RuleTree
from monitor.rules.walk import references
from monitor.text.fold import fold
from monitor.text.stems import languages_of, lemma
from monitor.text.tokens import is_character_script, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_LISTS: Final = 3
MOST_WORDS: Final = 12
_SHORTEST: Final = 3  # letters of a word that is proposed
_WIDTH: Final = 100
# Nobody would want an alert for these; the first that the proposed condition does not match is taken.
_HARMLESS: Final = (
    "A bakery in the old town opens its second shop",
    "Swimmer breaks own record",
    "Orchestra tunes violins",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed rule."""

    text: str  # the whole file
    lists: tuple[str, ...]  # names of lists in the condition
    words: tuple[str, ...]  # other words in it


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a list occurs in the headlines."""

    name: str
    size: int  # spellings: the smaller the list, the more it says
    spans: tuple[tuple[int, int, int], ...]  # number of the headline, first and last character

    @property
    def headlines(self) -> frozenset[int]:
        return frozenset(number for number, _, _ in self.spans)


def scaffold(
    tree: RuleTree, rule_id: str, *, title: str = "", headlines: Sequence[str] = (), schema: str = ""
) -> Draft:
    """Return the file of a new draft rule whose tests hold.

    Names that lists hold become `$list`; other telling words become alternatives.

    Args:
        tree: the lists and macros that there are.
        rule_id: the new rule's id.
        title: its title; made of the id if empty.
        headlines: what it has to match; the title, if there are none.
        schema: the comment by which an editor finds the schema, "" for none.
    """
    title = title or rule_id.replace("-", " ").capitalize()
    headlines = tuple(dict.fromkeys(" ".join(one.split()) for one in headlines if one.strip())) or (title,)
    lists = _chosen(_occurring(tree, headlines), len(headlines))
    words = _words(headlines, lists)
    names = tuple(one.name for one in lists)
    lines = [f"        - ${name}" for name in names]
    if words:
        lines += _alternatives(words)
    if not lines:
        lines = _alternatives([scalar_text(one.lower(), flow=True) for one in headlines])
    asked = words or headlines
    harmless = next((one for one in _HARMLESS if not _shares(one, asked)), _HARMLESS[-1])
    text = _FILE.format(
        schema=f"{schema}\n" if schema else "",
        id=rule_id,
        title=scalar_text(title),
        condition="\n".join(lines),
        examples="\n".join(f"      - {scalar_text(one)}" for one in headlines),
        harmless=harmless,
    )
    return Draft(text, names, tuple(words))


def _occurring(tree: RuleTree, headlines: Sequence[str]) -> list[_Found]:
    """Return the lists that rules ask for and that occur in the headlines."""
    unwanted = _excluding(tree)
    names = [name for name in tree.lists if name not in unwanted]
    asked = tuple(Rule(name, name, Severity.LOW, when=Reference(name)) for name in names)
    engine = compile_tree(RuleTree(asked, tree.lists, tree.macros, ()))
    spans: dict[str, list[tuple[int, int, int]]] = {}
    for number, headline in enumerate(headlines):
        item = Item(item_id="new", feed_id="new", key=f"new:{number}", title=headline)
        for match in engine.match(item):
            found = ((number, one.start, one.end) for one in match.evidence)
            spans.setdefault(match.rule_id, []).extend(found)
    return [_Found(name, _size(tree, name), tuple(found)) for name, found in spans.items()]


def _excluding(tree: RuleTree) -> frozenset[str]:
    """Return the lists that rules only exclude by: sport, opinion and the like."""
    wanted = {found.name for rule in tree.rules for found in references(rule.when)}
    wanted |= {found.name for macro in tree.macros.values() for found in references(macro.clause)}
    for listed in tree.lists.values():
        wanted |= set(listed.include)
    excluded = {
        found.name for rule in tree.rules for one in rule.exceptions for found in references(one.clause)
    }
    return frozenset(excluded - wanted)


def _size(tree: RuleTree, name: str) -> int:
    pending, seen, size = [name], set[str](), 0
    while pending:
        one = pending.pop()
        if one not in seen:
            seen.add(one)
            size += sum(len(entry.terms) for entry in tree.lists[one].entries)
            pending += tree.lists[one].include
    # Names say more than words.
    return size * (4 if tree.lists[name].kind is Kind.VOCABULARY else 1)


def _chosen(found: list[_Found], headlines: int) -> list[_Found]:
    """Return a few lists that occur in every headline, each for words of its own, the most telling first."""
    chosen: list[_Found] = []
    for one in sorted(found, key=lambda one: (one.size, one.name)):
        taken = [span for other in chosen for span in other.spans]
        fresh = _with_spans(one, [span for span in one.spans if not _overlaps(span, taken)])
        if len(chosen) < MOST_LISTS and len(fresh.headlines) == headlines:
            chosen.append(fresh)
    return chosen


def _with_spans(found: _Found, spans: Iterable[tuple[int, int, int]]) -> _Found:
    """Return the same list with other places."""
    return _Found(found.name, found.size, tuple(spans))


def _overlaps(span: tuple[int, int, int], others: Iterable[tuple[int, int, int]]) -> bool:
    number, start, end = span
    return any(number == other and start < last and first < end for other, first, last in others)


def _words(headlines: Sequence[str], lists: Sequence[_Found]) -> list[str]:
    """Return telling words outside the lists, so that every headline has one; [] if one has none."""
    taken = [span for one in lists for span in one.spans]
    chosen: dict[tuple[str, ...], str] = {}
    for number, headline in enumerate(headlines):
        tokens = tokenize(headline)
        mine: dict[tuple[str, ...], str] = {}
        for word, start, end in zip(tokens.words, tokens.starts, tokens.ends, strict=True):
            if _is_telling(word) and not _overlaps((number, start, end), taken):
                mine.setdefault(_lemmas(word), _term(word))
        if not mine:
            return []
        room = max(1, MOST_WORDS // len(headlines))
        shared = [key for key in mine if key in chosen]
        chosen.update(list(mine.items())[: room - min(len(shared), room - 1)])
    return list(dict.fromkeys(chosen.values()))


def _is_telling(word: str) -> bool:
    if is_character_script(word) or not any(char.isalpha() for char in word):
        return False
    acronym = word.isupper() and len(word) > 1
    return acronym or (len(word) >= _SHORTEST and fold(word) not in COMMON)


def _lemmas(word: str) -> tuple[str, ...]:
    return tuple(lemma(word, language) for language in languages_of(word))


def _term(word: str) -> str:
    """Return a word as a clause: an acronym as it is written, other words in any form."""
    bare = word.rstrip(".")
    if bare.isupper() and len(bare) > 1 and bare.isascii():
        return f"{{text: {scalar_text(bare, flow=True)}, case: exact}}"
    return scalar_text(bare.lower(), flow=True)


def _shares(sentence: str, words: Iterable[str]) -> bool:
    folded = {_lemmas(word) for word in tokenize(sentence).words}
    return any(_lemmas(one) in folded for word in words for one in tokenize(word).words)


def _alternatives(words: Iterable[str]) -> list[str]:
    lines = textwrap.wrap(", ".join(words), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [
        f"        {'- any: [' if number == 0 else ' ' * 8}{line}{']' if number == len(lines) - 1 else ''}"
        for number, line in enumerate(lines)
    ]


_FILE: Final = """\
{schema}# A draft: only its tests run. Tighten the condition, let the rule run as a shadow, then make it live.
version: 1
defaults: {{owner: my-desk, topic: {id}}}
rules:
  - id: {id} # never changes: it is the identity of the rule's alerts
    title: {title}
    # What it is for, and what an analyst has to know about it.
    description: {title}
    severity: medium # info, low, medium, high or critical
    status: draft # then shadow, then live
    # Proposed from the words of the headlines. The lists are in lists/; `near` asks for closeness.
    when:
      all:
{condition}
    must_match:
{examples}
    # Add what should not ring: headlines with the same words about something else.
    must_not_match:
      - {harmless}
"""
