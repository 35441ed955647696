"""Timelines in rule files: the whole way from items to alerts on a virtual clock, and what failures say."""

from __future__ import annotations

import pytest

from monitor.models import Feed, Tier
from monitor.rules.load import load_tree
from monitor.rules.testing import run_tests

# The example of the rule language: an envoy arrives, then the Kremlin is cool, within 48 hours.
HEAD = """version: 1
defaults: {owner: ukraine-desk, topic: ukraine-ceasefire}
lists:
  us_envoys:
    kind: person
    entries:
      - {name: Steve Witkoff, match: [Witkoff], forms: {ru: [Уиткофф]}}
      - {name: Keith Kellogg, match: [Kellogg]}
  kremlin:
    kind: organisation
    entries:
      - {name: Kremlin, match: [Kremlin]}
  moscow:
    kind: place
    entries:
      - {name: Moscow, match: [Moscow], forms: {ru: [Москву]}}
rules:
  - id: us-envoy-arrives-moscow
    title: US envoy arrives in Moscow
    severity: high
    status: draft
    when:
      near: [$us_envoys, [arrive, land, {text: прилетел, match: word}], $moscow]
      within: 15
  - id: kremlin-cool-on-ceasefire
    title: Kremlin cool on a ceasefire
    severity: medium
    status: draft
    when:
      all: [$kremlin, {any: [premature, "no rush"]}]
"""
SEQUENCE = """  - id: cold-reception
    title: An envoy arrives, then the Kremlin is cool
    severity: high
    status: draft
    sequence: [us-envoy-arrives-moscow, kremlin-cool-on-ceasefire]
    within: 48h
    same: topic
    timeline:
"""
PLAIN = """version: 1
defaults: {owner: desk, topic: front, status: draft}
rules:
  - id: claim
    title: Claim
    severity: medium
    when: {all: [village, captured]}
    corroborate: CONDITION
    timeline:
"""


def run(head: str, *steps: str, feeds=None) -> list[str]:
    """Return the lines of the failed steps, without the file's name and what all have in common."""
    source = head + "".join(f"      - {step}\n" for step in steps)
    tree = load_tree({"x.yaml": source.encode()})
    assert not tree.errors, tree.errors
    results = [one for one in run_tests(tree, feeds or {}) if one.expectation == "timeline"]
    expected = sum("expect:" in step for step in steps)
    assert len(results) == expected
    return [str(one) for one in results if not one.passed]


def test_the_example_of_the_rule_language():
    assert not run(
        HEAD + SEQUENCE,
        '{at: 0h, title: "Envoy Witkoff lands in Moscow for talks", expect: nothing}',
        '{at: 5h, title: "Kremlin: talk of a truce is premature", expect: alert}',
    )


@pytest.mark.parametrize(
    "steps",
    [
        # In Russian as well: any rule's item counts, in whatever language.
        (
            '{at: 0h, title: "Спецпосланник Уиткофф прилетел в Москву", language: ru}',
            '{at: 5h, title: "Kremlin: talk of a truce is premature", expect: new}',
        ),
        # Exactly 48 h is inside.
        (
            '{at: 0h, title: "Witkoff lands in Moscow"}',
            '{at: 48h, title: "Kremlin: a truce is premature", expect: alert}',
        ),
        (
            '{at: 0h, title: "Witkoff lands in Moscow"}',
            '{at: 49h, title: "Kremlin: a truce is premature", expect: nothing}',
        ),
        # The other order is no sequence.
        (
            '{at: 0h, title: "Kremlin: a truce is premature"}',
            '{at: 1h, title: "Witkoff lands in Moscow", expect: nothing}',
        ),
        # Only the first hit of an alert counts: the second report tells the same story.
        (
            '{at: 0h, title: "Kremlin: talk of a truce is premature"}',
            '{at: 1h, title: "Witkoff lands in Moscow"}',
            '{at: 2h, title: "Kremlin: talk of a truce is premature", expect: nothing}',
        ),
        # Steps of one moment happen as they are written, and written order does not matter else.
        (
            '{at: 1h, title: "Witkoff lands in Moscow"}',
            '{at: 1h, title: "Kremlin: a truce is premature", expect: alert}',
        ),
        (
            '{at: 5h, title: "Kremlin: a truce is premature", expect: alert}',
            '{at: 0h, title: "Witkoff lands in Moscow"}',
        ),
        # A second visit and a second rebuff are a second set, in a story of its own.
        (
            '{at: 0h, title: "Witkoff lands in Moscow"}',
            '{at: 5h, title: "Kremlin: a truce is premature", expect: alert}',
            '{at: 30h, title: "Kellogg lands in Moscow with a draft", expect: nothing}',
            '{at: 31h, title: "There is no rush, the Kremlin says of that draft", expect: new}',
        ),
    ],
)
def test_sequences(steps):
    assert not run(HEAD + SEQUENCE, *steps)


