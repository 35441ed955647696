"""Reports under an alert: whose account each one is, and which ones only repeat another."""

from __future__ import annotations

import re
from bisect import bisect
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from monitor.alerts.excerpt import excerpt
from monitor.models import Source, Tier
from monitor.stories.similarity import normalized_text, shingles, similar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.models import Evidence, Feed, Hit, Item

COPY_SIMILARITY: Final = 0.8  # char-5 Jaccard of title and summary from which a text is a copy
_DATELINE_CHARS: Final = 160  # where a dateline can stand: the beginning of a summary or content
_SIGN_OFF_CHARS: Final = 40  # where "(AP)" can stand at the end

# From the most to the least dependable account; the order of sources and of "a higher tier".
TIER_ORDER: Final = (
    Tier.OFFICIAL,
    Tier.WIRE,
    Tier.NATIONAL,
    Tier.LOCAL,
    Tier.ANALYSIS,
    Tier.STATE_MEDIA,
    Tier.AGGREGATOR,
    Tier.SOCIAL,
)
_TIER_RANK: Final = {tier: len(TIER_ORDER) - place for place, tier in enumerate(TIER_ORDER)}

TIER_WORDS: Final[Mapping[Tier, str]] = {
    Tier.OFFICIAL: "official source",
    Tier.WIRE: "wire agency",
    Tier.NATIONAL: "national media",
    Tier.STATE_MEDIA: "state media",
    Tier.LOCAL: "local media",
    Tier.ANALYSIS: "analysis",
    Tier.AGGREGATOR: "aggregator",
    Tier.SOCIAL: "social media",
}

# Names as credits print them -> owner. A feed of tier `wire` adds its own title, and its owner wins.
KNOWN_AGENCIES: Final[Mapping[str, str]] = {
    "Reuters": "reuters",
    "Рейтер": "reuters",
    "AP": "ap",
    "Associated Press": "ap",
    "The Associated Press": "ap",
    "AFP": "afp",
    "Agence France-Presse": "afp",
    "TASS": "tass",
    "ТАСС": "tass",
    "Interfax": "interfax",
    "Интерфакс": "interfax",
    "Interfax-Ukraine": "interfax-ukraine",
    "RIA Novosti": "ria",
    "РИА Новости": "ria",
    "Ukrinform": "ukrinform",
    "Укрінформ": "ukrinform",
    "dpa": "dpa",
    "DPA": "dpa",
    "ANSA": "ansa",
    "EFE": "efe",
    "Xinhua": "xinhua",
    "Kyodo": "kyodo",
    "Yonhap": "yonhap",
    "Anadolu": "anadolu",
    "PTI": "pti",
    "BTA": "bta",
    "Belga": "belga",
    "IRNA": "irna",
}


@dataclass(frozen=True, slots=True)
class Agencies:
    """Agency names that a byline or dateline may credit, with their owners."""

    owners: tuple[tuple[str, str], ...]  # (name as printed, owner), longest name first

    def pattern(self) -> str:
        """Return the names as one alternation; the longest name that fits wins."""
        return "|".join(re.escape(name) for name, _ in self.owners)

    def owner(self, name: str) -> str:
        """Return the owner of a name that the pattern found."""
        return dict(self.owners)[name]


def known_agencies(feeds: Iterable[Feed] = ()) -> Agencies:
    """Return the agencies that may be credited: the well-known ones, and every feed of tier `wire`.

    If a wire feed carries a well-known name, its configured owner is used for all of that agency's
    names, so that the feed itself and those who credit it are one source.
    """
    names = dict(KNOWN_AGENCIES)
    for feed in feeds:
        if feed.tier is not Tier.WIRE or not feed.title:
            continue
        owner = feed.owner or feed.feed_id
        # "Reuters World News" is known as "Reuters".
        former = {names[name] for name in (feed.title, *feed.title.split()) if name in names}
        names.update({name: owner for name, known in names.items() if known in former or known == owner})
        names[feed.title] = owner
    return Agencies(tuple(sorted(names.items(), key=lambda pair: (-len(pair[0]), pair[0]))))


DEFAULT_AGENCIES: Final = known_agencies()


@lru_cache(maxsize=8)
def _credit_patterns(agencies: Agencies) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return what finds a credit in a byline, at a text's beginning, and at its end."""
    name = f"({agencies.pattern()})"
    # "Jane Roe, AP", "AFP with Reuters", "Reuters Staff"; but not the initials of "AP Roe".
    after = r"\s*(?:$|[,;/&|)]|(?:and|with|in|[Ss]taff|[Nn]ews|[Aa]gency|[Cc]orrespondents?)\b)"
    byline = re.compile(rf"(?<!\w){name}(?={after})")
    dateline = re.compile(
        rf"(?:^\s*{name}\s*[-\u2013\u2014:|,]\s"  # "AFP - ..."
        rf"|[(/\[]\s*{name}(?:/\w+)?\s*[)/\]]"  # "PARIS (AFP) ...", "MOSCOW, March 12. /TASS/ ..."
        rf"|^[^.!?]{{2,60}}[,.]\s*{name}\s*[-\u2013\u2014]\s)"  # "KYIV, March 12, Reuters - ..."
    )
    sign_off = re.compile(rf"(?:[(\[]\s*{name}\s*[)\]]|[\u2013\u2014]\s*{name})\W*$")
    return byline, dateline, sign_off


