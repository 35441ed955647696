"""Statements of stories: whose member an item is, and which members a new item may belong to."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, literal, select, union_all, update

from monitor.storage.base_stories import TermCounts
from monitor.storage.codec import dumps_text, loads_text, utc
from monitor.storage.columns import among, key_hash
from monitor.storage.decide import FORGET_AT, LEAST_SHARED
from monitor.storage.rows import member_row, posting_rows, read_hit, read_item, read_member
from monitor.storage.statements import add_up, insert_new, upsert
from monitor.storage.tables import hits, items, members, postings, terms, values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Select

    from monitor.models import Hit, Item, StoryMember
    from monitor.storage.base_stories import Learned, StoryQuery

ALL: Final = ""  # the term that every item holds
MARK: Final = "stories.learned"  # name of the value that says up to which item terms were learned


def story_of(connection: Connection, item_ids: Sequence[str]) -> Mapping[str, StoryMember]:
    """See `Storage.story_of`."""
    documents = connection.scalars(select(members.c.document).where(among(members.c.item_id, item_ids)))
    return {member.item_id: member for member in map(read_member, documents)}


def story_candidates(
    connection: Connection, asked: Sequence[StoryQuery], limit: int
) -> tuple[tuple[tuple[StoryMember, Item], ...], ...]:
    """See `Storage.story_candidates`."""
    return tuple(_candidates(connection, one, limit) for one in asked)


def _candidates(
    connection: Connection, asked: StoryQuery, limit: int
) -> tuple[tuple[StoryMember, Item], ...]:
    """Answer one query.

    Each of the three questions is answered from its own index; their answers are added up by item.
    """
    shared = (
        select(
            postings.c.item_id,
            literal(0).label("url"),
            literal(0).label("title"),
            func.count().label("shared"),
        )
        .where(
            among(postings.c.term, map(key_hash, filter(None, asked.postings))),
            postings.c.event_at.between(asked.since, asked.until),
        )
        .group_by(postings.c.item_id)
    )
    answers = union_all(
        shared,
        _sharing(members.c.url_hash, asked.url_keys, asked, url=1, title=0),
        _sharing(members.c.title_hash, asked.title_keys, asked, url=0, title=1),
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
    column: ColumnElement[Any], keys: Sequence[str], asked: StoryQuery, *, url: int, title: int
) -> Select[*tuple[Any, ...]]:
    return select(members.c.item_id, literal(url), literal(title), literal(0)).where(
        among(column, map(key_hash, filter(None, keys))),
        members.c.event_at.between(asked.since, asked.until),
    )


def story_members(
    connection: Connection, story_ids: Sequence[str], limit: int
) -> Mapping[str, tuple[tuple[StoryMember, Item], ...]]:
    """See `Storage.story_members`."""
    order = (members.c.event_at.desc(), members.c.item_id.desc())
    place = func.row_number().over(partition_by=members.c.story_id, order_by=order)
    ranked = (
        select(members.c.item_id, place.label("place")).where(among(members.c.story_id, story_ids)).subquery()
    )
    rows = connection.execute(
        select(members.c.document.label("member"), items.c.document.label("item"))
        .join(ranked, ranked.c.item_id == members.c.item_id)
        .join(items, items.c.item_id == members.c.item_id)
        .where(ranked.c.place <= limit)
        .order_by(members.c.event_at, members.c.item_id)
    )
    found: dict[str, list[tuple[StoryMember, Item]]] = {}
    for row in rows:
        member = read_member(row.member)
        found.setdefault(member.story_id, []).append((member, read_item(row.item)))
    return {story_id: tuple(pairs) for story_id, pairs in found.items()}


def term_counts(connection: Connection, asked: Mapping[str, Sequence[str]]) -> Mapping[str, TermCounts]:
    """See `Storage.term_counts`."""
    return {language: _term_counts(connection, language, terms) for language, terms in asked.items()}


def _term_counts(connection: Connection, language: str, wanted: Sequence[str]) -> TermCounts:
    hashes = {key_hash(term): term for term in (*wanted, ALL)}
    rows = connection.execute(
        select(terms.c.term, terms.c.item_count).where(
            terms.c.language == language, among(terms.c.term, hashes)
        )
    )
    counts = {hashes[row.term]: int(row.item_count) for row in rows}
    return TermCounts(counts.pop(ALL, 0), counts)


def unlearned_items(connection: Connection, limit: int) -> tuple[Item, ...]:
    """See `Storage.unlearned_items`."""
    query = select(items.c.document).order_by(items.c.first_seen_at, items.c.item_id).limit(limit)
    mark = connection.scalar(select(values.c.value).where(values.c.name == MARK))
    if mark is not None:
        at, item_id = json.loads(loads_text(mark))
        seen_at = datetime.fromisoformat(at)
        query = query.where(
            items.c.first_seen_at >= seen_at,
            (items.c.first_seen_at > seen_at) | (items.c.item_id > item_id),
        )
    return tuple(map(read_item, connection.scalars(query)))


def item_hits(connection: Connection, item_ids: Sequence[str]) -> tuple[Hit, ...]:
    """See `Storage.item_hits`."""
    documents = connection.scalars(
        select(hits.c.document)
        .where(among(hits.c.item_id, item_ids))
        .order_by(hits.c.item_id, hits.c.rule_id)
    )
    return tuple(map(read_hit, documents))


def move_members(connection: Connection, moved: Sequence[StoryMember]) -> None:
    """Store members that a person put elsewhere."""
    newest = {member.item_id: member for member in moved}
    ordered = [newest[item_id] for item_id in sorted(newest)]
    upsert(connection, members, [member_row(member) for member in ordered])
    if newest:
        connection.execute(delete(postings).where(among(postings.c.item_id, newest)))
        insert_new(connection, postings, [row for member in ordered for row in posting_rows(member)])


def learn(connection: Connection, learned: Learned) -> None:
    """Add what a flush learned; what has grown too old is halved, so that it fades."""
    for language in sorted(learned.counts):
        found = learned.counts[language]
        counts: Counter[int] = Counter({key_hash(ALL): found.items})
        for term, count in found.counts.items():
            counts[key_hash(term)] += count
        rows = [{"language": language, "term": term, "item_count": counts[term]} for term in sorted(counts)]
        add_up(connection, terms, rows, "item_count")
        mine = terms.c.language == language
        total = connection.scalar(select(terms.c.item_count).where(mine, terms.c.term == key_hash(ALL)))
        if total is not None and total >= FORGET_AT:
            connection.execute(update(terms).where(mine).values(item_count=terms.c.item_count // 2))
            connection.execute(delete(terms).where(mine, terms.c.item_count == 0))
    mark = json.dumps([utc(learned.mark.first_seen_at).isoformat(), learned.mark.item_id])
    upsert(connection, values, [{"name": MARK, "value": dumps_text(mark)}])