def test_a_further_set_of_an_open_alert_is_an_update():
    head = HEAD + SEQUENCE.replace("    timeline:\n", "    alert_per: topic\n    timeline:\n")
    assert not run(
        head,
        '{at: 0h, title: "Witkoff lands in Moscow"}',
        '{at: 5h, title: "Kremlin: a truce is premature", expect: new}',
        '{at: 10h, title: "Kellogg lands in Moscow with a draft"}',
        '{at: 11h, title: "There is no rush, the Kremlin says of that draft", expect: update}',
    )


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (
            ('{at: 0h, title: "Weather in Oslo", expect: alert}',),
            (
                'x.yaml:39:9: cold-reception: timeline "Weather in Oslo": failed: '
                "expected alert, got nothing: us-envoy-arrives-moscow does not match: "
            ),
        ),
        (
            ('{at: 0h, title: "Witkoff lands in Moscow", expect: alert}',),
            (
                "expected alert, got nothing: Waiting for the 2nd of 2: kremlin-cool-on-ceasefire, "
                "until 2000-01-03 00:00 UTC. (0h is 2000-01-01 00:00 UTC)"
            ),
        ),
        (
            (
                '{at: 0h, title: "Witkoff lands in Moscow"}',
                '{at: 60h, title: "Kremlin: a truce is premature", expect: alert}',
            ),
            "x.yaml:40:9: cold-reception: timeline",
        ),
        (
            (
                '{at: 0h, title: "Witkoff lands in Moscow"}',
                '{at: 60h, title: "Kremlin: a truce is premature", expect: alert}',
            ),
            "Outside 48 h: us-envoy-arrives-moscow (2000-01-01 00:00 UTC) and kremlin-cool-on-ceasefire",
        ),
        (
            (
                '{at: 0h, title: "Kremlin: a truce is premature"}',
                '{at: 1h, title: "Kremlin: a truce is premature", expect: alert}',
            ),
            (
                "kremlin-cool-on-ceasefire matches, but joins an alert that is open; "
                "only an alert's first hit counts."
            ),
        ),
        (
            (
                '{at: 0h, title: "Witkoff lands in Moscow"}',
                '{at: 5h, title: "Kremlin: a truce is premature", expect: nothing}',
            ),
            (
                "expected nothing, got alert, new: us-envoy-arrives-moscow, then kremlin-cool-on-ceasefire: "
                "5 h apart, same topic (ukraine-ceasefire)."
            ),
        ),
    ],
)
def test_a_failure_says_where_what_and_why(steps, said):
    (failure,) = run(HEAD + SEQUENCE, *steps)
    assert said in failure


def test_together_volume_and_two_levels():
    head = (
        HEAD
        + """  - id: both
    title: Both in any order
    severity: high
    status: draft
    together: [us-envoy-arrives-moscow, kremlin-cool-on-ceasefire]
    within: 6h
  - id: twice
    title: Twice in a week
    severity: high
    status: draft
    volume: {of: both, within: 1w, stories: 2}
    timeline:
"""
    )
    assert not run(
        head,
        '{at: 0h, title: "Kremlin: a truce is premature", expect: nothing}',
        '{at: 1h, title: "Witkoff lands in Moscow", expect: nothing}',
        '{at: 2d, title: "Kellogg lands in Moscow with a draft", expect: nothing}',
        '{at: 50h, title: "There is no rush, the Kremlin says of that draft", expect: alert}',
    )


def test_a_retired_rule_gives_no_signal():
    head = (HEAD + SEQUENCE).replace("status: draft", "status: retired", 1)
    (failure,) = run(
        head,
        '{at: 0h, title: "Witkoff lands in Moscow"}',
        '{at: 5h, title: "Kremlin: a truce is premature", expect: alert}',
    )
    assert "Waiting for the 1st of 2: us-envoy-arrives-moscow." in failure


