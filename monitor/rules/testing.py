"""Run the tests that stand in rule files: `must_match` and `must_not_match`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, ClassVar, Literal

from monitor.models import Feed, Item, Tier, stable_id
from monitor.rules.engine import Engine, compile_tree
from monitor.rules.schema import Status

if TYPE_CHECKING:
    from monitor.document import Place
    from monitor.models import Match
    from monitor.rules.schema import Example, Rule, RuleTree


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one item under `must_match` or `must_not_match`."""

    __test__: ClassVar[bool] = False  # pytest looks at names

    rule_id: str
    expectation: Literal["must_match", "must_not_match"]
    example: Example
    passed: bool
    detail: str = ""  # for people: why a failed one failed, "" when it passed

    @property
    def place(self) -> Place:
        """Return where the item stands in its file."""
        return self.example.place

    def __str__(self) -> str:
        """Return one line: place, result, what was tested."""
        text = self.example.title or self.example.summary or self.example.content
        said = "passed" if self.passed else f"failed: {self.detail}"
        return f'{self.place}: {self.rule_id}: {self.expectation} "{text}": {said}'


def run_tests(tree: RuleTree) -> tuple[TestResult, ...]:
    """Run every in-file test of drafts, shadow and live rules, in order of files and lines.

    An item of a test is what a `where` asks for in every respect that it does not state itself: a
    plain title shall test the words. Rules that items do not fire (sequence, together, volume) are
    passed over.
    """
    engine = compile_tree(tree, statuses=frozenset(Status) - {Status.RETIRED})
    results: list[TestResult] = []
    for rule in tree.rules:
        if rule.when is None or rule.status is Status.RETIRED:
            continue
        results += (_positive(engine, rule, example) for example in rule.must_match)
        results += (_negative(engine, rule, example) for example in rule.must_not_match)
    return tuple(results)


def example_item(rule: Rule, example: Example) -> tuple[Item, Feed]:
    """Return the item and feed that an in-file test stands for."""
    where = rule.where
    allowed = [tier for tier in where.tier or Tier if tier not in where.not_tier]
    feed = Feed(
        feed_id=example.feed or (where.feed[0] if where.feed else "example"),
        url="https://example.org/feed.xml",
        tier=example.tier
        or (Tier.NATIONAL if Tier.NATIONAL in allowed else next(iter(allowed), Tier.NATIONAL)),
        country=example.country or (where.country[0] if where.country else ""),
        language=example.language or (where.language[0] if where.language else ""),
        category=example.category or (where.category[0] if where.category else ""),
    )
    published = datetime.combine(example.published, time(12), UTC) if example.published else None
    item = Item(
        item_id=stable_id("example", rule.rule_id, str(example.place)),
        feed_id=feed.feed_id,
        key=f"example:{example.place}",
        title=example.title,
        summary=example.summary,
        content=example.content,
        author=example.author,
        url=example.url,
        language=feed.language,
        published_at=published,
        first_seen_at=published,
    )
    return item, feed


def _match(engine: Engine, rule: Rule, example: Example) -> Match | None:
    item, feed = example_item(rule, example)
    return next((match for match in engine.match(item, feed) if match.rule_id == rule.rule_id), None)


def _positive(engine: Engine, rule: Rule, example: Example) -> TestResult:
    passed = _match(engine, rule, example) is not None
    detail = "" if passed else engine.why_not(rule.rule_id, *example_item(rule, example))
    return TestResult(rule.rule_id, "must_match", example, passed, detail)


def _negative(engine: Engine, rule: Rule, example: Example) -> TestResult:
    match = _match(engine, rule, example)
    if match is None:
        return TestResult(rule.rule_id, "must_not_match", example, passed=True)
    found = ", ".join(f'"{one.text}" ({one.entry})' for one in match.evidence[:8])
    return TestResult(rule.rule_id, "must_not_match", example, passed=False, detail=f"it matches: {found}")
