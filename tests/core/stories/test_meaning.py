"""L3: reports in two languages that are near in meaning are linked, joined when asked for, never forced."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.models import Item, StoryLayer
from monitor.stories.grouping import Assigner
from monitor.stories.linking import BALANCED, SAFE, Joining, Judge, Meaning
from monitor.stories.weights import TermWeights

NOW = datetime(2026, 3, 12, 13, 0, tzinfo=UTC)
RULES = ("envoy-lands",)
LEARNED = {language: TermWeights(20_000, {}) for language in ("en", "fr", "ru")}

# What each headline is about: reports of one subject are near, whatever their language.
ENGLISH = "Envoy Halvorsen lands in Port Maren with 12 aides"
FRENCH = "L’émissaire Halvorsen est arrivé à Port Maren avec 12 conseillers"
RUSSIAN = "Посланник прибыл в Порт-Марен"
BANK = "La banque centrale relève son taux directeur"
VOTES = ("Parliament dissolves itself", "Elections in June", "Ballot in Orlava")
SUBJECTS = {ENGLISH: "landing", FRENCH: "landing", RUSSIAN: "landing", BANK: "bank"}
LANGUAGES = {FRENCH: "fr", RUSSIAN: "ru", BANK: "fr"}


def near(one, other):
    return 0.83 if SUBJECTS.get(one.title, "vote") == SUBJECTS.get(other.title, "vote") else 0.1


def item(name, title, hours=0.0):
    at = NOW + timedelta(hours=hours)
    return Item(
        item_id=name, feed_id="meridian", key=name, title=title, language=LANGUAGES.get(title, "en"),
        published_at=at, first_seen_at=at,
    )  # fmt: skip


def grouped(*items, mode=SAFE, meaning=None, rules=RULES):
    assigner = Assigner(NOW, Judge(LEARNED, Joining(mode, meaning=meaning or Meaning(near))))
    return [assigner.assign(one, rules=rules) for one in items]


def test_safe_links_across_languages_and_joins_nothing():
    first, second = grouped(item("a", ENGLISH), item("b", FRENCH, 2))
    assert second.layer is StoryLayer.NEW
    (found,) = second.related
    assert (found.item_id, found.story_id, found.title) == ("a", first.story_id, ENGLISH)
    assert (found.near, found.score, found.hours) == (0.83, 0.0, 2.0)
    assert found.names == ("Halvorsen", "Maren", "Port")
    assert found.numbers == ("12",)
    assert second.reason == (
        f"No item of the last 36 h tells the same; the nearest is “{ENGLISH}”"
        " (83 % near in meaning, in another language, 2 h apart)."
    )


def test_balanced_joins_across_languages_and_says_why():
    first, second = grouped(item("a", ENGLISH), item("b", FRENCH, 2), mode=BALANCED)
    assert (second.layer, second.story_id, second.score) == (StoryLayer.MEANING, first.story_id, 0.83)
    assert second.why.near == 0.83
    assert second.reason == (
        f"Probably the same development as “{ENGLISH}” (83 % near in meaning, in another language,"
        " 2 h apart): names Halvorsen, Maren, Port; numbers 12."
    )
    assert second.novel, "what another language says is told as new: a joined report is never silent"


# The second report; what keeps it apart.
APART = [
    (item("b", BANK, 2), RULES, "another subject"),
    (item("b", FRENCH, 25), RULES, "outside the window"),
    (item("b", FRENCH, 2), ("other-rule",), "of another rule"),
]


@pytest.mark.parametrize(("report", "rules", "why"), APART, ids=[why for _, _, why in APART])
def test_what_stays_apart(report, rules, why):
    assigner = Assigner(NOW, Judge(LEARNED, Joining(BALANCED, meaning=Meaning(near))))
    assigner.assign(item("a", ENGLISH), rules=RULES)
    assert assigner.assign(report, rules=rules).layer is StoryLayer.NEW, why


def test_without_a_model_languages_are_apart():
    assigner = Assigner(NOW, Judge(LEARNED, Joining(BALANCED)))
    assigner.assign(item("a", ENGLISH), rules=RULES)
    second = assigner.assign(item("b", FRENCH, 2), rules=RULES)
    assert (second.layer, second.related) == (StoryLayer.NEW, ())


def test_the_threshold_is_a_setting():
    pair = item("a", ENGLISH), item("b", FRENCH, 2)
    assert grouped(*pair, meaning=Meaning(near, 0.84))[1].related == ()
    assert grouped(*pair, meaning=Meaning(near, 0.83))[1].related != ()


def test_where_the_regression_has_judged_meaning_across_languages_is_not_asked():
    """A story with a French member that shares no word: what is measured comes before what is not."""
    english, french = item("a", ENGLISH), item("b", FRENCH, 2)
    bank = item("c", BANK, 1)
    (first,) = grouped(english, mode=BALANCED)
    (other,) = grouped(bank, mode=BALANCED)
    member = replace(other, story_id=first.story_id)
    assigner = Assigner(NOW, Judge(LEARNED, Joining(BALANCED, meaning=Meaning(near))))
    found = assigner.assign(french, [(first, english), (member, bank)], rules=RULES)
    assert found.layer is StoryLayer.NEW


def test_a_large_story_needs_a_second_member_that_is_near():
    (first,) = grouped(item("a", ENGLISH))
    story = [(first, item("a", ENGLISH))]
    for number, title in enumerate(VOTES):
        one = item(f"v{number}", title, number)
        (member,) = grouped(one)
        story.append((replace(member, story_id=first.story_id), one))

    def place(candidates):
        assigner = Assigner(NOW, Judge(LEARNED, Joining(BALANCED, meaning=Meaning(near))))
        return assigner.assign(item("b", FRENCH, 3), candidates, rules=RULES)

    assert place(story).layer is StoryLayer.NEW
    assert place(story).related[0].near == 0.83
    assert place(story[:3]).layer is StoryLayer.MEANING
    russian = item("r", RUSSIAN, 1)
    (member,) = grouped(russian)
    second = replace(member, story_id=first.story_id), russian
    assert place([*story, second]).story_id == first.story_id
