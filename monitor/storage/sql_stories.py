"""Statements of stories: whose member an item is, and which members a new item may belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, literal, select, union_all

from monitor.storage.columns import among, key_hash
from monitor.storage.decide import LEAST_SHARED
from monitor.storage.rows import read_item, read_member
from monitor.storage.tables import items, members, postings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Select

    from monitor.models import Item, StoryMember


def story_of(connection: Connection, item_ids: Sequence[str]) -> Mapping[str, StoryMember]:
    """See `Storage.story_of`."""
    documents = connection.scalars(select(members.c.document).where(among(members.c.item_id, item_ids)))
    return {member.item_id: member for member in map(read_member, documents)}


def story_candidates(
    connection: Connection,
    *,
    since: datetime,
    url_keys: Sequence[str],
    title_keys: Sequence[str],
    terms: Sequence[str],
    limit: int,
) -> tuple[tuple[StoryMember, Item], ...]:
    """See `Storage.story_candidates`.

    Each of the three questions is answered from its own index; their answers are added up by item.
    """
    shared = (
        select(
            postings.c.item_id,
            literal(0).label("url"),
            literal(0).label("title"),
            func.count().label("shared"),
        )
        .where(among(postings.c.term, map(key_hash, filter(None, terms))), postings.c.event_at >= since)
        .group_by(postings.c.item_id)
    )
    answers = union_all(
        shared,
        _sharing(members.c.url_hash, url_keys, since, url=1, title=0),
        _sharing(members.c.title_hash, title_keys, since, url=0, title=1),
    ).subquery()
    url, title, count = (func.sum(answers.c[name]) for name in ("url", "title", "shared"))
    ranked = (
        select(answers.c.item_id, url.label("url"), title.label("title"), count.label("shared"))
        .group_by(answers.c.item_id)
        .having((url > 0) | (title > 0) | (count >= LEAST_SHARED))
        .subquery()
    )
    rows = connection.execute(
        select(members.c.document.label("member"), items.c.document.label("item"))
        .join(ranked, ranked.c.item_id == members.c.item_id)
        .join(items, items.c.item_id == members.c.item_id)
        .order_by(
            ranked.c.url.desc(),
            ranked.c.title.desc(),
            ranked.c.shared.desc(),
            members.c.event_at,
            members.c.item_id,
        )
        .limit(limit)
    )
    return tuple((read_member(row.member), read_item(row.item)) for row in rows)


def _sharing(
    column: ColumnElement[Any], keys: Sequence[str], since: datetime, *, url: int, title: int
) -> Select[*tuple[Any, ...]]:
    return select(members.c.item_id, literal(url), literal(title), literal(0)).where(
        among(column, map(key_hash, filter(None, keys))), members.c.event_at >= since
    )
