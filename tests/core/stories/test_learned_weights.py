"""What an installation's own items teach of words, each language for itself."""

from __future__ import annotations

from datetime import UTC, datetime

from monitor.loops.stories import learned_from
from monitor.models import Item
from monitor.stories.features import RARE
from monitor.stories.linking import Judge
from monitor.stories.weights import TermWeights

NOW = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)


def item(name, title, language):
    return Item(item_id=name, feed_id="f", key=name, title=title, language=language, first_seen_at=NOW)


def test_a_word_is_common_in_one_language_and_rare_in_the_other():
    english = [item(f"e{n}", f"The gift shop in town {n} opens", "en") for n in range(300)]
    german = [item(f"d{n}", f"Stadtrat {n} berät den Haushalt", "de") for n in range(1000)]
    poison = item("poison", "Gift im Fluss: Stadtrat warnt", "de")
    learned = learned_from([*english, *german, poison]).counts
    assert {language: found.items for language, found in learned.items()} == {"en": 300, "de": 1001}
    weights = {language: TermWeights(found.items, found.counts) for language, found in learned.items()}
    assert weights["en"].of("gift") < 0.2
    assert weights["de"].of("gift") > RARE
    assert weights["de"].of("stadtra") < 0.2 < weights["en"].of("stadtra")
    # Only the language's own items count: the others' words do not make it known.
    assert Judge(weights).weights("fr").items == 0
