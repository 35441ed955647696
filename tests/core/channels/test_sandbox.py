"""Templates cannot escape, exhaust the machine, or print what they should not; errors point and advise."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.channels.engine import Engine
from monitor.channels.sandbox import Limits
from monitor.errors import RenderError


def render(source: str, name: str = "page.txt", limits: Limits | None = None, **variables: object) -> str:
    return Engine({name: source}, limits or Limits()).page(name, variables)


# --- what works ----------------------------------------------------------------------------------

WORKS = (
    ("{{ 'a' ~ 1 ~ 'b' }}", "a1b"),
    ("{{ ['a', 'b']|join(', ') }}", "a, b"),
    ("{% for x in [1, 2, 3] %}{{ loop.index }}{{ ',' if not loop.last }}{% endfor %}", "1,2,3"),
    ("{% for x in [1, 2] %}{{ loop.cycle('odd', 'even') }} {% endfor %}", "odd even "),
    ("{% for a, b in [(1, 2)] if a %}{{ a + b }}{% else %}none{% endfor %}", "3"),
    ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m('y') }}", "<y>"),
    ("{% set n = namespace(v=0) %}{% for i in range(3) %}{% set n.v = n.v + i %}{% endfor %}{{ n.v }}", "3"),
    ("{{ '-' * 5 }}{{ 7 % 4 }}{{ 2 * 3 }}", "-----36"),
    ("{{ 'a_b'|words }}, {{ 'ukraine-talks'|sentence }}", "a b, Ukraine talks"),
    ("{{ 2|plural('story', 'stories') }}, {{ 1|plural('report') }}", "2 stories, 1 report"),
    ("{{ 'us_envoys: Steve Witkoff'|entry }}; {{ 'arrives'|entry }}", "Steve Witkoff (us envoys); arrives"),
    ("{{ 'https://www.example.org/a'|domain }}", "example.org"),
    ("{{ 'javascript:alert(1)'|web_url }}{{ 'https://a b'|web_url }}", ""),
    ("{{ none|default('x', true) }}", "x"),
)  # fmt: skip


@pytest.mark.parametrize(("source", "expected"), WORKS)
def test_what_templates_need_works(source, expected):
    assert render(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ x }}", "&lt;b&gt;&amp;"),
        ("{{ x ~ x }}", "&lt;b&gt;&amp;&lt;b&gt;&amp;"),
        ("{{ [x, x]|join('<') }}", "&lt;b&gt;&amp;&lt;&lt;b&gt;&amp;"),
        ("{% macro m() %}<i>{{ x }}</i>{% endmacro %}{{ m() ~ x }}", "<i>&lt;b&gt;&amp;</i>&lt;b&gt;&amp;"),
        ("{{ x|upper|truncate(2, true, '>', 0) }}", "&lt;&gt;"),
    ],
)  # fmt: skip
def test_html_is_escaped_exactly_once(source, expected):
    assert render(source, "page.html", x="<b>&") == expected


@given(st.text())
def test_feed_text_is_never_compiled_or_markup(text):
    hostile = "{{ 7 * 7 }}{% for x in y %}" + text + "<script>"
    assert render("{{ x }}", x=hostile.replace("\ud800", "")) == hostile
    escaped = render("<p>{{ x }}</p>", "page.html", x=hostile)
    assert "<script>" not in escaped
    assert "{{ 7 * 7 }}" in escaped


# --- what does not -------------------------------------------------------------------------------

DOUBLE = "{% set n = namespace(v='ab') %}{% for i in range(60) %}%s{% endfor %}{{ n.v|length }}"
BOMBS = (
    "{{ 'a' * 200000000 }}",
    "{{ 200000000 * 'a' }}",
    "{{ [1] * 200000000 }}",
    "{{ 2 ** 100000000 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ 'a'|center(1000000000) }}",
    "{{ 'a'|indent(1000000000) }}",
    "{{ range(1000000000)|list|length }}",
    "{% for a in range(1000) %}{% for b in range(1000) %}{{ a }}{% endfor %}{% endfor %}",
    "{% for a in range(1000) %}{{ 'x' * 90000 }}{% endfor %}",
    "{% for a in range(1000) %}" + "x" * 50_000 + "{% endfor %}",
    "{% set y %}{% for a in range(1000) %}" + "x" * 50_000 + "{% endfor %}{% endset %}",
    DOUBLE.replace("%s", "{% set n.v = n.v + n.v %}"),
    DOUBLE.replace("%s", "{% set n.v = n.v ~ n.v %}"),
    DOUBLE.replace("%s", "{% set n.v = [n.v, n.v]|join %}"),
    DOUBLE.replace("%s", "{% set n.v %}{{ n.v }}{{ n.v }}{% endset %}"),
    DOUBLE.replace("'ab'", "[1]").replace("%s", "{% set n.v = n.v + n.v %}"),
    DOUBLE.replace("'ab'", "7").replace("%s", "{% set n.v = n.v * n.v %}"),
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% include 'page.txt' %}",
    "{% include 'page.txt' %}{% include 'page.txt' %}",
    "{{ [1, 2]|replace('', 'x') }}",
)  # fmt: skip


@pytest.mark.parametrize("source", BOMBS, ids=[bomb[:70] for bomb in BOMBS])
def test_no_template_exhausts_time_or_memory(source):
    started = time.process_time()
    with pytest.raises(RenderError, match=r"^template page\.txt"):
        render(source)
    assert time.process_time() - started < 5


ESCAPES = (
    "{{ ''.__class__.__mro__ }}",
    "{{ x.__init__.__globals__ }}",
    "{{ x.upper() }}",
    "{{ [].append(1) }}",
    "{{ namespace.__init__ }}",
    "{{ self.__class__ }}",
    "{{ loop }}",
    "{{ cycler('a') }}",
    "{{ lipsum() }}",
    "{{ x|attr('__class__') }}",
    "{{ x|pprint }}",
    "{{ x|safe }}",
    "{{ [1, 2] }}",
    "{{ {'a': 1} }}",
    "{{ none }}",
    "{{ [x, [x]]|join }}",
    "{{ range }}",
)


@pytest.mark.parametrize("source", ESCAPES)
def test_no_template_reaches_beyond_its_values(source):
    with pytest.raises(RenderError):
        render(source, x="text")


# --- errors --------------------------------------------------------------------------------------

ERRORS = (
    ("one\n{{ two\n", r"template page\.txt, line \d: .*; correct the file"),
    ("{% for x in y %}", r"template page\.txt, line 1: .*; correct the file"),
    (
        "one\n\n{{ alrt.headline }}",
        r"template page\.txt, line 3: 'alrt' is undefined; .*README\.md",
    ),
    ("\n{{ x.nothing }}", r"template page\.txt, line 2: .*has no attribute 'nothing'; .*README"),
    ("\n\n\n{{ x|nofilter }}", r"template page\.txt, line 4: No filter named 'nofilter'; correct the file"),
    (
        "\n{{ x.upper() }}",
        r"template page\.txt, line 2: 'upper' cannot be called in a template; use",
    ),
    ("{{ 1 // 0 }}", r"template page\.txt, line 1: .*zero; check the expression there"),
    ("{{ 1 + 'a' }}", r"template page\.txt, line 1: .*; check the expression there"),
    ("{% include 'other.txt' %}", r"template other\.txt is missing; put the file back"),
    ("{% extends 'other.txt' %}", r"template other\.txt is missing; put the file back"),
)


@pytest.mark.parametrize(("source", "message"), ERRORS)
def test_errors_name_the_file_the_line_and_what_to_do(source, message):
    with pytest.raises(RenderError, match=message):
        render(source, x="text")


def test_an_error_inside_an_included_file_names_that_file():
    engine = Engine({"a.txt": "one\n{% include 'b.txt' %}", "b.txt": "\n\n{{ nothing }}"}, Limits())
    with pytest.raises(RenderError, match=r"template b\.txt, line 3: 'nothing' is undefined"):
        engine.page("a.txt", {})


def test_a_template_file_has_a_largest_size():
    with pytest.raises(RenderError, match=r"page\.txt.*11 characters; 10 are allowed: split it"):
        render("x" * 11, limits=Limits(template=10))


def test_a_failed_rendering_does_not_use_up_the_next_one():
    engine = Engine({"a.txt": "{% for i in range(900) %}{{ i }}{% endfor %}"}, Limits(steps=1000))
    for _ in range(5):
        assert engine.page("a.txt", {}).endswith("899")


def test_lone_surrogates_become_question_marks():
    assert render("{{ x }}", x="a\ud800b") == "a?b"
