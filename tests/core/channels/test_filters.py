"""What each filter gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.channels.filters import FILTERS, domain, entry, isolate, plain, web_url, wrap

FSI, PDI = "\u2068", "\u2069"

CASES = (
    ("plain", ("a\r\n b\t\x1b[31mc\u202ed\x00",), "a b [31mcd"),
    ("isolate", ("Moscow, Москва",), "Moscow, Москва"),
    ("isolate", ("وصل (3)",), f"{FSI}وصل (3){PDI}"),
    ("isolate", ("שלום",), f"{FSI}שלום{PDI}"),
    ("wrap", ("one two three four five six", 20), "one two three four\nfive six"),
    ("wrap", ("one two three four five six", 20, 4), "one two three\n    four five six"),
    ("wrap", ("one\n\ntwo", 20, 2), "one\n\n  two"),
    ("wrap", ("https://example.org/" + "x" * 90, 20), "https://example.org/" + "x" * 90),
    ("wrap", ("",), ""),
    ("web_url", ("https://example.org/a?b=c&d",), "https://example.org/a?b=c&d"),
    ("web_url", (" https://example.org ",), "https://example.org"),
    ("web_url", ("javascript:alert(1)",), ""),
    ("web_url", ("data:text/html,x",), ""),
    ("web_url", ("//example.org",), ""),
    ("web_url", ("https:///path",), ""),
    ("web_url", ("https://exa mple.org",), ""),
    ("web_url", ("http://[::1",), ""),
    ("domain", ("https://www.example.org:8443/a",), "example.org"),
    ("domain", ("http://[::1",), ""),
    ("domain", ("no url",), ""),
    ("replace", ("a-b-c", "-", "+"), "a+b+c"),
    ("plural", (1, "story", "stories"), "1 story"),
    ("plural", (0, "story", "stories"), "0 stories"),
    ("plural", (2, "report"), "2 reports"),
    ("words", ("state_media-of_record",), "state media of record"),
    ("sentence", ("US-envoys",), "US envoys"),
    ("sentence", ("",), ""),
    ("entry", ("us_envoys: Steve Witkoff",), "Steve Witkoff (us envoys)"),
    ("entry", ("arrives",), "arrives"),
    ("entry", ("envoys: A B; capitals_ru: C; phrase",), "A B (envoys); C (capitals ru); phrase"),
    ("entry", ("Kremlin: no comment",), "Kremlin: no comment"),
)


@pytest.mark.parametrize(("name", "arguments", "expected"), CASES)
def test_filters(name, arguments, expected):
    assert FILTERS[name](*arguments) == expected


@pytest.mark.parametrize(("old", "new"), [("", "x"), ("a", "x" * 11)])
def test_replace_cannot_blow_up(old, new):
    with pytest.raises(ValueError, match="replacement of similar length"):
        FILTERS["replace"]("aaa", old, new)


@given(st.text())
def test_plain_text_is_one_line_and_stays_so(text):
    once = plain(text)
    assert plain(once) == once
    assert len(once.splitlines()) <= 1
    assert not set(once) & set("\x00\x1b\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(st.text())
def test_isolates_are_balanced_and_never_come_from_the_text(text):
    shown = isolate(text)
    assert shown.count(FSI) == shown.count(PDI) <= 1
    assert plain(shown) == plain(text)


@given(st.text(), st.integers(-5, 300), st.integers(-5, 100))
def test_wrapping_loses_no_word(text, width, indent):
    assert wrap(text, width, indent).split() == text.split()


@given(st.text())
def test_urls_and_entries_never_raise(text):
    assert web_url(text) in {"", text.strip()}
    assert isinstance(domain(text), str)
    assert isinstance(entry(text), str)
