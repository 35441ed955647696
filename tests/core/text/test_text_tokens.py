"""Tokens: what a word is, in many scripts, with offsets into the original."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.text.tokens import _bare_span, _pattern_for, cut, in_chunk, tokenize
from tests.strategies import letters


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Envoy arrives in Moscow.", ["Envoy", "arrives", "in", "Moscow"]),
        ("cease-fire, ceasefire", ["cease", "fire", "ceasefire"]),
        ("30-day F-16s", ["30", "day", "F", "16s"]),
        ("snake_case", ["snake", "case"]),
        ("don't can’t O'Brien", ["don't", "can’t", "O'Brien"]),
        ("Trump's Putin’s diplomats'", ["Trump", "Putin", "diplomats"]),
        ("'quoted' ‘quoted’", ["quoted", "quoted"]),
        ("U.S. envoy, the U.S.-led talks", ["U.S.", "envoy", "the", "U.S.", "led", "talks"]),
        ("U.S.Secretary U.S", ["U.S.", "Secretary", "U.S"]),
        ("e.g. 3.5 v1.2 example.org", ["e.g.", "3", "5", "v1", "2", "example", "org"]),
        ("J.D. Vance", ["J.D.", "Vance"]),
        ("l’envoyé d'Ukraine qu’il aujourd’hui", ["envoyé", "Ukraine", "il", "aujourd’hui"]),
        ("Côte d’Ivoire", ["Côte", "Ivoire"]),
        ("all'Onu dell’Ucraina", ["Onu", "Ucraina"]),
        ("перемир’я пам'ять м\u02bcяч", ["перемир’я", "пам'ять", "м\u02bcяч"]),
        ("С.Ш.А. и т.д.", ["С.Ш.А.", "и", "т.д."]),
        ("Йошкар-Ола", ["Йошкар", "Ола"]),
        ("وقف إطلاق النار", ["وقف", "إطلاق", "النار"]),
        ("مُفاوَضات", ["مُفاوَضات"]),  # vowel signs do not split
        ("می\u200cشود", ["می\u200cشود"]),  # nor do joiners
        ("特朗普在北京", ["特", "朗", "普", "在", "北", "京"]),
        ("プーチン大統領", ["プ", "ー", "チ", "ン", "大", "統", "領"]),
        ("중국 베이징", ["중국", "베이징"]),  # Korean is written with spaces
        ("ทรัมป์", ["ท", "รั", "ม", "ป์"]),  # a Thai character keeps its marks
        ("G7在中国 talks", ["G7", "在", "中", "国", "talks"]),
        ("cafe\u0301", ["cafe\u0301"]),
        ("हिन्दी", ["हिन्दी"]),
        ("🇺🇸 talks 🤝", ["talks"]),
        ("", []),
        ("… — !", []),
    ],
)
def test_tokens(text, words):
    assert tokenize(text).words == words


MIXED = st.text(
    st.sampled_from("aB7é.'’ʼ-_ \n\xa0\u3000Жї́ەمُ特ー가ป์\u200c🤝") | st.characters(codec="utf-8"), max_size=60
)


@settings(deadline=None, max_examples=300)
@given(MIXED)
def test_chunks_hold_the_tokens_of_the_whole_text(text):
    pattern = _pattern_for(text)
    assert [raw for chunk in cut(text) for raw in in_chunk(chunk)] == pattern.findall(text)
    tokens = tokenize(text)
    starts = [_bare_span(found[0], *found.span())[0] for found in pattern.finditer(text)]
    assert tokens.starts == starts
    assert len(tokens) == len(starts)


@settings(deadline=None, max_examples=300)
@given(MIXED)
def test_one_span_is_that_of_all(text):
    whole, single = tokenize(text), tokenize(text)
    spans = list(zip(whole.starts, whole.ends, strict=True))
    assert [single.span(index, index) for index in range(len(spans))] == spans
    for offset in range(len(text) + 1):
        assert single.before(offset) == sum(start < offset for start in whole.starts)


@settings(deadline=None, max_examples=200)
@given(letters)
def test_spans_cut_the_same_text_in_rising_order(text):
    tokens = tokenize(text)
    assert [text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)] == tokens.words
    assert all(start < end for start, end in zip(tokens.starts, tokens.ends, strict=True))
    assert all(end <= start for end, start in zip(tokens.ends, tokens.starts[1:], strict=False))


@settings(deadline=None, max_examples=100)
@given(letters)
def test_ascii_is_only_a_faster_path(text):
    # A letter of another script far away must not change how the ASCII part is cut.
    ascii_text = text.encode("ascii", "ignore").decode()
    assert tokenize(ascii_text + " ж").words[:-1] == tokenize(ascii_text + " z").words[:-1]


@pytest.mark.parametrize(
    "unit", ["a.", "a'", "'", "’s", "1'", "é’", "\u0301", "中\u0301", "l’", "A.é.", "-", "ab "]
)
def test_hostile_input_costs_linear_time(unit):
    tokenize(unit * (300_000 // len(unit)))
