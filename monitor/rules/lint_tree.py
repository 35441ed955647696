"""Lints that need the whole book: feeds, the date, and what the words of a list have in common.

Lints of single rules and clauses are in `lint.py`. Everything here is a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from monitor.document import Reader
from monitor.rules.common_words import COMMON
from monitor.rules.schema import Group, Kind, MatchMode, Near, Status, Term
from monitor.rules.walk import references, rule_clauses, walk
from monitor.text.fold import fold
from monitor.text.stems import LANGUAGES, languages_of, lemma
from monitor.text.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import date

    from monitor.document import Diagnostic
    from monitor.models import Feed
    from monitor.rules.schema import Clause, Entry, ListDef, Rule, RuleTree

MOST_SHOWN: Final = 3  # examples in a message

# Languages whose script is not Latin: a name has to be listed as it is spelled there.
_TAGS: Final = "am ar be bg bn el fa he hi hy ja ka kk ko ky mk mn my ps ru sr ta tg th uk ur yi zh"
OTHER_SCRIPTS: Final = frozenset(_TAGS.split())

_Words: TypeAlias = tuple[tuple[str, ...], ...]  # for each word of a term, what has to be equal


def lint_tree(tree: RuleTree, feeds: Iterable[Feed], today: date | None) -> tuple[Diagnostic, ...]:
    """Return what is doubtful about a whole book.

    Args:
        tree: the rules and lists.
        feeds: every feed that is polled.
        today: the day of the check, UTC; None passes over what is about the date.
    """
    reader = Reader()
    feeds = tuple(feeds)
    for rule in tree.rules:
        if rule.status is Status.RETIRED:
            continue
        if today is not None:
            _expired(reader, rule, today)
        if feeds:
            _tiers(reader, rule, feeds)
        for clause in rule_clauses(rule):
            _common_words(reader, clause)
    for macro in tree.macros.values():
        _common_words(reader, macro.clause)
    _without_forms(reader, tree, {feed.language for feed in feeds})
    counted = _in_counted_spans(tree)
    for listed in tree.lists.values():
        if listed.kind is Kind.VOCABULARY:
            _contained(reader, listed, phrases=listed.name not in counted)
    return tuple(reader.diagnostics)


def _expired(reader: Reader, rule: Rule, today: date) -> None:
    if rule.expires is not None and rule.expires <= today:
        wrong = f'"{rule.rule_id}" expired on {rule.expires}: it is silent'
        reader.warning(rule.place, "expired", wrong, "set a later date, or status: retired")
    for exemption in rule.exceptions:
        if exemption.expires is not None and exemption.expires <= today:
            wrong = f'an exception of "{rule.rule_id}" ({exemption.reason}) expired on {exemption.expires}'
            reader.warning(exemption.place, "expired", wrong, "remove it, or set a later date")


def _tiers(reader: Reader, rule: Rule, feeds: Iterable[Feed]) -> None:
    """Point out tiers that a rule asks for in vain. To exclude one that does not occur yet is no mistake."""
    known = {feed.tier for feed in feeds}
    missing = [tier.value for tier in rule.where.tier if tier not in known]
    if missing:
        wrong = f'"{rule.rule_id}" asks for the tier {" and ".join(missing)}, which no feed has'
        hint = f"feeds have {', '.join(sorted(tier.value for tier in known))}"
        reader.warning(rule.place, "unknown-tier", wrong, hint)


def _common_words(reader: Reader, top: Clause) -> None:
    for clause in walk(top):
        if not (isinstance(clause, Group) and clause.operator == "none" and not clause.fields):
            continue
        for word in clause.clauses:
            if isinstance(word, Term) and not word.exact and not word.fields and fold(word.text) in COMMON:
                wrong = f'none of "{word.text}" excludes nearly every item'
                reader.warning(word.place, "common-none", wrong, "write the whole phrase that is not meant")


# --- names without forms ---------------------------------------------------------------------------


def _without_forms(reader: Reader, tree: RuleTree, languages: Collection[str]) -> None:
    """Warn once a list of people in which some cannot be found in a language that a feed uses."""
    needed = sorted(OTHER_SCRIPTS.intersection(languages))
    for listed in _used_lists(tree):
        if listed.kind is not Kind.PERSON or not needed:
            continue
        gaps = {language: lacking(listed.entries, language) for language in needed}
        without = {language: names for language, names in gaps.items() if names}
        if without:
            parts = [f"{language}: {_some(names)}" for language, names in without.items()]
            wrong = f"people in {listed.name} have no forms in languages of the feeds; {'; '.join(parts)}"
            hint = f"`monitor lists expand {listed.name} --language {','.join(without)}` proposes them"
            reader.warning(listed.place, "missing-forms", wrong, hint)


def lacking(entries: Iterable[Entry], language: str) -> list[str]:
    """Return the names of entries that have no form in `language`, stated or by their letters."""
    return [
        entry.name
        for entry in entries
        if not any(
            term.language == language
            or (not term.language and not term.text.isascii() and language in languages_of(term.text))
            for term in entry.terms
        )
    ]


def _used_lists(tree: RuleTree) -> Iterator[ListDef]:
    """Go through the lists that live rules use, directly, through macros or by `include`."""
    conditions = (rule.when for rule in tree.rules if rule.status is Status.LIVE)
    seen = _reached(tree, (found.name for when in conditions for found in references(when)))
    return (listed for name, listed in tree.lists.items() if name in seen)


def _in_counted_spans(tree: RuleTree) -> frozenset[str]:
    """Return the names of lists that stand in a `near` whose words are counted.

    There a longer phrase is no repetition: its words are not among the words that are counted.
    """
    tops = [clause for rule in tree.rules for clause in rule_clauses(rule)]
    tops += [macro.clause for macro in tree.macros.values()]
    nears = (clause for top in tops for clause in walk(top) if isinstance(clause, Near))
    counted = (near for near in nears if isinstance(near.within, int))
    return _reached(tree, (found.name for near in counted for found in references(near)))


def _reached(tree: RuleTree, names: Iterable[str]) -> frozenset[str]:
    """Return `names` and what they lead to through macros and `include`."""
    pending, seen = list(names), set[str]()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in tree.macros:
            pending += [found.name for found in references(tree.macros[name].clause)]
        elif name in tree.lists:
            pending += tree.lists[name].include
    return frozenset(seen)


# --- words inside words ----------------------------------------------------------------------------


def _contained(reader: Reader, listed: ListDef, *, phrases: bool) -> None:
    """Report terms that another one of the list finds already: another form and, if asked, longer phrases."""
    terms = [term for entry in listed.entries for term in entry.terms]
    plain = [
        (term, word_keys(term)) for term in terms if not term.masks and term.match is not MatchMode.PREFIX
    ]
    known: dict[_Words, Term] = {}
    for term, words in plain:
        known.setdefault(words, term)
    for term, words in plain:
        parts = _parts(words) if phrases else iter((words,))
        other = next((known[part] for part in parts if part in known), term)
        if _folded(other) == _folded(term):
            continue  # a word that is there twice is reported by `lint.py`
        if word_keys(other) == words:
            wrong = (
                f'"{term.text}" is a form of "{other.text}" in the list {listed.name}: both match the same'
            )
        else:
            wrong = f'"{term.text}" contains "{other.text}", which the list {listed.name} holds, too'
        reader.warning(term.place, "contained-term", wrong, "one of them is enough")


def word_keys(term: Term) -> _Words:
    """Return for each word of a term what makes a text's word equal to it."""
    keys: list[tuple[str, ...]] = []
    for word in tokenize(term.text).words:
        if term.exact:
            keys.append(("=", word))
        elif term.match is not MatchMode.STEM:
            keys.append(("w", fold(word)))
        else:
            languages = (term.language,) if term.language else languages_of(word)
            lemmas = tuple(f"{one}:{lemma(word, one)}" for one in languages if one in LANGUAGES)
            keys.append(lemmas or ("w", fold(word)))
    return tuple(keys)


def _parts(words: _Words) -> Iterator[_Words]:
    """Go through the runs of words inside `words`, shortest first, the whole last."""
    for length in range(1, len(words) + 1):
        for start in range(len(words) - length + 1):
            yield words[start : start + length]


def _folded(term: Term) -> tuple[str, ...]:
    return tuple(fold(word) for word in tokenize(term.text).words)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_SHOWN])
    more = len(names) - MOST_SHOWN
    return f"{len(names)} ({shown} and {more} more)" if more > 0 else f"{len(names)} ({shown})"
