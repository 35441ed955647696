"""Reading the shipped rules and asking them about a headline, for the tests of what they catch."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Final

from monitor.models import Item, stable_id
from monitor.rulebook import RuleBook, read_book
from monitor.shipped import shipped

# The morning that the seed text and the recorded news day are about.
MORNING: Final = datetime(2025, 3, 13, 9, 0, tzinfo=UTC)


@cache
def shipped_book() -> RuleBook:
    """Return the shipped tree, as the daemon reads it."""
    rules = shipped("rules")
    files = {path.relative_to(rules).as_posix(): path.read_bytes() for path in rules.rglob("*.yaml")}
    return read_book(files, prefix="rules/")


def fired(title: str = "", summary: str = "", content: str = "", at: datetime = MORNING) -> set[str]:
    """Return the ids of the shipped rules that fire on an item of that text, seen when it was published."""
    key = stable_id(title, summary, content)
    item = Item(
        item_id=key,
        feed_id="example",
        key=f"hash:{key}",
        title=title,
        summary=summary,
        content=content,
        published_at=at,
        first_seen_at=at,
    )
    return {match.rule_id for match in shipped_book().engine.match(item)}
