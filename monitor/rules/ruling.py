"""Read rules: every key of a rule but its clauses."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, cast

from monitor.document import Fields, MappingNode, Node, Reader, ScalarNode, SequenceNode, closest
from monitor.models import Severity, Tier
from monitor.rules.clauses import MOST_OPERANDS, ClauseReader, is_language, is_name
from monitor.rules.schema import (
    CORROBORATE_KEYS,
    DEFAULT_KEYS,
    EXAMPLE_KEYS,
    EXCEPTION_KEYS,
    GROUPINGS,
    RULE_KEYS,
    TAG_NAMESPACES,
    TIMELINE_KEYS,
    VOLUME_KEYS,
    WHERE_KEYS,
    Combination,
    Corroborate,
    Example,
    Exemption,
    Pattern,
    Rule,
    Status,
    TimelineStep,
    Volume,
    Where,
)
from monitor.rules.walk import walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from monitor.rules.schema import Clause

    _Check = Callable[[str], bool]

MOST_REGEXES: Final = 20  # a rule
_RULE_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\Z", re.ASCII)
_TAG: Final = re.compile(r"[a-z]+\.[A-Za-z0-9_.-]+\Z", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{2}\Z", re.ASCII)
_CONDITIONS: Final = ("when", "sequence", "together", "volume")
_EXPECTED: Final = ("alert", "nothing", "new", "corroborated", "escalated", "official", "update", "pending")
_SAME: Final = ("topic", "story", "country", "none")
_ALERT_PER: Final = ("story", "topic", "item")
_TYPED: Final = ("tier", "published")  # keys of an example that are no text


class RuleReader:
    """Reads the rules of one file."""

    def __init__(self, reader: Reader) -> None:
        """Report into `reader`."""
        self._reader = reader
        self._clauses = ClauseReader(reader)

    def defaults(self, node: Node | None) -> Fields | None:
        """Read a file's `defaults`, checking their values once."""
        fields = self._reader.mapping(node, DEFAULT_KEYS, "defaults")
        if fields:
            self._reader.text(fields.get("owner"))
            self._reader.text(fields.get("topic"))
            self._reader.choice(fields.get("severity"), Severity, "severity")
            self._reader.choice(fields.get("status"), Status, "status")
            self._reader.one_of(fields.get("grouping"), GROUPINGS, "grouping")
        return fields

    def rule(self, node: Node, defaults: Fields | None) -> Rule | None:
        """Read one rule; what is wrong is reported, and the answer is only complete without errors.

        A rule whose own id is wrong has the id "": what else is wrong with it can be told all the same.
        """
        fields = self._reader.mapping(node, RULE_KEYS, "a rule")
        if fields is None:
            return None
        rule_id = self.rule_id(self._reader.required(fields, "id"))
        title = self._reader.text(self._reader.required(fields, "title"))
        own = {key: fields.get(key) or (defaults.get(key) if defaults else None) for key in DEFAULT_KEYS}
        severity = self._reader.choice(
            own["severity"] or self._reader.required(fields, "severity"), Severity, "severity"
        )
        status = self._reader.choice(own["status"], Status, "status") or Status.LIVE
        self._one_condition(fields)
        when = self._when(fields)
        texts = {
            key: self._reader.texts(fields.get(key)) or ()
            for key in ("references", "known_issues", "supersedes")
        }
        return Rule(
            rule_id=rule_id or "",
            title=title or "",
            severity=severity or Severity.INFO,
            when=when,
            sequence=self._combination(fields),
            volume=self._volume(fields.get("volume")),
            status=status,
            description=self._reader.text(fields.get("description")) or "",
            owner=self._reader.text(own["owner"]) or "",
            topic=self._reader.text(own["topic"]) or "",
            tags=self._tags(fields.get("tags")),
            expires=self._reader.date(fields.get("expires")),
            where=self._where(fields.get("where")),
            exceptions=self._exceptions(fields.get("except")),
            corroborate=self._corroborate(fields.get("corroborate")),
            alert_per=self._grouping(fields.get("alert_per"), _ALERT_PER, "alert_per") or "story",
            grouping=self._stories(fields, own["grouping"]),
            formerly=tuple(filter(None, map(self.rule_id, _nodes(fields.get("formerly"))))),
            must_match=self._examples(fields.get("must_match")),
            must_not_match=self._examples(fields.get("must_not_match")),
            timeline=self._timeline(fields.get("timeline")),
            place=fields.place,
            **texts,
        )

    def rule_id(self, node: Node | None) -> str | None:
        """Read a rule's id."""
        text = self._reader.text(node)
        if text is not None and node is not None and not _RULE_ID.match(text):
            better = "-".join(re.findall(r"[a-z0-9]+", text.lower()))
            hint = f"use a-z, 0-9 and -: {better}" if better else "use a-z, 0-9 and -"
            self._reader.error(node, "bad-id", f'"{text}" cannot be a rule id', hint)
            return None
        return text

    def _one_condition(self, fields: Fields) -> None:
        present = [key for key in _CONDITIONS if key in fields]
        if not present and fields.meant.isdisjoint(_CONDITIONS):
            self._reader.error(fields.place, "no-condition", f"a rule needs one of {', '.join(_CONDITIONS)}")
        for key in present[1:]:
            wrong = f'a rule has one condition: "{key}" cannot stand beside "{present[0]}"'
            self._reader.error(fields.key_place(key), "two-conditions", wrong)
        combined = "sequence" in fields or "together" in fields
        for key in ("within", "same"):
            if key in fields and not combined:
                wrong = f'"{key}" belongs to sequence or together'
                self._reader.error(
                    fields.key_place(key), "misplaced-key", wrong, "for near, write it beside near"
                )

    def _stories(self, fields: Fields, node: Node | None) -> str:
        """Read how readily the rule's items join stories; "" for rules above rules, which find no items."""
        grouping = self._reader.one_of(node, GROUPINGS, "grouping") or ""
        above = next((key for key in _CONDITIONS[1:] if key in fields), "")
        if above and "grouping" in fields:
            wrong = f'"grouping" belongs to when: the stories of {above} are those of its rules'
            hint = "write it in those rules"
            self._reader.error(fields.key_place("grouping"), "misplaced-key", wrong, hint)
        return "" if above else grouping

    def _when(self, fields: Fields) -> Clause | None:
        when = self._clauses.clause(fields.get("when"))
        count = sum(isinstance(clause, Pattern) for clause in walk(when))
        if count > MOST_REGEXES:
            wrong = f"{count} regular expressions in a rule, at most {MOST_REGEXES} are read"
            self._reader.error(fields.key_place("when"), "too-many-regexes", wrong, "use words and lists")
        return when

    def _tags(self, node: Node | None) -> tuple[str, ...]:
        tags = []
        for item in _nodes(node):
            tag = self._reader.text(item)
            if tag is None:
                continue
            namespace = tag.partition(".")[0]
            if not _TAG.match(tag):
                hint = "such as plover.consult.visit or x.my-own"
                self._reader.error(item, "bad-tag", f'tag "{tag}" is not of the form namespace.name', hint)
            elif namespace not in TAG_NAMESPACES:
                hint = closest(namespace, TAG_NAMESPACES) or "own tags begin with x."
                self._reader.warning(item, "unknown-tag", f'unknown namespace in the tag "{tag}"', hint)
            tags.append(tag)
        return tuple(tags)

    def _where(self, node: Node | None) -> Where:
        fields = self._reader.mapping(node, WHERE_KEYS, "where")
        if fields is None:
            return Where()
        languages = self._each(
            fields.get("language"), is_language, "a language tag", "two letters, such as en"
        )
        countries = self._each(
            fields.get("country"), lambda text: bool(_COUNTRY.match(text)), "a country code", "such as GB"
        )
        return Where(
            language=languages,
            feed=self._reader.texts(fields.get("feed")) or (),
            not_feed=self._reader.texts(fields.get("not_feed")) or (),
            tier=self._tiers(fields.get("tier")),
            not_tier=self._tiers(fields.get("not_tier")),
            country=countries,
            category=self._reader.texts(fields.get("category")) or (),
        )

    def _each(self, node: Node | None, good: _Check, what: str, hint: str) -> tuple[str, ...]:
        texts = []
        for item in _nodes(node):
            text = self._reader.text(item)
            if text is not None and not good(text):
                self._reader.error(item, "unknown-value", f'"{text}" is not {what}', hint)
            elif text is not None:
                texts.append(text)
        return tuple(texts)

    def _tiers(self, node: Node | None) -> tuple[Tier, ...]:
        tiers = (self._reader.choice(item, Tier, "tier") for item in _nodes(node))
        return tuple(tier for tier in tiers if tier)

    def _exceptions(self, node: Node | None) -> tuple[Exemption, ...]:
        made = []
        for item in self._reader.sequence(node, "a list of exceptions"):
            if not isinstance(item, MappingNode):
                wrong = "an exception is a clause with its reason"
                self._reader.error(item, "missing-key", wrong, "- any: [..] and below it reason: why")
                continue
            keys = {key.text: value for key, value in item.entries}
            clause = self._clauses.clause(item, EXCEPTION_KEYS)
            reason = self._reader.text(keys.get("reason"))
            if not reason:
                self._reader.error(item, "missing-key", 'an exception needs the key "reason"')
            expires = self._reader.date(keys.get("expires"))
            if clause:
                made.append(Exemption(clause, reason or "", expires, item.place))
        return tuple(made)

    def _corroborate(self, node: Node | None) -> Corroborate | None:
        fields = self._reader.mapping(node, CORROBORATE_KEYS, "corroborate")
        if fields is None:
            return None
        sources = self._reader.integer(self._reader.required(fields, "sources"), minimum=2, maximum=20)
        within = self._reader.duration(self._reader.required(fields, "within"))
        distinct = self._reader.one_of(fields.get("distinct"), ("owner", "country", "alignment"), "distinct")
        until_then = self._reader.one_of(fields.get("until_then"), ("notify", "hold"), "until_then")
        return Corroborate(
            sources=sources or 2,
            within=within or timedelta(hours=6),
            distinct=cast('Literal["owner", "country", "alignment"]', distinct or "owner"),
            not_tier=self._tiers(fields.get("not_tier")),
            until_then=cast('Literal["notify", "hold"]', until_then or "notify"),
            raise_to=self._reader.choice(fields.get("raise_to"), Severity, "raise_to"),
        )

    def _combination(self, fields: Fields) -> Combination | None:
        key = next((key for key in ("sequence", "together") if key in fields), None)
        if key is None:
            return None
        rule_ids = tuple(
            filter(None, map(self.rule_id, self._reader.sequence(fields.get(key), "a list of rule ids")))
        )
        if not 2 <= len(rule_ids) <= MOST_OPERANDS:  # noqa: PLR2004 - one rule is no sequence
            wrong = f"{key} names 2 to {MOST_OPERANDS} rules, got {len(rule_ids)}"
            self._reader.error(fields.key_place(key), "out-of-range", wrong)
        within = self._reader.duration(self._reader.required(fields, "within"))
        same = self._grouping(fields.get("same"), _SAME, "same")
        return Combination(rule_ids, within or timedelta(days=1), key == "sequence", same or "topic")

    def _volume(self, node: Node | None) -> Volume | None:
        fields = self._reader.mapping(node, VOLUME_KEYS, "volume")
        if fields is None:
            return None
        of = self.rule_id(self._reader.required(fields, "of"))
        within = self._reader.duration(self._reader.required(fields, "within"))
        stories = self._reader.integer(fields.get("stories"), minimum=2)
        times = self._times(fields.get("times"))
        baseline = self._reader.duration(fields.get("baseline"))
        if ("stories" in fields) == ("times" in fields):
            self._reader.error(
                fields.place, "missing-key", "volume needs either stories, or times and baseline"
            )
        elif ("times" in fields) != ("baseline" in fields):
            self._reader.error(fields.place, "missing-key", "times and baseline stand together")
        return Volume(of or "", within or timedelta(hours=1), stories, times, baseline)

    def _times(self, node: Node | None) -> float | None:
        if node is None:
            return None
        value = node.value if isinstance(node, ScalarNode) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and 1 < value <= 1000:  # noqa: PLR2004 - sane factors
            return float(value)
        self._reader.error(node, "out-of-range", "times is a factor above 1, such as 3")
        return None

    def _grouping(self, node: Node | None, choices: tuple[str, ...], what: str) -> str | None:
        """Read one of `choices` or `entity.<list>`."""
        if isinstance(node, ScalarNode) and node.text.startswith("entity.") and is_name(node.text[7:]):
            return node.text
        return self._reader.one_of(node, (*choices, "entity.<list>"), what)

    def _examples(self, node: Node | None) -> tuple[Example, ...]:
        examples = (self._example(item, EXAMPLE_KEYS) for item in _nodes(node))
        return tuple(example for example in examples if example)

    def _example(self, node: Node, keys: tuple[str, ...]) -> Example | None:
        if not isinstance(node, MappingNode):
            title = self._reader.text(node)
            return Example(title=title, place=node.place) if title else None
        if len(node.entries) == 1 and not closest(key := node.entries[0][0].text, keys):
            hint = "is this a headline with a colon? put all of it in quotes"
            self._reader.error(node, "unknown-key", f'unknown key "{key}"', hint)
            return None
        fields = self._reader.mapping(node, keys, "an item")
        if fields is None:
            return None
        if not any(key in fields for key in ("title", "summary", "content")):
            self._reader.error(fields.place, "missing-key", "an item needs a title, summary or content")
        return Example(
            **{key: self._reader.text(fields.get(key)) or "" for key in EXAMPLE_KEYS if key not in _TYPED},
            tier=self._reader.choice(fields.get("tier"), Tier, "tier"),
            published=self._reader.date(fields.get("published")),
            place=fields.place,
        )

    def _timeline(self, node: Node | None) -> tuple[TimelineStep, ...]:
        steps = []
        for item in self._reader.sequence(node, "a list of timed items"):
            example = self._example(item, TIMELINE_KEYS)
            fields = {key.text: value for key, value in item.entries} if isinstance(item, MappingNode) else {}
            at = self._reader.duration(fields.get("at"), zero=True)
            if "at" not in fields:
                self._reader.error(item, "missing-key", 'a timed item needs the key "at", such as at: 5h')
            expect = self._reader.one_of(fields.get("expect"), _EXPECTED, "expect") or ""
            if example and at is not None:
                steps.append(TimelineStep(at, example, expect))
        return tuple(steps)


def _nodes(node: Node | None) -> tuple[Node, ...]:
    """Return the items of a list, or a single value as a list of one."""
    if node is None:
        return ()
    return node.items if isinstance(node, SequenceNode) else (node,)
