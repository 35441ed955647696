"""`routes.yaml`: what is read, what is refused, and how the messages help."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.route_tests import check_reach, run_route_tests
from monitor.alerts.routes_file import read_routes
from monitor.alerts.webhook_target import WEBHOOK_FORMATS
from monitor.channels import formats
from monitor.codes import CODES
from monitor.models import (
    EmailTarget,
    Matcher,
    QuietSpan,
    Recipient,
    Route,
    RuleInfo,
    Severity,
    Timing,
    WebhookTarget,
)

WHOLE = """\
version: 1
recipients:
  - id: duty-desk
    email: {to: [desk@example.org, second@example.org]}
    timezone: Europe/Brussels
    quiet: ["22:00-07:00", sat, sunday, "fri 18:00-24:00"]
    bypass: high
    digest: ["17:30", "07:30"]
    fallback: risk-hook
  - id: risk-hook
    webhook: {url_env: RISK_HOOK_URL, secret_env: RISK_HOOK_SECRET, format: standard}
    timezone: UTC
    bypass: never
routes:
  - {match: {topic: talks, severity: ">=high"}, to: [duty-desk, risk-hook]}
  - {match: {owner: [east-desk, west-desk], severity: "<= medium"}, to: duty-desk, as: digest}
  - match: {country: [ua, NO], tier: official, severity: [low, ">= high"]}
    to: [risk-hook]
    group_wait: 0s
    update_interval: 1h30m
  - {default: true, to: [duty-desk]}
tests:
  - alert: {rule: envoy-arrives}
    at: "2026-03-12T23:30+01:00"
    expect: {duty-desk: now, risk-hook: now}
"""
GOOD = """\
recipients:
  - {id: desk, email: {to: [desk@example.org]}, timezone: UTC}
routes:
  - {default: true, to: [desk]}
