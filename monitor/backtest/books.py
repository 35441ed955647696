"""The rules that are tried: a whole tree or one rule of it, read without compiling what is not needed."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING

from monitor.alerts.routes_file import read_routes
from monitor.errors import ConfigurationError, RulesUnreadableError
from monitor.feeds.catalog import read_catalog
from monitor.models import Routing
from monitor.rulebook import FEEDS_FILE, ROUTES_FILE, RuleBook, digest
from monitor.rules.engine import EVALUATED, compile_tree
from monitor.rules.load import load_tree
from monitor.rules.schema import RuleTree, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.rules.schema import Rule


def read_trial(files: Mapping[str, bytes], *, prefix: str = "", only: str = "") -> RuleBook:
    """Read the rules that a backtest evaluates, with their feeds and routes.

    The book's engine knows the rules but fires none: the worker processes compile their own.

    Args:
        files: contents by path relative to the rules directory.
        prefix: put before each path in messages.
        only: id of the one rule to try, which may be a draft or in shadow: it is tried as if it were
            live. "" = all that the daemon evaluates.

    Raises:
        ConfigurationError: there is no such rule, or it cannot be tried on items alone.
    """
    feeds, findings = (
        read_catalog(prefix + FEEDS_FILE, files[FEEDS_FILE]) if FEEDS_FILE in files else ((), ())
    )
    routing, more = (
        read_routes(prefix + ROUTES_FILE, files[ROUTES_FILE]) if ROUTES_FILE in files else (None, ())
    )
    tree = load_tree(files, prefix=prefix)
    rules = (_one(tree, only),) if only else tuple(rule for rule in tree.rules if rule.status in EVALUATED)
    return RuleBook(
        feeds=MappingProxyType({feed.feed_id: feed for feed in feeds}),
        routing=routing or Routing(),
        tree=replace(tree, rules=rules),
        engine=compile_tree(replace(tree, rules=tuple(map(_unconditional, rules)))),
        diagnostics=tuple(sorted((*findings, *more, *tree.diagnostics), key=lambda finding: finding.place)),
        digest=digest(files),
    )


def sendable(tree: RuleTree, rules: tuple[Rule, ...]) -> RuleTree:
    """Return `tree` with only these rules, in a form that can go to another process."""
    return RuleTree(rules, dict(tree.lists), dict(tree.macros), ())


def _one(tree: RuleTree, rule_id: str) -> Rule:
    rule = next((rule for rule in tree.rules if rule.rule_id == rule_id), None)
    if rule is None and rule_id in tree.left_out:
        raise RulesUnreadableError(f'the rule "{rule_id}" has errors; `monitor check` shows them')
    if rule is None:
        known = get_close_matches(rule_id, [rule.rule_id for rule in tree.rules], n=1)
        hint = f'did you mean "{known[0]}"?' if known else "give the id that stands in its file"
        raise ConfigurationError(f'there is no rule "{rule_id}"; {hint}')
    if rule.when is None:
        raise ConfigurationError(
            f'the rule "{rule_id}" waits for hits of other rules, not for items; backtest one of those'
        )
    return replace(rule, status=Status.LIVE)


def _unconditional(rule: Rule) -> Rule:
    """Return the rule without what takes long to compile: only its labels are asked for."""
    return replace(rule, when=None, exceptions=())
