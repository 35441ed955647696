"""Read lists and macros, and apply `extend`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from monitor.document import (
    MappingNode,
    Node,
    Reader,
    ScalarNode,
    SequenceNode,
    closest,
)
from monitor.rules.clauses import ClauseReader, is_language, is_name
from monitor.rules.schema import (
    ENTRY_KEYS,
    LIST_KEYS,
    Entry,
    Kind,
    ListDef,
    MacroDef,
    MatchMode,
    Term,
)
from monitor.text.fold import fold

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from monitor.document import Fields, Place
    from monitor.rules.schema import Clause


@dataclass(slots=True)
class Names:
    """The one namespace of `$names`, while it is being read."""

    lists: dict[str, ListDef] = field(default_factory=dict)
    macros: dict[str, MacroDef] = field(default_factory=dict)
    broken: dict[str, Place] = field(default_factory=dict)  # names whose definition has errors

    def place_of(self, name: str) -> Place | None:
        """Return where `name` is defined, or None."""
        if name in self.lists:
            return self.lists[name].place
        return self.macros[name].place if name in self.macros else self.broken.get(name)

    def all(self) -> tuple[str, ...]:
        """Return every name, for suggestions."""
        return (*self.lists, *self.macros, *self.broken)


@dataclass(frozen=True, slots=True)
class Extension:
    """What a file adds to or removes from a list that another file defines."""

    target: str
    add: Node | None
    remove: Node | None
    place: Place


class ListReader:
    """Reads the `lists`, `macros` and `extend` of files into `Names`."""

    def __init__(self, reader: Reader, names: Names) -> None:
        """Report into `reader`, define in `names`."""
        self._reader = reader
        self._names = names
        self._clauses = ClauseReader(reader)

    def lists(self, node: Node | None) -> None:
        """Read a file's `lists`."""
        for key, value in self._reader.entries(node, "lists"):
            before = self._reader.errors
            if not self._new_name(key):
                continue
            made = self._list(key, value)
            if made is None or self._reader.errors > before:
                self._names.broken[key.text] = key.place
            else:
                self._names.lists[key.text] = made

    def macros(self, node: Node | None) -> None:
        """Read a file's `macros`."""
        for key, value in self._reader.entries(node, "macros"):
            before = self._reader.errors
            if not self._new_name(key):
                continue
            clause = self._clauses.clause(value)
            if clause is None or self._reader.errors > before:
                self._names.broken[key.text] = key.place
            else:
                self._names.macros[key.text] = MacroDef(key.text, clause, key.place)

    def extensions(self, fields: Fields) -> list[Extension]:
        """Read a file's `extend`: a name with `add` and `remove` beside it, or several by name."""
        node = fields.get("extend")
        if node is None:
            for key in ("add", "remove"):
                if key in fields:
                    wrong = f'"{key}" needs "extend" beside it, with the name of a list'
                    self._reader.error(fields.key_place(key), "missing-key", wrong)
            return []
        if isinstance(node, MappingNode):
            made = []
            for name, value in node.entries:
                parts = self._reader.mapping(value, ("add", "remove"), "an extension")
                if parts:
                    made.append(Extension(name.text, parts.get("add"), parts.get("remove"), name.place))
            return made
        target = self._reader.text(node)
        if target is None:
            return []
        return [Extension(target.removeprefix("$"), fields.get("add"), fields.get("remove"), node.place)]

    def extend(self, extension: Extension) -> None:
        """Apply one extension to the list it names."""
        target = self._names.lists.get(extension.target)
        if target is None:
            if extension.target not in self._names.broken:
                wrong = f'there is no list "{extension.target}" to extend'
                hint = closest(extension.target, self._names.lists) or "define it under lists"
                self._reader.error(extension.place, "unknown-name", wrong, hint)
            return
        before = self._reader.errors
        kept = self._removed(target, extension.remove)
        added = self._added(target.kind, extension.add)
        if self._reader.errors > before:
            # Half an extension would match what nobody asked for.
            del self._names.lists[target.name]
            self._names.broken[target.name] = target.place
            return
        self._names.lists[target.name] = replace(target, entries=(*kept, *added))

    def _new_name(self, key: ScalarNode) -> bool:
        if not is_name(key.text):
            wrong = f'"{key.text}" cannot be the name of a list or macro'
            self._reader.error(key, "bad-name", wrong, "a-z, 0-9, _ and -, beginning with a letter")
            return False
        earlier = self._names.place_of(key.text)
        if earlier is not None:
            wrong = f'"{key.text}" is already defined at {earlier}'
            hint = "lists and macros of all files share their names, also the shipped ones: choose another"
            self._reader.error(key, "duplicate-name", wrong, hint)
            # Which of the two a rule means, nobody knows: no rule runs on the wrong one.
            self._names.lists.pop(key.text, None)
            self._names.macros.pop(key.text, None)
            self._names.broken.setdefault(key.text, earlier)
        return earlier is None

    def _list(self, key: ScalarNode, node: Node) -> ListDef | None:
        languages = _language_keys(node)
        fields = self._reader.mapping(node, (*LIST_KEYS, *languages), "a list")
        if fields is None:
            return None
        before = self._reader.errors
        kind = self._reader.choice(self._reader.required(fields, "kind"), Kind, "kind") or Kind.VOCABULARY
        masks = self._clauses.clauses(fields.get("except"))
        entries = self._entries(kind, fields.get("entries"))
        for language in languages:
            entries += self._words(kind, language, fields.get(language))
        include = tuple(name.removeprefix("$") for name in self._reader.texts(fields.get("include")) or ())
        if not entries and not include and self._reader.errors == before:
            self._reader.error(
                key, "empty", f'the list "{key.text}" is empty', "add words, such as en: [talks]"
            )
        return ListDef(
            key.text,
            kind,
            tuple(_masked(entry, masks) for entry in entries),
            include,
            self._reader.text(fields.get("description")) or "",
            key.place,
            self._reader.date(fields.get("checked")),
        )

    def _words(self, kind: Kind, language: str, node: Node | None) -> list[Entry]:
        """Read the words of one language: each an entry of its own."""
        entries = []
        for item in self._reader.sequence(node, "a list of words"):
            term = self._term(kind, language, item)
            if term:
                entries.append(Entry(term.text, (term,), place=item.place))
        return entries

    def _entries(self, kind: Kind, node: Node | None) -> list[Entry]:
        entries = (self._entry(kind, item) for item in self._reader.sequence(node, "a list of entries"))
        return [entry for entry in entries if entry]

    def _entry(self, kind: Kind, node: Node) -> Entry | None:
        if isinstance(node, ScalarNode):
            term = self._term(kind, "", node)
            return Entry(term.text, (term,), place=node.place) if term else None
        fields = self._reader.mapping(node, ENTRY_KEYS, "an entry")
        if fields is None:
            return None
        name_node = self._reader.required(fields, "name")
        name = self._reader.text(name_node)
        written = fields.get("match")
        nodes = written.items if isinstance(written, SequenceNode) else (written or name_node,)
        terms = [self._term(kind, "", item) for item in nodes if item is not None]
        for language, forms in self._reader.entries(fields.get("forms"), "forms by language"):
            if not is_language(language.text):
                wrong = f'"{language.text}" is not a language tag'
                self._reader.error(language, "unknown-value", wrong, "two letters, such as ru")
            terms += [self._term(kind, language.text, item) for item in self._reader.sequence(forms)]
        exact = self._reader.one_of(fields.get("case"), ("exact", "any"), "case") == "exact"
        valid = self._valid(fields.get("valid"))
        masks = self._clauses.clauses(fields.get("except"))
        if name is None:
            return None
        found = tuple(replace(term, exact=True) if exact else term for term in terms if term)
        return _masked(Entry(name, found, *valid, place=fields.place), masks)

    def _term(self, kind: Kind, language: str, node: Node) -> Term | None:
        """Read one term; names are matched as written, vocabulary by lemma."""
        term = self._clauses.term(node)
        if term is None:
            return None
        stated = isinstance(node, MappingNode) and any(key.text == "match" for key, _ in node.entries)
        if not stated and not term.exact:
            term = replace(term, match=MatchMode.STEM if kind is Kind.VOCABULARY else MatchMode.WORD)
        return replace(term, language=term.language or language)

    def _valid(self, node: Node | None) -> tuple[date | None, date | None]:
        fields = self._reader.mapping(node, ("from", "until"), "a time of validity")
        if fields is None:
            return None, None
        first, last = self._reader.date(fields.get("from")), self._reader.date(fields.get("until"))
        if first and last and last < first:
            self._reader.error(
                fields.place, "out-of-range", f"valid ends ({last}) before it begins ({first})"
            )
        return first, last

    def _added(self, kind: Kind, node: Node | None) -> list[Entry]:
        if not isinstance(node, MappingNode):
            return self._entries(kind, node)
        languages = _language_keys(node)
        fields = self._reader.mapping(node, ("entries", *languages), "what is added")
        if fields is None:
            return []
        entries = self._entries(kind, fields.get("entries"))
        for language in languages:
            entries += self._words(kind, language, fields.get(language))
        return entries

    def _removed(self, target: ListDef, node: Node | None) -> tuple[Entry, ...]:
        """Return the entries that stay; a name or a single spelling can be removed."""
        entries = target.entries
        nodes = node.items if isinstance(node, SequenceNode) else (node,) if node is not None else ()
        for item in nodes:
            text = self._reader.text(item)
            if text is None:
                continue
            kept = tuple(_without(entries, text))
            if kept == entries:
                hint = closest(text, (entry.name for entry in entries))
                self._reader.error(item, "unknown-name", f'"{text}" is not in the list "{target.name}"', hint)
            entries = kept
        return entries


def _without(entries: Iterable[Entry], text: str) -> Iterable[Entry]:
    """Return `entries` without the entry of that name, else without the spelling `text`."""
    entries = tuple(entries)
    wanted = fold(text)
    if any(fold(entry.name) == wanted for entry in entries):
        return tuple(entry for entry in entries if fold(entry.name) != wanted)
    kept = []
    for entry in entries:
        terms = tuple(term for term in entry.terms if fold(term.text) != wanted)
        if terms:
            kept.append(entry if len(terms) == len(entry.terms) else replace(entry, terms=terms))
    return tuple(kept)


def _masked(entry: Entry, masks: tuple[Clause, ...]) -> Entry:
    if not masks:
        return entry
    return replace(entry, terms=tuple(replace(term, masks=(*term.masks, *masks)) for term in entry.terms))


def _language_keys(node: Node) -> tuple[str, ...]:
    if not isinstance(node, MappingNode):
        return ()
    return tuple(key.text for key, _ in node.entries if is_language(key.text))
