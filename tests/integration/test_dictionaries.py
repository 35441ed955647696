"""Lemmas from tries on disk: the same as from the dictionaries themselves, and never in the way."""

from __future__ import annotations

from itertools import islice

import pytest
from simplemma.strategies.dictionaries import LOW_MEMORY_DICTIONARY_FACTORY

from monitor.dictionaries import TrieDictionaries

LANGUAGE = "ms"  # the smallest dictionary


def test_a_trie_has_every_form_with_its_lemma(tmp_path):
    forms = TrieDictionaries(tmp_path / "new").get_dictionary(LANGUAGE)
    expected = LOW_MEMORY_DICTIONARY_FACTORY.get_dictionary(LANGUAGE)
    assert dict(forms) == dict(expected)
    assert len(forms) == len(expected)
    assert forms.get("no such form") is None
    assert [one.name for one in (tmp_path / "new").iterdir()] == [f"{LANGUAGE}.trie"]


def test_it_is_made_once(tmp_path):
    told = []
    TrieDictionaries(tmp_path, lambda: told.append("made")).get_dictionary(LANGUAGE)
    written = (tmp_path / f"{LANGUAGE}.trie").stat().st_mtime_ns
    again = TrieDictionaries(tmp_path, lambda: told.append("again"))
    assert again.get_dictionary(LANGUAGE) is again.get_dictionary(LANGUAGE)
    assert (tmp_path / f"{LANGUAGE}.trie").stat().st_mtime_ns == written
    assert told == ["made"]


@pytest.mark.parametrize("content", [b"", b"no trie", b"We love Marisa." + bytes(40)])
def test_a_damaged_file_is_made_anew(tmp_path, content):
    (tmp_path / f"{LANGUAGE}.trie").write_bytes(content)
    assert len(TrieDictionaries(tmp_path).get_dictionary(LANGUAGE)) > 10_000


def test_without_a_place_on_disk_the_dictionary_itself_is_read(tmp_path, capsys):
    (tmp_path / "file").write_text("", "utf-8")  # a directory cannot be made below it, whoever asks
    forms = TrieDictionaries(tmp_path / "file" / "lemmas").get_dictionary(LANGUAGE)
    known = LOW_MEMORY_DICTIONARY_FACTORY.get_dictionary(LANGUAGE)
    assert dict(islice(forms.items(), 50)) == dict(islice(known.items(), 50))
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
    assert capsys.readouterr() == ("", ""), "what a command prints as JSON stays JSON"


def test_an_unknown_language_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="xx"):
        TrieDictionaries(tmp_path).get_dictionary("xx")
