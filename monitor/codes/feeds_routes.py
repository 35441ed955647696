"""Codes of feeds, recipients, routes and templates."""

from __future__ import annotations

from typing import Final

from monitor.codes.row import Code

ROWS: Final = (
    # --- feeds
    Code(
        "bad-header",
        level="error",
        files="feeds routes",
        meaning="A request header is malformed, or is one that the monitor sets itself, such as Host.",
        scope="feed",
        wrong="headers: {Host: example.org}",
        right="headers: {Accept-Language: en}",
    ),
    Code(
        "bad-language",
        level="error",
        files="feeds",
        meaning="A language is written as its tag. Leave it out when the feed mixes languages.",
        scope="feed",
        wrong="language: english",
        right="language: en",
    ),
    Code(
        "bad-text",
        level="error",
        files="feeds",
        meaning=(
            "The value has to be one line of at most 300 visible characters: it stands in headers "
            "and subjects."
        ),
        scope="feed",
        wrong='title: "World\\nnews"',
        right="title: World news",
    ),
    Code(
        "duplicate-url",
        level="error",
        files="feeds",
        meaning="Two feeds have one address, so each item would be stored twice. Remove one of them.",
        scope="feed",
        wrong="url: https://example.org/base.xml",
        right="url: https://example.org/world.xml",
    ),
    Code(
        "empty-category",
        level="warning",
        files="feeds",
        meaning="No feed is of that category, so the switch does nothing. Write it as the feeds have it.",
        scope="feeds",
        wrong="categories: {wrold: false}\nfeeds:\n  - {id: a, url: https://a.example/, category: world}",
        right="categories: {world: false}\nfeeds:\n  - {id: a, url: https://a.example/, category: world}",
    ),
    Code(
        "secret-in-file",
        level="error or warning",
        files="feeds",
        meaning=(
            "A password stands in the file, where everybody who edits rules can read it. Name a "
            "variable or secret with username_env and password_env."
        ),
        scope="feed",
        wrong="url: https://desk:secret@example.org/world.xml",
        right=("url: https://example.org/world.xml\nusername_env: WORLD_USER\npassword_env: WORLD_PASSWORD"),
    ),
    Code(
        "unsafe-scheme",
        level="error",
        files="feeds",
        meaning="A feed is fetched over https, or http where there is nothing better.",
        scope="feed",
        wrong="url: ftp://example.org/world.xml",
        right="url: https://example.org/world.xml",
    ),
    # --- recipients
    Code(
        "always-quiet",
        level="error",
        files="routes",
        meaning=(
            "The quiet hours cover the whole week, so the recipient would hear nothing. Leave some "
            "hours free."
        ),
        scope="recipient",
        wrong="quiet: [mon, tue, wed, thu, fri, sat, sun]",
        right="quiet: [sat, sun]",
    ),
    Code(
        "bad-address",
        level="error",
        files="routes",
        meaning="The text is not an e-mail address. Write the address alone, without a name or brackets.",
        scope="recipient",
        wrong="email: {to: [Desk <desk@example.org>]}",
        right="email: {to: [desk@example.org]}",
    ),
    Code(
        "bad-quiet",
        level="error",
        files="routes",
        meaning="A quiet time is a span, a day, or a span on a day.",
        scope="recipient",
        wrong='quiet: ["after ten"]',
        right='quiet: ["22:00-07:00", sat, "sun 00:00-18:00"]',
    ),
    Code(
        "bad-time",
        level="error",
        files="routes",
        meaning="A digest leaves at a time of day, from 00:00 to 23:59.",
        scope="recipient",
        wrong='digest: ["half past seven"]',
        right='digest: ["07:30"]',
    ),
    Code(
        "bad-variable",
        level="error",
        files="routes",
        meaning=(
            "Expected is the name of a variable or secret, not its value: addresses of webhooks and "
            "their keys do not belong in a file."
        ),
        scope="recipient",
        wrong="webhook: {url_env: https://hooks.example.org/x}",
        right="webhook: {url_env: DESK_HOOK_URL}",
    ),
    Code(
        "duplicate-recipient",
        level="error",
        files="routes",
        meaning="Two recipients have one id. Give each its own.",
        scope="recipient",
        wrong="id: boss",
        right="id: analyst",
    ),
    Code(
        "fallback-loop",
        level="error",
        files="routes",
        meaning=(
            "Fallbacks go in a circle, so a message that nobody can take would go round. Let the "
            "last one have no fallback."
        ),
        scope="recipient",
        wrong=("id: desk\nfallback: desk"),
        right=("id: desk\nfallback: boss"),
    ),
    Code(
        "no-address",
        level="error",
        files="routes",
        meaning="An e-mail target has no address.",
        scope="recipient",
        wrong="email: {to: []}",
        right="email: {to: [desk@example.org]}",
    ),
    Code(
        "no-channel",
        level="error",
        files="routes",
        meaning="A recipient has neither email nor webhook, so nothing can reach it.",
        scope="recipient-whole",
        wrong=("id: desk\ntimezone: UTC"),
        right=("id: desk\ntimezone: UTC\nemail: {to: [desk@example.org]}"),
    ),
    Code(
        "no-digest",
        level="error",
        files="routes",
        meaning="A digest needs at least one time of day. Without the key it leaves at the usual times.",
        scope="recipient",
        wrong="digest: []",
        right='digest: ["07:30", "17:30"]',
    ),
    Code(
        "quiet-digest",
        level="warning",
        files="routes",
        meaning=(
            "A digest time always falls into quiet hours, so that digest never leaves at its time. "
            "Move one of them."
        ),
        scope="recipient",
        wrong=('quiet: ["22:00-08:00"]\ndigest: ["07:30", "17:30"]'),
        right=('quiet: ["22:00-07:00"]\ndigest: ["07:30", "17:30"]'),
    ),
    Code(
        "unknown-recipient",
        level="error",
        files="routes",
        meaning="A route, fallback or test names a recipient that is not there.",
        scope="recipient",
        wrong="fallback: bos",
        right="fallback: boss",
    ),
    Code(
        "unknown-timezone",
        level="error",
        files="routes",
        meaning=(
            "A time zone is written with its IANA name: a continent and a city, so that summer time is known."
        ),
        scope="recipient",
        wrong="timezone: CEST",
        right="timezone: Europe/Brussels",
    ),
    Code(
        "unused-recipient",
        level="warning",
        files="routes",
        meaning="No route and no fallback names the recipient, who therefore hears of nothing.",
        scope="routes",
        wrong="- {default: true, to: [boss]}",
        right="- {default: true, to: [boss, desk]}",
    ),
    Code(
        "webhook-url",
        level="error",
        files="routes",
        meaning="A webhook has either url, or url_env with the name of the variable that holds it.",
        scope="recipient",
        wrong="webhook: {secret_env: DESK_HOOK_SECRET}",
        right="webhook: {url_env: DESK_HOOK_URL, secret_env: DESK_HOOK_SECRET}",
    ),
    Code(
        "webhook-to",
        level="error",
        files="routes",
        meaning=(
            "The formats ntfy, pagerduty and telegram need `to` or `to_env`: the topic, the routing key or "
            "the chat. With every other format the URL says where the message goes."
        ),
        scope="recipient",
        wrong="webhook: {url_env: NTFY_URL, format: ntfy}",
        right="webhook: {url_env: NTFY_URL, format: ntfy, to_env: NTFY_TOPIC}",
    ),
    # --- routes
    Code(
        "default-with-match",
        level="error",
        files="routes",
        meaning="A default route takes what no other route takes, so it has no match of its own.",
        scope="route",
        wrong=("default: true\nmatch: {topic: talks}\nto: [desk]"),
        right=("match: {topic: talks}\nto: [desk]"),
    ),
    Code(
        "duplicate-route",
        level="warning",
        files="routes",
        meaning="An earlier route has the same match and the same recipients. Keep one of them.",
        scope="route",
        wrong=("match: {severity: high}\nto: [desk]"),
        right=("match: {severity: low}\nto: [desk]\nas: digest"),
    ),
    Code(
        "empty-match",
        level="error",
        files="routes",
        meaning="A match without labels would take every alert. Name a label, or write default: true.",
        scope="route",
        wrong=("match: {}\nto: [desk]"),
        right=("match: {topic: talks}\nto: [desk]"),
    ),
    Code(
        "idle-timing",
        level="warning",
        files="routes",
        meaning=(
            "The key changes nothing in this route: with as: digest or as: log nothing is sent at once, "
            "and remind_every: 0s switches reminders off."
        ),
        scope="route",
        wrong=("match: {severity: low}\nto: [desk]\nas: digest\ngroup_wait: 5m"),
        right=("match: {severity: low}\nto: [desk]\nas: digest"),
    ),
    Code(
        "no-default-route",
        level="error",
        files="routes",
        meaning="No route is the default, so alerts that no other route takes would reach nobody.",
        scope="routes",
        wrong="- {match: {topic: talks}, to: [desk]}",
        right=("- {match: {topic: talks}, to: [desk]}\n- {default: true, to: [desk]}"),
    ),
    Code(
        "no-recipients",
        level="error",
        files="routes",
        meaning="The file or a route names nobody who could be told.",
        scope="route",
        wrong=("match: {topic: talks}\nto: []"),
        right=("match: {topic: talks}\nto: [desk]"),
    ),
    Code(
        "only-default",
        level="warning",
        files="routes",
        meaning=(
            "A live rule is taken by the default route alone. Perhaps its topic or owner is spelt "
            "otherwise in the routes."
        ),
        scope="routes",
        wrong=("- {match: {topic: parley, severity: high}, to: [desk]}\n- {default: true, to: [desk]}"),
        right=("- {match: {topic: talks}, to: [desk]}\n- {default: true, to: [desk]}"),
    ),
    Code(
        "unreachable-route",
        level="error or warning",
        files="routes",
        meaning=(
            "The route can never apply: a list of values is empty (an error), or no rule has these "
            "labels (a warning)."
        ),
        scope="route",
        wrong=("match: {topic: tlaks}\nto: [desk]"),
        right=("match: {topic: talks}\nto: [desk]"),
    ),
    # --- templates
    Code(
        "bad-template",
        level="error",
        files="templates",
        meaning=(
            "A template cannot be rendered. Until it is mended the shipped one is used, so that no "
            "alert waits. templates/README.md lists every variable."
        ),
        scope="",
        wrong="{{ alert.titel }}",
        right="{{ alert.title }}",
    ),
    # --- settings
    Code(
        "bad-setting",
        level="error",
        files="settings",
        meaning=(
            "A setting of the environment or of monitor.env cannot be used, so that the monitor would not "
            "start: a value of the wrong kind, or a model that is not where MONITOR_SEMANTIC_MODEL says. "
            "deploy/README.md lists every setting."
        ),
        scope="",
        wrong="MONITOR_STORY_GROUPING=loose",
        right="MONITOR_STORY_GROUPING=balanced",
    ),
)
