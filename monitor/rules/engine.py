"""The engine: which rules an item fires, and why. A pure function of (rules, lists, item, feed).

1. The fields that rules search are tokenized, and which terms of all rules occur is told in one pass.
2. Each rule is kept under what it cannot do without; the terms found name the candidates
   (`candidates.py`). Rules without such a thing are candidates for every item.
3. A candidate's `where`, `expires`, `when` and `except` are asked, in this order. Positions, sentence
   bounds and regular expressions are worked out when a candidate first asks for them, and remembered
   for the other candidates.
4. Evidence is collected for what fired.

The same evaluation serves the daemon, the in-file tests and the command line.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import repeat
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from monitor.garbage import paused
from monitor.models import FIELDS, Evidence, Match, RuleInfo
from monitor.rules.candidates import CandidateIndex, ExpressionSet
from monitor.rules.compiling import Compiler
from monitor.rules.context import ItemContext
from monitor.rules.leaves import LeavesOf
from monitor.rules.nodes import quoted
from monitor.rules.schema import Status
from monitor.rules.versions import RuleVersions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from monitor.models import Feed, Item
    from monitor.rules.candidates import Need
    from monitor.rules.nodes import Node, PatternNode
    from monitor.rules.schema import Exemption, Rule, RuleTree, Where

MOST_EVIDENCE: Final = 64  # pieces a match; a long article that repeats a name needs no more
EVALUATED: Final = frozenset((Status.LIVE, Status.SHADOW))


@dataclass(frozen=True, slots=True)
class _Compiled:
    """One rule, ready to be asked."""

    rule: Rule
    when: Node
    exceptions: tuple[tuple[Exemption, Node], ...]


class Engine:
    """Compiled rules. Make one with `compile_tree`; to change rules, make another and swap."""

    def __init__(self, tree: RuleTree, statuses: frozenset[Status]) -> None:
        """Compile the rules of `tree` whose status is one of `statuses`."""
        compiler = Compiler(tree)
        chosen = [rule for rule in tree.rules if rule.status in statuses]
        self.rule_infos: Mapping[str, RuleInfo] = MappingProxyType(
            {rule.rule_id: _info(rule) for rule in chosen}
        )
        self.versions: Mapping[str, str] = RuleVersions(tree)
        self._rules: list[_Compiled] = []
        self._by_id: dict[str, int] = {}
        self._needs: list[list[Need]] = []
        for rule in chosen:
            if rule.when is None:  # sequence, together, volume: fired by other rules' hits, not by items
                continue
            self._by_id[rule.rule_id] = len(self._rules)
            when = compiler.compile(rule.when)
            exceptions = tuple((one, compiler.compile(one.clause)) for one in rule.exceptions)
            self._rules.append(_Compiled(rule, when, exceptions))
            self._needs.append(_useful(compiler.needs(when)))
        self._vocabulary = compiler.vocabulary
        self._vocabulary.freeze()
        # Most rules are no candidate for weeks: what only candidates need is made for the first time one is.
        self._leaves_of = LeavesOf()
        self._prepared: set[int] = set()
        self._fields = tuple(name for name in FIELDS if name in compiler.fields)
        self._expressions = _Expressions(compiler.expressions, self._needs)
        self._expected: Callable[[Need], float] = compiler.expected
        self._made_index: CandidateIndex | None = None

    @property
    def _index(self) -> CandidateIndex:
        """The index, made when it is first asked for: `tune` would throw away an earlier one."""
        if self._made_index is None:
            self._made_index = CandidateIndex(self._needs, self._expected)
        return self._made_index

    @property
    def unkeyed(self) -> tuple[str, ...]:
        """Return the ids of rules that are evaluated on every item, for want of a required term."""
        return tuple(self._rules[index].rule.rule_id for index in self._index.always)

    def tune(self, items: Iterable[Item]) -> None:
        """Choose anew what rules are looked up by, from how often terms occur in `items`.

        Without it names are taken for rarer than words. It changes no answer, only its cost.

        Args:
            items: some of the news that will come, such as the last thousand stored items.
        """
        counts: Counter[int] = Counter()
        for item in items:
            counts.update(self._present(self._context(item)))
        # A term that was not seen may come all the same; one whose rivals were not seen either is as good.
        seen = dict(counts)

        def expected(need: Need) -> float:
            return sum(map(seen.get, need, repeat(0))) + len(need) / 10

        self._made_index = CandidateIndex(self._needs, expected)

    def match(self, item: Item, feed: Feed | None = None) -> tuple[Match, ...]:
        """Return the rules that fire on `item`, in order of their files and lines.

        Args:
            item: the item; its texts are visible text.
            feed: where it came from; without it nothing is known of tier, country and feed, and a
                rule that asks for one of them does not fire.
        """
        context = self._context(item)
        chosen = self._candidates(context)
        if not chosen:
            return ()
        self._prepare(chosen)
        context.expect(need for index in chosen for need in self._needs[index])
        matches = (self._evaluate(self._rules[index], context, feed) for index in chosen)
        return tuple(match for match in matches if match is not None)

    def match_each(
        self, item: Item, feed: Feed | None = None
    ) -> tuple[tuple[Match, ...], dict[str, Exception]]:
        """Return what `match` does, and for each rule that raises what it raised: for when `match` raised."""
        context, found, failed = self._context(item), list[Match](), dict[str, Exception]()
        chosen = self._candidates(context)
        self._prepare(chosen)
        for index in chosen:
            compiled = self._rules[index]
            try:
                match = self._evaluate(compiled, context, feed)
            except Exception as error:  # noqa: BLE001 - a rule's defect is its own
                failed[compiled.rule.rule_id] = error
            else:
                found += [match] if match is not None else []
        return tuple(found), failed

    def why_not(self, rule_id: str, item: Item, feed: Feed | None = None) -> str:
        """Say for people why a rule does not fire on `item`; "" if it does.

        Raises:
            KeyError: the engine holds no such rule, or one that items do not fire.
        """
        index = self._by_id[rule_id]
        self._prepare([index])
        return self._obstacle(self._rules[index], self._context(item), feed)

    def _prepare(self, chosen: list[int]) -> None:
        """See to it that the leaves of some rules can be told from terms."""
        if self._prepared.issuperset(chosen):
            return
        for index in chosen:
            for node in (self._rules[index].when, *(node for _, node in self._rules[index].exceptions)):
                self._leaves_of.add(node)
        self._prepared.update(chosen)

    def _context(self, item: Item) -> ItemContext:
        return ItemContext(item, self._vocabulary, self._fields, self._leaves_of)

    def _candidates(self, context: ItemContext) -> list[int]:
        return self._index.candidates(self._present(context))

    def _present(self, context: ItemContext) -> set[int]:
        """Return the ids of the terms, and of the expressions that rules are looked up by, that occur."""
        found = list(context.present.values())
        present = found[0] if len(found) == 1 else set().union(*found)
        return present | self._expressions.occurring(context) if self._expressions else present

    def _evaluate(self, compiled: _Compiled, context: ItemContext, feed: Feed | None) -> Match | None:
        rule = compiled.rule
        if not _where_holds(rule.where, context.item, feed) or is_expired(rule.expires, context.day):
            return None
        if not compiled.when.holds(context):
            return None
        for exception, node in compiled.exceptions:
            if not is_expired(exception.expires, context.day) and node.holds(context):
                return None
        evidence, entities = collected(compiled.when, context)
        return Match(rule.rule_id, self.versions[rule.rule_id], rule.severity, evidence, entities)

    def _obstacle(self, compiled: _Compiled, context: ItemContext, feed: Feed | None) -> str:
        rule = compiled.rule
        if not _where_holds(rule.where, context.item, feed):
            return "where: " + "; ".join(where_obstacles(rule.where, context.item, feed))
        if is_expired(rule.expires, context.day):
            return f"the rule expired on {rule.expires}"
        if not compiled.when.holds(context):
            return compiled.when.missing(context)
        for exception, node in compiled.exceptions:
            if not is_expired(exception.expires, context.day) and node.holds(context):
                return f"excepted ({exception.reason}): {quoted(context, node)}"
        return ""


class _Expressions:
    """The regular expressions without which some rule cannot fire, searched for in one pass."""

    def __init__(self, nodes: Sequence[PatternNode], needs: Iterable[Iterable[Need]]) -> None:
        """Keep those of `nodes` that a need names: -1 is the first one."""
        wanted = sorted({-1 - one for rule in needs for need in rule for one in need if one < 0})
        self._ids = [-1 - number for number in wanted]
        self._fields = tuple(name for name in FIELDS if any(name in nodes[n].fields for n in wanted))
        self._set = ExpressionSet([nodes[number].regex for number in wanted])

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._ids)

    def occurring(self, context: ItemContext) -> set[int]:
        """Return the ids of those that occur in some field that some expression is searched in."""
        texts = (context.item.text(name) for name in self._fields)
        return {self._ids[number] for text in texts if text for number in self._set.occurring(text)}


def _useful(needs: list[Need]) -> list[Need]:
    """Leave expressions out where words tell enough."""
    words = [need for need in needs if min(need, default=0) >= 0]
    return words or needs[:1]


def compile_tree(tree: RuleTree, *, statuses: Iterable[Status] = EVALUATED) -> Engine:
    """Compile the rules of a tree.

    Args:
        tree: what `load_tree` returned.
        statuses: which rules; live and shadow are what the daemon evaluates.
    """
    with paused():
        return Engine(tree, frozenset(statuses))


def _info(rule: Rule) -> RuleInfo:
    return RuleInfo(
        rule_id=rule.rule_id,
        title=rule.title,
        severity=rule.severity,
        description=rule.description,
        owner=rule.owner,
        topic=rule.topic,
        tags=rule.tags,
        alert_per=rule.alert_per,
        grouping=rule.grouping,
        formerly=rule.formerly,
        shadow=rule.status is Status.SHADOW,
        supersedes=rule.supersedes,
    )


def is_expired(day: date | None, today: date | None) -> bool:
    """Tell whether what ends on `day` has ended for an item of `today`; without a date nothing ends."""
    return day is not None and today is not None and today >= day


def _where_holds(where: Where, item: Item, feed: Feed | None) -> bool:
    return next(iter(where_obstacles(where, item, feed)), None) is None


def where_obstacles(where: Where, item: Item, feed: Feed | None) -> Iterable[str]:
    """Go through what `where` asks and the item or its feed is not."""
    language = item.language or (feed.language if feed else "") or "und"
    if where.language and language not in where.language:
        yield f"language is {language}, not {', '.join(where.language)}"
    feed_id = feed.feed_id if feed else item.feed_id
    if where.feed and feed_id not in where.feed:
        yield f"feed is {feed_id or 'unknown'}, not {', '.join(where.feed)}"
    if feed_id in where.not_feed:
        yield f"feed {feed_id} is excluded"
    tier = feed.tier if feed else None
    if where.tier and tier not in where.tier:
        yield f"tier is {tier or 'unknown'}, not {', '.join(where.tier)}"
    if tier in where.not_tier:
        yield f"tier {tier} is excluded"
    country = feed.country.upper() if feed else ""
    if where.country and country not in where.country:
        yield f"country is {country or 'unknown'}, not {', '.join(where.country)}"
    if where.category:
        categories = {name.casefold() for name in (*item.categories, feed.category if feed else "")}
        if categories.isdisjoint(name.casefold() for name in where.category):
            yield f"category is none of {', '.join(where.category)}"


def collected(node: Node, context: ItemContext) -> tuple[tuple[Evidence, ...], tuple[tuple[str, str], ...]]:
    """Return the evidence in text order, field by field, and the entities in it."""
    order = {name: number for number, name in enumerate(FIELDS)}
    parts = dict.fromkeys((order[name], *part) for name, part in node.evidence(context))
    entities = {entity for *_, label in parts for entity in label.entities}
    evidence = []
    for number, start, end, label in sorted(parts)[:MOST_EVIDENCE]:
        name = FIELDS[number]
        evidence.append(Evidence(name, start, end, context.item.text(name)[start:end], label.entry))
    return tuple(evidence), tuple(sorted(entities))
