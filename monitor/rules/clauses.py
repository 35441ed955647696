"""Read clauses: terms, references, groups, near, regular expressions."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import re2

from monitor.document import (
    MappingNode,
    Node,
    Place,
    Reader,
    ScalarNode,
    SequenceNode,
    closest,
    described,
)
from monitor.models import FIELDS
from monitor.rules.schema import (
    CLAUSE_KEYS,
    CLAUSE_KINDS,
    CONDITION_KEYS,
    Clause,
    Group,
    MatchMode,
    Near,
    Pattern,
    Reference,
    Term,
)
from monitor.text.tokens import tokenize

if TYPE_CHECKING:
    from monitor.document import Fields
    from monitor.models import FieldName
    from monitor.rules.schema import Within

MOST_OPERANDS: Final = 8
MOST_WORDS_WITHIN: Final = 1000
LONGEST_REGEX: Final = 512  # characters
SHORTEST_PREFIX: Final = 3  # characters: shorter ones match half a dictionary

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*\Z", re.ASCII)
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}\Z", re.ASCII)
_ASCII_CLASS: Final = re.compile(r"\\(?:[^bBwWdD]|([bBwWdD]))")
_INSTEAD: Final = {
    "b": r"(?:^|[^\p{L}\p{N}])",
    "w": r"[\p{L}\p{M}\p{N}]",
    "d": r"\p{Nd}",
}


def is_name(text: str) -> bool:
    """Tell whether `text` may name a list or macro."""
    return _NAME.match(text) is not None


def is_language(text: str) -> bool:
    """Tell whether `text` has the form of a primary language tag."""
    return _LANGUAGE.match(text) is not None


class ClauseReader:
    """Reads clauses with a `Reader`; a clause that is wrong is reported and None."""

    def __init__(self, reader: Reader) -> None:
        """Report into `reader`."""
        self._reader = reader

    def clause(self, node: Node | None, extra_keys: tuple[str, ...] = ()) -> Clause | None:
        """Read any clause.

        Args:
            node: the node, or None.
            extra_keys: keys that may stand beside the clause's own (`reason` of an exception).
        """
        if node is None:
            return None
        if isinstance(node, ScalarNode):
            return self._word(node)
        if isinstance(node, SequenceNode):
            self._reader.error(
                node, "list-as-clause", "a list cannot stand here", "write any: [..] or all: [..]"
            )
            return None
        kind = self._kind(node)
        if kind is None:
            return None
        what = "a condition" if kind in CONDITION_KEYS else f'a clause with "{kind}"'
        fields = self._reader.mapping(node, (*CLAUSE_KEYS.get(kind, CONDITION_KEYS), *extra_keys), what)
        readers = {"text": self._long_term, "near": self._near, "regex": self._regex}
        return readers.get(kind, self._condition)(fields) if fields else None

    def clauses(self, node: Node | None) -> tuple[Clause, ...]:
        """Read a list of clauses; what is wrong is left out."""
        items = self._reader.sequence(node, "a list of clauses")
        return tuple(clause for clause in map(self.clause, items) if clause is not None)

    def phrase(self, text: str, place: Place) -> Term | None:
        """Make a term of a text, which has to hold a word."""
        if not tokenize(text).words:
            self._reader.error(
                place, "no-word", f'"{text}" has no letter or digit: it could never match', "remove it"
            )
            return None
        return Term(text, place=place)

    def term(self, node: Node) -> Term | None:
        """Read a term in short or long form: what may stand in a list entry."""
        clause = self.clause(node)
        if clause is None or isinstance(clause, Term):
            return clause
        self._reader.error(
            node, "not-a-term", "only words and phrases can stand here", "use include for lists"
        )
        return None

    def fields(self, node: Node | None) -> tuple[FieldName, ...]:
        """Read `in`: one or several fields of an item."""
        nodes = node.items if isinstance(node, SequenceNode) else (node,) if node is not None else ()
        named = {self._reader.one_of(item, FIELDS, "field") for item in nodes}
        if isinstance(node, SequenceNode) and not nodes:
            self._reader.error(node, "empty", '"in" names no field', f"one of {', '.join(FIELDS)}")
        return tuple(name for name in FIELDS if name in named)

    def _kind(self, node: MappingNode) -> str | None:
        keys = [key.text for key, _ in node.entries]
        kind = next((kind for kind in CLAUSE_KINDS if kind in keys), None)
        if kind is None:
            hint = next(filter(None, (closest(key, CLAUSE_KINDS) for key in keys)), "")
            at = node.entries[0][0] if node.entries else node
            wrong = (
                f"expected a clause with one of {', '.join(CLAUSE_KINDS)}, got {', '.join(keys) or 'nothing'}"
            )
            self._reader.error(at, "unknown-clause", wrong, hint)
        return kind

    def _word(self, node: ScalarNode) -> Clause | None:
        text = self._reader.text(node)
        if text is None:
            return None
        if not text.startswith("$"):
            return self.phrase(text, node.place)
        if not is_name(text[1:]):
            wrong = f'"{text}" is not the name of a list or macro'
            self._reader.error(node, "bad-name", wrong, "names are made of a-z, 0-9, _ and -")
            return None
        return Reference(text[1:], node.place)

    def _long_term(self, fields: Fields) -> Term | None:
        text = self._reader.text(fields.get("text"))
        term = None if text is None else self.phrase(text, fields.place)
        exact = self._reader.one_of(fields.get("case"), ("exact", "any"), "case") == "exact"
        match = self._reader.choice(fields.get("match"), MatchMode, "match")
        language = self._reader.text(fields.get("language")) or ""
        if language and not is_language(language):
            wrong = f'"{language}" is not a language tag'
            self._reader.error(
                fields.key_place("language"), "unknown-value", wrong, "two letters, such as en"
            )
        masks = self._masks(fields)
        searched = self.fields(fields.get("in"))
        if term is None:
            return None
        if match is MatchMode.PREFIX and len(term.text) < SHORTEST_PREFIX:
            wrong = f"a prefix needs at least {SHORTEST_PREFIX} characters"
            self._reader.error(fields.place, "short-prefix", wrong)
        if exact and match is MatchMode.STEM:
            wrong = "case: exact compares the word as written; match: stem its dictionary form"
            self._reader.error(fields.key_place("match"), "contradiction", wrong, "leave one of them out")
        default = MatchMode.WORD if exact else MatchMode.STEM
        return replace(
            term, match=match or default, exact=exact, language=language, masks=masks, fields=searched
        )

    def _masks(self, fields: Fields) -> tuple[Clause, ...]:
        node = fields.get("except")
        masks = (self.clause(node),) if isinstance(node, ScalarNode) else self.clauses(node)
        return tuple(mask for mask in masks if mask is not None)

    def _condition(self, fields: Fields) -> Clause | None:
        """Read `all`, `any` and `none` side by side: they hold together."""
        searched = self.fields(fields.get("in"))
        groups: list[Group] = []
        for operator in ("all", "any", "none"):
            if operator not in fields:
                continue
            node = fields.get(operator)
            clauses = self.clauses(node)
            if isinstance(node, SequenceNode) and not node.items:
                self._reader.error(node, "empty", f'"{operator}" holds no clause')
            elif clauses:
                groups.append(Group(operator, clauses, searched, fields.key_place(operator)))
        if not groups:
            return None
        return groups[0] if len(groups) == 1 else Group("all", tuple(groups), (), fields.place)

    def _near(self, fields: Fields) -> Near | None:
        node = fields.get("near")
        items = self._reader.sequence(node, "a list of operands")
        operands = tuple(operand for operand in map(self._operand, items) if operand is not None)
        within = self._within(fields.get("within"))
        ordered = self._reader.boolean(fields.get("ordered")) or False
        searched = self.fields(fields.get("in"))
        if isinstance(node, SequenceNode) and len(items) < 2:  # noqa: PLR2004 - one thing is near nothing
            self._reader.error(
                node, "near-operands", "near needs at least two operands", "add what it is near to"
            )
            return None
        if len(items) > MOST_OPERANDS:
            wrong = f"near takes at most {MOST_OPERANDS} operands, got {len(items)}"
            self._reader.error(fields.place, "near-operands", wrong, "put alternatives into one list")
            return None
        if len(operands) < len(items) or not items:
            return None
        return Near(operands, within, ordered, searched, fields.place)

    def _operand(self, node: Node) -> Clause | None:
        """Read one operand: a clause, or a list of alternatives."""
        if not isinstance(node, SequenceNode):
            return self.clause(node)
        if not node.items:
            self._reader.error(node, "empty", "a list of alternatives holds no clause")
            return None
        clauses = self.clauses(node)
        return Group("any", clauses, (), node.place) if len(clauses) == len(node.items) else None

    def _within(self, node: Node | None) -> Within:
        if isinstance(node, ScalarNode) and node.value == "paragraph":
            return "paragraph"
        if node is None or (isinstance(node, ScalarNode) and node.value == "sentence"):
            return "sentence"
        if isinstance(node, ScalarNode) and isinstance(node.value, int) and not isinstance(node.value, bool):
            return self._reader.integer(node, minimum=0, maximum=MOST_WORDS_WITHIN) or 0
        wrong = f"within is sentence, paragraph or a number of words, got {described(node)}"
        text = node.text if isinstance(node, ScalarNode) else ""
        self._reader.error(node, "unknown-value", wrong, closest(text, ("sentence", "paragraph")))
        return "sentence"

    def _regex(self, fields: Fields) -> Pattern | None:
        node = fields.get("regex")
        regex = self._reader.text(node)
        searched = self.fields(fields.get("in"))
        if regex is None or node is None:
            return None
        wrong, hint = regex_mistake(regex)
        if wrong:
            self._reader.error(node, "bad-regex", wrong, hint)
            return None
        if re.fullmatch(r"[^\W_]+(?: [^\W_]+)*", regex):
            self._reader.warning(
                node, "plain-regex", "this expression is only words", "write them as a phrase"
            )
        return Pattern(regex, searched, fields.place)


def compiled_regex(regex: str) -> re2._Regexp[str]:
    """Compile with the options that every use shares; raises `re2.error`."""
    options = re2.Options()
    options.log_errors = False  # they are reported with their place, not written to stderr
    return re2.compile(regex, options)


def regex_mistake(regex: str) -> tuple[str, str]:
    """Return what is wrong with an expression and what to do, or two empty texts."""
    if len(regex) > LONGEST_REGEX:
        return f"the expression has {len(regex)} characters, at most {LONGEST_REGEX} are read", "split it"
    for found in _ASCII_CLASS.finditer(regex):
        if found[1]:
            hint = (
                f"write {_INSTEAD[found[1].lower()]}"
                if found[1].islower()
                else "write a class such as [^\\p{L}]"
            )
            return f"\\{found[1]} knows ASCII letters only and would miss most scripts", hint
    try:
        compiled = compiled_regex(regex)
    except re2.error as error:
        said = error.args[0] if error.args else error
        said = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        hint = "near: and except: do what looking around does" if "(?" in str(said) else ""
        return f"regex not accepted (linear-time syntax only): {said}", hint
    if compiled.search("") is not None:
        return "the expression matches the empty text: it would always be true", ""
    return "", ""
