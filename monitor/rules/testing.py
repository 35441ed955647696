"""Run the tests that stand in rule files: `must_match`, `must_not_match` and `timeline`."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from monitor.rules.engine import Engine, compile_tree
from monitor.rules.examples import example_item
from monitor.rules.schema import Status
from monitor.rules.timeline import run_timeline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.document import Place
    from monitor.models import Feed, Match
    from monitor.rules.schema import Example, Rule, RuleTree

__all__ = ["TestResult", "example_item", "run_tests"]

_NO_FEEDS: Final[Mapping[str, Feed]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one item under `must_match`, `must_not_match` or `timeline`."""

    __test__: ClassVar[bool] = False  # pytest looks at names

    rule_id: str
    expectation: Literal["must_match", "must_not_match", "timeline"]
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


def run_tests(tree: RuleTree, feeds: Mapping[str, Feed] = _NO_FEEDS) -> tuple[TestResult, ...]:
    """Run every in-file test of drafts, shadow and live rules, in order of files and lines.

    An item of a test is what a `where` asks for in every respect that it does not state itself: a
    plain title shall test the words. Rules that items do not fire (sequence, together, volume) have
    timelines only.

    Args:
        tree: what `load_tree` returned.
        feeds: by id, for timelines that name them.
    """
    engine = compile_tree(tree, statuses=frozenset(Status) - {Status.RETIRED})
    results: list[TestResult] = []
    for rule in tree.rules:
        if rule.status is Status.RETIRED:
            continue
        if rule.when is not None:
            results += (_positive(engine, rule, example) for example in rule.must_match)
            results += (_negative(engine, rule, example) for example in rule.must_not_match)
        results += (
            TestResult(rule.rule_id, "timeline", one.step.item, one.passed, one.detail)
            for one in run_timeline(tree, engine, rule, feeds)
        )
    return tuple(results)


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
