"""Everything an analyst edits, read and checked as one value: feeds, rules, routes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from monitor.alerts.route_tests import check_reach, run_route_tests
from monitor.alerts.routes_file import read_routes
from monitor.document import Diagnostic, Place
from monitor.feeds.catalog import read_catalog
from monitor.models import Routing
from monitor.rules.engine import compile_tree
from monitor.rules.lint_tree import lint_tree
from monitor.rules.load import load_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from monitor.alerts.route_tests import RouteTestResult
    from monitor.models import Feed, Item, Match, RuleInfo
    from monitor.rules.schema import Corroborate, RuleTree

FEEDS_FILE = "feeds.yaml"
ROUTES_FILE = "routes.yaml"
SUFFIXES = (".yaml", ".yml")


class Matching(Protocol):
    """Compiled rules."""

    def match(self, item: Item, feed: Feed | None = None) -> tuple[Match, ...]:
        """Return the rules that fire on an item, with their evidence."""

    def match_each(
        self, item: Item, feed: Feed | None = None
    ) -> tuple[tuple[Match, ...], dict[str, Exception]]:
        """Return what `match` does, and for each rule that raises what it raised."""

    def tune(self, items: Iterable[Item]) -> None:
        """Learn from some news which words are rare; it changes no answer, only its cost."""

    @property
    def rule_infos(self) -> Mapping[str, RuleInfo]:
        """What alerts need to know of each rule, by id."""


@dataclass(frozen=True, slots=True)
class RuleBook:
    """One version of the files under `rules/`, ready to be used."""

    feeds: Mapping[str, Feed]
    routing: Routing
    tree: RuleTree
    engine: Matching
    diagnostics: tuple[Diagnostic, ...]  # of all files, in order of file and place
    digest: str  # of the files' contents: unchanged files, unchanged digest
    kept: tuple[str, ...] = ()  # ids of rules with errors that go on in their last good version

    @property
    def rules(self) -> Mapping[str, RuleInfo]:
        """What alerts need to know of each rule, by id."""
        return self.engine.rule_infos

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The diagnostics that are errors."""
        return tuple(finding for finding in self.diagnostics if finding.level == "error")

    def standard(self, rule_id: str) -> Corroborate | None:
        """Return what a rule asks of the sources of its alerts."""
        return next((rule.corroborate for rule in self.tree.rules if rule.rule_id == rule_id), None)

    def route_tests(self) -> tuple[RouteTestResult, ...]:
        """Run the tests that stand in the routes file."""
        return run_route_tests(self.routing, self.rules.values())

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Names of the secrets that feeds and recipients refer to."""
        names: list[str] = []
        for recipient in self.routing.recipients:
            if (hook := recipient.webhook) is not None:
                names += (hook.url_env, hook.secret_env, hook.to_env, hook.token_env)
                names += (variable for _, variable in hook.headers)
            if recipient.apprise is not None:
                names.append(recipient.apprise.url_env)
        for feed in self.feeds.values():
            names += (feed.username_env, feed.password_env, feed.proxy_env)
        return tuple(dict.fromkeys(filter(None, names)))


def read_book(files: Mapping[str, bytes], *, prefix: str = "", today: date | None = None) -> RuleBook:
    """Read a whole tree; what is invalid is left out and told in `diagnostics`, the rest works.

    Args:
        files: contents by path relative to the rules directory ("lists/people.yaml").
        prefix: put before each path in messages ("rules/"), so that they can be clicked.
        today: the day, UTC, for what is told about dates that have passed; None tells nothing about them.
    """
    findings: list[Diagnostic] = []
    feeds: tuple[Feed, ...] = ()
    routing: Routing | None = None
    if FEEDS_FILE in files:
        feeds, found = read_catalog(f"{prefix}{FEEDS_FILE}", files[FEEDS_FILE])
        findings += found
    else:
        use = "it lists the feeds to poll; `monitor init DIR` writes one"
        findings.append(_missing(f"{prefix}{FEEDS_FILE}", use))
    if ROUTES_FILE in files:
        routing, found = read_routes(f"{prefix}{ROUTES_FILE}", files[ROUTES_FILE])
        findings += found
    else:
        findings.append(
            _missing(f"{prefix}{ROUTES_FILE}", "it says who is told; `monitor init DIR` writes one")
        )
    tree = load_tree(files, prefix=prefix)
    engine = compile_tree(tree)
    findings += tree.diagnostics
    findings += lint_tree(tree, feeds, today)
    findings += check_reach(routing or Routing(), tuple(engine.rule_infos.values()))
    return RuleBook(
        feeds=MappingProxyType({feed.feed_id: feed for feed in feeds}),
        routing=routing or Routing(),
        tree=tree,
        engine=engine,
        diagnostics=tuple(sorted(findings, key=lambda finding: finding.place)),
        digest=digest(files),
    )


def digest(files: Mapping[str, bytes]) -> str:
    """Return a hash of the files' names and contents."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(f"{path}\0{len(files[path])}\0".encode("utf-8", "surrogatepass"))
        total.update(files[path])
    return total.hexdigest()


def _missing(file: str, use: str) -> Diagnostic:
    return Diagnostic(Place(file, 1, 1), "error", "missing-file", f"there is no {file}", use)
