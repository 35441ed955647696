"""The schemas for editors: whole, true to the program, and strict where a schema can be."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from monitor.alerts.routes_file import read_routes
from monitor.codes import CODES
from monitor.document import MappingNode, Reader, ScalarNode, SequenceNode, parse
from monitor.document.json_schema import duration
from monitor.feeds.catalog import read_catalog
from monitor.rules.load import load_tree
from monitor.schemas import DIRECTORY, SCHEMAS, editor_comment, kind_of, schema_text
from tests.code_examples import tree
from tests.strategies import mutations

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "rules"
SHIPPED = sorted(path.relative_to(RULES).as_posix() for path in RULES.rglob("*.yaml"))


def plain(node):
    """Return what an editor's YAML reader makes of a node: dates are text in YAML 1.2."""
    if isinstance(node, MappingNode):
        return {key.text: plain(value) for key, value in node.entries}
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.items]
    assert node is None or isinstance(node, ScalarNode)
    value = None if node is None else node.value
    return value.isoformat() if isinstance(value, date) else value


@cache
def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[kind]())


def mistakes(kind: str, data: str | bytes) -> list[str]:
    root, found = parse("x.yaml", data.encode() if isinstance(data, str) else data)
    assert not found, [str(one) for one in found]
    return [f"{one.json_path}: {one.message}" for one in validator(kind).iter_errors(plain(root))]


# --- the schemas themselves ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SCHEMAS)
def test_they_are_json_schemas(kind):
    Draft202012Validator.check_schema(SCHEMAS[kind]())
    assert schema_text(kind).startswith('{\n  "$schema": "https://json-schema.org/draft/2020-12/schema"')


