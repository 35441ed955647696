"""Codes of conditions and clauses, and of the words in lists."""

from __future__ import annotations

from typing import Final

from monitor.codes.row import Code

ROWS: Final = (
    # --- conditions and clauses
    Code(
        "acronym-is-word",
        level="error",
        files="rules lists",
        meaning=(
            "Capitals make no difference, so an acronym such as US also matches the everyday word. "
            "Ask for the exact spelling."
        ),
        scope="clause",
        wrong="US",
        right="{text: US, case: exact}",
    ),
    Code(
        "always-false",
        level="error",
        files="rules",
        meaning="The rule asks for something and excludes it, so it could never fire. Remove one of the two.",
        scope="rule",
        wrong="when: {all: [talks], none: [talks]}",
        right="when: {all: [talks], none: [football]}",
    ),
    Code(
        "bad-regex",
        level="error",
        files="rules lists",
        meaning=(
            "The expression is not accepted: only what runs in linear time is (RE2), and \\b, \\w and "
            "\\d know ASCII letters only."
        ),
        scope="clause",
        wrong="regex: 'S-\\d00'",
        right="regex: 'S-\\p{Nd}00'",
    ),
    Code(
        "bare-name",
        level="warning",
        files="rules",
        meaning=(
            "A capitalised word in a condition looks like a name. In a list it has its forms, so "
            "that other scripts and cases are found, too."
        ),
        scope="clause",
        wrong="Doha",
        right="$capitals",
    ),
    Code(
        "common-none",
        level="warning",
        files="rules lists",
        meaning=(
            "`none` of a single word that most news items hold excludes nearly everything. Write the phrase "
            "that is not meant."
        ),
        scope="rule",
        wrong="when: {all: [talks], none: [year]}",
        right='when: {all: [talks], none: ["last year"]}',
    ),
    Code(
        "contained-term",
        level="warning",
        files="lists",
        meaning=(
            "A word of a list of kind vocabulary is a form of another one, or a phrase contains another one. "
            "The other matches wherever it does. Remove one. A longer phrase is not reported in lists that "
            "stand in a `near` with a number of words, where it makes a difference."
        ),
        scope="lists",
        wrong="lists: {pauses: {kind: vocabulary, en: [ceasefire, ceasefires]}}",
        right="lists: {pauses: {kind: vocabulary, en: [ceasefire, truce]}}",
    ),
    Code(
        "contradiction",
        level="error",
        files="rules lists",
        meaning=(
            "case: exact compares the word as it is written, match: stem its dictionary form. Leave "
            "one of them out."
        ),
        scope="clause",
        wrong="{text: SALT, case: exact, match: stem}",
        right="{text: SALT, case: exact}",
    ),
    Code(
        "duplicate-term",
        level="warning",
        files="rules lists",
        meaning=(
            "A word stands twice in a list or condition. It does no harm; remove one, so that nobody "
            "edits the wrong one."
        ),
        scope="clause",
        wrong="any: [talks, negotiation, talks]",
        right="any: [talks, negotiation]",
    ),
    Code(
        "empty",
        level="error",
        files="rules lists",
        meaning="A list or group holds nothing, so it could never match, or always. Fill or remove it.",
        scope="clause",
        wrong="any: []",
        right="any: [talks]",
    ),
    Code(
        "every-item",
        level="warning",
        files="rules",
        meaning=(
            "No word has to occur for the rule to fire, so it is evaluated on every item and mostly "
            "fires on all. Add a word or list under all."
        ),
        scope="rule",
        wrong="when: {none: [football]}",
        right="when: {all: [talks], none: [football]}",
    ),
    Code(
        "list-as-clause",
        level="error",
        files="rules lists",
        meaning="A bare list does not say whether all or any of its clauses have to hold.",
        scope="rule",
        wrong="when: [talks, negotiation]",
        right="when: {any: [talks, negotiation]}",
    ),
    Code(
        "misplaced-key",
        level="error",
        files="rules",
        meaning=(
            "The keys within and same beside a rule's id belong to sequence or together, the key grouping "
            "to when. The within of near stands beside near."
        ),
        scope="rule",
        wrong=("when: {near: [talks, negotiation]}\nwithin: 4"),
        right="when: {near: [talks, negotiation], within: 4}",
    ),
    Code(
        "near-operands",
        level="error",
        files="rules lists",
        meaning=(
            "near takes two to eight things, each of which has a place in the text: words, lists, "
            "any and near, but not all or none."
        ),
        scope="clause",
        wrong="near: [talks]",
        right="near: [talks, negotiation]",
    ),
    Code(
        "no-condition",
        level="error",
        files="rules",
        meaning="A rule needs its condition: when, or sequence, together or volume.",
        scope="rule-whole",
        wrong=("id: talks\ntitle: Talks\nseverity: low\nstatus: draft"),
        right=("id: talks\ntitle: Talks\nseverity: low\nstatus: draft\nwhen: {all: [talks]}"),
    ),
    Code(
        "no-word",
        level="error",
        files="rules lists",
        meaning="A text has no letter and no digit, and only those are compared, so it could never match.",
        scope="clause",
        wrong='"€"',
        right="euro",
    ),
    Code(
        "not-a-term",
        level="error",
        files="rules lists",
        meaning=(
            "Only words and phrases can stand in a list. Other lists go under include, conditions "
            "into a macro."
        ),
        scope="lists",
        wrong="lists: {hosts: {kind: place, en: [Doha, $capitals]}}",
        right="lists: {hosts: {kind: place, en: [Doha], include: [capitals]}}",
    ),
    Code(
        "plain-regex",
        level="warning",
        files="rules lists",
        meaning=(
            "The expression is only words. Written as a phrase they also match in other forms, and faster."
        ),
        scope="clause",
        wrong="regex: 'peace talks'",
        right="peace talks",
    ),
    Code(
        "short-prefix",
        level="error",
        files="rules lists",
        meaning="A prefix of one or two characters matches half a dictionary. Write at least three.",
        scope="clause",
        wrong="{text: ne, match: prefix}",
        right="{text: negotia, match: prefix}",
    ),
    Code(
        "too-many-regexes",
        level="error",
        files="rules",
        meaning=(
            "A rule has more than 20 regular expressions. Words and lists are faster and show better "
            "what matched."
        ),
        scope="",
        wrong="any: [regex: 'a', regex: 'b', ...], more than twenty",
        right="any: [$weapons]",
    ),
    Code(
        "two-conditions",
        level="error",
        files="rules",
        meaning="A rule has one of when, sequence, together and volume. Make two rules of it.",
        scope="rule",
        wrong=("when: {all: [talks]}\nvolume: {of: base-rule, within: 1h, stories: 5}"),
        right="when: {all: [talks]}",
    ),
    Code(
        "unknown-clause",
        level="error",
        files="rules lists",
        meaning="A clause is a text, or has one of the keys text, all, any, none, near and regex.",
        scope="clause",
        wrong="{nearby: [talks, negotiation]}",
        right="{near: [talks, negotiation]}",
    ),
    Code(
        "wide-near",
        level="warning",
        files="rules lists",
        meaning=(
            "near with many operands rarely matches, and a span of many words is no nearness. Use "
            "less, or all:."
        ),
        scope="clause",
        wrong="{near: [talks, negotiation], within: 80}",
        right="{near: [talks, negotiation], within: 8}",
    ),
)
