"""Word forms: lemmas per language and Arabic proclitics."""

from __future__ import annotations

import pytest
from simplemma import Lemmatizer
from simplemma.strategies import LOW_MEMORY_DICTIONARY_FACTORY, DefaultStrategy

from monitor.text.fold import fold
from monitor.text.stems import languages_of, lemma, without_proclitics


@pytest.mark.parametrize(
    ("language", "term", "form"),
    [
        ("en", "visit", "visited"),
        ("en", "arrive", "Arrives"),
        ("en", "touch", "touched"),
        ("en", "travel", "travelling"),
        ("en", "travel", "traveled"),
        ("en", "cancel", "cancelled"),
        ("en", "retake", "retook"),
        ("ru", "прибыть", "прибыл"),
        ("ru", "прилететь", "прилетела"),
        ("ru", "переговоры", "переговорах"),
        ("ru", "визит", "Визитом"),
        ("uk", "прибути", "прибув"),
        ("uk", "переговори", "переговорів"),
        ("fr", "arriver", "arrivée"),
        ("fr", "négociation", "négociations"),
        ("de", "Verhandlung", "Verhandlungen"),
        ("de", "Verhandlung", "VERHANDLUNGEN"),
        ("es", "negociación", "negociaciones"),
    ],
)
def test_forms_of_one_word(language, term, form):
    assert lemma(form, language) == lemma(term, language)


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "call", "calm"),
        ("en", "sell", "sel"),
        ("en", "control", "controversy"),
    ],
)
def test_different_words_stay_apart(language, one, other):
    assert lemma(one, language) != lemma(other, language)


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "it", "nl", "tr", "uk"])
def test_words_in_no_dictionary_have_the_lemma_that_simplemma_gives_them(language):
    simplemma = Lemmatizer(lemmatization_strategy=DefaultStrategy(low_memory=True))
    forms = sorted(form for form in LOW_MEMORY_DICTIONARY_FACTORY.get_dictionary(language) if form.islower())
    made = [
        written
        for form in forms[:: len(forms) // 60]
        for written in (f"x{form}", f"vor{form}", f"{form}lo", f"{form}ler", f"a-{form}", f"{form}'s")
        if not form.endswith("ll")  # of those we know more than the dictionary does
    ]
    derived = {word: (lemma(word, language), fold(simplemma.lemmatize(word, language))) for word in made}
    assert {word: both for word, both in derived.items() if both[0] != both[1]} == {}
    assert sum(word != ours for word, (ours, _) in derived.items()) > 20


def test_an_unknown_language_folds_only():
    assert lemma("Talks", "xx") == "talks"
    assert lemma("", "en") == ""


@pytest.mark.parametrize(
    ("word", "languages"),
    [
        ("talks", ("en",)),
        ("négociation", ("en", "fr")),
        ("Erdoğan", ("en",)),
        ("переговори", ("ru", "uk")),
        ("перемир'я", ("uk",)),
        ("вийти", ("ru", "uk")),
        ("мы", ("ru",)),
        ("هدنة", ("ar",)),
        ("北京", ("en",)),
    ],
)
def test_the_letters_of_a_bare_word_tell_its_languages(word, languages):
    assert languages_of(word) == languages


@pytest.mark.parametrize(
    ("term", "form"),
    [
        ("مفاوضات", "المفاوضات"),
        ("مفاوضات", "والمفاوضات"),
        ("مفاوضات", "بالمفاوضات"),
        ("مفاوضات", "للمفاوضات"),
        ("مفاوضات", "وللمفاوضات"),
        ("الكرملين", "للكرملين"),
        ("الكرملين", "بالكرملين"),
        ("موسكو", "بموسكو"),
        ("موسكو", "وموسكو"),
        ("يزور", "سيزور"),
    ],
)
def test_arabic_proclitics(term, form):
    assert fold(term) in without_proclitics(fold(form))


def test_short_arabic_words_are_not_cut_to_nothing():
    assert without_proclitics("ولد") == ("ولد",)
