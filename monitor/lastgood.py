"""What stays in force while files have errors: the last good version of each broken rule.

An analyst saves a file with a mistake; the other rules take effect at once, and the broken one goes on as
it was before the mistake, also after a restart: the last good text of every file is kept in the store.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from monitor.document import parse
from monitor.rulebook import FEEDS_FILE, ROUTES_FILE, read_book

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.models import Feed, Item, Match, RuleInfo
    from monitor.rulebook import Matching, RuleBook

Files: TypeAlias = "Mapping[str, bytes]"

_FORMAT = "1:"  # of the stored text
_LARGEST = 64 * 1024 * 1024  # bytes that a stored text may unpack to


@dataclass(frozen=True, slots=True)
class Joined:
    """The rules that can be used, and beside them the last good version of those that cannot."""

    present: Matching
    earlier: Matching
    kept: frozenset[str]  # ids of the rules that `earlier` answers for

    def match(self, item: Item, feed: Feed | None = None) -> tuple[Match, ...]:
        """Return the rules that fire, in their present or last good version."""
        old = (match for match in self.earlier.match(item, feed) if match.rule_id in self.kept)
        return (*self.present.match(item, feed), *old)

    def match_each(
        self, item: Item, feed: Feed | None = None
    ) -> tuple[tuple[Match, ...], dict[str, Exception]]:
        """Return what `match` does, and for each rule that raises what it raised."""
        found, failed = self.present.match_each(item, feed)
        earlier, also = self.earlier.match_each(item, feed)
        old = (match for match in earlier if match.rule_id in self.kept)
        return (*found, *old), {**failed, **{name: also[name] for name in also if name in self.kept}}

    def tune(self, items: Iterable[Item]) -> None:
        """Let both learn from some news which words are rare."""
        news = tuple(items)
        self.present.tune(news)
        self.earlier.tune(news)

    @property
    def rule_infos(self) -> Mapping[str, RuleInfo]:
        """What alerts need to know of each rule, by id."""
        old = {rule_id: info for rule_id, info in self.earlier.rule_infos.items() if rule_id in self.kept}
        return MappingProxyType({**old, **self.present.rule_infos})


def good_files(files: Files, book: RuleBook, earlier: Files, *, prefix: str) -> dict[str, bytes]:
    """Return the files to remember: as they are where they have no error, else as they last were.

    Args:
        files: the present contents by path.
        book: what `read_book` made of them, with the same `prefix`.
        earlier: what was remembered so far.
        prefix: put before paths in the book's diagnostics.
    """
    broken = {error.place.file.removeprefix(prefix) for error in book.errors}
    kept = {path: earlier[path] for path in broken if path in earlier}
    return {**{path: data for path, data in files.items() if path not in broken}, **kept}


def hold_on(book: RuleBook, files: Files, good: Files, *, prefix: str) -> RuleBook:
    """Return `book` with last good versions of what its files have broken.

    A broken routes file keeps all routes, a broken feeds file all feeds, as they last were: half a
    route table would send alerts to the wrong people. A rule that was deleted stays deleted.

    Args:
        book: of the present files, which have errors.
        files: the present contents by path.
        good: what `good_files` remembered.
        prefix: put before paths in the book's diagnostics.
    """
    broken = {error.place.file.removeprefix(prefix) for error in book.errors}
    earlier = read_book(good, prefix=prefix)
    unreadable = {prefix + path for path in broken if path in files and parse(path, files[path])[0] is None}
    kept = {
        rule.rule_id
        for rule in earlier.tree.rules
        if rule.rule_id not in book.engine.rule_infos
        and (rule.rule_id in book.tree.left_out or rule.place.file in unreadable)
    }
    return replace(
        book,
        feeds=earlier.feeds if FEEDS_FILE in broken and earlier.feeds else book.feeds,
        routing=earlier.routing if ROUTES_FILE in broken and earlier.routing.routes else book.routing,
        engine=Joined(book.engine, earlier.engine, frozenset(kept)) if kept else book.engine,
        kept=tuple(sorted(kept)),
    )


def pack(files: Files) -> str:
    """Return the files as one text for the store."""
    plain = json.dumps(
        {path: data.decode("utf-8", "surrogateescape") for path, data in sorted(files.items())}
    )
    return _FORMAT + base64.b85encode(zlib.compress(plain.encode("utf-8", "surrogatepass"), 6)).decode(
        "ascii"
    )


def unpack(text: str | None) -> dict[str, bytes]:
    """Return the files of a packed text; none for one that this version cannot read."""
    if not text or not text.startswith(_FORMAT):
        return {}
    try:
        plain = zlib.decompressobj().decompress(base64.b85decode(text.removeprefix(_FORMAT)), _LARGEST)
        files = json.loads(plain.decode("utf-8", "surrogatepass"))
        return {path: data.encode("utf-8", "surrogateescape") for path, data in files.items()}
    except (ValueError, zlib.error, AttributeError):
        return {}
