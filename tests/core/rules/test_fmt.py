"""The standard form of files: what changes, and that nothing else does."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts.routes_file import read_routes
from monitor.document import MappingNode, ScalarNode, SequenceNode, parse
from monitor.feeds.catalog import read_catalog
from monitor.rules.fmt import WIDTH, format_file, scalar_text
from monitor.rules.fmt_order import ROLES
from monitor.rules.load import load_tree
from monitor.shipped import shipped
from tests.strategies import mutations

RULES = shipped("rules")
FILES = sorted(path.relative_to(RULES).as_posix() for path in RULES.rglob("*.yaml"))


def formatted(source: str, path: str = "x.yaml") -> str:
    made = format_file(path, source.encode())
    assert made.errors == ()
    again = format_file(path, made.data)
    assert again.data == made.data
    return made.data.decode()


# --- one thing at a time ---------------------------------------------------------------------------

CASES = {
    "keys stand in the order of the reference": (
        "rules:\n- severity: low\n  title: T\n  when: {any: [a]}\n  id: x\n",
        "rules:\n  - id: x\n    title: T\n    severity: low\n    when: {any: [a]}\n",
    ),
    "the file begins with its version": (
        "rules: []\ndefaults: {topic: t, owner: o}\nversion: 1\n",
        "version: 1\ndefaults: {owner: o, topic: t}\nrules: []\n",
    ),
    "indentation is two spaces": (
        "lists:\n    a:\n        kind: place\n        en:\n        - Doha\n",
        "lists:\n  a:\n    kind: place\n    en:\n      - Doha\n",
    ),
    "quotes stand where they are needed": (
        """macros: {a: {any: ["plain", 'no', "22:00", "$x", "a: b", "it's", "42", "x, y", 'a "b"']}}\n""",
        """macros: {a: {any: [plain, "no", "22:00", $x, "a: b", it's, "42", "x, y", a "b"]}}\n""",
    ),
    "in a block a comma needs no quotes": (
        'macros:\n  a:\n    any:\n      - "Moscow, Idaho"\n',
        "macros:\n  a:\n    any:\n      - Moscow, Idaho\n",
    ),
    "an empty text stays a text": ('defaults: {owner: ""}\n', 'defaults: {owner: ""}\n'),
    "a number, a date and nothing stay what they are": (
        "version: 1\nrules:\n  - id: x\n    expires: 2030-01-01\n    title:\n",
        "version: 1\nrules:\n  - id: x\n    title:\n    expires: 2030-01-01\n",
    ),
    "comments move with their key": (
        "rules:\n  - id: x\n    # how bad\n    severity: low # really\n    title: T\n",
        "rules:\n  - id: x\n    title: T\n    # how bad\n    severity: low # really\n",
    ),
    "a comment at the head of the file stays there": (
        "# yaml-language-server: $schema=x\n# About.\nrules: []\nversion: 1\n",
        "# yaml-language-server: $schema=x\n# About.\nversion: 1\nrules: []\n",
    ),
    "a comment above a key that comes first stands above the dash": (
        "rules:\n  - title: T\n    # stable\n    id: x\n",
        "rules:\n  # stable\n  - id: x\n    title: T\n",
    ),
    "one blank line between rules, none before the first": (
        "rules:\n\n  - id: a\n  - id: b\n\n\n\n  # about c\n  - id: c\n",
        "rules:\n  - id: a\n\n  - id: b\n\n  # about c\n  - id: c\n",
    ),
    "elsewhere blank lines stay, at most one": (
        "lists:\n  a: {kind: place, en: [x]}\n\n\n  b: {kind: place, en: [w]}\n  c: {kind: place, en: [z]}\n",
        "lists:\n  a: {kind: place, en: [x]}\n\n  b: {kind: place, en: [w]}\n  c: {kind: place, en: [z]}\n",
    ),
    "comments at the end of a rule stay in it": (
        "rules:\n  - id: a\n    title: A\n    # inside a\n  # between\n  - id: b\n# at the end\n",
        "rules:\n  - id: a\n    title: A\n    # inside a\n\n  # between\n  - id: b\n# at the end\n",
    ),
    "a comment beside a key that is followed by lines": (
        "rules: # all\n  - id: a\n    when: # what\n      any: [x] # this\n",
        "rules: # all\n  - id: a\n    when: # what\n      any: [x] # this\n",
    ),
    "comments in a column stay in it": (
        "lists:\n  a:\n    kind: place        # one\n    en: ['Doha']       # two\n",
        "lists:\n  a:\n    kind: place        # one\n    en: [Doha]         # two\n",
    ),
    "comments inside brackets": (
        "macros:\n  a:\n    any: [x, # one\n     # two\n     w]\n",
        "macros:\n  a:\n    any: [x,  # one\n          # two\n          w]\n",
    ),
    "a long list of words is filled": (
        "macros:\n  a:\n    any: [" + ", ".join(["abcdefghi"] * 14) + "]\n",
        "macros:\n  a:\n    any: ["
        + ", ".join(["abcdefghi"] * 10)
        + ",\n          "
        + ", ".join(["abcdefghi"] * 4)
        + "]\n",
    ),
    "a mapping that is too long for its line becomes a block": (
        "macros:\n  a: {near: [" + ", ".join(["abcdefghi"] * 9) + "], within: 5, ordered: true}\n",
        "macros:\n  a:\n    near: [" + ", ".join(["abcdefghi"] * 9) + "]\n    within: 5\n    ordered: true\n",
    ),
    "a text on several lines": (
        "rules:\n  - id: x\n    description: >-\n     one\n     two\n    title: three\n      four\n",
        "rules:\n  - id: x\n    title: three four\n    description: >-\n      one\n      two\n",
    ),
    "the languages of a list keep their order": (
        "lists:\n  a:\n    uk: [b]\n    en: [a]\n    description: D\n    kind: place\n",
        "lists:\n  a:\n    kind: place\n    description: D\n    uk: [b]\n    en: [a]\n",
    ),
    "exceptions": (
        "rules:\n  - id: x\n    except:\n      - reason: r\n        in: [title]\n        any: [a]\n",
        "rules:\n  - id: x\n    except:\n      - any: [a]\n        in: [title]\n        reason: r\n",
    ),
    "items and keys without a value": (
        "a:\n# one\n-\n# two\n-\n# three\n- b:\n  # four\n  c:\n-",
        "a:\n  # one\n  -\n  # two\n  -\n  # three\n  - b:\n    # four\n    c:\n  -\n",
    ),
    "line breaks of other systems": ("version: 1\r\nrules: []\r\n", "version: 1\nrules: []\n"),
    "a byte order mark": ("\ufeffversion: 1\n", "version: 1\n"),
    "nothing but comments": ("\n# a\n\n\n# b\n\n", "# a\n\n# b\n"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_standard_form(before, after):
    assert formatted(before) == after


def test_feeds_and_routes_have_their_own_order():
    assert formatted("feeds:\n- url: u\n  id: a\n", "feeds.yaml") == "feeds:\n  - id: a\n    url: u\n"
    assert (
        formatted("routes:\n- {to: [a], match: {tag: x, owner: w}}\nrecipients: []\n", "routes.yaml")
        == "recipients: []\nroutes:\n  - {match: {tag: x, owner: w}, to: [a]}\n"
    )


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("rules: [\n", "yaml-syntax"),
        ("a: &x 1\n", "yaml-anchor"),
        ("\ta: 1\n", "tab"),
        ("a: 1\na: 2\n", "duplicate-key"),
    ],
)
def test_files_with_errors_are_left_alone_and_told(source, code):
    made = format_file("pack/x.yaml", source.encode(), shown="rules/pack/x.yaml")
    assert (made.data, made.changed) == (source.encode(), False)
    assert made.errors[0].code == code
    assert made.errors[0].place.file == "rules/pack/x.yaml"


def test_every_role_that_is_named_exists():
    for role in ROLES.values():
        assert {*role.values.values(), role.items} <= set(ROLES)
        assert not role.others or role.others in role.keys


# --- the files that come with the program ----------------------------------------------------------


def tree_of(files: dict[str, bytes]):
    """Everything that the files say, without places."""
    tree = load_tree(files)
    feeds, _ = read_catalog("feeds.yaml", files["feeds.yaml"])
    routing, _ = read_routes("routes.yaml", files["routes.yaml"])
    routes = [replace(route, where="") for route in routing.routes]
    tests = [replace(test, where="") for test in routing.tests]
    said = [(one.code, one.text) for one in tree.errors]
    return tree.rules, dict(tree.lists), dict(tree.macros), said, feeds, (routing.recipients, routes, tests)


@pytest.mark.parametrize("path", FILES)
def test_shipped_files_are_in_standard_form(path):
    made = format_file(path, (RULES / path).read_bytes())
    assert (made.errors, made.changed) == ((), False), "run monitor fmt rules"


def disordered(source: str) -> str:
    """Return a file with the same meaning in another form."""
    lines = []
    for line in source.split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        body = line[indent:]
        if re.fullmatch(r"- [A-ZА-Я][\w ,-]+", body) and ", " not in body:
            body = f"- '{body[2:]}'"
        lines.append(" " * (indent + 3 if indent else 0) + body)
        if re.fullmatch(r"\w+:", body):
            lines.append("")
    return "\n".join(lines)


def test_formatting_changes_no_meaning():
    before = {path: (RULES / path).read_bytes() for path in FILES}
    messy = {path: disordered(data.decode()).encode() for path, data in before.items()}
    after = {path: format_file(path, data).data for path, data in messy.items()}
    assert messy != before == after  # the shipped files are in standard form
    assert tree_of(before) == tree_of(messy)


SEED = (RULES / "talks" / "talks.yaml").read_bytes()[:3000]


@settings(deadline=None, max_examples=25)
@given(mutations(SEED))
def test_damaged_files_keep_their_meaning_or_are_left_alone(data):
    made = format_file("x.yaml", data)
    if made.errors:
        assert made.data == data
        return
    again = format_file("x.yaml", made.data)
    assert (again.errors, again.changed) == ((), False)
    one, other = (load_tree({"x.yaml": source}) for source in (data, made.data))
    assert (one.rules, one.lists, one.macros) == (other.rules, other.lists, other.macros)
    told = [[(found.code, found.text) for found in tree.errors] for tree in (one, other)]
    assert sorted(told[0]) == sorted(told[1])


# --- any YAML --------------------------------------------------------------------------------------

scalars = st.one_of(
    st.text(alphabet="abz 0123:-#,[]{}'\"\\|>&*!%@`?~=.yno$é\u0301жא北\u200c\u00a0\u2028\x85", max_size=14),
    st.sampled_from(
        ("no", "22:00", "0x1F", "1e3", "2025-01-20", "---", "...", "- a", "? a", "a: b", "a #b", "<<")
    ),
    st.text(max_size=8),
)


@settings(deadline=None, max_examples=200)
@given(scalars, st.booleans())
def test_any_text_is_read_back(text, flow):
    written = scalar_text(text, flow=flow)
    source = (
        f"[{written}, x, {{k: {written}, {written}: v}}]"
        if flow
        else f"- {written}\n- k: {written}\n- {written}: v\n"
    )
    try:
        root, found = parse("x", source.encode())
    except UnicodeEncodeError:
        return
    if any(one.code == "control-character" for one in found):
        return
    assert [str(one) for one in found] == []
    assert isinstance(root, SequenceNode)
    assert root.items[0].value == text
    mappings = [item for item in root.items if isinstance(item, MappingNode)]
    pairs = [pair for one in mappings for pair in one.entries]
    assert any(isinstance(value, ScalarNode) and value.value == text for _, value in pairs)
    assert any(key.text == text for key, _ in pairs)


@st.composite
def documents(draw) -> str:
    """Return a YAML document in any mixture of styles, with comments everywhere."""
    names = st.sampled_from(
        ("id", "title", "when", "any", "near", "within", "rules", "en", "x", "kind", "version")
    )
    plain = st.text(alphabet="abc é", min_size=1, max_size=30).map(str.strip).filter(bool)
    comment = st.sampled_from(("", "", " # c", "    # d"))

    def value(depth: int) -> str:
        kind = draw(st.integers(0, 5 if depth < 3 else 2))
        if kind == 0:
            return draw(plain)
        if kind == 1:
            return f'"{draw(plain)}"'
        if kind in {2, 3}:
            return "[" + ", ".join(value(3) for _ in range(draw(st.integers(0, 9)))) + "]"
        keys = draw(st.lists(names, unique=True, max_size=4))
        return "{" + ", ".join(f"{key}: {value(3)}" for key in keys) + "}"

    def block(indent: int, depth: int) -> list[str]:
        lines: list[str] = []
        pad = " " * indent

        def extras():
            for _ in range(draw(st.integers(0, 2))):
                far = draw(st.sampled_from((0, indent, indent + 3)))
                lines.append(draw(st.sampled_from(("", " " * far + "# own line"))))

        mapping = draw(st.booleans())
        keys = draw(st.lists(names, unique=True, min_size=1, max_size=4))
        for key in keys:
            extras()
            lead = f"{pad}{key}:" if mapping else f"{pad}-"
            if depth < 3 and draw(st.booleans()):
                step = draw(st.integers(1, 4))
                lines.append(lead + draw(comment))
                lines += block(indent + step, depth + 1)
            elif draw(st.integers(0, 7)) == 0:
                lines += [f"{lead} |-", f"{pad}  some text", "", f"{pad}    indented"]
            else:
                lines.append(f"{lead} {value(depth)}{draw(comment)}")
        extras()
        return lines

    return "\n".join(block(0, 0)) + "\n"


@settings(deadline=None, max_examples=150)
@given(documents())
def test_any_document_has_one_standard_form(source):
    root, found = parse("x.yaml", source.encode())
    if found:
        return
    del root
    made = format_file("x.yaml", source.encode())
    assert [str(one) for one in made.errors] == []
    again = format_file("x.yaml", made.data)
    assert again.data.decode() == made.data.decode()
    assert sorted(re.findall("#.*", source)) == sorted(re.findall("#.*", made.data.decode()))
    assert not re.search(r"[ ]\n|\n\n\n", made.data.decode())


def test_long_brackets_with_keys_become_lines_at_once():
    source = (
        b"rules: {id: a, title: a, when: [a, a, a, [aaa, aaa, aaa, aaaa]],"
        b" any: [aaaa, [], aaaa, aaaaa, aaaaaa, aaaaaaaaaaaaaaaaa]}\n"
    )
    made = format_file("x.yaml", source)
    assert b"\n  any: [aaaa" in made.data
    assert not format_file("x.yaml", made.data).changed


def test_lists_are_broken_at_the_width():
    texts = ((RULES / path).read_text("utf-8").split("\n") for path in FILES)
    long = [line for lines in texts for line in lines if len(line) > WIDTH]
    assert [line for line in long if re.match(r" *([a-z_]+:|-) [\[{]", line)] == []
