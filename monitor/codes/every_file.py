"""Codes of every kind of file: its text, and the values in it."""

from __future__ import annotations

from typing import Final

from monitor.codes.row import Code

ROWS: Final = (
    # --- the text of a file
    Code(
        "control-character",
        level="error",
        files="rules lists feeds routes",
        meaning=(
            "A character stands in the file that nobody can see, such as a bell or an escape. It "
            "would break messages and mail headers; delete it."
        ),
        scope="rule",
        wrong='title: "Talks\\x07 begin"',
        right="title: Talks begin",
    ),
    Code(
        "duplicate-key",
        level="error",
        files="rules lists feeds routes",
        meaning=(
            "A key stands twice in one mapping, and only one of the two values could be meant. Keep "
            "one of them."
        ),
        scope="rule",
        wrong=("title: Talks begin\ntitle: Talks go on"),
        right="title: Talks begin",
    ),
    Code(
        "file-too-large",
        level="error",
        files="rules lists feeds routes",
        meaning="A file of more than 8 MB is not read. Split it into several files.",
        scope="",
        wrong="all rules of ten desks in one file",
        right="a file for each desk",
    ),
    Code(
        "key-not-text",
        level="error",
        files="rules lists feeds routes",
        meaning=(
            "A list or mapping stands where a key should. Often a text that begins with [ or { needs quotes."
        ),
        scope="rule",
        wrong="[title]: Talks begin",
        right="title: Talks begin",
    ),
    Code(
        "missing-file",
        level="error",
        files="feeds routes",
        meaning=(
            "The rules directory has no feeds.yaml or no routes.yaml, so nothing is polled or nobody "
            "is told. `monitor init DIR` writes what is missing and leaves the rest alone."
        ),
        scope="",
        wrong="rules/ without routes.yaml",
        right="rules/ with feeds.yaml and routes.yaml",
    ),
    Code(
        "no-standard-form",
        level="error",
        files="rules lists feeds routes",
        meaning=(
            "`monitor fmt` leaves the file as it is, because rewriting it would change what it says "
            "or lose a comment. The file can be used; write what is unusual in it more plainly, such "
            "as a comment inside a bracket."
        ),
        scope="",
        wrong="a comment in the middle of a text",
        right="the comment above it",
    ),
    Code(
        "not-utf-8",
        level="error",
        files="rules lists feeds routes",
        meaning="The file is saved in another encoding, often by an older program. Save it as UTF-8.",
        scope="",
        wrong="saved as Windows-1252",
        right="saved as UTF-8",
    ),
    Code(
        "several-documents",
        level="error",
        files="rules lists feeds routes",
        meaning=(
            "A line of --- starts a second YAML document, which would be passed over. Keep one "
            "document a file."
        ),
        scope="file",
        wrong=("version: 1\n---\nversion: 1"),
        right="version: 1",
    ),
    Code(
        "tab",
        level="error",
        files="rules lists feeds routes",
        meaning="A tab is as wide as each editor likes, so nobody can see where a line begins. Use spaces.",
        scope="rule",
        wrong="title:\tTalks begin",
        right="title: Talks begin",
    ),
    Code(
        "yaml-alias",
        level="error",
        files="rules lists feeds routes",
        meaning=(
            "A text that begins with * is a YAML alias, which is not read. Quote the text, or use a "
            "macro for what is said twice."
        ),
        scope="clause",
        wrong="*talks",
        right='"*talks"',
    ),
    Code(
        "yaml-anchor",
        level="error",
        files="rules lists feeds routes",
        meaning=(
            "A text that begins with & is a YAML anchor, which is not read. Quote the text, or use a "
            "macro for what is said twice."
        ),
        scope="clause",
        wrong="&talks negotiation",
        right="negotiation",
    ),
    Code(
        "yaml-syntax",
        level="error",
        files="rules lists feeds routes",
        meaning=(
            "The file cannot be read as YAML: a quote or bracket is open, a line is indented oddly, "
            "or a text holds a colon and a space. The place is where it shows; the cause may be "
            "above it."
        ),
        scope="rule",
        wrong="title: Talks: a beginning",
        right='title: "Talks: a beginning"',
    ),
    Code(
        "yaml-tag",
        level="error",
        files="rules lists feeds routes",
        meaning="A text that begins with ! is a YAML tag, which is not read. Quote the text.",
        scope="clause",
        wrong="!urgent talks",
        right='"!urgent talks"',
    ),
    Code(
        "yaml-version",
        level="error",
        files="rules lists feeds routes",
        meaning="A %YAML line asks for another version than 1.2. Remove the line.",
        scope="file",
        wrong=("%YAML 1.1\n---\nversion: 1"),
        right="version: 1",
    ),
    # --- the values in a file
    Code(
        "bad-country",
        level="error",
        files="feeds routes",
        meaning="A country is written with the two letters of ISO 3166-1: GB, not UK or England.",
        scope="feed",
        wrong="country: England",
        right="country: GB",
    ),
    Code(
        "bad-id",
        level="error",
        files="rules feeds routes",
        meaning=(
            "An id has other characters than small letters, digits and hyphens. Ids stand in "
            "addresses, labels and logs."
        ),
        scope="rule",
        wrong="id: Envoy Lands",
        right="id: envoy-lands",
    ),
    Code(
        "bad-name",
        level="error",
        files="rules lists feeds",
        meaning=(
            "The name of a list or macro is made of a-z, 0-9, _ and -; the name of a variable or "
            "secret of letters, digits and _."
        ),
        scope="lists",
        wrong="lists: {Our Hosts: {kind: place, en: [Doha]}}",
        right="lists: {our_hosts: {kind: place, en: [Doha]}}",
    ),
    Code(
        "bad-url",
        level="error",
        files="feeds routes",
        meaning=(
            "The address cannot be read as a URL. Copy it from the browser, with https:// and without spaces."
        ),
        scope="feed",
        wrong="url: https:///world.xml",
        right="url: https://example.org/world.xml",
    ),
    Code(
        "duplicate-id",
        level="error",
        files="rules feeds",
        meaning=(
            "Two rules or two feeds have one id. What is stored hangs on the id, so it names one "
            "thing for ever."
        ),
        scope="rule",
        wrong="id: base-rule",
        right="id: envoy-lands",
    ),
    Code(
        "missing-key",
        level="error",
        files="rules lists feeds routes",
        meaning="A key that has to be there is not. The message names it.",
        scope="rule",
        wrong=("except:\n  - any: [football]"),
        right=("except:\n  - any: [football]\n    reason: sport"),
    ),
    Code(
        "missing-value",
        level="error",
        files="rules lists feeds routes",
        meaning="A key stands there without its value. Write one, or remove the key.",
        scope="rule",
        wrong="title:",
        right="title: Talks begin",
    ),
    Code(
        "not-a-boolean",
        level="error",
        files="rules lists feeds routes",
        meaning="Only true and false are read here; yes, no, on and off are words.",
        scope="clause",
        wrong="{near: [talks, negotiation], ordered: yes}",
        right="{near: [talks, negotiation], ordered: true}",
    ),
    Code(
        "not-a-date",
        level="error",
        files="rules lists",
        meaning="A date is written year, month, day.",
        scope="rule",
        wrong="expires: 1 June 2030",
        right="expires: 2030-06-01",
    ),
    Code(
        "not-a-duration",
        level="error",
        files="rules feeds routes",
        meaning="A span of time needs its unit: s, m, h, d or w.",
        scope="feed",
        wrong="expect_every: 6",
        right="expect_every: 6h",
    ),
    Code(
        "not-a-list",
        level="error",
        files="rules lists feeds routes",
        meaning="Several things are expected here: one after each dash, or in brackets with commas.",
        scope="clause",
        wrong="any: talks",
        right="any: [talks]",
    ),
    Code(
        "not-a-mapping",
        level="error",
        files="rules lists feeds routes",
        meaning="Keys with values are expected here, not a text or a list.",
        scope="rule",
        wrong="where: en",
        right="where: {language: en}",
    ),
    Code(
        "not-a-number",
        level="error",
        files="rules lists feeds routes",
        meaning="A whole number is expected here, without quotes or units.",
        scope="rule",
        wrong="corroborate: {sources: two, within: 6h}",
        right="corroborate: {sources: 2, within: 6h}",
    ),
    Code(
        "not-a-time",
        level="error",
        files="routes",
        meaning="A moment is written with date, time and its offset from UTC.",
        scope="routes-tests",
        wrong='- {alert: {topic: talks}, at: "2025-03-12 23:30", expect: {desk: now}}',
        right='- {alert: {topic: talks}, at: "2025-03-12T23:30+01:00", expect: {desk: now}}',
    ),
    Code(
        "not-text",
        level="error",
        files="rules lists feeds routes",
        meaning=(
            "A number, date or true/false stands where text is expected, and other programs would "
            "read it as something else than it looks. Put it in quotes."
        ),
        scope="clause",
        wrong="1943",
        right='"1943"',
    ),
    Code(
        "out-of-range",
        level="error",
        files="rules lists feeds routes",
        meaning="The number is smaller or larger than what makes sense here.",
        scope="rule",
        wrong="corroborate: {sources: 1, within: 6h}",
        right="corroborate: {sources: 2, within: 6h}",
    ),
    Code(
        "too-deep",
        level="error",
        files="rules lists feeds routes",
        meaning=(
            "Too many levels stand inside each other: clauses more than thirty deep, or a sequence "
            "of sequences of sequences. Give a part a name: a macro."
        ),
        scope="",
        wrong="any: [all: [any: [all: [...]]]], thirty levels and more",
        right="all: [$first_part, $second_part]",
    ),
    Code(
        "unknown-key",
        level="error",
        files="rules lists feeds routes",
        meaning="A key that is not known here: misspelt, or indented under the wrong thing.",
        scope="rule",
        wrong="discription: Who travels.",
        right="description: Who travels.",
    ),
    Code(
        "unknown-value",
        level="error",
        files="rules lists feeds routes",
        meaning="One of a few fixed words is expected; the message lists them.",
        scope="rule",
        wrong="severity: hihg",
        right="severity: high",
    ),
)
