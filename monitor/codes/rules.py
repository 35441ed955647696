"""Codes of rules as a whole, and of the names of rules, lists and macros."""

from __future__ import annotations

from typing import Final

from monitor.codes.row import Code

ROWS: Final = (
    # --- names
    Code(
        "broken-reference",
        level="error",
        files="rules lists",
        meaning=(
            "The rule uses a list or macro that has an error of its own, so the rule cannot be used "
            "either. Mend the list; the message says where it is."
        ),
        scope="file",
        wrong=(
            "lists: {hosts: {kind: town, en: [Doha]}}\n"
            "rules:\n"
            "  - id: talks-in-doha\n"
            "    title: Talks in Doha\n"
            "    severity: low\n"
            "    status: draft\n"
            "    when: {all: [$hosts]}"
        ),
        right=(
            "lists: {hosts: {kind: place, en: [Doha]}}\n"
            "rules:\n"
            "  - id: talks-in-doha\n"
            "    title: Talks in Doha\n"
            "    severity: low\n"
            "    status: draft\n"
            "    when: {all: [$hosts]}"
        ),
    ),
    Code(
        "cycle",
        level="error",
        files="rules lists",
        meaning=(
            "Lists, macros or rules contain or wait for each other in a circle. Take one of them out of it."
        ),
        scope="lists",
        wrong="macros: {parley: {any: [talks, $parley]}}",
        right="macros: {parley: {any: [talks, negotiation]}}",
    ),
    Code(
        "duplicate-name",
        level="error",
        files="rules lists",
        meaning="Two lists or macros have one name. They share their names; rename one, or extend the list.",
        scope="lists",
        wrong=("lists: {hosts: {kind: place, en: [Doha]}}\nmacros: {hosts: {any: [host]}}"),
        right=("lists: {hosts: {kind: place, en: [Doha]}}\nmacros: {any_host: {any: [$hosts, host]}}"),
    ),
    Code(
        "mixed-kinds",
        level="error",
        files="rules lists",
        meaning=(
            "A list includes one of another kind, whose words match in another way. A macro with "
            "any: can join them."
        ),
        scope="lists",
        wrong=("lists:\n  hosts: {kind: place, en: [Doha]}\n  both: {kind: person, include: [hosts]}"),
        right=("lists:\n  hosts: {kind: place, en: [Doha]}\n  both: {kind: place, include: [hosts]}"),
    ),
    Code(
        "unknown-name",
        level="error",
        files="rules lists",
        meaning=(
            "There is no list, macro or entry of that name: misspelt, or defined in a file outside "
            "the rules directory."
        ),
        scope="clause",
        wrong="$capitols",
        right="$capitals",
    ),
    Code(
        "unknown-rule",
        level="error",
        files="rules",
        meaning=(
            "There is no rule with that id: misspelt, or renamed. A rule that was renamed keeps its "
            "older ids under `formerly`."
        ),
        scope="rule",
        wrong="supersedes: [bass-rule]",
        right="supersedes: [base-rule]",
    ),
    Code(
        "unknown-version",
        level="error",
        files="rules lists",
        meaning="The file says that it is written for another version of the rule language.",
        scope="file",
        wrong="version: 2",
        right="version: 1",
    ),
    # --- the rule as a whole
    Code(
        "bad-tag",
        level="error",
        files="rules",
        meaning="A tag has a namespace and a name, with a dot between them.",
        scope="rule",
        wrong="tags: [urgent]",
        right="tags: [x.urgent]",
    ),
    Code(
        "expired",
        level="warning",
        files="rules",
        meaning=(
            "The day under `expires` has come: a rule is silent from then on, and an exception is not used. "
            "Set a later day, retire the rule or remove the exception."
        ),
        scope="rule",
        wrong="expires: 2020-01-01",
        right="expires: 2999-01-01",
    ),
    Code(
        "missing-forms",
        level="warning",
        files="lists",
        meaning=(
            "A live rule uses a list of people, a feed is in a language with another script, and some of the "
            "people have no spelling in it, so that feed cannot name them. `monitor lists expand` proposes "
            "Russian and Ukrainian forms."
        ),
        scope="",
        wrong="name: Witkoff, match: [Witkoff], and a feed with language: ru",
        right="name: Witkoff, match: [Witkoff], forms: {ru: [Уиткофф]}",
    ),
    Code(
        "no-owner",
        level="warning",
        files="rules",
        meaning=(
            "A live rule has no owner, so nobody is asked when it rings falsely, and routes by owner "
            "pass it over. `defaults` gives a whole file its owner."
        ),
        scope="rule-whole",
        wrong=(
            "id: talks\n"
            "title: Talks\n"
            "severity: low\n"
            "when: {all: [talks]}\n"
            "must_match: [Talks begin]\n"
            "must_not_match: [A walk]"
        ),
        right=(
            "id: talks\n"
            "title: Talks\n"
            "owner: desk\n"
            "severity: low\n"
            "when: {all: [talks]}\n"
            "must_match: [Talks begin]\n"
            "must_not_match: [A walk]"
        ),
    ),
    Code(
        "no-tests",
        level="error",
        files="rules",
        meaning=(
            "A live rule has to show what it is for: at least one item under must_match and one "
            "under must_not_match."
        ),
        scope="rule-whole",
        wrong=("id: talks\ntitle: Talks\nowner: desk\nseverity: low\nwhen: {all: [talks]}"),
        right=(
            "id: talks\n"
            "title: Talks\n"
            "owner: desk\n"
            "severity: low\n"
            "when: {all: [talks]}\n"
            "must_match: [Talks begin]\n"
            "must_not_match: [A walk]"
        ),
    ),
    Code(
        "retired-input",
        level="warning",
        files="rules",
        meaning="The rule waits for hits of a rule that is retired and never fires. Name its successor.",
        scope="rule-whole",
        wrong=(
            "id: many-talks\n"
            "title: Many talks\n"
            "severity: low\n"
            "status: draft\n"
            "volume: {of: old-rule, within: 1h, stories: 5}"
        ),
        right=(
            "id: many-talks\n"
            "title: Many talks\n"
            "severity: low\n"
            "status: draft\n"
            "volume: {of: base-rule, within: 1h, stories: 5}"
        ),
    ),
    Code(
        "same-condition",
        level="warning",
        files="rules",
        meaning=(
            "Two rules have one condition, so each item would ring twice. Keep one of them, or let "
            "them differ in `where`."
        ),
        scope="rule",
        wrong="when: {all: [base]}",
        right=("when: {all: [base]}\nwhere: {tier: [wire]}"),
    ),
    Code(
        "unknown-tier",
        level="warning",
        files="rules",
        meaning=(
            "`where` asks for a tier that none of the feeds has, so it can never hold. Name another tier, or "
            "give a feed its tier in feeds.yaml. To exclude a tier that does not occur is no mistake."
        ),
        scope="rule",
        wrong="where: {tier: [wire]}",
        right="where: {tier: [national]}",
    ),
    Code(
        "unknown-tag",
        level="warning",
        files="rules",
        meaning="The tag's namespace is none of those that are known. Tags of your own begin with x.",
        scope="rule",
        wrong="tags: [plower.consult.visit]",
        right="tags: [plover.consult.visit]",
    ),
    Code(
        "unused",
        level="warning",
        files="rules lists",
        meaning="No rule, list or macro uses this list or macro. Use it or remove it.",
        scope="file",
        wrong="lists: {hosts: {kind: place, en: [Doha]}}",
        right=(
            "lists: {hosts: {kind: place, en: [Doha]}}\n"
            "rules:\n"
            "  - id: talks-in-doha\n"
            "    title: Talks in Doha\n"
            "    severity: low\n"
            "    status: draft\n"
            "    when: {near: [talks, $hosts]}"
        ),
    ),
)