def parts(schema):
    """Go through a schema and everything inside it."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts(value)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_key_tells_what_it_is_for(kind):
    untold = [
        f"{part['title']}: {key}"
        for part in parts(SCHEMAS[kind]())
        if part.get("type") == "object" and "title" in part
        for key, value in part["properties"].items()
        if "description" not in value and "$ref" not in value
    ]
    assert untold == []


@pytest.mark.parametrize("kind", SCHEMAS)
def test_mappings_are_strict(kind):
    open_ones = [
        part
        for part in parts(SCHEMAS[kind]())
        if part.get("type") == "object"
        and "properties" in part
        and part.get("additionalProperties") is not False
    ]
    assert open_ones == []


@pytest.mark.parametrize("kind", SCHEMAS)
def test_references_lead_somewhere(kind):
    schema = SCHEMAS[kind]()
    named = {part["$ref"].removeprefix("#/$defs/") for part in parts(schema) if "$ref" in part}
    assert named <= set(schema.get("$defs", {}))


@pytest.mark.parametrize("kind", SCHEMAS)
def test_patterns_are_those_of_every_engine(kind):
    """Editors run ECMAScript: no \\A, \\Z, (?i), possessive or named groups."""
    for part in parts(SCHEMAS[kind]()):
        pattern = part.get("pattern")
        if isinstance(pattern, str):
            re.compile(pattern)
            assert not re.search(r"\\[AZzhHpP]|\(\?[a-zP]", pattern), pattern


# --- what is right ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SHIPPED)
def test_shipped_files_are_valid_and_name_their_schema(path):
    data = (RULES / path).read_bytes()
    assert mistakes(kind_of(path), data) == []
    first = data.decode().partition("\n")[0]
    assert first == editor_comment(path)
    target = (RULES / path).parent / first.partition("$schema=")[2]
    assert target.resolve() == ROOT / DIRECTORY / f"{kind_of(path)}.json"


README = (RULES / "README.md").read_text("utf-8")
WHOLE = [
    (found[1], block)
    for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    if (found := re.match(r"# (\S+\.yaml)\n", block))
]


@pytest.mark.parametrize(("path", "text"), WHOLE, ids=[path for path, _ in WHOLE])
def test_examples_of_the_guide_are_valid(path, text):
    assert mistakes(kind_of(path), text) == []


def wrapped(clause: str) -> str:
    return f"rules:\n  - id: a\n    title: A\n    severity: low\n    when:\n      any:\n        - {clause}\n"


VALID = [
    # Every form of a clause.
    *(
        ("rules", wrapped(clause))
        for clause in (
            "word or phrase",
            "$name",
            "{text: US, case: exact}",
            "{text: negotia, match: prefix, language: en, except: negotiable, in: title}",
            "all: [one, two]",
            "any: [one, two]",
            "none: [one]",
            "{all: [one], any: [two], none: [three], in: [title, summary]}",
            "{near: [one, [two, three], {any: [four]}], within: sentence}",
            "{near: [one, $two], within: 12, ordered: true}",
            "{near: [one, two], within: paragraph}",
            r"{regex: 'S-\p{Nd}00', in: [title]}",
        )
    ),
    # A rule with every key that can stand beside `when`.
    (
        "rules",
        (
            "version: 1\n"
            "defaults: {owner: desk, topic: talks, severity: high, status: draft, grouping: safe}\n"
            "rules:\n"
            "  - id: claims-town\n"
            "    title: A town is claimed\n"
            "    description: Often before talks.\n"
            "    status: shadow\n"
            "    tags: [plover.coerce.seize, acled.government_regains_territory, claim.unverified]\n"
            "    expires: 2030-01-01\n"
            "    references: https://example.org/a\n"
            "    known_issues: [history pieces]\n"
            "    when: {near: [retake, $places], within: sentence}\n"
            "    where: {language: [en, und], not_tier: social, tier: wire, feed: a, category: b}\n"
            "    except:\n"
            '      - any: ["1943", anniversary]\n'
            "        reason: history\n"
            "        expires: 2031-01-01\n"
            "    corroborate: {sources: 2, distinct: owner, within: 6h, not_tier: [aggregator],"
            " until_then: hold, raise_to: high}\n"
            "    alert_per: entity.places\n"
            "    grouping: balanced\n"
            "    formerly: [old-id]\n"
            "    supersedes: [other-rule]\n"
            "    must_match: A town is retaken\n"
            "    must_not_match: [{title: Nothing, summary: At all, published: 2025-01-01}]\n"
            "    timeline: [{at: 0h, title: One}, {at: 1h30m, title: Two, expect: alert}]\n"
        ),
    ),
    # Rules above rules.
    (
        "rules",
        (
            "rules:\n"
            "  - {id: a, title: A, severity: low, sequence: [b, c], within: 48h, same: topic}\n"
            "  - {id: d, title: D, severity: low, together: [b, c], within: 2d, same: entity.people}\n"
            "  - {id: e, title: E, severity: low, volume: {of: b, within: 1h, stories: 5}}\n"
            "  - {id: f, title: F, severity: low, volume: {of: b, within: 1h, times: 2.5, baseline: 14d}}\n"
        ),
    ),
    # Lists, macros and what is added to them.
    (
        "lists",
        (
            "lists:\n"
            "  people:\n"
            "    kind: person\n"
            "    entries:\n"
            "      - Plain Name\n"
            "      - name: Full Name\n"
            "        match: [Full, {text: FN, case: exact}]\n"
            "        forms: {ru: [Имя, Имени], ar: [اسم]}\n"
            "        valid: {from: 2025-01-20, until: 2029-01-20}\n"
            "        except: [Full Name Street]\n"
            "  words: {kind: vocabulary, en: [arrive, heads to], ru: [прибыть], include: [other]}\n"
            "macros:\n"
            "  envoy: {any: [$people, {near: [envoy, Vienna], within: 4}]}\n"
            "extend:\n"
            "  other: {add: {en: [more]}, remove: [less]}\n"
            "  others: {add: [{name: New}]}\n"
        ),
    ),
    ("lists", "extend: other\nadd: [New, {name: Newer}]\nremove: [Old]\n"),
    ("feeds", "version: 1\nfeeds: []\n"),
]


@pytest.mark.parametrize(("kind", "text"), VALID)
def test_valid(kind, text):
    assert mistakes(kind, text) == []


# --- what is wrong ---------------------------------------------------------------------------------

RULE = "rules:\n  - {id: a, title: A, severity: low, when: {all: [one]}, %s}\n"
DESK = "recipients:\n  - {id: desk, email: {to: [desk@example.org]}, timezone: UTC%s}\n"
ROUTE = DESK % "" + "routes:\n  - {default: true, to: [desk]}\n  - %s\n"
FEED = "feeds:\n  - {id: a, url: https://example.org/a.xml%s}\n"

INVALID = [
    # Keys: unknown, missing, misplaced.
    ("rules", "rulez: []\n"),
    ("rules", RULE % "must_macth: [a]"),
    ("rules", "rules:\n  - {title: A, severity: low, when: a}\n"),
    ("rules", "rules:\n  - {id: a, title: A, when: a}\n"),  # no severity here nor in defaults
    ("rules", "rules:\n  - {id: a, title: A, severity: low}\n"),
    ("rules", RULE % "volume: {of: b, within: 1h, stories: 3}"),
    ("rules", RULE % "within: 4"),
    ("rules", "rules:\n  - {id: a, title: A, severity: low, sequence: [b, c]}\n"),
    ("rules", "add: [a]\n"),
    ("lists", "rules: []\n"),
    ("lists", "lists: {a: {en: [x]}}\n"),
    ("lists", "lists: {a: {kind: place, english: [x]}}\n"),
    # Values: of another kind, unknown, out of range.
    ("rules", "version: 2\n"),
    ("rules", RULE % "severity: hihg".replace("severity", "status")),
    ("rules", RULE % "expires: tomorrow"),
    ("rules", RULE % "tags: [urgent]"),
    ("rules", RULE % "where: {country: England}"),
    ("rules", RULE % "where: {tier: [press]}"),
    ("rules", RULE % "corroborate: {sources: 1, within: 6h}"),
    ("rules", RULE % "corroborate: {sources: 2, within: 6}"),
    ("rules", RULE % "corroborate: {sources: 2, within: 0h}"),
    ("rules", RULE % "alert_per: week"),
    ("rules", RULE % "grouping: loose"),
    (
        "rules",
        "rules:\n  - {id: a, title: A, severity: low, grouping: safe, together: [b, c], within: 1h}\n",
    ),
    ("rules", RULE % "must_match: [42]"),
    ("rules", RULE % "must_match: [{author: A}]"),
    ("rules", RULE % "except: [{any: [a]}]"),
    ("rules", RULE % "except: [football]"),
    ("rules", RULE % "timeline: [{title: A}]"),
    ("rules", RULE.replace("id: a", "id: A Rule") % "where: {}"),
    # Clauses.
    *(
        ("rules", wrapped(clause))
        for clause in (
            "1943",
            "[a, b]",
            "$Bad Name",
            "{nearby: [a, b]}",
            "{near: [a]}",
            "{near: [a, b], within: page}",
            "{near: [a, b], ordered: yes}",
            "{text: a, caze: exact}",
            "{any: []}",
            "{any: a}",
            "{any: [a], within: 3}",
            "{any: [a], in: [headline]}",
            "{in: [title]}",
            r"{regex: '\bword'}",
        )
    ),
    ("lists", "lists: {a: {kind: town, en: [x]}}\n"),
    ("lists", "lists: {a: {kind: place, en: [$b]}}\n"),
    ("lists", "lists: {A B: {kind: place, en: [x]}}\n"),
    ("lists", "lists: {a: {kind: place, entries: [{match: [x]}]}}\n"),
    ("lists", "lists: {a: {kind: place, entries: [{name: x, forms: {russian: [x]}}]}}\n"),
    ("lists", "lists: {a: {kind: place, entries: [{name: x, valid: {since: 2025-01-01}}]}}\n"),
    # Feeds.
    ("feeds", "feeds: {}\n"),
    ("feeds", "version: 1\n"),
    ("feeds", "feeds:\n  - {id: a}\n"),
    ("feeds", FEED % ", teir: wire"),
    ("feeds", FEED % ", tier: press"),
    ("feeds", FEED % ", country: England"),
    ("feeds", FEED % ", language: '?'"),
    ("feeds", FEED % ", expect_every: 6"),
    ("feeds", FEED % ", enabled: no"),
    ("feeds", "categories: {world: off}\n" + FEED % ", category: world"),
    ("feeds", "categories: [world]\n" + FEED % ""),
    ("feeds", FEED % ", password_env: 'a b'"),
    ("feeds", FEED % ", headers: {'A b': c}"),
    ("feeds", FEED.replace("id: a", "id: A B") % ""),
    ("feeds", FEED.replace("https:", "ftp:") % ""),
    ("feeds", FEED.replace("example.org", "desk:secret@example.org") % ""),
    # Routes.
    ("routes", DESK % ""),
    ("routes", (DESK % ", quite: []") + "routes: []\n"),
    ("routes", (DESK % "").replace("UTC", "CEST") + "routes: []\n"),
    ("routes", (DESK % "").replace("desk@", "Desk <desk@") + "routes: []\n"),
    ("routes", (DESK % "").replace("email: {to: [desk@example.org]}, ", "") + "routes: []\n"),
    ("routes", (DESK % ", quiet: [after ten]") + "routes: []\n"),
    ("routes", (DESK % ", bypass: always") + "routes: []\n"),
    ("routes", (DESK % ", digest: ['7']") + "routes: []\n"),
    ("routes", (DESK % ", webhook: {secret_env: A}") + "routes: []\n"),
    ("routes", (DESK % ", webhook: {url_env: 'https://a'}") + "routes: []\n"),
    ("routes", ROUTE % "{to: [desk]}"),
    ("routes", ROUTE % "{match: {}, to: [desk]}"),
    ("routes", ROUTE % "{match: {topics: a}, to: [desk]}"),
    ("routes", ROUTE % "{match: {severity: '>high'}, to: [desk]}"),
    ("routes", ROUTE % "{match: {topic: []}, to: [desk]}"),
    ("routes", ROUTE % "{match: {topic: a}, to: []}"),
    ("routes", ROUTE % "{match: {topic: a}, to: [desk], as: mail}"),
    ("routes", ROUTE % "{match: {topic: a}, default: true, to: [desk]}"),
    ("routes", ROUTE % "{match: {topic: a}, to: [desk]}" + "tests: [{alert: {}, at: now, expect: {}}]\n"),
]


def errors_of(kind: str, data: bytes) -> list[str]:
    """Return the errors that the program itself finds."""
    if kind == "feeds":
        found = read_catalog("x", data)[1]
    elif kind == "routes":
        found = read_routes("x", data)[1]
    else:
        found = load_tree({"x.yaml": data}).diagnostics
    return [str(one) for one in found if one.level == "error"]


@pytest.mark.parametrize(("kind", "text"), INVALID)
def test_invalid(kind, text):
    assert mistakes(kind, text)
    # The lists' schema is narrower than the reader, which takes rules in any file.
    assert errors_of(kind, text.encode()) or text == "rules: []\n"


# --- the schemas and the program -------------------------------------------------------------------

CATCHABLE = {
    "bad-address", "bad-country", "bad-id", "bad-language", "bad-name", "bad-quiet", "bad-tag",
    "bad-time", "bad-url", "bad-variable", "default-with-match", "empty", "empty-match",
    "list-as-clause", "misplaced-key", "missing-key", "missing-value", "near-operands", "no-address",
    "no-channel", "no-condition", "no-digest", "no-recipients", "not-a-boolean", "not-a-date",
    "not-a-duration", "not-a-list", "not-a-mapping", "not-a-number", "not-a-term", "not-a-time",
    "not-text", "out-of-range", "secret-in-file", "two-conditions", "unknown-clause", "unknown-key",
    "unknown-timezone", "unknown-value", "unknown-version", "unsafe-scheme", "webhook-url",
}  # fmt: skip
RUN = [row for row in CODES.values() if row.scope]


def refused(files: dict[str, str]) -> list[str]:
    return [one for path, text in files.items() for one in mistakes(kind_of(path), text)]


@pytest.mark.parametrize("row", RUN, ids=[row.code for row in RUN])
def test_examples_of_codes(row):
    assert refused(tree(row.scope, row.right)) == []
    if row.code in CATCHABLE:
        assert refused(tree(row.scope, row.wrong))


SEEDS = {
    "rules": next(text for kind, text in VALID if kind == "rules" and "corroborate" in text),
    "lists": next(text for kind, text in VALID if kind == "lists" and "macros" in text),
    "feeds": FEED % ", tier: wire, owner: o, country: GB, language: en, expect_every: 6h, headers: {A: b}",
    "routes": ROUTE % "{match: {severity: '>=high', tier: [wire]}, to: [desk], group_wait: 0s}",
}


@pytest.mark.parametrize("kind", SEEDS)
def test_what_the_program_reads_no_schema_refuses(kind):
    if kind == "rules":
        seed = SEEDS[kind].replace("$places", "places").replace("supersedes: [other-rule]", "supersedes: []")
        seed = seed.replace("entity.places", "story")
    else:
        seed = SEEDS[kind]

    @given(mutations(seed.encode()))
    @example(seed.encode())
    def run(data):
        root, found = parse("x", data)
        if found or root is None or errors_of(kind, data):
            return
        value = plain(root)
        if kind == "lists" and isinstance(value, dict) and {"rules", "defaults"} & set(value):
            return
        assert not list(validator(kind).iter_errors(value)), data

    run()


@given(st.text(alphabet="0123459wdhms ", max_size=8))
@example("1h30m")
@example("0s")
@example("")
@pytest.mark.parametrize("zero", [False, True])
def test_durations_are_those_of_the_reader(zero, text):
    root, _ = parse("x", f'k: "{text}"'.encode())
    assert isinstance(root, MappingNode)
    read = Reader().duration(root.entries[0][1], zero=zero)
    matches = re.search(duration("", zero=zero)["pattern"], text) is not None
    assert matches == (read is not None)
