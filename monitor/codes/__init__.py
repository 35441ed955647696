"""Every code of a finding about the files that people edit: what it means, and how it is mended.

Codes are stable: people search for them, and scripts filter by them. `monitor check --explain CODE`
prints one row and `monitor check --codes` all of them. The tests run the examples: the wrong one gives
its code, the right one gives it no more.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from monitor.codes import clauses, every_file, feeds_routes, rules
from monitor.codes.row import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CODES", "Code"]

CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {row.code: row for row in (*every_file.ROWS, *rules.ROWS, *clauses.ROWS, *feeds_routes.ROWS)}
)
