"""What names an entry within its feed: newness is decided by this, never by dates or headlines.

The ladder: guid, else canonical link, else a hash of title and summary. It bends in two places, each
with a reason: a feed that gives one guid to several entries is read by guid and link together, and a feed
whose guids change from poll to poll is read by link.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from monitor.feeds.urls import is_front_page, url_key
from monitor.models import IdentityMode, stable_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.models import Entry, FeedState, Item, KnownItem

UNSTABLE_POLLS = 3  # polls with changed guids before the link takes over: one is a publisher's migration
UNSTABLE_SHARE = 0.5  # of the entries whose link is known
UNSTABLE_ENTRIES = 2  # fewer say nothing
_LONGEST = 400  # characters of a guid that are kept as they are; some publishers put whole texts there


@dataclass(frozen=True, slots=True)
class Names:
    """What one entry is called."""

    key: str  # with its kind as prefix
    aliases: tuple[str, ...]  # further keys under which it may have come before, or may come again


@dataclass(frozen=True, slots=True)
class Degradation:
    """Whether a feed's entries have to be named in another way from the next poll on, and why."""

    mode: IdentityMode
    unstable_guids: int  # polls in a row with changed guids
    reason: str = ""  # one sentence for people; "" when the mode stays


class Sketch(NamedTuple):
    """As much of an entry as the names of its neighbours depend on, each part as a short hash."""

    guid: str  # "" = none
    link: str  # of `url_key`
    title: str


def sketch(entry: Entry) -> Sketch:
    """Return the sketch of an entry."""
    return Sketch(_short(entry.guid) if entry.guid else "", _short(url_key(entry.link)), _short(entry.title))


@lru_cache(maxsize=2048)  # each part of a document is asked about several times in a row
def _short(text: str) -> str:
    return stable_id(text)[:12]


def repeated_guid(entries: Sequence[Entry], others: Sequence[Sketch] = ()) -> str:
    """Return a guid that stands on entries with different links or headlines; "" when there is none.

    Args:
        entries: of one document, at least one of each pair that contradicts.
        others: the document's other entries.
    """
    seen = {other.guid: (other.link, other.title) for other in others if other.guid}
    for entry in entries:
        if entry.guid:
            guid, link, title = sketch(entry)
            if seen.setdefault(guid, (link, title)) != (link, title):
                return entry.guid
    return ""


def document_mode(
    entries: Sequence[Entry], mode: IdentityMode, others: Sequence[Sketch] = ()
) -> IdentityMode:
    """Return how this document's entries are named: `mode`, unless the document contradicts it.

    One guid on entries with different links or headlines means that the guid names something else (a
    section, a day, the site): taken for a name, it would hide all entries but one.
    """
    if mode is IdentityMode.GUID and repeated_guid(entries, others):
        return IdentityMode.GUID_LINK
    return mode


def names(
    entries: Sequence[Entry],
    texts: Sequence[tuple[str, str]],
    mode: IdentityMode,
    others: Sequence[Sketch] = (),
) -> tuple[Names, ...]:
    """Return the names of one document's entries, in their order.

    A link becomes an alias, so that a changed guid scheme or a move to https alerts nobody again; but not
    one that several entries share (a live page), and not the front page of a site.

    Args:
        entries: entries of the document.
        texts: visible title and summary of each.
        mode: see `document_mode`.
        others: the document's other entries.
    """
    links = [url_key(entry.link) for entry in entries]
    shared = _shared([*others, *map(sketch, entries)])
    found = []
    for entry, link, (title, summary) in zip(entries, links, texts, strict=True):
        own = "" if (shared and _short(link) in shared) or is_front_page(entry.link) else link
        text_hash = stable_id(title, summary)
        key = _key(entry, own, f"{link} {text_hash}".lstrip(), mode)
        aliases = [f"link:{own}"] if own else []
        if link and not key.startswith("guid:"):
            # Whether a link is shared depends on what else the document shows: the same entry may be
            # named by its link today and by link and text tomorrow.
            aliases.append(f"link+hash:{link} {text_hash}")
        found.append(Names(key, tuple(alias for alias in aliases if alias != key)))
    return tuple(found)


def _shared(sketches: Sequence[Sketch]) -> set[str]:
    """Return the links that stand on entries with different headlines."""
    titles: dict[str, str] = {}
    return {one.link for one in sketches if titles.setdefault(one.link, one.title) != one.title}


def _key(entry: Entry, own: str, link_and_text: str, mode: IdentityMode) -> str:
    """Return the first rung of the ladder that holds; `own` is a link that no other entry has."""
    if entry.guid and mode in {IdentityMode.GUID, IdentityMode.GUID_LINK}:
        guid = entry.guid if len(entry.guid) <= _LONGEST else stable_id(entry.guid)
        return f"guid:{guid}" if mode is IdentityMode.GUID else f"guid+link:{guid} {own or link_and_text}"
    if mode is IdentityMode.HASH:
        return f"hash:{link_and_text.rpartition(' ')[2]}"
    if own:
        return f"link:{own}"
    return f"link+hash:{link_and_text}" if " " in link_and_text else f"hash:{link_and_text}"


def degrade(
    state: FeedState,
    entries: Sequence[Entry],
    items: Sequence[Item],
    known: Mapping[str, KnownItem],
    *,
    repeated: str = "",
    kept: int = 0,
) -> Degradation:
    """Decide how the feed's entries are named from the next poll on.

    Guids are unstable when entries whose link is known come under guids that are not, poll after poll.

    Args:
        state: before this poll.
        entries: the document's entries.
        items: the items made of them.
        known: what the store answered about the items' keys and aliases.
        repeated: `repeated_guid` of the whole document, when `entries` are not all of it.
        kept: entries beside these that came under the guid that they had.
    """
    if state.identity is not IdentityMode.GUID or state.baselined_at is None:
        return Degradation(state.identity, state.unstable_guids)
    if repeated := repeated or repeated_guid(entries):
        return Degradation(
            IdentityMode.GUID_LINK,
            0,
            f"It gives one guid ({repeated[:60]}) to several entries: guid and link together name them now.",
        )
    renamed = 0
    for item in items:
        if not item.key.startswith("guid:"):
            continue
        if item.key in known:
            kept += 1
        elif any(alias in known for alias in item.aliases):
            renamed += 1
    if renamed >= UNSTABLE_ENTRIES and renamed >= UNSTABLE_SHARE * (renamed + kept):
        polls = state.unstable_guids + 1
        if polls >= UNSTABLE_POLLS:
            return Degradation(
                IdentityMode.LINK,
                polls,
                f"Its guids changed in {polls} polls in a row and the links stayed: links name entries now.",
            )
        return Degradation(state.identity, polls)
    # An empty or all-new document says nothing about guids.
    return Degradation(state.identity, 0 if kept else state.unstable_guids)
