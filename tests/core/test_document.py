"""YAML documents: what is refused, where it is pointed at, and what the typed getters say."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.document import MAX_BYTES, MappingNode, Reader, ScalarNode, SequenceNode, parse
from tests.strategies import mutations

VALID = b"""version: 1
defaults: {owner: desk, topic: talks}
rules:
  - id: envoy-arrives   # a comment
    title: "An envoy arrives"
    when:
      all: [$envoy, {text: US, case: exact}]
      none: ['last year', "a year ago"]
    must_match:
      - |
        A block of text
      - >-
        folded
    expires: 2027-01-01
"""


def found(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    return [str(one).removeprefix("x.yaml:").partition(" (")[0] for one in parse("x.yaml", data)[1]]


def value(text: str):
    root, diagnostics = parse("x.yaml", f"k: {text}".encode())
    assert not diagnostics
    assert isinstance(root, MappingNode)
    node = root.entries[0][1]
    assert isinstance(node, ScalarNode)
    return node.value


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        # YAML 1.2: what YAML 1.1 turned into something else stays text.
        ("22:00", "22:00"),
        ("no", "no"),
        ("NO", "NO"),
        ("on", "on"),
        ("042", 42),
        ("0o17", 15),
        ("0x1F", 31),
        ("true", True),
        ("Null", None),
        ("~", None),
        ("", None),
        ("1.5e3", 1500.0),
        ("-7", -7),
        (".inf", float("inf")),
        ("2025-01-20", date(2025, 1, 20)),
        ("2025-02-30", "2025-02-30"),
        ("'42'", "42"),
        ('"true"', "true"),
        ("U.S.", "U.S."),
        ("1,000", "1,000"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_plain_scalars_follow_the_core_schema(written, expected):
    assert value(written) == expected
    assert type(value(written)) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", ['3:1: error[duplicate-key]: key "a" is here twice']),
        ("a:\n\tb: 1", ["2:1: error[tab]: tab in the file"]),
        ("a: x\ty", ["1:5: error[tab]: tab in the file"]),
        ("a: &n x", ['1:4: error[yaml-anchor]: anchor "&n" is not accepted']),
        (
            "a: &n x\nb: *n",
            [
                '1:4: error[yaml-anchor]: anchor "&n" is not accepted',
                '2:4: error[yaml-alias]: alias "*n" is not accepted',
            ],
        ),
        ("a: !!str x", ['1:4: error[yaml-tag]: tag "tag:yaml.org,2002:str" is not accepted']),
        ("a\n---\nb", ["2:1: error[several-documents]: a second YAML document starts here"]),
        ("%YAML 1.1\n---\na: 1", ["1:1: error[yaml-version]: only YAML 1.2 is read"]),
        ("? [a]\n: b", ["1:3: error[key-not-text]: a key has to be a single word or text"]),
        (b"a: \xff", ["1:4: error[not-utf-8]: byte 0xff is not UTF-8"]),
        (b"\xef\xbb\xbfa: 1", []),
        ("ä: \x07", ["1:4: error[control-character]: control character U+0007 in the file"]),
        ('a: "\\u0000"', ["1:4: error[control-character]: control character U+0000 in a text"]),
        ("[" * 61, ["1:61: error[too-deep]: more than 60 levels inside each other"]),
        (
            "a: b: c",
            ["1:5: error[yaml-syntax]: a colon followed by a space starts a value, and none can stand here"],
        ),
        ('- "x" y', ["1:7: error[yaml-syntax]: text goes on after the closing quote"]),
        (
            "a: [1, 2\nb: 3",
            [
                (
                    "1:4: error[yaml-syntax]: the list that starts here with [ is not closed, "
                    "or a comma is missing in it"
                )
            ],
        ),
        ("a: 'x\nb: 2", ["1:4: error[yaml-syntax]: the quoted text that starts here is not closed"]),
        ("a: %x", ["1:4: error[yaml-syntax]: a text cannot start with this character"]),
        ("a:\n  - b\n c: d", ["3:2: error[yaml-syntax]: this does not continue what stands above it"]),
        ('a: "\\q"', ['1:6: error[yaml-syntax]: unknown escape after "\\"']),
        ("", []),
        ("# only a comment", []),
    ],
)
def test_what_is_refused_is_pointed_at(text, expected):
    assert found(text) == expected


def test_a_file_that_is_too_large_is_not_read():
    root, diagnostics = parse("x.yaml", b"a: " + b"x" * MAX_BYTES)
    assert root is None
    assert [one.code for one in diagnostics] == ["file-too-large"]


def test_positions_of_keys_values_and_items():
    root, diagnostics = parse("x.yaml", VALID)
    assert not diagnostics
    assert isinstance(root, MappingNode)
    keys = {key.text: (key.place, node.place) for key, node in root.entries}
    assert [(str(key), str(node)) for key, node in keys.values()] == [
        ("x.yaml:1:1", "x.yaml:1:10"),
        ("x.yaml:2:1", "x.yaml:2:11"),
        ("x.yaml:3:1", "x.yaml:4:3"),
    ]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_lines_are_counted_for_every_kind_of_line_break(newline):
    _, diagnostics = parse("x.yaml", newline.join([b"a: 1", b"b: 2", b"a: 3", b""]))
    assert [str(one.place) for one in diagnostics] == ["x.yaml:3:1"]


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.binary(max_size=200), mutations(VALID)))
def test_no_bytes_raise_and_every_place_lies_inside(data):
    _, diagnostics = parse("x.yaml", data)
    lines = _lines(data)
    for one in diagnostics:
        assert 1 <= one.place.line <= len(lines)
        assert 1 <= one.place.column <= len(lines[one.place.line - 1]) + 1


def _lines(data: bytes) -> list[str]:
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


class Tier(StrEnum):
    WIRE = "wire"
    OFFICIAL = "official"


def read(text: str, getter: str, *args, **options):
    """Return what a getter answers for the value of `k`, and what it reports."""
    root, diagnostics = parse("x.yaml", f"k: {text}".encode())
    reader = Reader(diagnostics)
    assert isinstance(root, MappingNode)
    answer = getattr(reader, getter)(root.entries[0][1], *args, **options)
    return answer, [str(one).removeprefix("x.yaml:1:4: ") for one in diagnostics]


@pytest.mark.parametrize(
    ("call", "answer", "said"),
    [
        (("hello", "text"), "hello", []),
        (("42", "text"), None, ["error[not-text]: expected text, got 42; put it in quotes"]),
        (("true", "text"), None, ["error[not-text]: expected text, got true; put it in quotes"]),
        (("2025-01-20", "text"), None, ["error[not-text]: expected text, got 2025-01-20; put it in quotes"]),
        (("", "text"), None, None),
        (("[a]", "text"), None, ["error[not-text]: expected text, got a list"]),
        (("[a, b]", "texts"), ("a", "b"), []),
        (("a", "texts"), ("a",), []),
        (("wire", "choice", Tier, "tier"), Tier.WIRE, []),
        (
            ("wyre", "choice", Tier, "tier"),
            None,
            ['error[unknown-value]: tier "wyre" is not one of wire, official (did you mean "wire"?)'],
        ),
        (
            ("xyz", "one_of", ("a", "b"), "letter"),
            None,
            ['error[unknown-value]: letter "xyz" is not one of a, b'],
        ),
        (("90s", "duration"), timedelta(seconds=90), []),
        (("1h30m", "duration"), timedelta(hours=1, minutes=30), []),
        (("2d", "duration"), timedelta(days=2), []),
        (("1w", "duration"), timedelta(weeks=1), []),
        (("48", "duration"), None, None),
        (("30m1h", "duration"), None, None),
        (("0h", "duration"), None, ["error[not-a-duration]: the duration has to be longer than zero"]),
        (("true", "boolean"), True, []),
        (
            ("yes", "boolean"),
            None,
            ["error[not-a-boolean]: expected true or false, got yes (write true, without quotes)"],
        ),
        (("7", "integer"), 7, []),
        (("'7'", "integer"), None, ['error[not-a-number]: expected a whole number, got the text "7"']),
        (("true", "integer"), None, ["error[not-a-number]: expected a whole number, got true"]),
        (("2025-01-20", "date"), date(2025, 1, 20), []),
        (("'2025-01-20'", "date"), date(2025, 1, 20), []),
        (
            ("2025-02-30", "date"),
            None,
            ["error[not-a-date]: expected a date such as 2025-01-20, got 2025-02-30"],
        ),
        (("2025-03-12T23:30", "moment"), None, None),
    ],
)
def test_getters(call, answer, said):
    text, getter, *args = call
    got, diagnostics = read(text, getter, *args)
    assert got == answer
    assert diagnostics == said if said is not None else len(diagnostics) == 1


def test_zero_durations_are_read_where_they_mean_something():
    assert read("0h", "duration", zero=True) == (timedelta(0), [])


def test_integer_bounds():
    assert read("9", "integer", minimum=1, maximum=5) == (
        None,
        ["error[out-of-range]: expected at least 1 and at most 5, got 9"],
    )


def test_moments_keep_their_offset():
    answer, said = read('"2025-03-12T23:30+01:00"', "moment")
    assert (answer.isoformat(), said) == ("2025-03-12T23:30:00+01:00", [])


def test_a_mapping_knows_its_keys_and_suggests():
    root, diagnostics = parse("x.yaml", b"id: a\nmust_macth: b\nzzz: 1\n")
    reader = Reader(diagnostics)
    fields = reader.mapping(root, ("id", "must_match", "title"), "a rule")
    assert fields is not None
    assert list(fields) == ["id"]
    assert reader.text(reader.required(fields, "id")) == "a"
    assert reader.required(fields, "must_match") is None  # it is there, misspelled
    assert reader.required(fields, "title") is None
    assert [str(one) for one in diagnostics] == [
        'x.yaml:2:1: error[unknown-key]: unknown key "must_macth" (did you mean "must_match"?)',
        'x.yaml:3:1: error[unknown-key]: unknown key "zzz" (a rule knows id, must_match, title)',
        'x.yaml:1:1: error[missing-key]: a rule needs the key "title"',
    ]
    assert reader.errors == 3


def test_what_is_absent_is_none_and_not_reported():
    reader = Reader()
    assert reader.mapping(None, (), "x") is None
    for getter in ("text", "texts", "duration", "boolean", "integer", "date", "moment"):
        assert getattr(reader, getter)(None) is None
    assert reader.choice(None, Tier, "tier") is None
    assert reader.sequence(None) == ()
    assert not reader.diagnostics


def test_a_list_where_a_mapping_is_expected():
    root, diagnostics = parse("x.yaml", b"- a\n")
    assert isinstance(root, SequenceNode)
    assert Reader(diagnostics).mapping(root, ("id",), "a rule") is None
    assert diagnostics[0].text == "expected a rule (`key: value` lines), got a list"
