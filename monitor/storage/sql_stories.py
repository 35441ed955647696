"""Statements of stories: whose member an item is, and which members a new item may belong to."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, func, select, union_all, update

from monitor.storage.base_stories import TermCounts
from monitor.storage.codec import dumps_text, loads_text, utc
from monitor.storage.columns import among, any_of, key_hash
from monitor.storage.decide import FORGET_AT, LEAST_SHARED
from monitor.storage.rows import member_row, posting_rows, read_hit, read_item, read_member
from monitor.storage.statements import add_up, insert_new, upsert
from monitor.storage.tables import hits, items, members, postings, terms, values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Row

    from monitor.models import Hit, Item, StoryMember
    from monitor.storage.base_stories import Learned, StoryQuery

ALL: Final = ""  # the term that every item holds
MARK: Final = "stories.learned"  # name of the value that says up to which item terms were learned


# Made once: putting it together costs more than running it.
# One time an item: the least of them spares the database a second column to group by.
_SHARING: Final = (
    select(postings.c.item_id, func.count(), func.min(postings.c.event_at))
    .where(
        any_of(postings.c.term, "terms"),
        postings.c.event_at.between(bindparam("since"), bindparam("until")),
    )
    .group_by(postings.c.item_id)
    .having((func.count() >= LEAST_SHARED) | any_of(postings.c.item_id, "keyed"))
)


def story_of(connection: Connection, item_ids: Sequence[str]) -> Mapping[str, StoryMember]:
    """See `Storage.story_of`."""
    documents = connection.scalars(select(members.c.document).where(among(members.c.item_id, item_ids)))
    return {member.item_id: member for member in map(read_member, documents)}


def story_candidates(
    connection: Connection, asked: Sequence[StoryQuery], limit: int
) -> tuple[tuple[tuple[StoryMember, Item], ...], ...]:
    """See `Storage.story_candidates`.

    Which items answer a query follows from the indexes alone; then the documents of all queries' answers
    are read at once, because the queries of one batch often have the same.
    """
    keyed = _keyed(connection, asked)
    ranked = [_ranked(connection, one, keyed)[:limit] for one in asked]
    found = _pairs(connection, {item_id for ids in ranked for item_id in ids})
    return tuple(tuple(found[item_id] for item_id in ids) for ids in ranked)


def _keyed(connection: Connection, asked: Sequence[StoryQuery]) -> Sequence[Row[Any]]:
    """Return id, time, url hash and title hash of the members that have one of the queries' keys."""
    if not asked:
        return ()
    columns = (members.c.item_id, members.c.event_at, members.c.url_hash, members.c.title_hash)
    near = members.c.event_at.between(min(q.since for q in asked), max(q.until for q in asked))
    urls = {key for one in asked for key in one.url_keys if key}
    titles = {key for one in asked for key in one.title_keys if key}
    by_url, by_title = (
        select(*columns).where(among(column, map(key_hash, keys)), near)
        for column, keys in ((members.c.url_hash, urls), (members.c.title_hash, titles))
    )
    return connection.execute(union_all(by_url, by_title)).all()


def _ranked(connection: Connection, asked: StoryQuery, keyed: Sequence[Row[Any]]) -> list[str]:
    """Return the ids of the items that answer a query, in its order."""
    urls, titles = ({key_hash(key) for key in keys if key} for keys in (asked.url_keys, asked.title_keys))
    found: dict[str, tuple[bool, bool, datetime]] = {}
    for row in keyed:
        url, title = row.url_hash in urls, row.title_hash in titles
        if asked.since <= row.event_at <= asked.until and (url or title):
            found[row.item_id] = (url, title, row.event_at)
    counts = _shared(connection, asked, found)
    ranked = [
        (not url, not title, -counts.pop(item_id, (0, event_at))[0], event_at, item_id)
        for item_id, (url, title, event_at) in found.items()
    ]
    ranked += [(True, True, -count, event_at, item_id) for item_id, (count, event_at) in counts.items()]
    return [rank[-1] for rank in sorted(ranked)]


def _shared(
    connection: Connection, asked: StoryQuery, keyed: Iterable[str]
) -> dict[str, tuple[int, datetime]]:
    """Return (number of shared postings, time) of the items that share enough, or that a key found."""
    if not any(asked.postings):
        return {}
    rows = connection.execute(
        _SHARING,
        {
            "terms": sorted(map(key_hash, filter(None, set(asked.postings)))),
            "since": asked.since,
            "until": asked.until,
            "keyed": sorted(keyed),
        },
    )
    return {item_id: (count, event_at) for item_id, count, event_at in rows}


def _pairs(connection: Connection, item_ids: Iterable[str]) -> dict[str, tuple[StoryMember, Item]]:
    rows = connection.execute(
        select(members.c.item_id, members.c.document, items.c.document)
        .join(items, items.c.item_id == members.c.item_id)
        .where(among(members.c.item_id, item_ids))
    )
    return {item_id: (read_member(member), read_item(item)) for item_id, member, item in rows}


def story_members(
    connection: Connection, story_ids: Sequence[str], limit: int, known: Collection[str]
) -> Mapping[str, tuple[tuple[StoryMember, Item], ...]]:
    """See `Storage.story_members`."""
    order = (members.c.event_at.desc(), members.c.item_id.desc())
    place = func.row_number().over(partition_by=members.c.story_id, order_by=order)
    ranked = (
        select(members.c.item_id, members.c.story_id, members.c.event_at, place.label("place"))
        .where(among(members.c.story_id, story_ids))
        .subquery()
    )
    rows = connection.execute(
        select(ranked.c.story_id, ranked.c.item_id)
        .where(ranked.c.place <= limit)
        .order_by(ranked.c.event_at, ranked.c.item_id)
    )
    wanted = [(story_id, item_id) for story_id, item_id in rows if item_id not in known]
    pairs = _pairs(connection, [item_id for _, item_id in wanted])
    found: dict[str, list[tuple[StoryMember, Item]]] = {}
    for story_id, item_id in wanted:
        found.setdefault(story_id, []).append(pairs[item_id])
    return {story_id: tuple(found[story_id]) for story_id in found}


def hit_members(
    connection: Connection, rule_ids: Sequence[str], since: datetime, until: datetime, limit: int
) -> tuple[tuple[StoryMember, Item], ...]:
    """See `Storage.hit_members`."""
    found: set[str] = set()
    for rule_id in dict.fromkeys(rule_ids):
        newest = (
            select(hits.c.item_id)
            .where(hits.c.rule_id == rule_id, hits.c.event_at.between(since, until))
            .order_by(hits.c.event_at.desc(), hits.c.item_id.desc())
            .limit(limit)
        )
        found.update(connection.scalars(newest))
    pairs = _pairs(connection, found).values()
    return tuple(sorted(pairs, key=lambda pair: (pair[0].event_at, pair[0].item_id)))


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
    if learned.mark is None:
        return
    mark = json.dumps([utc(learned.mark.first_seen_at).isoformat(), learned.mark.item_id])
    upsert(connection, values, [{"name": MARK, "value": dumps_text(mark)}])
