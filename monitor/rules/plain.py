"""A rule as plain English sentences, for those who review it and do not read YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.alerts.wording import counted, series
from monitor.rules.schema import Status
from monitor.rules.wording import Speaker, listing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from monitor.rules.schema import Combination, Corroborate, Rule, RuleTree, Volume, Where

_STATUS: Final = {
    Status.DRAFT: "It is a draft: only its tests are run.",
    Status.SHADOW: "It runs in shadow: what it finds is recorded and not sent.",
    Status.LIVE: "",
    Status.RETIRED: "It is retired and finds nothing any more.",
}
_PER: Final = {
    "story": "Each story makes one alert.",
    "topic": "All stories of the topic make one alert.",
    "item": "Each item makes an alert of its own.",
}
_GROUPING: Final = {
    "safe": "Doubtful reports are kept apart, whatever the installation's setting.",
    "balanced": "Reports join a story readily, whatever the installation's setting.",
}
_SAME: Final = {
    "topic": "of the same topic",
    "story": "of the same story",
    "country": "about sources of the same country",
    "none": "whatever they are about",
}
_UNITS: Final = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def plain(tree: RuleTree, rule: Rule) -> tuple[tuple[str, ...], ...]:
    """Return the rule as paragraphs, each of whole sentences.

    1. What it is called and whose it is. 2. When it fires, and when not. 3. What becomes of its alerts.
    4. What is known about it.
    """
    parts = (_identity(rule), _condition(tree, rule), _alerts(rule), _record(rule))
    return tuple(filter(None, (tuple(filter(None, part)) for part in parts)))


def _identity(rule: Rule) -> Iterator[str]:
    yield f"The rule {rule.rule_id}, \u201c{rule.title}\u201d, raises alerts of {rule.severity} severity."
    yield _whole(rule.description)
    yield _STATUS[rule.status]
    if rule.owner:
        yield f"It belongs to {rule.owner}."
    if rule.topic:
        yield f"Its topic is {rule.topic}."
    if rule.expires:
        yield f"It is used for items before {rule.expires}."


def _condition(tree: RuleTree, rule: Rule) -> Iterator[str]:
    speaker = Speaker(tree)
    yield _where(rule.where)
    if rule.when is not None:
        yield f"It fires when {speaker.sentence(rule.when)}."
    if rule.sequence is not None:
        yield _sequence(rule.sequence)
    if rule.volume is not None:
        yield _volume(rule.volume)
    for one in rule.exceptions:
        until = f" Items from {one.expires} on are not excepted." if one.expires else ""
        reason = one.reason.rstrip(".")
        yield f"It does not fire when {speaker.sentence(one.clause)} (reason: {reason}).{until}"
    done = 0
    while done < len(speaker.macros):  # a macro may use another
        name = speaker.macros[done]
        done += 1
        called = name.replace("_", " ")
        yield f"\u201c{called[:1].upper()}{called[1:]}\u201d means: {speaker.meaning(name)}."
    if rule.when is not None:
        yield (
            "Each of title, summary and content is searched on its own, unless other fields are named;"
            " a form of a word is any inflection of it."
        )


def _alerts(rule: Rule) -> Iterator[str]:
    if rule.alert_per.startswith("entity."):
        called = _called(rule.alert_per.removeprefix("entity."))
        yield f"Each entry of the list \u201c{called}\u201d that is found makes one alert."
    else:
        yield _PER[rule.alert_per]
    if rule.grouping:
        yield _GROUPING[rule.grouping]
    if rule.corroborate is not None:
        yield from _corroborate(rule.corroborate)
    if rule.supersedes:
        yield f"Its messages replace those of {series(rule.supersedes)} about the same story."


def _record(rule: Rule) -> Iterator[str]:
    if rule.formerly:
        yield f"It was formerly called {series(rule.formerly)}."
    if rule.tags:
        yield f"It is tagged {series(rule.tags)}."
    for issue in rule.known_issues:
        yield f"Known issue: {_whole(issue)}"
    if rule.references:
        yield f"References: {series(rule.references)}."
    good, bad = len(rule.must_match), len(rule.must_not_match)
    tests = f"It is tested with {counted(good, 'item')} that it must match and {bad} that it must not match"
    steps = f", and with a timeline of {counted(len(rule.timeline), 'item')}" if rule.timeline else ""
    yield f"{tests}{steps}."


def _where(where: Where) -> str:
    asked = (
        ("whose language is {}", where.language),
        ("from the feed {}", where.feed),
        ("not from the feed {}", where.not_feed),
        ("from sources of the kind {}", where.tier),
        ("not from sources of the kind {}", where.not_tier),
        ("from sources of the country {}", where.country),
        ("in the category {}", where.category),
    )
    said = [form.format(listing([_called(one) for one in values], "or")) for form, values in asked if values]
    return f"It looks only at items {series(said)}." if said else ""


def _corroborate(asked: Corroborate) -> Iterator[str]:
    distinct = {
        "owner": "with different owners",
        "country": "of different countries",
        "alignment": "of different alignment",
    }
    yield (
        f"An alert counts as corroborated once {asked.sources} independent sources {distinct[asked.distinct]}"
        f" report it within {_span(asked.within)}."
    )
    if asked.not_tier:
        yield f"Sources of the kind {listing([_called(one) for one in asked.not_tier], 'or')} do not count."
    if asked.until_then == "hold":
        yield "Until then nothing is sent."
    else:
        yield "Until then it is sent as unconfirmed."
    if asked.raise_to is not None:
        yield f"Then its severity becomes {asked.raise_to}."


def _sequence(asked: Combination) -> str:
    order = "one after the other, in this order" if asked.ordered else "in any order"
    same = _SAME.get(
        asked.same,
        f"about the same entry of the list \u201c{_called(asked.same.removeprefix('entity.'))}\u201d",
    )
    return (
        f"It fires when the rules {series(asked.rule_ids)} raise alerts {same}, {order},"
        f" within {_span(asked.within)}."
    )


def _volume(asked: Volume) -> str:
    if asked.stories is not None:
        many = f"at least {asked.stories} stories"
    else:
        usual = f"usual in the {_span(asked.baseline)} before" if asked.baseline else "usual"
        many = f"at least {asked.times:g} times as many stories as is {usual}"
    return f"It fires when the rule {asked.of} finds {many} within {_span(asked.within)}."


def _called(name: str) -> str:
    return name.replace("_", " ")


def _whole(text: str) -> str:
    """Return a text as whole sentences on one line."""
    text = " ".join(text.split())
    return text if not text or text[-1] in ".!?\u2026" else f"{text}."


def _span(value: timedelta) -> str:
    """Return "6 hours", "14 days" or "1 hour and 30 minutes"."""
    left, parts = int(value.total_seconds()), []
    for unit, seconds in _UNITS:
        count, left = divmod(left, seconds)
        if count:
            parts.append(counted(count, unit))
    return series(parts)
