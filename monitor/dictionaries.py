"""Word forms on disk: the dictionaries of lemmas as tries, made once a language and mapped into memory.

A look-up takes half a microsecond instead of 10 to 25 in the compact form that simplemma brings, opening a
language takes no time instead of up to a second, and processes share the memory. Where no directory can
be written to, the compact form is read, as slow as it is: nothing but speed depends on this module.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from marisa_trie import HUGE_CACHE, BytesTrie
from platformdirs import user_cache_path
from simplemma.strategies.dictionaries import LOW_MEMORY_DICTIONARY_FACTORY, DefaultDictionaryFactory

from monitor.text.stems import use_dictionaries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CONTENTS: Final = f"simplemma-{version('simplemma')}-marisa-{version('marisa-trie')}-{sys.byteorder}"


def install(directory: Path | None = None, making: Callable[[], None] = lambda: None) -> None:
    """Let lemmas be looked up in tries below `directory`; cheap, languages are opened when they are needed.

    Args:
        directory: where the tries are kept; by default the user's directory for caches (on Linux below
            XDG_CACHE_HOME or `~/.cache`, see the XDG Base Directory Specification).
        making: called before the first trie is made: with several languages that takes ten seconds.
    """
    base = directory or user_cache_path("diplomatic-monitor", appauthor=False)
    use_dictionaries(TrieDictionaries(base / "lemmas" / _CONTENTS, making))


class TrieDictionaries:
    """A `DictionaryFactory` of simplemma: from a language to a mapping of forms to lemmas."""

    def __init__(self, directory: Path, making: Callable[[], None] = lambda: None) -> None:
        """Keep the tries in `directory`, one file a language; it is made when the first one is.

        `making` is called before the first trie is made.
        """
        self._directory = directory
        self._making: Callable[[], None] | None = making
        self._open: dict[str, Mapping[str, str]] = {}

    def get_dictionary(self, lang: str) -> Mapping[str, str]:
        """Return the forms of a language with their lemmas.

        Raises:
            ValueError: simplemma has no such language.
        """
        known = self._open.get(lang)
        if known is None:
            known = self._open[lang] = self._read(lang)
        return known

    def _read(self, lang: str) -> Mapping[str, str]:
        path = self._directory / f"{lang}.trie"
        with suppress(OSError, RuntimeError, ValueError):  # none yet, or not one: it is made anew
            return _Lemmas(BytesTrie().mmap(os.fspath(path)))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if self._making is not None:
                self._making()
                self._making = None
            _write(path, lang)
            return _Lemmas(BytesTrie().mmap(os.fspath(path)))
        except (OSError, RuntimeError):  # read-only, or full
            return LOW_MEMORY_DICTIONARY_FACTORY.get_dictionary(lang)


def _write(path: Path, lang: str) -> None:
    """Write a trie, under another name first: several processes may do so at once."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".new")
    os.close(handle)
    try:
        forms = DefaultDictionaryFactory(cache_max_size=1).get_dictionary(lang)
        pairs = ((form, lemma.encode()) for form, lemma in forms.items())
        BytesTrie(pairs, cache_size=HUGE_CACHE).save(name)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


class _Lemmas(Mapping[str, str]):
    """Forms and lemmas in a trie."""

    __slots__ = ("_find", "_trie")

    def __init__(self, trie: BytesTrie) -> None:
        self._trie = trie
        self._find = trie.get

    def get(self, form: str, default: Any = None) -> Any:  # noqa: ANN401 - as in the mapping that it overrides
        """Return the lemma of a form; most words are in no dictionary, and an exception would cost more."""
        found = self._find(form)
        return found[0].decode() if found else default

    def __getitem__(self, form: str) -> str:
        found = self._find(form)
        if not found:
            raise KeyError(form)
        return str(found[0].decode())

    def __iter__(self) -> Iterator[str]:
        return iter(self._trie.keys())

    def __len__(self) -> int:
        return len(self._trie)
