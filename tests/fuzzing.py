"""Broken files of every kind that analysts edit, and what must hold of whatever is said about them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from monitor.alerts.routes_file import read_routes
from monitor.feeds.catalog import read_catalog
from monitor.rules.load import load_tree

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from monitor.document import Diagnostic

RULES = """\
version: 1
defaults: {owner: desk, topic: talks}
lists:
  envoys:
    kind: person
    entries:
      - name: Ada Example
        match: [Example]
        forms: {ru: [Пример, Примера], ar: [مثال]}
        valid: {from: 2025-01-20}
  arrive: {kind: vocabulary, en: [arrive, land], ru: [прибыть]}
macros:
  envoy:
    any:
      - $envoys
      - near: [[envoy, emissary], {text: US, case: exact}]
        within: 4
rules:
  - id: envoy-arrives
    title: Envoy arrives
    severity: high
    tags: [plover.consult.visit, cameo.042]
    when:
      all:
        - near: [$envoy, $arrive]
          within: sentence
        - any: ["30 days", {text: truce, match: stem, except: [old truce]}]
      none: [last year]
    where: {language: [en, ru], not_tier: [social]}
    except:
      - any: [anniversary]
        reason: history
        expires: 2030-01-01
    must_match: ["Example arrives with a truce"]
    must_not_match: [{title: Nothing happened, summary: At all}]
  - id: two-steps
    title: Two steps
    severity: low
    status: draft
    sequence: [envoy-arrives, envoy-arrives]
    within: 48h
"""
FEEDS = """\
feeds:
  - id: one
    url: https://one.example/feed
    tier: wire
    owner: one-group
    country: GB
    language: en
    expect_every: 6h
    headers: {X-Key: value}
"""
ROUTES = """\
recipients:
  - id: desk
    email: {to: [desk@example.org]}
    timezone: Europe/Brussels
    quiet: ["22:00-07:00", sat]
    digest: ["07:30"]
    fallback: hook
  - id: hook
    webhook: {url_env: HOOK_URL, secret_env: HOOK_SECRET, format: standard}
    timezone: UTC
routes:
  - {match: {topic: talks, severity: ">=high"}, to: [desk, hook], group_wait: 30s}
  - {default: true, to: [desk]}
tests:
  - {alert: {severity: high}, at: "2025-03-12T23:30+01:00", expect: {desk: held}}
"""

VALID = {"rules": RULES, "feeds": FEEDS, "routes": ROUTES}
KINDS = tuple(VALID)
SNIPPETS = (
    ":", "- ", "[", "]", "{", "}", '"', "'", "#", "\t", "\n", "  ", "&a ", "*a", "!!python/object ", "|", ">",
    "?", ",", "null", "true", "042", "22:00", "no", "1e400", "2025-02-30", "$nope", "a" * 50, "\0", "\ufeff",
    "\ud7ff", "é", "🙂", "within: 99", "near: []", "regex: '(?<=x)'", "all: [[[]]]", "---\n", "...\n",
    "%YAML 9.9\n", "<<: *x",
)  # fmt: skip


def make_case(kind: str, dice: random.Random) -> bytes:
    """Return a broken file: mostly a valid one with a few changes, sometimes any bytes at all."""
    if dice.random() < 0.1:
        return dice.randbytes(dice.randrange(200))
    text = VALID[kind]
    for _ in range(dice.randint(1, 6)):
        text = dice.choice(CHANGES)(text, dice)
    data = text.encode("utf-8", "surrogatepass")
    if dice.random() < 0.1 and data:
        at = dice.randrange(len(data))
        data = data[:at] + dice.randbytes(dice.randint(1, 4)) + data[at + dice.randrange(3) :]
    return data


def _insert(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text) + 1)
    return text[:at] + dice.choice(SNIPPETS) + text[at:]


def _cut(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text) + 1)
    return text[:at] + text[at + dice.randrange(20) :]


def _swap_lines(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    if len(lines) > 1:
        one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
        lines[one], lines[other] = lines[other], lines[one]
    return "".join(lines)


def _repeat_line(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    if lines:
        lines.insert(dice.randrange(len(lines)), dice.choice(lines))
    return "".join(lines)


def _indent(text: str, dice: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    if lines:
        at = dice.randrange(len(lines))
        lines[at] = (" " * dice.randint(0, 3)) + (lines[at].lstrip() if dice.random() < 0.5 else lines[at])
    return "".join(lines)


CHANGES: Sequence[Callable[[str, random.Random], str]] = (_insert, _cut, _swap_lines, _repeat_line, _indent)


def check(kind: str, data: bytes) -> int:
    """Read a file as the program does; return how many findings there were, each of them in its place."""
    findings: Sequence[Diagnostic]
    if kind == "rules":
        findings = load_tree({"x.yaml": data}).diagnostics
    elif kind == "feeds":
        _, findings = read_catalog("x.yaml", data)
    else:
        _, findings = read_routes("x.yaml", data)
    # As many lines as the most generous reader counts, and as long as the strictest one has them.
    text = data.decode("utf-8", "replace")
    lines = text.splitlines() or [""]
    longest = max(len(line) for line in re.split(r"\r\n|\r|\n", text))
    for finding in findings:
        place = finding.place
        assert place.file == "x.yaml", finding
        assert 1 <= place.line <= len(lines) + 1, (finding, len(lines))
        assert 1 <= place.column <= longest + 2, (finding, longest)
        assert finding.code, finding
        assert "\n" not in str(finding), finding
    return len(findings)
