"""Whole trees of files around the small examples of `monitor/codes`, right but for the example."""

from __future__ import annotations

import re
import textwrap

LISTS = "lists: {capitals: {kind: place, en: [Doha, Vienna]}}\n"
BASE_RULES = """\
version: 1
defaults: {owner: desk, topic: talks, severity: high}
rules:
  - {id: base-rule, title: Base, when: {all: [base]}, must_match: [The base], must_not_match: [Else]}
  - {id: old-rule, title: Old, when: {all: [old]}, status: retired}
  - id: uses-the-list
    title: Uses the list
    when: {all: [$capitals]}
    must_match: [Snow in Vienna]
    must_not_match: [Else]
"""
RULE = {
    "id": "id: a-rule",
    "title": "title: A rule",
    "when": "when: {all: [talks]}",
    "must_match": "must_match: [Talks begin]",
    "must_not_match": "must_not_match: [A walk]",
}
FEED = {"id": "id: a-feed", "url": "url: https://example.org/a.xml"}
BASE_FEED = "feeds:\n  - {id: base-feed, url: https://example.org/base.xml}\n"
RECIPIENT = {
    "id": "id: desk",
    "email": "email: {to: [desk@example.org]}",
    "timezone": "timezone: Europe/Paris",
}
BOSS = "  - {id: boss, email: {to: [boss@example.org]}, timezone: UTC, fallback: deputy}\n"
DEPUTY = "  - {id: deputy, email: {to: [deputy@example.org]}, timezone: UTC}\n"
ROUTES = "- {match: {topic: talks}, to: [desk]}\n- {match: {severity: high}, to: [desk]}\n"
DEFAULT = "- {default: true, to: [desk, boss]}\n"


def filled(keys: str, defaults: dict[str, str]) -> str:
    """Return `keys` with those of `defaults` that are missing."""
    there = {found[1] for line in keys.splitlines() if (found := re.match(r"\[?([a-z_]+)\]?:", line))}
    return "\n".join((keys, *(line for key, line in defaults.items() if key not in there)))


def item(text: str, indent: str = "  ") -> str:
    """Return `text` as one item of a list."""
    return textwrap.indent(text, indent + "  ").replace(indent + "  ", indent + "- ", 1) + "\n"


def routes_file(recipient: str = "", routes: str = "", tests: str = "") -> str:
    recipient = filled(recipient, RECIPIENT)
    desk = "" if "id: desk" in recipient else item(filled("id: desk", RECIPIENT))
    text = (
        "recipients:\n" + item(recipient) + desk + BOSS + DEPUTY + "routes:\n" + textwrap.indent(routes, "  ")
    )
    return text + (f"tests:\n{textwrap.indent(tests, '  ')}\n" if tests else "")


def tree(scope: str, example: str) -> dict[str, str]:
    """Return a whole tree of files that holds the example and is right otherwise."""
    files = {
        "feeds.yaml": BASE_FEED,
        "lists/base.yaml": LISTS,
        "base/base.yaml": BASE_RULES,
        "routes.yaml": routes_file(routes=ROUTES + DEFAULT),
    }
    own = "defaults: {owner: desk, topic: talks, severity: high}\nrules:\n"
    if scope == "file":
        files["x.yaml"] = example
    elif scope == "lists":
        files["lists/x.yaml"] = example + "\n"
        files["x.yaml"] = own + item(filled("when: {any: [talks, $used_elsewhere]}", RULE))
        files["lists/y.yaml"] = "macros: {used_elsewhere: {any: [parley]}}"
    elif scope == "rule":
        files["x.yaml"] = own + item(filled(example, RULE))
    elif scope == "rule-whole":
        files["x.yaml"] = "rules:\n" + item(example)
    elif scope == "clause":
        files["x.yaml"] = own + item(filled(f"when:\n  any:\n{item(example, '    ')}", RULE))
    elif scope == "feeds":
        files["feeds.yaml"] = example + "\n"
    elif scope == "feed":
        files["feeds.yaml"] = BASE_FEED + item(filled(example, FEED))
    elif scope == "recipient":
        files["routes.yaml"] = routes_file(example, ROUTES + DEFAULT)
    elif scope == "recipient-whole":
        routes = textwrap.indent(ROUTES + DEFAULT, "  ")
        files["routes.yaml"] = f"recipients:\n{item(example)}{BOSS}{DEPUTY}routes:\n{routes}"
    elif scope == "route":
        files["routes.yaml"] = routes_file(routes=ROUTES + item(example, "") + DEFAULT)
    elif scope == "routes":
        files["routes.yaml"] = routes_file(routes=example)
    elif scope == "routes-tests":
        files["routes.yaml"] = routes_file(routes=ROUTES + DEFAULT, tests=example)
    else:
        raise AssertionError(scope)
    return files
