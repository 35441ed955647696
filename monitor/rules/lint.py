"""Lints: rules that can be read but will not do what their author means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.rules.schema import Group, ListDef, Near, Reference, Status, Term
from monitor.rules.walk import references, rule_clauses, walk
from monitor.text.fold import fold
from monitor.text.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.document import Reader
    from monitor.rules.listing import Names
    from monitor.rules.schema import Clause, Rule

MOST_OPERANDS: Final = 5
MOST_WORDS_WITHIN: Final = 40
_LONGEST_ACRONYM: Final = 5

# Acronyms that are everyday words of a language once case is folded.
_EVERYDAY: Final = frozenset(
    # English, then French, German, Spanish, Portuguese and Italian.
    (
        *(
            "us",
            "who",
            "it",
            "is",
            "am",
            "an",
            "as",
            "at",
            "be",
            "by",
            "do",
            "go",
            "he",
            "if",
            "in",
            "me",
            "my",
        ),
        *(
            "no",
            "of",
            "on",
            "or",
            "so",
            "to",
            "up",
            "we",
            "all",
            "and",
            "any",
            "are",
            "aid",
            "can",
            "for",
            "has",
        ),
        *("ice", "led", "may", "met", "new", "now", "off", "one", "our", "out", "own", "per", "pact", "salt"),
        *(
            "start",
            "set",
            "the",
            "they",
            "war",
            "was",
            "arm",
            "act",
            "ban",
            "bid",
            "cut",
            "end",
            "era",
            "sad",
        ),
        *("au", "un", "une", "des", "du", "la", "le", "les", "ou", "par", "pas", "sur", "son", "ont", "est"),
        *("das", "der", "die", "ein", "ist", "mit", "nun", "um", "war", "zu"),
        *(
            "con",
            "del",
            "el",
            "en",
            "es",
            "eu",
            "lo",
            "los",
            "mas",
            "muy",
            "os",
            "por",
            "que",
            "se",
            "si",
            "su",
        ),
        *("che", "di", "ma", "na", "nel", "per", "sia", "uma"),
    )
)


class Linter:
    """Reports doubtful rules and lists; only what can hardly be meant is an error."""

    def __init__(self, reader: Reader, names: Names) -> None:
        """Report into `reader`, look up in `names`."""
        self._reader = reader
        self._names = names

    def names(self, rules: Iterable[Rule], *, complete: bool) -> None:
        """Check lists and macros.

        Args:
            rules: the rules that use them.
            complete: nothing was left out: only then is what nobody uses surely unused.
        """
        for listed in self._names.lists.values():
            self._duplicates(listed)
            for entry in listed.entries:
                for term in entry.terms:
                    self._everyday(term)
        for macro in self._names.macros.values():
            self._clause(macro.clause)
        rules = tuple(rules)
        if complete and rules:
            self._unused(rules)

    def rule(self, rule: Rule) -> bool:
        """Check one rule; tell whether it stays."""
        before = self._reader.errors
        self.clauses(rule)
        self._bare_names(rule)
        self._contradictions(rule.when)
        if rule.when is not None and not self._has_word(rule.when):
            wrong = f'"{rule.rule_id}" asks for no word that has to be there: it is evaluated on every item'
            self._reader.warning(rule.place, "every-item", wrong, "add a word or list under all")
        if rule.status is Status.LIVE:
            self._live(rule)
        return self._reader.errors == before

    def clauses(self, rule: Rule) -> None:
        """Check each clause of a rule by itself: what can be said of a rule with other errors, too."""
        for clause in rule_clauses(rule):
            self._clause(clause)

    def rules(self, rules: Iterable[Rule]) -> None:
        """Compare rules with each other."""
        seen: dict[str, Rule] = {}
        for rule in rules:
            if rule.when is None or rule.status is Status.RETIRED:
                continue
            condition = repr((rule.when, rule.where, rule.exceptions))
            other = seen.setdefault(condition, rule)
            if other is not rule:
                wrong = f'"{rule.rule_id}" has the same condition as "{other.rule_id}" ({other.place})'
                self._reader.warning(rule.place, "same-condition", wrong, "one of them is enough")

    def _live(self, rule: Rule) -> None:
        if not rule.owner:
            self._reader.warning(rule.place, "no-owner", f'the live rule "{rule.rule_id}" has no owner')
        if rule.when is None:
            return  # other rules fire it: their tests, and its timeline, are its tests
        for key, examples in (("must_match", rule.must_match), ("must_not_match", rule.must_not_match)):
            if not examples:
                wrong = f'the live rule "{rule.rule_id}" needs at least one item under {key}'
                self._reader.error(rule.place, "no-tests", wrong, "or set status: draft")

    def _clause(self, top: Clause) -> None:
        for clause in walk(top):
            if isinstance(clause, Term):
                self._everyday(clause)
            elif isinstance(clause, Near):
                self._near(clause)
            elif isinstance(clause, Group):
                self._repeated(clause)

    def _everyday(self, term: Term) -> None:
        text = term.text
        if term.exact or not text.isupper() or len(text) > _LONGEST_ACRONYM or fold(text) not in _EVERYDAY:
            return
        wrong = f'"{text}" also matches the word "{text.lower()}"'
        self._reader.error(term.place, "acronym-is-word", wrong, f"write {{text: {text}, case: exact}}")

    def _near(self, near: Near) -> None:
        if len(near.operands) > MOST_OPERANDS:
            wrong = f"near with {len(near.operands)} operands rarely matches"
            self._reader.warning(near.place, "wide-near", wrong, f"at most {MOST_OPERANDS}")
        if isinstance(near.within, int) and near.within > MOST_WORDS_WITHIN:
            wrong = f"within: {near.within} spans several sentences"
            self._reader.warning(near.place, "wide-near", wrong, "within: paragraph, or all:")

    def _repeated(self, group: Group) -> None:
        seen: dict[Clause, Clause] = {}
        for clause in group.clauses:
            if clause in seen:
                what = f'"{clause.text}"' if isinstance(clause, Term) else "this clause"
                place = seen[clause].place
                self._reader.warning(
                    clause.place, "duplicate-term", f"{what} stands here twice (also {place})"
                )
            seen.setdefault(clause, clause)

    def _duplicates(self, listed: ListDef) -> None:
        seen: dict[tuple[object, ...], Term] = {}
        for entry in listed.entries:
            for term in entry.terms:
                words = tuple(term.text if term.exact else fold(word) for word in tokenize(term.text).words)
                # Years in office may make one surname stand for two people, one after the other.
                key = (term.language, words, term.exact, term.match, entry.valid_from, entry.valid_until)
                other = seen.setdefault(key, term)
                if other is not term:
                    wrong = f'"{term.text}" is twice in the list {listed.name} (also {other.place})'
                    self._reader.warning(term.place, "duplicate-term", wrong)

    def _bare_names(self, rule: Rule) -> None:
        """Point out a capitalised word in a condition: a name, whose forms a lemma would miss."""
        for clause in _positive(rule.when):
            if not isinstance(clause, Term) or clause.exact or clause.language:
                continue
            words = tokenize(clause.text).words
            word = words[0]
            if len(words) == 1 and len(word) > 1 and word[0].isupper() and word[1:].islower():
                wrong = f'"{word}" looks like a name'
                hint = "put it in a list with its forms, so that other languages find it"
                self._reader.warning(clause.place, "bare-name", wrong, hint)

    def _contradictions(self, when: Clause | None) -> None:
        """Find what a condition both asks for and excludes."""
        if not isinstance(when, Group):
            return
        groups = when.clauses if when.operator == "all" else (when,)
        required = set(groups)
        for group in groups:
            if isinstance(group, Group) and group.operator == "all":
                required.update(group.clauses)
        for group in groups:
            if not isinstance(group, Group) or group.operator != "none":
                continue
            for clause in group.clauses:
                if clause in required:
                    wrong = "this is asked for and excluded: the rule can never fire"
                    self._reader.error(clause.place, "always-false", wrong)

    def _has_word(self, clause: Clause) -> bool:
        """Tell whether a clause needs some word to hold: what the engine looks rules up by."""
        if isinstance(clause, Group):
            if clause.operator == "none":
                return False
            holds = any if clause.operator == "all" else all
            return holds(self._has_word(child) for child in clause.clauses)
        if isinstance(clause, Near):
            return any(self._has_word(child) for child in clause.operands)
        if isinstance(clause, Reference):
            macro = self._names.macros.get(clause.name)
            return macro is None or self._has_word(macro.clause)
        return isinstance(clause, Term)

    def _unused(self, rules: tuple[Rule, ...]) -> None:
        used = {found.name for rule in rules for clause in rule_clauses(rule) for found in references(clause)}
        used |= {rule.alert_per.removeprefix("entity.") for rule in rules}
        for macro in self._names.macros.values():
            used |= {found.name for found in references(macro.clause)}
        for listed in self._names.lists.values():
            used |= set(listed.include)
            used |= {
                found.name for entry in listed.entries for term in entry.terms for found in references(term)
            }
        for name in (*self._names.lists, *self._names.macros):
            place = self._names.place_of(name)
            if name not in used and place is not None:
                what = "list" if name in self._names.lists else "macro"
                self._reader.warning(place, "unused", f'nothing uses the {what} "{name}"')


def _positive(clause: Clause | None) -> Iterable[Clause]:
    """Go through a condition without what is excluded in it."""
    if clause is None or isinstance(clause, Reference):
        return
    if isinstance(clause, Group):
        if clause.operator != "none":
            for child in clause.clauses:
                yield from _positive(child)
    elif isinstance(clause, Near):
        for child in clause.operands:
            yield from _positive(child)
    else:
        yield clause
