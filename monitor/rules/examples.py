"""What an item in a rule's test stands for: an item and the feed that it came from."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from monitor.models import Feed, Item, Tier, stable_id

if TYPE_CHECKING:
    from monitor.rules.schema import Example, Rule


def example_item(rule: Rule, example: Example) -> tuple[Item, Feed]:
    """Return the item and feed that an in-file test stands for."""
    where = rule.where
    allowed = [tier for tier in where.tier or Tier if tier not in where.not_tier]
    feed = Feed(
        feed_id=example.feed or (where.feed[0] if where.feed else "example"),
        url="https://example.org/feed.xml",
        tier=example.tier
        or (Tier.NATIONAL if Tier.NATIONAL in allowed else next(iter(allowed), Tier.NATIONAL)),
        country=example.country or (where.country[0] if where.country else ""),
        language=example.language or (where.language[0] if where.language else ""),
        category=example.category or (where.category[0] if where.category else ""),
    )
    published = datetime.combine(example.published, time(12), UTC) if example.published else None
    item = Item(
        item_id=stable_id("example", rule.rule_id, str(example.place)),
        feed_id=feed.feed_id,
        key=f"example:{example.place}",
        title=example.title,
        summary=example.summary,
        content=example.content,
        author=example.author,
        url=example.url,
        language=feed.language,
        published_at=published,
        first_seen_at=published,
    )
    return item, feed
