"""The map from visible text back to the HTML source."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.text.clean import visible_text
from monitor.text.origins import visible_with_origins


@pytest.mark.parametrize(
    ("html", "word", "source"),
    [
        ("Talks resume", "resume", "resume"),
        ("<p>Talks <b>re</b>sume</p>", "resume", "re</b>sume"),  # markup inside is part of the cut
        ("<p>One</p><p>Two</p>", "Two", "Two"),
        ("Fish &amp; chips", "&", "&amp;"),
        ("Fish &amp; chips", "chips", "chips"),
        ("caf&eacute; closed", "café", "caf&eacute;"),
        ("Trump&amp;#8217;s envoy", "Trump’s", "Trump&amp;#8217;s"),  # escaped twice
        ("&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two&lt;/p&gt;", "Two", "Two"),  # HTML escaped twice
        ("x <script>var envoy = 'talks';</script> talks", "talks", "talks"),
        ("AT&Tmobile calls", "AT&Tmobile", "AT&Tmobile"),  # no reference
        ("a &notit; b", "¬it", "&notit"),  # a reference without its semicolon keeps what follows
        ("one  \n two", "two", "two"),
        ("cease\u00adfire holds", "ceasefire", "cease\u00adfire"),
        ("<a title='talks'>talks</a>", "talks", "talks"),
        ("السلام <b>عليكم</b>", "عليكم", "عليكم"),
        ("<i>停火</i>谈判", "停火谈判", "停火</i>谈判"),
        ("<p>Перемир&#8217;я</p>", "Перемир’я", "Перемир&#8217;я"),
    ],
)
def test_a_word_is_found_in_the_source(html, word, source):
    traced = visible_with_origins(html)
    at = traced.text.index(word)
    start, end = traced.source_span(at, at + len(word))
    assert html[start:end] == source
    assert visible_text(html[start:end]) == word


# Many shapes of markup, references and white space, whole and broken.
PARTS = st.sampled_from(
    [
        "envoy", "a", "є", "停", " ", "\n", "\t", "\u00ad", "\u2028", "\x00", "<", ">", "<p>", "</p>", "<b>",
        "</b>", "<br/>", "<img alt='x'>", "<script>", "</script>", "<!--", "-->", "<!d>", '<a href="', '">',
        "'", "&", "&amp;", "&lt;", "&gt;", "&nbsp;", "&eacute", "&notit;", "&#8217;", "&#x2019",
        "&#99999999999;", "&amp;amp;", "&amp;#8217;", "&lt;p&gt;", ";", "#39", "&fjlig;", "&NotEqualTilde;",
        "&#128;", "&#0;",
    ]
)  # fmt: skip


@settings(deadline=None, max_examples=400)
@given(st.lists(PARTS, max_size=24).map("".join) | st.text(max_size=60))
def test_the_map_belongs_to_the_visible_text(html):
    traced = visible_with_origins(html)
    assert traced.text == visible_text(html)
    assert len(traced.starts) == len(traced.ends) == len(traced.text)
    assert all(0 <= a < b <= len(html) for a, b in zip(traced.starts, traced.ends, strict=True))
    assert list(traced.starts) == sorted(traced.starts)
    assert list(traced.ends) == sorted(traced.ends)
