"""L2 and L3: which story an item joins, by scores against its members: the regression's, then meaning's.

A story is taken as a whole: its window runs from its last item, and one bridging article cannot make it
swallow another, because a story of four needs a second member that agrees.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from monitor.stories.features import Weighed
from monitor.stories.model import SHIPPED, across, comparison, probability
from monitor.stories.novelty import novelty
from monitor.stories.profile import profile
from monitor.stories.weights import NOTHING_LEARNED, RuleWeights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from monitor.models import Comparison, Item, StoryMember
    from monitor.stories.model import Model
    from monitor.stories.profile import Profile
    from monitor.stories.weights import TermWeights

RELATED: Final = 0.1  # probability from which a story is worth a link
LARGE: Final = 4  # members from which a story needs a second one that agrees
MOST_RELATED: Final = 3


@dataclass(frozen=True, slots=True)
class Mode:
    """How readily items join; chosen on labelled streams, see `tests/benchmarks/score_stories.py`."""

    name: str
    least: float  # probability of the best member
    support: float  # probability of the second best one, in a large story
    window: timedelta  # from the story's last item
    across: bool = False  # whether meaning alone joins stories of other languages


SAFE: Final = Mode("safe", 0.6, 0.7, timedelta(hours=36))
BALANCED: Final = Mode("balanced", 0.5, 0.5, timedelta(hours=24), across=True)
MODES: Final = {mode.name: mode for mode in (SAFE, BALANCED)}

NEAR_IN_MEANING: Final = 0.75  # cosine of embeddings from which L3 agrees, unless a setting says another
MEANING_ASKED: Final = 0.3  # and the regression's probability from which L3 is asked inside a language


@dataclass(frozen=True, slots=True)
class Meaning:
    """L3, which is off by default: how near two items are in meaning, whatever their languages."""

    near: Callable[[Item, Item], float]  # cosine of their embeddings, -1 to 1
    least: float = NEAR_IN_MEANING


@dataclass(frozen=True, slots=True)
class Joining:
    """How items join stories in an installation."""

    mode: Mode = SAFE
    modes: Mapping[str, Mode] = field(default_factory=dict)  # of the rules that choose another, by id
    meaning: Meaning | None = None  # L3, when it is switched on

    def mode_of(self, rules: Iterable[str]) -> Mode:
        """Return how readily hits of these rules join: where they differ, the most careful of them.

        Two developments of a careful rule must not be merged because another rule found both, too.
        """
        modes = [self.modes.get(rule_id, self.mode) for rule_id in rules]
        return max(modes, key=lambda mode: mode.least, default=self.mode)


JOINING: Final = Joining()  # as nobody set anything


@dataclass(frozen=True, slots=True)
class Bond:
    """One story with the item's scores against its members, the best first.

    Scores are probabilities; of a story in other languages they are cosines.
    """

    story_id: str
    scores: tuple[float, ...]
    best: StoryMember
    item: Item  # of the best member
    first_at: datetime
    last_at: datetime
    mode: Mode  # of the rules that the item and the best member have in common

    @property
    def size(self) -> int:
        """Return how many members the item was compared with."""
        return len(self.scores)

    @property
    def strength(self) -> float:
        """Return the mean of the two best scores: what decides between two stories."""
        return sum(self.scores[:2]) / len(self.scores[:2])

    @property
    def likely(self) -> bool:
        """Return whether the best member is near enough for its mode."""
        return self.scores[0] >= self.mode.least

    def unsupported(self, support: float) -> bool:
        """Return whether only one member of a large story agrees."""
        return self.size >= LARGE and self.scores[1] < support


class Judge:
    """Compares items under the weights of their language."""

    def __init__(
        self,
        weights: Mapping[str, TermWeights] | None = None,
        joining: Joining = JOINING,
        *,
        model: Model = SHIPPED,
        rule_weights: Mapping[tuple[str, str], RuleWeights] | None = None,
        profiles: Callable[[Item], Profile] = profile,
    ) -> None:
        """Take what was learned.

        Args:
            weights: by language; a language that is missing has learned nothing.
            joining: how readily items join, and L3 when it is switched on.
            model: the regression's coefficients.
            rule_weights: by (rule id, language); what is missing has learned nothing. They learn on from
                what `saw` is told.
            profiles: answers an item's profile, perhaps one that is known already.
        """
        self._joining = joining
        self._weights = weights or {}
        self._meaning = joining.meaning
        self._model = model
        self._profiles = profiles
        self._weighed: dict[tuple[str, int], Weighed] = {}
        self._rules = dict(rule_weights or {})

    @property
    def across_languages(self) -> bool:
        """Return whether L3 is switched on, which compares items of different languages."""
        return self._meaning is not None

    def weights(self, language: str) -> TermWeights:
        """Return what was learned of a language."""
        return self._weights.get(language, NOTHING_LEARNED)

    def rule_weights(self, rules: Iterable[str], language: str) -> RuleWeights:
        """Return what was learned of the hits of one of `rules`: the one that has most, of equals by id."""
        known = [self._rule(rule_id, language) for rule_id in sorted(rules)]
        return max(known, key=lambda one: one.items, default=RuleWeights(self.weights(language)))

    def _rule(self, rule_id: str, language: str) -> RuleWeights:
        place = rule_id, language
        if place not in self._rules:
            self._rules[place] = RuleWeights(self.weights(language))
        return self._rules[place]

    def saw(self, item: Item, rules: Iterable[str]) -> None:
        """Learn from a hit that has its place, so that those after it in a batch know of it, too."""
        found = self._profiles(item)
        for rule_id in rules:
            self._rule(rule_id, found.language).add(found.terms)

    def weighed(self, item: Item) -> Weighed:
        """Return the item as it is compared; computed once for each revision."""
        key = item.item_id, item.revision
        if (known := self._weighed.get(key)) is None:
            found = self._profiles(item)
            known = self._weighed[key] = Weighed(found, self.weights(found.language))
        return known

    def may_be_a_copy(self, item: Item, other: Item) -> bool:
        """Return whether two texts have so many terms in common that comparing their letters is worth it.

        Of 1,479 pairs of real news that are four fifths the same, letter by letter, the least had nine
        tenths of the shorter one's terms in common; without terms (numbers alone) the letters decide.
        """
        mine, theirs = self.weighed(item).profile.terms, self.weighed(other).profile.terms
        return 2 * len(mine & theirs) >= min(len(mine), len(theirs))

    def bonds(
        self, item: Item, rules: frozenset[str], candidates: Sequence[tuple[StoryMember, Item]]
    ) -> list[Bond]:
        """Return the stories that the item may belong to, the strongest bond first.

        Only items of one language and of one rule are compared: across languages nothing is measured,
        and two rules look for different things in one text. An item that states no rule is compared
        with all.
        """
        mine = self.weighed(item)
        by_story: dict[str, list[tuple[float, StoryMember, Item]]] = defaultdict(list)
        known: dict[frozenset[str], RuleWeights] = {}
        for member, other in _of_a_common_rule(rules, candidates):
            theirs = self.weighed(other)
            if theirs.profile.language == mine.profile.language:
                common = rules & frozenset(member.rules)
                if common not in known:
                    known[common] = self.rule_weights(common, mine.profile.language)
                score = probability(mine, theirs, known[common], self._model)
                by_story[member.story_id].append((score, member, other))
        return self._live(item, rules, by_story)

    def kin(
        self, item: Item, rules: frozenset[str], candidates: Sequence[tuple[StoryMember, Item]]
    ) -> list[Bond]:
        """Return the stories in other languages that are near in meaning, the strongest bond first.

        Where one member is in the item's language the regression has judged the story, and what is
        measured comes first. None while L3 is off.
        """
        if self._meaning is None:
            return []
        language = self._profiles(item).language
        by_story: dict[str, list[tuple[StoryMember, Item]]] = defaultdict(list)
        for member, other in _of_a_common_rule(rules, candidates):
            by_story[member.story_id].append((member, other))
        scored = {
            story_id: [(self._meaning.near(item, other), member, other) for member, other in pairs]
            for story_id, pairs in by_story.items()
            if all(self._profiles(other).language != language for _, other in pairs)
        }
        found = self._live(item, rules, scored)
        return [bond for bond in found if bond.scores[0] >= self._meaning.least]

    def _live(
        self,
        item: Item,
        rules: frozenset[str],
        scored: Mapping[str, list[tuple[float, StoryMember, Item]]],
    ) -> list[Bond]:
        """Return the bonds with stories in whose window the item is, the strongest first."""
        bonds = [self._bond(story_id, rules, found) for story_id, found in scored.items()]
        at = item.event_at()
        live = [b for b in bonds if b.first_at - b.mode.window <= at <= b.last_at + b.mode.window]
        return sorted(live, key=lambda bond: (-bond.strength, bond.first_at, bond.story_id))

    def _bond(
        self, story_id: str, rules: frozenset[str], scored: list[tuple[float, StoryMember, Item]]
    ) -> Bond:
        ranked = sorted(scored, key=lambda one: (-one[0], one[1].event_at, one[1].item_id))
        times = [member.event_at for _, member, _ in scored]
        _, best, item = ranked[0]
        scores = tuple(score for score, _, _ in ranked)
        mode = self._joining.mode_of(rules & frozenset(best.rules))
        return Bond(story_id, scores, best, item, min(times), max(times), mode)

    def joins(self, bond: Bond) -> bool:
        """Return whether the regression alone puts the item into this story."""
        return bond.likely and not bond.unsupported(bond.mode.support)

    def means_the_same(self, item: Item, bond: Bond) -> float:
        """Return the cosine of embeddings when L3 puts the item into this story of its language, else 0."""
        if self._meaning is None or bond.scores[0] < MEANING_ASKED or bond.unsupported(bond.mode.support):
            return 0.0
        near = self._meaning.near(item, bond.item)
        return near if near >= self._meaning.least else 0.0

    def crosses(self, bond: Bond) -> bool:
        """Return whether L3 puts the item into this story of other languages."""
        return bond.mode.across and self._meaning is not None and not bond.unsupported(self._meaning.least)

    def compared(self, item: Item, rules: frozenset[str], bond: Bond) -> Comparison:
        """Return the deciding comparison with a story, with its reasons."""
        mine, theirs = self.weighed(item), self.weighed(bond.item)
        rule = self.rule_weights(rules & frozenset(bond.best.rules), mine.profile.language)
        return comparison(mine, theirs, bond.item, bond.story_id, rule, self._model)

    def likened(self, item: Item, bond: Bond) -> Comparison:
        """Return the comparison with a story of other languages: what both have in common without words."""
        mine, theirs = self.weighed(item), self.weighed(bond.item)
        return across(mine, theirs, bond.item, bond.story_id, bond.scores[0])

    def related(
        self, item: Item, rules: frozenset[str], bonds: Iterable[Bond], kin: Iterable[Bond] = ()
    ) -> tuple[Comparison, ...]:
        """Return the comparisons with stories that are near, the nearest first."""
        near = [(bond.scores[0], self.likened(item, bond)) for bond in kin]
        near += [(b.scores[0], self.compared(item, rules, b)) for b in bonds if b.scores[0] >= RELATED]
        ranked = sorted(near, key=lambda one: -one[0])
        return tuple(found for _, found in ranked[:MOST_RELATED])

    def novel(self, item: Item, told: Iterable[Item]) -> tuple[str, ...]:
        """Return what is material in the item's headline beyond what `told` said."""
        return novelty(self.weighed(item), [self.weighed(other).profile for other in told])


def _of_a_common_rule(
    rules: frozenset[str], candidates: Iterable[tuple[StoryMember, Item]]
) -> Iterator[tuple[StoryMember, Item]]:
    for member, other in candidates:
        if not rules or not member.rules or not rules.isdisjoint(member.rules):
            yield member, other
