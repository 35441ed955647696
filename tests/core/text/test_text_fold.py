"""Folding: which spellings are one word, script by script."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from monitor.text.fold import fold
from tests.strategies import letters


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MOSCOW", "moscow"),
        ("Erdoğan", "erdogan"),
        ("cafe\u0301", "café"),
        ("İstanbul", "istanbul"),
        ("Łódź", "Lodz"),
        ("Ørsted", "orsted"),
        ("Straße", "STRASSE"),
        ("ﬁn", "fin"),  # ligature
        ("œuvre", "oeuvre"),
        ("\uff35\uff33", "us"),  # full width
        ("Ёлка", "елка"),
        ("за\u0301мок", "замок"),  # stress mark
        ("перемир’я", "перемир'я"),
        ("перемир\u02bcя", "перемир'я"),
        ("مُفاوَضات", "مفاوضات"),  # vowel signs
        ("مـفاوضات", "مفاوضات"),  # tatweel
        ("أوكرانيا", "اوكرانيا"),  # alef with hamza
        ("إلى", "الي"),  # alef maqsura
        ("هدنة", "هدنه"),  # ta marbuta
        ("ایران", "ايران"),  # Persian ya
        ("٢٠٢٥", "2025"),
        ("می\u200cشود", "ميشود"),
        ("Αθήνα", "ΑΘΗΝΑ"),
        ("שָׁלוֹם", "שלום"),
        ("Việt", "viet"),
    ],
)
def test_these_are_one_word(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("мой", "мои"),  # й is a letter
        ("їжак", "іжак"),  # so is ї
        ("війна", "виина"),
        ("ґрати", "грати"),
        ("पानी", "पनि"),  # vowel signs of Indic scripts are letters
        ("がく", "かく"),  # kana voicing, too
    ],
)
def test_these_are_two(one, other):
    assert fold(one) != fold(other)


@settings(deadline=None, max_examples=300)
@given(letters)
def test_folding_is_idempotent(text):
    assert fold(fold(text)) == fold(text)


@settings(deadline=None, max_examples=100)
@given(letters)
def test_case_never_matters_to_ascii_letters(text):
    ascii_text = text.encode("ascii", "ignore").decode()
    assert fold(ascii_text.upper()) == fold(ascii_text.lower())
