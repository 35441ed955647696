"""Load a tree of rule files: bytes in, rules and diagnostics out. No file is opened here."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from monitor.document import Reader, ScalarNode, parse
from monitor.garbage import paused
from monitor.rules.lint import Linter
from monitor.rules.listing import ListReader, Names
from monitor.rules.resolve import Resolver, check_rule_links
from monitor.rules.ruling import RuleReader
from monitor.rules.schema import FILE_KEYS, RuleTree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.document import Diagnostic, Fields
    from monitor.rules.listing import Extension
    from monitor.rules.schema import Rule

OTHERS: Final = frozenset(("feeds.yaml", "routes.yaml", "feeds.yml", "routes.yml"))  # read elsewhere
_SUFFIXES: Final = (".yaml", ".yml")


def is_rule_file(path: str) -> bool:
    """Tell whether `path`, relative to the tree's root, holds rules, lists or macros."""
    hidden = any(part.startswith(".") for part in path.split("/"))
    return path.endswith(_SUFFIXES) and path not in OTHERS and not hidden


def load_tree(files: Mapping[str, bytes], *, prefix: str = "") -> RuleTree:
    """Read every rule, list and macro of a tree.

    1. Each file is parsed and its top level read. 2. Lists and macros are defined, then extended.
    3. Their references are checked. 4. Rules are read. 5. Their references and links are checked.
    6. Lints.

    Args:
        files: content by path relative to the tree's root, with "/". `feeds.yaml`, `routes.yaml` and
            files that are not YAML are passed over.
        prefix: what to write before paths in diagnostics, such as "rules/".

    Returns:
        The tree of all rules without errors. No content whatever makes this raise.
    """
    with paused():
        return _Loader(prefix).load({path: data for path, data in files.items() if is_rule_file(path)})


class _Loader:
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._diagnostics: list[Diagnostic] = []
        self._reader = Reader(self._diagnostics)
        self._names = Names()
        self._rules: dict[str, Rule] = {}
        self._left_out: dict[str, None] = {}
        self._faulty: list[Rule] = []  # left out; what else is wrong with them is told in the same run

    def load(self, files: Mapping[str, bytes]) -> RuleTree:
        tops = [top for top in (self._top(path, files[path]) for path in sorted(files)) if top is not None]
        self._define(tops)
        resolver = Resolver(self._reader, self._names)
        resolver.names()
        for top in tops:
            self._read_rules(top)
        for rule in self._faulty:
            resolver.rule(rule)
        for rule in tuple(self._rules.values()):
            if not resolver.rule(rule):
                self._leave_out(rule.rule_id)
                self._faulty.append(rule)
        linter = Linter(self._reader, self._names)
        linter.names(self._rules.values(), complete=not self._left_out and not self._names.broken)
        for rule in self._faulty:
            linter.clauses(rule)
        for rule in tuple(self._rules.values()):
            if not linter.rule(rule):
                self._leave_out(rule.rule_id)
        known = (*self._rules, *self._left_out)
        for rule_id in check_rule_links(self._reader, self._rules, known):
            self._leave_out(rule_id)
        linter.rules(self._rules.values())
        return self._tree()

    def _top(self, path: str, data: bytes) -> Fields | None:
        root, found = parse(self._prefix + path, data)
        self._diagnostics.extend(found)
        top = self._reader.mapping(root, FILE_KEYS, "a rule file")
        if top is None:
            return None
        version = top.get("version")
        if version is not None and (not isinstance(version, ScalarNode) or version.value != 1):
            self._reader.error(version, "unknown-version", "this program reads version: 1")
        return top

    def _define(self, tops: Iterable[Fields]) -> None:
        lists = ListReader(self._reader, self._names)
        extensions: list[Extension] = []
        for top in tops:
            lists.lists(top.get("lists"))
            lists.macros(top.get("macros"))
            extensions += lists.extensions(top)
        for extension in extensions:
            lists.extend(extension)

    def _read_rules(self, top: Fields) -> None:
        rules = RuleReader(self._reader)
        before = self._reader.errors
        defaults = rules.defaults(top.get("defaults"))
        bad_defaults = self._reader.errors > before
        for node in self._reader.sequence(top.get("rules"), "a list of rules"):
            before = self._reader.errors
            rule = rules.rule(node, defaults)
            if rule is None:
                continue
            earlier = self._rules.get(rule.rule_id)
            if not rule.rule_id:
                self._faulty.append(rule)
            elif earlier is not None:
                wrong = f'the id "{rule.rule_id}" is already used at {earlier.place}'
                self._reader.error(rule.place, "duplicate-id", wrong, "an id names one rule, for ever")
            elif bad_defaults or self._reader.errors > before:
                self._left_out[rule.rule_id] = None
                self._faulty.append(rule)
            else:
                self._rules[rule.rule_id] = rule

    def _leave_out(self, rule_id: str) -> None:
        self._rules.pop(rule_id, None)
        self._left_out[rule_id] = None

    def _tree(self) -> RuleTree:
        rules = sorted(self._rules.values(), key=lambda rule: rule.place)
        return RuleTree(
            rules=tuple(rules),
            lists=MappingProxyType(dict(self._names.lists)),
            macros=MappingProxyType(dict(self._names.macros)),
            diagnostics=tuple(sorted(dict.fromkeys(self._diagnostics), key=lambda found: found.place)),
            left_out=tuple(self._left_out),
        )