def test_volume_against_its_baseline():
    head = PLAIN.replace("    corroborate: CONDITION\n    timeline:\n", "") + (
        "  - {id: surge, title: Surge, severity: low,\n"
        "    volume: {of: claim, within: 1h, times: 3, baseline: 1d}, timeline: [\n"
    )
    steps = [
        '{at: 1h, title: "Village Alpha captured"},',
        '{at: 25h, title: "Village Bravo captured", expect: nothing},',
        '{at: 25h10m, title: "Village Charlie captured today", expect: alert},',
    ]
    tree = load_tree({"x.yaml": (head + "\n".join(steps) + "]}\n").encode()})
    assert not tree.errors
    results = run_tests(tree)
    assert [str(one) for one in results if not one.passed] == []
    assert len(results) == 2
    early = (head + "\n".join(steps).replace("at: 25h", "at: 20h") + "]}\n").encode()
    (failure,) = [str(one) for one in run_tests(load_tree({"x.yaml": early})) if not one.passed]
    assert "Warming up: the baseline of 24 h is whole at 2000-01-02 01:00 UTC." in failure


# --- corroborate on plain rules --------------------------------------------------------------------

NOTIFY = PLAIN.replace("CONDITION", "{sources: 2, within: 6h, not_tier: [state_media]}")
HOLD = PLAIN.replace("CONDITION", "{sources: 2, within: 6h, until_then: hold, raise_to: high}")
FEEDS = {
    "one": Feed("one", "https://one.example/feed", title="One", owner="group"),
    "two": Feed("two", "https://two.example/feed", title="Two", owner="group"),
    "state": Feed("state", "https://state.example/feed", title="State", owner="state", tier=Tier.STATE_MEDIA),
}
STORY = "https://news.example/village-alpha"  # one address, one story
FIRST = f'{{at: 0h, title: "Village Alpha captured, the ministry says", url: "{STORY}"'
SECOND = f'title: "Ministry: troops have captured the village of Alpha after weeks", url: "{STORY}"'


@pytest.mark.parametrize(
    ("head", "steps"),
    [
        # An unconfirmed alert is told at once; the second outlet corroborates it.
        (NOTIFY, (f"{FIRST}, expect: alert}}", f"{{at: 2h, {SECOND}, expect: corroborated}}")),
        (NOTIFY, (f"{FIRST}, expect: new}}", f"{{at: 7h, {SECOND}, expect: update}}")),
        # Two feeds of one owner are one source; state media was excluded.
        (NOTIFY, (f"{FIRST}, feed: one}}", f"{{at: 2h, {SECOND}, feed: two, expect: nothing}}")),
        (NOTIFY, (f"{FIRST}, feed: one}}", f"{{at: 2h, {SECOND}, feed: unknown, expect: corroborated}}")),
        # A copy never counts.
        (NOTIFY, (f"{FIRST}}}", f"{FIRST.replace('0h', '1h')}, expect: nothing}}")),
        # Held: nobody is told until it is corroborated, and then it is new.
        (HOLD, (f"{FIRST}, expect: pending}}", f"{{at: 2h, {SECOND}, expect: alert}}")),
        (HOLD, (f"{FIRST}, expect: nothing}}", f"{{at: 2h, {SECOND}, expect: corroborated}}")),
        (HOLD, (f"{FIRST}}}", f"{{at: 2h, {SECOND}, expect: escalated}}")),
        (HOLD, (f"{FIRST}}}", f"{{at: 7h, {SECOND}, expect: pending}}")),
    ],
)
def test_corroborate(head, steps):
    assert not run(head, *steps, feeds=FEEDS)


def test_why_it_is_not_corroborated():
    (failure,) = run(
        NOTIFY, f"{FIRST}}}", f"{{at: 2h, {SECOND}, feed: state, expect: corroborated}}", feeds=FEEDS
    )
    assert failure.startswith("x.yaml:11:9: claim: timeline ")
    assert (
        "Waiting for the 2nd of 2 independent sources, until 2000-01-01 06:00 UTC. "
        "Not counted: State is state media. (0h is 2000-01-01 00:00 UTC)"
    ) in failure


def test_a_timeline_respects_what_the_rule_asks_for():
    # The step says nothing of language or tier: it stands for an item that `where` lets pass.
    head = NOTIFY.replace("    corroborate", "    where: {language: [uk], tier: [wire]}\n    corroborate")
    assert not run(head, f"{FIRST}, expect: alert}}")
    (failure,) = run(head, f"{FIRST}, language: en, expect: alert}}")
    assert "got nothing: where: language is en, not uk" in failure
