"""Visible text: what a reader of a feed's HTML sees."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.text import clean
from monitor.text.clean import visible_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Talks resume", "Talks resume"),
        ("<p>Talks <b>re</b>sume</p>", "Talks resume"),  # inline elements do not split words
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("<td>a</td><td>b</td>", "a\nb"),
        ("Fish &amp; chips", "Fish & chips"),
        ("caf&eacute; &#8217;s &#x2019;s", "café ’s ’s"),
        ("Trump&amp;#8217;s envoy", "Trump’s envoy"),  # escaped twice
        ("&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two&lt;/p&gt;", "One\nTwo"),  # HTML escaped twice
        ("GDP < 3 % and > 2 %", "GDP < 3 % and > 2 %"),
        ("a <3 b", "a <3 b"),
        ("x <script>var a = '<p>no</p>';</script> y", "x y"),
        ("x <STYLE>p { }</STYLE > y", "x y"),
        ("x <script>never closed", "x"),
        ('x <img src="a.png" alt="Kremlin"> y', "x y"),
        ('<a href="https://example.org/?a=1>2">link</a>', "link"),
        ("<a href='it\"s'>link</a>", "link"),
        ('<a title="not closed>link</a> text', "link text"),  # from there on quotes mean nothing
        ("text <a href='https://example", "text"),  # cut off inside a tag
        ("a<!-- comment > -->b", "ab"),
        ("a<!-- never closed", "a"),
        ("<!DOCTYPE html><p>a", "a"),
        ("a<?php echo ?>b", "ab"),
        ("line\nbreak", "line\nbreak"),  # plain text keeps its breaks
        ("<p>line\nbreak</p>", "line break"),  # HTML does not
        ("a&nbsp;&nbsp;b", "a b"),
        ("cease\u00adfire \u200bnow", "ceasefire now"),  # soft hyphen, zero-width space
        ("a\u2028b\x0bc\r\nd", "a\nb\nc\nd"),
        ("\x00a\x07b", "a b"),
        ("&#99999999999;", "\ufffd"),
        ("", ""),
    ],
)
def test_visible_text(html, text):
    assert visible_text(html) == text


@settings(deadline=None, max_examples=150)
@given(st.text(alphabet="<>/!-='\"&#;apbr scriptx1\n", max_size=120))
def test_anything_goes_in_and_plain_lines_come_out(html):
    text = visible_text(html)
    assert text == text.strip()
    assert "\n\n" not in text
    assert "  " not in text


@pytest.mark.parametrize(
    "unit",
    [
        '<a ="',
        "<!--",
        "<a '",
        "<",
        "</",
        "</a",
        "&",
        "&#",
        "&#x",
        "<script>",
        "<a b=' >",
        "&amp;",
        "<p",
        "<b>",
    ],
)
def test_hostile_input_costs_linear_time(unit):
    # A quadratic step would take minutes: half a million characters pass in well under a second.
    visible_text(unit * (500_000 // len(unit)))


@given(st.text(alphabet="ab \u00e9\u0436\u00a0\u00ad\n", max_size=40))
def test_plain_text_is_read_as_a_page_is(text):
    assert visible_text(text) == clean._one_pass(text)
