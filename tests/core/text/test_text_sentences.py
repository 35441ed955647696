"""Where sentences end, and where they do not."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings

from monitor.text.sentences import paragraph_starts, sentence_starts
from tests.strategies import letters


def sentences(text: str) -> list[str]:
    bounds = [0, *sentence_starts(text), len(text)]
    return [text[start:end].strip() for start, end in pairwise(bounds) if text[start:end].strip()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Talks end. Truce holds.", ["Talks end.", "Truce holds."]),
        ("One; two | three • four\nfive", ["One;", "two |", "three •", "four", "five"]),
        (
            "Mr. Rubio met Dr. Jaishankar in St. Petersburg.",
            ["Mr. Rubio met Dr. Jaishankar in St. Petersburg."],
        ),
        ("The U.S. Senate voted. It passed.", ["The U.S. Senate voted.", "It passed."]),
        ("J. D. Vance spoke.", ["J. D. Vance spoke."]),
        ("Growth was 3.5 percent. Next", ["Growth was 3.5 percent.", "Next"]),
        ("No. 10 said yes. He said no. Then", ["No. 10 said yes.", "He said no.", "Then"]),
        ("It ended… and began again.", ["It ended… and began again."]),
        ("It ended… Then it began.", ["It ended…", "Then it began."]),
        ("“It is over.” Talks follow.", ["“It is over.”", "Talks follow."]),
        ("Why? Because.", ["Why?", "Because."]),
        ("В 2024 г. Москва и ул. Ленина. Путин прибыл.", ["В 2024 г. Москва и ул. Ленина.", "Путин прибыл."]),
        ("Музей им. Пушкина, и т.д. Далее", ["Музей им. Пушкина, и т.д. Далее"]),
        ("М. Рютте прибув до м. Київ. Зустріч", ["М. Рютте прибув до м. Київ.", "Зустріч"]),
        ("Mme Dupont est arrivée. M. Macron aussi.", ["Mme Dupont est arrivée.", "M. Macron aussi."]),
        ("وصل المبعوث. بدأت المحادثات؟ نعم", ["وصل المبعوث.", "بدأت المحادثات؟", "نعم"]),
        ("双方会谈。随后离开！", ["双方会谈。", "随后离开！"]),
        ("बातचीत हुई। फिर", ["बातचीत हुई।", "फिर"]),
        ("", []),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


@settings(deadline=None, max_examples=100)
@given(letters)
def test_a_paragraph_starts_only_where_a_sentence_does(text):
    starts = sentence_starts(text)
    assert starts == sorted(starts)
    assert set(paragraph_starts(text)) <= set(starts)


@pytest.mark.parametrize("unit", [".", ". ", "a.", "A. ", "; ", '?" ', "…", "." + '"' * 50, ".'"])
def test_hostile_input_costs_linear_time(unit):
    sentence_starts(unit * (300_000 // len(unit)))
