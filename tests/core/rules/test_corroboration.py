"""Corroboration: which sources count, by a table and against a check of every choice."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.models import Severity, Source, Tier
from monitor.rules.corroboration import Standing, corroborate
from monitor.rules.schema import Corroborate
from tests.core.rules.stateful_values import T0, H


def source(number: int, hour: float, owner: str, **rest) -> Source:
    fields = {"tier": Tier.NATIONAL, "country": "", "copy_of": "", **rest}
    at = T0 + hour * H
    return Source(
        item_id=f"i{number}",
        hit_id=f"h{number}",
        feed_id=owner,
        outlet=owner.title(),
        owner=owner,
        language="en",
        title=f"Title {number}",
        summary="",
        url="",
        published_at=at,
        first_seen_at=at,
        event_at=at,
        evidence=(),
        **fields,
    )


TWO = Corroborate(2, 6 * H, not_tier=(Tier.STATE_MEDIA,))
COUNTRIES = Corroborate(2, 6 * H, distinct="country")


@pytest.mark.parametrize(
    ("condition", "sources", "standing", "said"),
    [
        (
            TWO,
            [source(1, 0, "alpha")],
            Standing.WAITING,
            "Waiting for the 2nd of 2 independent sources, until 2026-03-12 06:00 UTC.",
        ),
        (
            TWO,
            [source(1, 0, "alpha"), source(2, 5, "beta")],
            Standing.MET,
            "2 independent sources within 6 h: Alpha (national media) and Beta (national media).",
        ),
        # Exactly the window is inside, more is not.
        (TWO, [source(1, 0, "alpha"), source(2, 6, "beta")], Standing.MET, ""),
        (
            TWO,
            [source(1, 0, "alpha"), source(2, 6.5, "beta")],
            Standing.WAITING,
            (
                "Waiting for the 2nd of 2 independent sources, until 2026-03-12 12:30 UTC. "
                "Not counted: Alpha lies outside the window."
            ),
        ),
        # The window slides: the first report need not be among those that count.
        (TWO, [source(1, 0, "alpha"), source(2, 10, "beta"), source(3, 12, "gamma")], Standing.MET, ""),
        # Two feeds of one owner are one source.
        (
            TWO,
            [source(1, 0, "alpha"), source(2, 1, "alpha")],
            Standing.WAITING,
            (
                "Waiting for the 2nd of 2 independent sources, until 2026-03-12 07:00 UTC. "
                "Not counted: Alpha has an owner that is counted."
            ),
        ),
        # A copy never counts, nor does a tier that is not wanted.
        (
            TWO,
            [
                source(1, 0, "alpha"),
                source(2, 1, "beta", copy_of="i1"),
                source(3, 2, "gamma", tier=Tier.STATE_MEDIA),
            ],
            Standing.WAITING,
            (
                "Waiting for the 2nd of 2 independent sources, until 2026-03-12 06:00 UTC. "
                "Not counted: Beta repeats an earlier report and Gamma is state media."
            ),
        ),
        (
            TWO,
            [source(1, 0, "gamma", tier=Tier.STATE_MEDIA)],
            Standing.WAITING,
            "Waiting for the 1st of 2 independent sources. Not counted: Gamma is state media.",
        ),
        # Countries have to differ as well as owners; an unknown one is no country of its own.
        (
            COUNTRIES,
            [source(1, 0, "alpha", country="FR"), source(2, 1, "beta", country="FR")],
            Standing.WAITING,
            "",
        ),
        (
            COUNTRIES,
            [source(1, 0, "alpha", country="FR"), source(2, 1, "alpha", country="DE")],
            Standing.WAITING,
            "",
        ),
        (
            COUNTRIES,
            [source(1, 0, "alpha", country="FR"), source(2, 1, "beta")],
            Standing.WAITING,
            (
                "Waiting for the 2nd of 2 independent sources, until 2026-03-12 06:00 UTC. "
                "Not counted: Beta has no known country."
            ),
        ),
        (
            COUNTRIES,
            [source(1, 0, "alpha", country="FR"), source(2, 1, "beta", country="DE")],
            Standing.MET,
            (
                "2 independent sources of different countries within 6 h: Alpha (national media) and "
                "Beta (national media)."
            ),
        ),
        # Alpha reports from two countries; taken from the second, Beta can have the first.
        (
            COUNTRIES,
            [
                source(1, 0, "alpha", country="FR"),
                source(2, 1, "alpha", country="DE"),
                source(3, 2, "beta", country="FR"),
            ],
            Standing.MET,
            "",
        ),
    ],
)
def test_corroboration(condition, sources, standing, said):
    verdict = corroborate(condition, sources, T0 + 6 * H)
    assert verdict.standing is standing
    if said:
        assert verdict.reason == said


def test_alignments_are_given_by_owner():
    condition = Corroborate(2, 6 * H, distinct="alignment")
    two = [source(1, 0, "alpha"), source(2, 1, "beta")]
    assert corroborate(condition, two, T0, {"alpha": "west", "beta": "east"}).met
    assert not corroborate(condition, two, T0, {"alpha": "west", "beta": "west"}).met
    assert "no known alignment" in corroborate(condition, two, T0).reason


def test_held_until_then_raised_when_met_and_expired_after_the_window():
    condition = Corroborate(2, 6 * H, until_then="hold", raise_to=Severity.CRITICAL)
    first = source(1, 0, "alpha")
    waiting = corroborate(condition, [first], T0)
    assert (waiting.held, waiting.severity, waiting.until) == (True, None, T0 + 6 * H)
    expired = corroborate(condition, [first], T0 + 6 * H + timedelta(seconds=1))
    assert (expired.standing, expired.held) == (Standing.EXPIRED, True)
    assert expired.reason == "No 2nd of 2 independent sources came until 2026-03-12 06:00 UTC."
    met = corroborate(condition, [first, source(2, 1, "beta")], T0 + 90 * H)
    assert (met.standing, met.held, met.severity) == (Standing.MET, False, Severity.CRITICAL)
    assert [one.owner for one in met.counted] == ["alpha", "beta"]


@st.composite
def reports(draw) -> list[Source]:
    return [
        source(
            number,
            draw(st.integers(0, 20)),
            draw(st.sampled_from(("alpha", "beta", "gamma", "delta"))),
            country=draw(st.sampled_from(("", "FR", "DE", "PL"))),
            tier=draw(st.sampled_from((Tier.WIRE, Tier.STATE_MEDIA))),
            copy_of=draw(st.sampled_from(("", "", "other"))),
        )
        for number in range(draw(st.integers(0, 7)))
    ]


conditions = st.builds(
    lambda least, within, distinct, tiers: Corroborate(least, within * H, distinct, tiers),
    st.integers(2, 3),
    st.integers(1, 10),
    st.sampled_from(("owner", "country", "alignment")),
    st.sampled_from(((), (Tier.STATE_MEDIA,))),
)
ALIGNED = {"alpha": "west", "beta": "west", "gamma": "east"}


@settings(deadline=None, max_examples=250)
@given(conditions, reports(), st.randoms(use_true_random=False))
def test_corroborated_if_and_only_if_enough_independent_owners_are_inside_the_window(
    condition, sources, random
):
    def independent(chosen) -> bool:
        owners = {one.owner for one in chosen}
        values = {
            "owner": [one.owner for one in chosen],
            "country": [one.country for one in chosen],
            "alignment": [ALIGNED.get(one.owner, "") for one in chosen],
        }[condition.distinct]
        times = [one.event_at for one in chosen]
        return (
            len(owners) == len(chosen) == len(set(values))
            and all(values)
            and not any(one.copy_of or one.tier in condition.not_tier for one in chosen)
            and max(times) - min(times) <= condition.within
        )

    expected = any(independent(chosen) for chosen in itertools.combinations(sources, condition.sources))
    verdict = corroborate(condition, sources, T0, ALIGNED)
    assert verdict.met is expected
    assert not verdict.counted or independent(verdict.counted)
    random.shuffle(sources)
    assert corroborate(condition, sources, T0, ALIGNED) == verdict


@settings(deadline=None, max_examples=200)
@given(conditions, reports(), reports())
def test_another_source_never_takes_corroboration_away(condition, sources, more):
    added = [replace(one, item_id=f"more {one.item_id}") for one in more]
    if corroborate(condition, sources, T0, ALIGNED).met:
        assert corroborate(condition, [*sources, *added], T0, ALIGNED).met


@settings(deadline=None, max_examples=100)
@given(conditions, reports())
def test_a_copy_changes_nothing(condition, sources):
    copies = [replace(one, item_id=f"copy {one.item_id}", copy_of=one.item_id) for one in sources]
    with_copies = corroborate(condition, [*sources, *copies], T0, ALIGNED)
    assert (with_copies.counted, with_copies.standing) == (
        (alone := corroborate(condition, sources, T0, ALIGNED)).counted,
        alone.standing,
    )