def credited_owner(item: Item, agencies: Agencies = DEFAULT_AGENCIES) -> str:
    """Return the owner of the agency that the item credits in byline or dateline, or "".

    Only where a credit stands counts: an article that quotes an agency in its middle is its own.
    """
    byline, dateline, sign_off = _credit_patterns(agencies)
    found = byline.search(item.author)
    for text in (item.summary, item.content):
        found = found or dateline.search(text[:_DATELINE_CHARS]) or sign_off.search(text[-_SIGN_OFF_CHARS:])
    name = next(filter(None, found.groups()), "") if found else ""
    return agencies.owner(name) if name else ""


def make_source(hit: Hit, item: Item, feed: Feed, agencies: Agencies = DEFAULT_AGENCIES) -> Source:
    """Return the report that `hit` found, as an alert keeps it.

    The owner is the agency credited in byline or dateline, else the feed's owner, else the feed. Of
    the content only the passages around the evidence are kept, with the evidence moved along.

    Args:
        hit: where the rule matched.
        item: the hit's item; `first_seen_at` is set.
        feed: the item's feed.
        agencies: who may be credited (`known_agencies(feeds)`).
    """
    assert item.first_seen_at is not None, "an item gets first_seen_at when it is normalized"
    found = (_in_place(item, evidence) for evidence in hit.evidence)
    content, evidence = excerpt(item.content, [one for one in found if one])
    return Source(
        item_id=item.item_id,
        hit_id=hit.hit_id,
        feed_id=feed.feed_id,
        outlet=feed.title or feed.feed_id,
        owner=credited_owner(item, agencies) or feed.owner or feed.feed_id,
        tier=feed.tier,
        country=feed.country,
        language=item.language,
        title=item.title,
        summary=item.summary,
        url=item.url,
        published_at=item.published_at,
        first_seen_at=item.first_seen_at,
        event_at=hit.event_at,
        evidence=evidence,
        entities=hit.entities,
        author=item.author,
        content=content,
    )


def _in_place(item: Item, evidence: Evidence) -> Evidence | None:
    """Return the evidence where its text now is, or None: the item can have been revised since the hit."""
    text = item.text(evidence.field)
    if evidence.text and text[evidence.start : evidence.end] == evidence.text:
        return evidence
    start = text.find(evidence.text) if evidence.text else -1
    return None if start < 0 else replace(evidence, start=start, end=start + len(evidence.text))


def arrival_order(source: Source) -> tuple[object, ...]:
    """Return the sort key of sources: the order of events, whatever the order of processing."""
    return source.event_at, source.first_seen_at, source.item_id


def mark_copies(added: Iterable[Source], known: Sequence[Source] = ()) -> tuple[Source, ...]:
    """Return all sources in order of arrival, each marked with the earliest original that it repeats.

    The result depends on the set alone: a text that arrives late but was first makes its copies copies.

    Args:
        added: sources that are not marked yet.
        known: an earlier result of this function; it saves comparing these with each other again.
    """
    marked = list(known)
    for source in sorted(added, key=arrival_order):
        place = bisect(marked, arrival_order(source), key=arrival_order)
        marked.insert(place, _marked(source, marked[:place]))
        if not marked[place].copy_of and any(_repeats(later, source) for later in marked[place + 1 :]):
            for later in range(place + 1, len(marked)):
                marked[later] = _marked(marked[later], marked[:later])
    return tuple(marked)


def _marked(source: Source, earlier: Sequence[Source]) -> Source:
    original = next((other for other in earlier if not other.copy_of and _repeats(source, other)), None)
    copy_of = original.item_id if original else ""
    return source if source.copy_of == copy_of else replace(source, copy_of=copy_of)


def _repeats(source: Source, other: Source) -> bool:
    return similar(
        _sketch(source.title, source.summary), _sketch(other.title, other.summary), COPY_SIMILARITY
    )


@lru_cache(maxsize=4096)
def _sketch(title: str, summary: str) -> frozenset[str]:
    return shingles(normalized_text(title, summary))


def independent_owners(sources: Iterable[Source]) -> tuple[str, ...]:
    """Return the owners with an account of their own, in order of first appearance.

    Copies do not count, and neither do reports that no longer say it.
    """
    return tuple(
        dict.fromkeys(source.owner for source in sources if not source.copy_of and not source.withdrawn)
    )


def tier_rank(tier: Tier) -> int:
    """Return how dependable a tier is, the higher the better."""
    return _TIER_RANK[tier]


def described(source: Source) -> str:
    """Return "Meridian Wire (wire agency)"."""
    return f"{source.outlet} ({TIER_WORDS[source.tier]})"