"""


def read(text):
    routing, found = read_routes("rules/routes.yaml", text.encode() if isinstance(text, str) else text)
    return routing, [str(one).removeprefix("rules/routes.yaml:") for one in found]


def test_a_whole_file():
    routing, found = read(WHOLE)
    assert found == []
    duty, hook = routing.recipients
    assert duty == Recipient(
        recipient_id="duty-desk",
        timezone="Europe/Brussels",
        email=EmailTarget(("desk@example.org", "second@example.org")),
        quiet=(
            QuietSpan(22 * 60, 7 * 60),
            QuietSpan(weekday=5),
            QuietSpan(weekday=6),
            QuietSpan(18 * 60, 24 * 60, 4),
        ),
        bypass=Severity.HIGH,
        digest=(450, 1050),
        fallback="risk-hook",
    )
    assert hook.webhook == WebhookTarget("", "RISK_HOOK_URL", "RISK_HOOK_SECRET", "standard")
    assert hook.bypass is None
    first, second, third, last = routing.routes
    assert first == Route(
        to=("duty-desk", "risk-hook"),
        match=(Matcher("topic", "=", ("talks",)), Matcher("severity", ">=", ("high",))),
        where="rules/routes.yaml:15",
    )
    assert second.delivery == "digest"
    assert second.match[0] == Matcher("owner", "=", ("east-desk", "west-desk"))
    assert third.match == (
        Matcher("country", "=", ("UA", "NO")),
        Matcher("tier", "=", ("official",)),
        Matcher("severity", "=", ("low", "high", "critical")),
    )
    assert third.timing == Timing(timedelta(0), timedelta(minutes=90))
    assert last.default
    assert len(routing.tests) == 1


def test_a_file_without_the_optional_keys_has_the_defaults():
    routing, found = read(GOOD)
    assert found == []
    (desk,) = routing.recipients
    # The default timing: critical alerts come through quiet hours; digests twice a day.
    assert (desk.bypass, desk.quiet, desk.digest) == (Severity.CRITICAL, (), (450, 1050))


def desk(**changes):
    """GOOD with other lines for the desk; a value of None removes the key."""
    keys = {"id": "desk", "email": "{to: [desk@example.org]}", "timezone": "UTC", **changes}
    inside = "\n".join(f"    {key}: {value}" for key, value in keys.items() if value is not None)
    return f"recipients:\n  -\n{inside}\nroutes:\n  - {{default: true, to: [desk]}}\n"


def routes(*lines):
    """GOOD with `lines` before its default route."""
    return GOOD.replace("routes:\n", "routes:\n" + "".join(f"  - {line}\n" for line in lines))


# file, one of the findings, in full
WRONG = [
    # Recipients.
    (
        desk(timezone=None),
        '3:5: error[missing-key]: a recipient needs the key "timezone"',
    ),
    (
        desk(timezone="Europe/Brusels"),
        (
            '5:15: error[unknown-timezone]: "Europe/Brusels" is not an IANA time zone'
            ' (did you mean "Europe/Brussels"?)'
        ),
    ),
    (
        desk(timezone="Brussels"),
        (
            '5:15: error[unknown-timezone]: "Brussels" is not an IANA time zone'
            ' (did you mean "Europe/Brussels"?)'
        ),
    ),
    (
        desk(timezone="New York"),
        (
            '5:15: error[unknown-timezone]: "New York" is not an IANA time zone'
            ' (did you mean "America/New_York"?)'
        ),
    ),
    (
        desk(email=None),
        (
            "3:5: error[no-channel]: a recipient needs a channel: email, webhook or apprise"
            " (email: {to: [desk@example.org]})"
        ),
    ),
    (
        desk(email="{to: [Desk <desk@example.org>]}"),
        (
            '4:18: error[bad-address]: "Desk <desk@example.org>" is not an e-mail address'
            " (write it as desk@example.org, without a name or brackets)"
        ),
    ),
    (desk(email="{to: []}"), "4:17: error[no-address]: an e-mail target needs at least one address"),
    (
        desk(webhook="{url: https://hook.example/x, url_env: HOOK}"),
        (
            "6:14: error[webhook-url]: a webhook needs either url, or url_env: "
            "the name of the variable that holds it"
        ),
    ),
    (
        desk(webhook="{url: hook.example}"),
        '6:20: error[bad-url]: "hook.example" is not an http or https address',
    ),
    (
        desk(webhook="{url_env: 'https://hook.example'}"),
        (
            "6:24: error[bad-variable]: expected the name of a variable or secret, not its value"
            " (such as RISK_HOOK_URL)"
        ),
    ),
    (
        desk(webhook="{url: https://hook.example/x, format: standrad}"),
        (
            '6:52: error[unknown-value]: format "standrad" is not one of standard, cloudevents, alertmanager,'
            " slack, discord, teams, mattermost, ntfy, pagerduty, telegram, matrix"
            ' (did you mean "standard"?)'
        ),
    ),
    (
        desk(webhook="{url_env: URL, format: ntfy}"),
        "6:14: error[webhook-to]: format ntfy needs either to or to_env: the topic (to_env: NTFY_TO)",
    ),
    (
        desk(webhook="{url_env: URL, format: telegram, to: '7', to_env: CHAT}"),
        "6:14: error[webhook-to]: format telegram needs either to or to_env: the id of the chat",
    ),
    (
        desk(webhook="{url_env: URL, format: slack, to: general}"),
        "6:44: error[webhook-to]: format slack has no to: the URL says where the message goes (delete it)",
    ),
    (
        desk(webhook="{url_env: URL, headers_env: {Host: NAME}}"),
        '6:43: error[bad-header]: "Host" is no header field that may be set here (such as X-Api-Key)',
    ),
    (
        desk(webhook="{url_env: URL, token_env: 'a secret'}"),
        "6:40: error[bad-variable]: expected the name of a variable or secret, not its value",
    ),
    (
        desk(apprise="{}"),
        '6:14: error[missing-key]: an Apprise target needs the key "url_env"',
    ),
    (
        desk(quiet='["22:00 to 07:00"]'),
        (
            '6:13: error[bad-quiet]: "22:00 to 07:00" is not a quiet time'
            ' (write "22:00-07:00", sat, or "fri 18:00-24:00")'
        ),
    ),
    (desk(quiet='["25:00-07:00"]'), '6:13: error[bad-quiet]: "25:00-07:00" is not a quiet time'),
    (desk(quiet='["07:00-07:00"]'), '6:13: error[bad-quiet]: "07:00-07:00" is not a quiet time'),
    (desk(quiet='["caturday 07:00-08:00"]'), '6:13: error[bad-quiet]: "caturday 07:00-08:00"'),
    (
        desk(quiet="[mon, tue, wed, thu, fri, sat, sun]"),
        '6:5: error[always-quiet]: recipient "desk" is quiet at all times and would hear nothing',
    ),
    (
        desk(quiet='["22:00-08:00"]'),
        (
            "6:5: warning[quiet-digest]: the digest at 07:30 always falls into quiet hours"
            " (it waits for another slot; move it)"
        ),
    ),
    (
        desk(digest="[07:30]"),
        '6:14: error[not-text]: expected text, got 07:30; put it in quotes ("07:30")',
    ),
    (desk(digest="[1050]"), '6:14: error[not-text]: expected text, got 1050; put it in quotes ("1050")'),
    (desk(digest='["half past seven"]'), '6:14: error[bad-time]: "half past seven" is not a time of day'),
    (desk(digest='["24:00"]'), '6:14: error[bad-time]: "24:00" is not a time of day'),
    (desk(digest="[]"), "6:13: error[no-digest]: a digest needs at least one time"),
    (
        desk(bypass="hihg"),
        (
            '6:13: error[unknown-value]: bypass "hihg" is not one of info, low, medium, high, critical, never'
            ' (did you mean "high"?)'
        ),
    ),
    (desk(id="Duty Desk"), '3:9: error[bad-id]: "Duty Desk" cannot be an id: use small letters, digits and'),
    (desk(emial="x"), '6:5: error[unknown-key]: unknown key "emial" (did you mean "email"?)'),
    (
        desk(fallback="dsek"),
        (
            '3:5: error[unknown-recipient]: fallback "dsek" of recipient "desk" is not a recipient'
            ' (did you mean "desk"?)'
        ),
    ),
    (
        desk(fallback="desk"),
        (
            "3:5: error[fallback-loop]: these fallbacks go in a circle: desk -> desk"
            " (let the last one have no fallback)"
        ),
    ),
    (
        GOOD.replace("routes:", "  - {id: desk, email: {to: [x@example.org]}, timezone: UTC}\nroutes:"),
        (
            '3:6: error[duplicate-recipient]: recipient "desk" is here twice (first in line 2)'
            " (give each its own id)"
        ),
    ),
    (
        GOOD.replace("routes:", "  - {id: boss, email: {to: [x@example.org]}, timezone: UTC}\nroutes:"),
        '3:5: warning[unused-recipient]: no route names recipient "boss" (it hears of nothing)',
    ),
    # Routes.
    (
        routes("{match: {topic: talks}, to: [dsek]}"),
        '4:34: error[unknown-recipient]: "dsek" is not a recipient (did you mean "desk"?)',
    ),
    (
        GOOD.replace("default: true", "match: {topic: talks}"),
        (
            "4:3: error[no-default-route]: no default route: alerts that no route takes would reach nobody"
            " (add {default: true, to: [...]})"
        ),
    ),
    (
        routes("{match: {topic: talks}, default: true, to: [desk]}"),
        "4:6: error[default-with-match]: a default route takes what no other route takes, so it has no match",
    ),
    (routes("{to: [desk]}"), "4:5: error[missing-key]: a route needs the key match"),
    (routes("{match: {}, to: [desk]}"), "4:13: error[empty-match]: an empty match would take every alert"),
    (routes("{match: {topic: talks}, to: []}"), "4:33: error[no-recipients]: a route needs at least one"),
    (
        routes("{match: {topic: []}, to: [desk]}"),
        (
            "4:21: error[unreachable-route]: topic is one of no values: this route can never apply"
            " (name a value, or remove the key)"
        ),
    ),
    (
        routes("{match: {severity: hihg}, to: [desk]}"),
        (
            '4:24: error[unknown-value]: severity "hihg" is not one of info, low, medium, high, critical'
            ' (did you mean "high"?)'
        ),
    ),
    (
        routes('{match: {severity: "> high"}, to: [desk]}'),
        (
            '4:24: error[unknown-value]: severity "> high" is not one of info, low, medium, high, critical'
            ' (only ">=" and "<=" compare)'
        ),
    ),
    (
        routes("{match: {tier: offical}, to: [desk]}"),
        (
            '4:20: error[unknown-value]: tier "offical" is not one of official, wire, national, state_media,'
            ' local, analysis, aggregator, social (did you mean "official"?)'
        ),
    ),
    (
        routes("{match: {country: Ukraine}, to: [desk]}"),
        '4:23: error[bad-country]: "Ukraine" is not a country code (two letters, ISO 3166-1: UA, RU, GB)',
    ),
    (
        routes("{match: {topic: 42}, to: [desk]}"),
        "4:21: error[not-text]: expected text, got 42; put it in quotes",
    ),
    (
        routes("{match: {topic: talks}, to: [desk], as: digset}"),
        '4:45: error[unknown-value]: as "digset" is not one of now, digest, log (did you mean "digest"?)',
    ),
    (
        routes("{match: {topic: talks}, to: [desk], group_wait: soon}"),
        "4:53: error[not-a-duration]: expected a duration such as",
    ),
    (
        routes("{match: {topic: talks}, to: [desk], older_than: 0s}"),
        "4:53: error[not-a-duration]: the duration has to be longer than zero",
    ),
    (
        routes("{match: {topic: talks}, to: [desk], max_per_hour: 0}"),
        "4:55: error[out-of-range]: expected at least 1 and at most 1000, got 0",
    ),
    (
        routes("{match: {topic: talks}, to: [desk], remind_times: often}"),
        "4:55: error[not-a-number]: expected a whole number",
    ),
    (
        routes("{match: {topic: talks}, to: [desk], at_once: [udpate]}"),
        '4:51: error[unknown-value]: reason "udpate" is not one of new, reopened, corroborated,',
    ),
    (
        routes("{match: {topic: talks}, to: [desk], as: digest, remind_every: 15m}"),
        "4:53: warning[idle-timing]: remind_every changes nothing here: as: digest sends nothing at once",
    ),
    (
        routes("{match: {topic: talks}, to: [desk], remind_every: 0s, remind_times: 2}"),
        "4:59: warning[idle-timing]: remind_times changes nothing here: remind_every: 0s switches",
    ),
    (
        routes("{match: {topic: talks}, to: [desk]}", "{match: {topic: talks}, to: [desk]}"),
        "5:5: warning[duplicate-route]: an earlier route has the same match and to",
    ),
    # Tests.
    (
        GOOD + "tests:\n  - {alert: {topic: x}, at: 2026-03-12, expect: {desk: now}}\n",
        "6:29: error[not-a-time]: expected a time with its offset",
    ),
    (
        GOOD + 'tests:\n  - {alert: {topic: x}, at: "2026-03-12T12:00Z", expect: {dsek: now}}\n',
        '6:59: error[unknown-recipient]: "dsek" is not a recipient (did you mean "desk"?)',
    ),
    (
        GOOD + 'tests:\n  - {alert: {topic: x}, at: "2026-03-12T12:00Z", expect: {desk: soon}}\n',
        '6:65: error[unknown-value]: expectation "soon" is not one of now, held, digest, log, none',
    ),
    # The file as a whole.
    ("", "1:1: error[no-recipients]: the file is empty: nobody would be told"),
    ("- a\n", "1:1: error[not-a-mapping]: expected a file of routes"),
    ("routes: []\n", '1:1: error[missing-key]: a file of routes needs the key "recipients"'),
    (
        GOOD + "recipient: []\n",
        '5:1: error[unknown-key]: unknown key "recipient" (did you mean "recipients"?)',
    ),
    ("a: [\n", "error[yaml-syntax]"),
]


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[message[:60] for _, message in WRONG])
def test_findings(text, message):
    _, found = read(text)
    assert any(message in one for one in found), found


def test_every_code_is_documented_and_every_documented_code_is_used():
    codes = {finding.code for text, _ in WRONG for finding in read_routes("r", text.encode())[1]}
    assert [code for code in codes if "routes" not in CODES[code].files.split()] == []
    of_routes_alone = {row.code for row in CODES.values() if row.files == "routes"}
    assert of_routes_alone - {"only-default"} <= codes  # which needs rules: see below


def test_two_fallbacks_in_a_circle_are_told_once():
    text = desk(fallback="boss").replace(
        "routes:", "  - {id: boss, email: {to: [b@example.org]}, timezone: UTC, fallback: desk}\nroutes:"
    )
    _, found = read(text)
    assert [one for one in found if "fallback-loop" in one] == [
        (
            "3:5: error[fallback-loop]: these fallbacks go in a circle: desk -> boss -> desk"
            " (let the last one have no fallback)"
        )
    ]


def test_a_recipient_with_errors_is_not_told_as_unknown_where_it_is_named():
    routing, found = read(desk(timezone="Nowhere"))
    assert [one.split("[")[1].split("]")[0] for one in found] == ["unknown-timezone"]
    assert routing.recipients == ()
    assert routing.routes == ()


def test_what_is_wrong_is_left_out_and_the_rest_works():
    routing, found = read(routes("{match: {topic: talks}, to: [dsek]}"))
    assert len(found) == 1
    assert [route.default for route in routing.routes] == [True]


def test_the_formats_are_those_of_the_channel():
    assert {row.name for row in formats.WEBHOOK_FORMATS} == set(WEBHOOK_FORMATS)


@given(st.binary(max_size=300))
def test_no_bytes_whatever_make_it_raise(data):
    read(data)


PIECES = (
    "22:00", "null", "[]", "{}", "- x", '"', "true", "4e9", "!!str", "&a", "*a", "\t",
    "{to: []}", ": ", "\u0000",
    '">="', "~", "sat", "{{", "}", "]", "desk",
)  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 12), st.sampled_from(PIECES)), max_size=4)
)
def test_no_edit_of_a_good_file_makes_it_raise(edits):
    text = WHOLE
    for place, length, piece in edits:
        text = text[:place] + piece + text[place + length :]
    routing, found = read_routes("r", text.encode())
    lines = text.splitlines() or [""]
    assert all(1 <= one.place.line <= len(lines) + 1 and one.place.column >= 1 for one in found)
    for route in routing.routes if routing else ():
        assert all(routing.recipient(name) for name in route.to)


# --- tests in the file, and rules that no route reaches ------------------------------------------

ENVOY = RuleInfo("envoy-arrives", "Envoy arrives", Severity.HIGH, topic="talks", owner="east-desk")
NIGHT_FILE = WHOLE.partition("tests:")[0].replace("bypass: high", "bypass: critical")


def run(*lines, rules=(ENVOY,)):
    routing, found = read(NIGHT_FILE + "tests:\n" + "".join(f"  - {line}\n" for line in lines))
    assert found == []
    return run_route_tests(routing, rules)


# test; whether it passes; what it got
ROUTE_TESTS = [
    ("{alert: {rule: envoy-arrives}, at: '2026-03-12T12:00Z', expect: {duty-desk: now}}", True, "now"),
    ("{alert: {rule: envoy-arrives}, at: '2026-03-12T23:00Z', expect: {duty-desk: held}}", True, "held"),
    ("{alert: {rule: envoy-arrives}, at: '2026-03-12T23:00Z', expect: {duty-desk: now}}", False, "held"),
    # What the test states goes before the rule's labels.
    (
        ("{alert: {rule: envoy-arrives, severity: critical}, at: '2026-03-12T23:00Z',"
        " expect: {duty-desk: now}}"),
        True, "now",
    ),
    (
        "{alert: {owner: west-desk, severity: low}, at: '2026-03-12T12:00Z', expect: {duty-desk: digest}}",
        True, "digest",
    ),
    (
        ("{alert: {tier: official, owner: east-desk, severity: info}, at: '2026-03-12T12:00Z',"
        " expect: {duty-desk: digest}}"),
        True, "digest",
    ),
    (
        "{alert: {topic: trade, severity: info}, at: '2026-03-12T12:00Z', expect: {duty-desk: log}}",
        True, "log",
    ),
    ("{alert: {topic: trade}, at: '2026-03-12T12:00Z', expect: {risk-hook: none}}", True, "none"),
    ("{alert: {topic: trade}, at: '2026-03-12T12:00Z', expect: {risk-hook: now}}", False, "none"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "passed", "got"), ROUTE_TESTS)
def test_route_tests(line, passed, got):
    (result,) = run(line)
    assert (result.passed, result.got) == (passed, got)
    assert result.reason
    assert result.where.startswith("rules/routes.yaml:")


def test_a_route_test_of_an_unknown_rule_fails_with_a_suggestion():
    (result,) = run("{alert: {rule: envoy-arives}, at: '2026-03-12T12:00Z', expect: {duty-desk: now}}")
    assert not result.passed
    assert result.reason == 'there is no rule "envoy-arives" (did you mean "envoy-arrives"?)'


def test_routes_that_no_rule_reaches_are_pointed_out():
    text = routes(
        "{match: {topic: talk}, to: [desk]}",
        "{match: {topic: talks, owner: west-desk}, to: [desk]}",
        "{match: {topic: talks, severity: '>=high'}, to: [desk]}",
    )
    routing, found = read(text)
    assert found == []
    west = RuleInfo("west", "West", Severity.LOW, topic="trade", owner="west-desk")
    shadow = RuleInfo("shadow", "Shadow", Severity.LOW, topic="nothing", shadow=True)
    said = [
        str(one).removeprefix("rules/routes.yaml:") for one in check_reach(routing, [ENVOY, west, shadow])
    ]
    assert said == [
        '4:1: warning[unreachable-route]: no rule has the topic "talk" (did you mean "talks"?)',
        "5:1: warning[unreachable-route]: no rule has all of these together, so this route never applies",
        '7:1: warning[only-default]: rule "west" reaches only the default route',
    ]
