"""Give a batch of items their stories, and learn how telling terms are: from all items, and by rule."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from monitor.storage.base_stories import ItemMark, Learned, StoryQuery, TermCounts, rule_key
from monitor.stories.grouping import WINDOW, Assigner
from monitor.stories.keys import keys
from monitor.stories.linking import JOINING, Judge
from monitor.stories.profile import UNKNOWN, profile
from monitor.stories.weights import RuleWeights, TermWeights

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from monitor.models import Item, StoryMember
    from monitor.storage.base_stories import StoryStorage
    from monitor.stories.keys import StoryKeys
    from monitor.stories.linking import Joining
    from monitor.stories.profile import Profile

LEARNED_AT_ONCE: Final = 1000  # items of one flush: a second of work, far below its lease

MOST_MEMBERS: Final = 50  # of a story that an item is compared with, the newest

Pair = tuple["StoryMember", "Item"]


class Stories:
    """Finds the stories of items, with four questions to the store however many items there are."""

    def __init__(self, storage: StoryStorage, joining: Joining = JOINING) -> None:
        """Take the store, and how items join stories."""
        self._storage = storage
        self._joining = joining
        self._counts: dict[str, TermCounts] = {}  # by language and by rule key
        self._hits: dict[str, tuple[Counter[str], int]] = {}  # by rule key: what this batch's hits hold
        self._profiles: dict[tuple[str, int], Profile] = {}  # by item and revision

    async def of(
        self, items: Mapping[str, Item], rules: Mapping[str, Iterable[str]], now: datetime
    ) -> dict[str, StoryMember]:
        """Return the place of each item, by its id.

        1. Items that have a place keep it.
        2. Ask how telling the terms of the others are; that gives the keys they are looked up by.
        3. Ask for candidates, for the other members of their stories, and for their terms, also among the
           hits of their rules.
        4. Assign one after the other in the order given; each sees those before it.

        Args:
            items: by id, in order of events.
            rules: of each item, the rules that it is a hit of.
            now: the time of items that lack their own.
        """
        places = dict(await self._storage.story_of(tuple(items)))
        fresh = [item for item in items.values() if item.item_id not in places]
        if not fresh:
            return places
        await self._ask_for_terms(fresh)
        weights = self._weights()
        found = {item.item_id: keys(item, weights[item.language or UNKNOWN]) for item in fresh}
        candidates = await self._candidates(fresh, found, rules)
        others = [other for pairs in candidates for _, other in pairs]
        await self._ask_for_terms(others, of_headlines=True)
        by_rule = await self._rule_weights(fresh, others, rules)
        judge = Judge(self._weights(), self._joining, rule_weights=by_rule, profiles=self._profile)
        assigner = Assigner(now, judge)
        for item, pairs in zip(fresh, candidates, strict=True):
            item_id = item.item_id
            places[item_id] = assigner.assign(item, pairs, found[item_id], rules.get(item_id, ()))
            self._count(item, rules.get(item_id, ()))
        return places

    def learned(self) -> Learned | None:
        """Return what the items that have a place now teach of their rules' terms; None without any."""
        counts = {key: TermCounts(items, dict(terms)) for key, (terms, items) in self._hits.items()}
        return Learned(counts) if counts else None

    def _profile(self, item: Item) -> Profile:
        key = item.item_id, item.revision
        if (known := self._profiles.get(key)) is None:
            known = self._profiles[key] = profile(item)
        return known

    def _count(self, item: Item, rules: Iterable[str]) -> None:
        found = self._profile(item)
        for rule_id in rules:
            terms, items = self._hits.get(key := rule_key(rule_id, found.language), (Counter(), 0))
            terms.update(found.terms)
            self._hits[key] = terms, items + 1

    def _weights(self) -> dict[str, TermWeights]:
        return {language: TermWeights(found.items, found.counts) for language, found in self._counts.items()}

    async def _rule_weights(
        self, items: Sequence[Item], others: Sequence[Item], rules: Mapping[str, Iterable[str]]
    ) -> dict[tuple[str, str], RuleWeights]:
        """Return how telling the words of headlines are among the hits of each item's rules."""
        titles: dict[str, set[str]] = defaultdict(set)
        for item in (*items, *others):
            found = self._profile(item)
            titles[found.language] |= found.title_terms
        places = sorted(
            {(rule_id, one.language or UNKNOWN) for one in items for rule_id in rules.get(one.item_id, ())}
        )
        asked = {rule_key(*place): sorted(titles[place[1]]) for place in places}
        answer = await self._storage.term_counts(asked)
        weights = self._weights()
        return {
            (rule_id, language): RuleWeights(weights[language], found.items, found.counts)
            for rule_id, language in places
            for found in (answer[rule_key(rule_id, language)],)
        }

    async def _ask_for_terms(self, items: Sequence[Item], *, of_headlines: bool = False) -> None:
        """Ask how telling the items' terms are; of candidates, their headlines' alone are weighed.

        What else counts of a candidate is what it has in common with a new item, whose terms are known.
        """
        wanted: dict[str, set[str]] = defaultdict(set)
        for item in items:
            found = self._profile(item)
            wanted[found.language] |= found.title_terms if of_headlines else found.terms
        asked = {
            language: sorted(
                terms.difference(self._counts[language].counts if language in self._counts else ())
            )
            for language, terms in sorted(wanted.items())
        }
        for language, answer in (await self._storage.term_counts(asked)).items():
            known = self._counts.get(language, TermCounts())
            self._counts[language] = TermCounts(answer.items, {**known.counts, **answer.counts})

    async def _candidates(
        self,
        items: Sequence[Item],
        found: Mapping[str, StoryKeys],
        rules: Mapping[str, Iterable[str]],
    ) -> list[list[Pair]]:
        asked = [_query(item, found[item.item_id]) for item in items]
        answers = [list(pairs) for pairs in await self._storage.story_candidates(asked)]
        if self._joining.meaning is not None:
            await self._add_other_languages(items, answers, rules)
        ids = sorted({member.story_id for pairs in answers for member, _ in pairs})
        known = {member.item_id for pairs in answers for member, _ in pairs}
        others = await self._storage.story_members(ids, limit=MOST_MEMBERS, known=known)
        stories: dict[str, list[Pair]] = {story_id: list(found) for story_id, found in others.items()}
        for pair in {pair[0].item_id: pair for pairs in answers for pair in pairs}.values():
            stories.setdefault(pair[0].story_id, []).append(pair)
        for found_pairs in stories.values():  # the newest, as if they had been asked for
            found_pairs.sort(key=lambda pair: (pair[0].event_at, pair[0].item_id))
            del found_pairs[:-MOST_MEMBERS]
        whole = []
        for pairs in answers:
            merged = {member.item_id: (member, other) for member, other in pairs}
            for story_id in sorted({member.story_id for member, _ in pairs}):
                for member, other in stories.get(story_id, ()):
                    merged.setdefault(member.item_id, (member, other))
            whole.append(list(merged.values()))
        return whole

    async def _add_other_languages(
        self, items: Sequence[Item], answers: Sequence[list[Pair]], rules: Mapping[str, Iterable[str]]
    ) -> None:
        """Add to each item's candidates the hits of its rules in other languages, which share no word."""
        times = [item.event_at() for item in items]
        asked = sorted({rule_id for item in items for rule_id in rules.get(item.item_id, ())})
        near = await self._storage.hit_members(asked, since=min(times) - WINDOW, until=max(times) + WINDOW)
        for item, pairs in zip(items, answers, strict=True):
            known, own = {member.item_id for member, _ in pairs}, set(rules.get(item.item_id, ()))
            pairs += [
                (member, other)
                for member, other in near
                if other.language != item.language
                and not own.isdisjoint(member.rules)
                and member.item_id not in known
                and abs(member.event_at - item.event_at()) <= WINDOW
            ]


def _query(item: Item, found: StoryKeys) -> StoryQuery:
    return StoryQuery(
        since=item.event_at() - WINDOW,
        until=item.event_at() + WINDOW,
        url_keys=(found.url_key,) if found.url_key else (),
        title_keys=(found.title_key,) if found.title_key else (),
        postings=found.postings,
    )


async def learn(storage: StoryStorage) -> Learned | None:
    """Return what the next items teach of terms, None when all are learned from."""
    items = await storage.unlearned_items(limit=LEARNED_AT_ONCE)
    return learned_from(items) if items else None


def learned_from(items: Sequence[Item]) -> Learned:
    """Return how many of the items hold each term, by language; at least one item."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    for item in items:
        found = profile(item)
        totals[found.language] += 1
        counts[found.language].update(found.terms)
    last = items[-1]
    assert last.first_seen_at is not None, "a stored item has first_seen_at"
    by_language = {
        language: TermCounts(totals[language], dict(counts[language])) for language in sorted(totals)
    }
    return Learned(by_language, ItemMark(last.first_seen_at, last.item_id))
