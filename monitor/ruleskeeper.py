"""Reads the rules when they change, and remembers their last good version in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.directory import read_files
from monitor.errors import RulesUnreadableError
from monitor.lastgood import good_files, hold_on, pack, unpack
from monitor.rulebook import digest, read_book

if TYPE_CHECKING:
    from monitor.directory import Directory
    from monitor.rulebook import RuleBook
    from monitor.storage.base import Storage

LAST_GOOD = "rules.last-good"  # the value's name in the store


class RulesKeeper:
    """The files of one installation, and what may be used of them."""

    def __init__(self, directory: Directory, storage: Storage) -> None:
        """Look at nothing yet."""
        self._directory = directory
        self._storage = storage
        self._digest = ""

    async def read(self) -> RuleBook | None:
        """Return the rules if the files changed since the last call, else None.

        1. Read the whole tree; unchanged contents are nothing new, however often files are written.
        2. Remember the files that have no error.
        3. Put last good versions in the place of what has errors.

        Raises:
            RulesUnreadableError: a file cannot be read; the rules in force stay.
        """
        files = read_files(self._directory.rules)
        if digest(files) == self._digest:
            return None
        prefix = f"{self._directory.rules.as_posix()}/"
        book = read_book(files, prefix=prefix)
        earlier = unpack(await self._storage.get_value(LAST_GOOD))
        good = good_files(files, book, earlier, prefix=prefix)
        if good != earlier:
            await self._storage.set_value(LAST_GOOD, pack(good))
        self._digest = book.digest
        return hold_on(book, files, good, prefix=prefix) if book.errors else book

    async def first(self) -> RuleBook:
        """Return the rules to start with.

        Raises:
            RulesUnreadableError: no rule, no feed or no route can be used, not even in an earlier version.
        """
        book = await self.read()
        assert book is not None, "the first look is always something new"
        there = (("rule", book.rules), ("feed", book.feeds), ("route", book.routing.routes))
        missing = [name for name, found in there if not found]
        if missing:
            none = " and no ".join(missing)
            first = f"; first error: {book.errors[0]}" if book.errors else ""
            raise RulesUnreadableError(
                f"{self._directory.rules}: no {none} can be used{first} (`monitor check` shows all errors)"
            )
        return book
