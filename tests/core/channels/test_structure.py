"""JSON templates: what each instruction gives, and that no value changes the structure."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.channels.engine import Engine
from monitor.channels.sandbox import Limits
from monitor.errors import RenderError


def fill(template: object, **variables: object) -> object:
    engine = Engine({"x.json": json.dumps(template)}, Limits())
    return json.loads(engine.json("x.json", variables))


CASES = (
    ("{{ a }}!", "text!"),
    ({"k": "{{ n + 1 }}"}, {"k": "3"}),  # a string leaf stays text
    ({"k": {"$value": "n + 1"}}, {"k": 3}),
    ({"k": {"$value": "l"}}, {"k": ["p", "q"]}),
    ({"k": {"$value": "none"}}, {"k": None}),
    ({"k": {"$value": "n > 1"}}, {"k": True}),
    (["a", {"$for": "x in l", "$each": "{{ x }}-{{ a }}"}, 7, None], ["a", "p-text", "q-text", 7, None]),
    ({"k": {"$for": "x in l", "$each": {"v": "{{ x }}"}}}, {"k": [{"v": "p"}, {"v": "q"}]}),
    ({"k": {"$for": "x in []", "$each": "{{ x }}"}}, {"k": []}),
    ([{"$for": "x in l", "$each": {"$for": "y in l", "$each": "{{ x }}{{ y }}"}}], ["pp", "pq", "qp", "qq"]),
    ([{"$for": "x in l", "$each": {"$if": "x == 'q'", "$then": "{{ x }}"}}], ["q"]),
    ({"k": {"$if": "n == 2", "$then": "yes", "$else": "no"}}, {"k": "yes"}),
    ({"k": {"$if": "n == 3", "$then": "yes", "$else": "no"}}, {"k": "no"}),
    ({"k": {"$if": "n == 3", "$then": "yes"}, "l": 1}, {"l": 1}),
    ([1, {"$if": "false", "$then": 2}, 3], [1, 3]),
    ({"k": {"$if": "true", "$then": {"$for": "x in l", "$each": "{{ x }}"}}}, {"k": ["p", "q"]}),
    ({"k": "no braces", "u": '{ "raw" }'}, {"k": "no braces", "u": '{ "raw" }'}),
)  # fmt: skip


@pytest.mark.parametrize(("template", "expected"), CASES, ids=[json.dumps(case[0])[:60] for case in CASES])
def test_instructions(template, expected):
    assert fill(template, a="text", n=2, l=("p", "q")) == expected


ERRORS = (
    ({"k": {"$value": "nothing"}}, r"template x\.json at \$\.k: 'nothing' is undefined"),
    ({"k": ["{{ nothing }}"]}, r"template x\.json at \$\.k\[0\]: 'nothing' is undefined"),
    ({"k": "{{ open"}, r"template x\.json at \$\.k: .*; correct the file"),
    ({"k": {"$value": "n +"}}, r"template x\.json at \$\.k: "),
    ({"k": {"$value": 7}}, r"\"\$value\" takes an expression in quotation marks"),
    ({"k": {"$loop": "x"}}, r"\$loop is no instruction; known are"),
    ({"k": {"$value": "n", "more": 1}}, r"is no instruction"),
    ({"k": {"$for": "x of l", "$each": 1}}, r"write \{\"\$for\": \"name in list\""),
    ({"k": {"$for": "x in l"}}, r"write \{\"\$for\": \"name in list\""),
    ({"k": {"$if": "true", "$else": 1}}, r"has no \"\$then\""),
    ({"k": {"$value": "o"}}, r"a object cannot be written as JSON"),
    ({"k": {"$value": "f"}}, r"a number is infinite"),
    ({"$if": "false", "$then": 1}, r"nothing is left of the document"),
)


@pytest.mark.parametrize(("template", "message"), ERRORS)
def test_errors_point_at_the_leaf(template, message):
    with pytest.raises(RenderError, match=message):
        fill(template, n=2, l=("p", "q"), o=object(), f=float("inf"))


def test_a_file_that_is_no_json_is_told_with_its_line():
    with pytest.raises(RenderError, match=r"template x\.json, line 2: not valid JSON .*; correct the file"):
        Engine({"x.json": '{\n "a": }'}, Limits()).json("x.json", {})


def test_loops_share_the_budget_of_the_whole_document():
    template = {"k": {"$for": "x in range(1000)", "$each": {"$for": "y in range(1000)", "$each": "{{ y }}"}}}
    with pytest.raises(RenderError, match="more than"):
        fill(template)


@given(st.text(), st.text())
def test_no_value_changes_the_structure(left, right):
    template = {"a": "{{ x }}", "b": ["{{ y }}", {"$value": "x"}], "c": "{{ x }}{{ y }}"}
    expected = {"a": left, "b": [right, left], "c": left + right}
    assert fill(template, x=left, y=right) == expected


def test_a_file_that_is_missing_too_large_or_too_deep_is_told():
    with pytest.raises(RenderError, match=r"template x\.json is missing; put the file back"):
        Engine({}, Limits()).json("x.json", {})
    with pytest.raises(RenderError, match=r"template x\.json: more than 10 characters; split it"):
        Engine({"x.json": json.dumps("x" * 20)}, Limits(template=10)).json("x.json", {})
    with pytest.raises(RenderError, match=r"template x\.json: nested too deeply"):
        Engine({"x.json": "[" * 90_000}, Limits()).json("x.json", {})
    with pytest.raises(RenderError, match=r"template x\.json: the output grows past 10 characters"):
        Engine({"x.json": json.dumps("x" * 20)}, Limits(output=10)).json("x.json", {})
