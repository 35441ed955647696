"""Every webhook format: valid for its receiver, inside its limits, the same facts, nothing injected."""

from __future__ import annotations

import html
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from monitor.alerts.bundle import MOST_DECISIONS
from monitor.alerts.view import PassageView, RevisionView, SpanView
from monitor.alerts.webhook_target import WEBHOOK_FORMATS as READ_FORMATS
from monitor.channels import samples
from monitor.channels.filters import utf16
from monitor.channels.formats import WEBHOOK_FORMATS
from monitor.channels.limits import Limit, fit
from monitor.channels.render import Renderer
from monitor.channels.shedding import shedding
from monitor.channels.template_files import load_templates
from monitor.models import Reason, Severity
from tests.webhook_schemas import SCHEMAS

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"
GOLDEN = ROOT / "tests" / "golden" / "webhook"
RENDERER = Renderer(load_templates(TEMPLATES))
NAMES = [row.name for row in WEBHOOK_FORMATS]
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}


def render(view, name):
    """Return the body, valid and not cut by the net below the templates."""

    def uncut(smaller):
        message, cuts = RENDERER._webhook(smaller, name, whole=True)
        assert cuts == (), "the shipped template keeps inside the limits by itself"
        return message

    message = shedding(view, uncut)
    assert message == RENDERER.render_webhook(view, name)
    body = json.loads(message.body)
    VALIDATORS[name].validate(body)
    return body


def test_each_format_has_a_schema_a_reader_and_the_same_addressee():
    assert set(SCHEMAS) == set(NAMES) == set(READ_FORMATS)
    assert {row.name for row in WEBHOOK_FORMATS if row.to} == {n for n, to in READ_FORMATS.items() if to}
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("name", NAMES)
def test_golden_payloads(name):
    """What `UPDATE` looks like; after a wanted change: GOLDEN=write pytest ... and read the difference."""
    body = render(samples.CONFIRMED, name)
    path = GOLDEN / f"{name}.json"
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(body, ensure_ascii=False, indent=1) + "\n", "utf-8")
    assert body == json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("view", samples.VIEWS, ids=lambda view: view.kind)
def test_every_kind_is_valid(name, view):
    render(view, name)


@pytest.mark.parametrize("name", NAMES)
def test_every_reason_and_severity_is_valid(name):
    for reason in Reason:
        for severity in Severity:
            alert = replace(samples.CORROBORATED, reason=reason.value, severity=severity.value)
            body = json.dumps(render(replace(samples.CONFIRMED, alerts=(alert,)), name))
            assert reason.value in body
            assert severity.value in body.lower()


def test_a_closed_alert_resolves():
    closed = replace(samples.CONFIRMED, alerts=(replace(samples.CORROBORATED, reason="closed"),))
    assert render(closed, "pagerduty")["event_action"] == "resolve"
    assert render(closed, "pagerduty")["dedup_key"] == render(samples.CONFIRMED, "pagerduty")["dedup_key"]
    assert render(closed, "alertmanager")["status"] == "resolved"
    assert render(closed, "alertmanager")["alerts"][0]["endsAt"] == closed.created.iso


# --- the same facts ------------------------------------------------------------------------------


def texts(value) -> list[str]:
    if isinstance(value, dict):
        return [text for member in value.values() for text in texts(member)]
    if isinstance(value, list):
        return [text for member in value for text in texts(member)]
    return [value] if isinstance(value, str) else [str(value)] if isinstance(value, int) else []


def shown(body) -> str:
    """All that a person could read, without the marks of the receiver's language."""
    text = "\n".join(texts(body)).replace("\u200b", "")
    text = re.sub(r"<a href=\"([^\"]*)\">", r"\1 ", text)
    text = re.sub(r"\\([^a-zA-Z0-9\s])", r"\1", html.unescape(re.sub(r"</?(?:b|i|a)>|<br>", " ", text)))
    return " ".join(text.split()).lower()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("view", [samples.NOTIFICATION, samples.CONFIRMED], ids=["new", "update"])
def test_the_same_alert_tells_the_same_facts(name, view):
    (alert,) = view.alerts
    text = shown(render(view, name))
    lead = alert.sources[0]
    machine = name in {"standard", "cloudevents"}
    facts = [
        alert.severity,
        alert.reason,
        alert.rule_title,
        alert.headline,
        *alert.flags,
        view.intro,
        lead.outlet,
        lead.tier,
        lead.summary,
        lead.url,
        alert.event.iso if machine else alert.event.local,
        alert.first_seen.iso if machine else alert.first_seen.local,
        alert.topic if machine or name in {"alertmanager", "pagerduty"} else "Ukraine ceasefire",
        alert.owner,
        *alert.tags,
        alert.short_id,
        alert.rule_id,
        "us_envoys" if machine else "Steve Witkoff (us envoys)",
        *(source.outlet for source in alert.sources),
        *(source.title for source in alert.sources),
        *(source.url for source in alert.sources),
    ]
    if alert.independent > 1:
        facts += [f"{alert.independent}", *(step.note for step in alert.revisions)]
    # PagerDuty's events and Alertmanager's annotations have the summary where the service has a place.
    missing = [fact for fact in facts if " ".join(fact.split()).lower() not in text]
    assert missing == ([lead.summary] if name == "pagerduty" else [])


@pytest.mark.parametrize("name", NAMES)
def test_a_digest_tells_every_headline(name):
    text = shown(render(samples.DIGEST, name))
    assert all(alert.headline.lower() in text for alert in samples.DIGEST.alerts)
    assert samples.DIGEST.intro.lower() in text


@pytest.mark.parametrize("name", NAMES)
def test_a_notice_tells_every_finding(name):
    text = shown(render(samples.NOTICE, name))
    assert all(line.lower() in text for line in samples.NOTICE.lines)


# --- limits --------------------------------------------------------------------------------------

WIDE = ("\U0001f6f0", "<&>*_`~[]()|\\@", "Pneumonoultramicroscopic ")


def big_view(piece: str, *, sources: int, alerts: int, kind: str = "alert"):
    def words(length: int) -> str:
        return (piece * (length // len(piece) + 1))[:length]

    source = replace(
        samples.ALERT.sources[0],
        outlet=words(120),
        title=words(300),
        summary=words(300),
        note=words(100),
        url="https://wire.example.org/" + "a/(b)|" * 300,
        is_new=True,
        passages=(PassageView("title", (SpanView(words(300), hit=True, entry=words(100)),)),) * 3,
    )
    alert = replace(
        samples.CORROBORATED,
        rule_title=words(200),
        headline=words(300),
        topic=words(100),
        owner=words(100),
        tags=(words(50),) * 20,
        flags=("UNCONFIRMED", "corrected"),
        sources=(source,) * sources,
        omitted=7,
        matched=(words(100),) * 50,
        revisions=(RevisionView(2, "update", words(400), samples.ALERT.event),) * 12,
        why=words(400),
    )
    return replace(
        samples.CONFIRMED,
        kind=kind,
        subject=words(150),
        alerts=(alert,) * alerts,
        intro=words(1500),
        lines=(words(500),) * 60 if kind == "notice" else (),
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("piece", WIDE, ids=["emoji", "marks", "words"])
def test_the_largest_message_fits(name, piece):
    render(big_view(piece, sources=200, alerts=1), name)
    # The largest digest takes seconds to fill: once is enough.
    alerts = MOST_DECISIONS if piece == WIDE[-1] else 12
    render(big_view(piece, sources=10, alerts=alerts, kind="digest"), name)
    render(big_view(piece, sources=1, alerts=0, kind="notice"), name)


@pytest.mark.parametrize("name", ["slack", "discord", "mattermost", "ntfy", "telegram", "matrix"])
def test_what_has_no_room_is_said_with_a_link_to_the_news(name):
    view = big_view("long ", sources=200, alerts=1)
    body = render(view, name)
    assert "more" in shown(body)
    assert "https://wire.example.org/" in json.dumps(body)


def test_a_cloudevent_has_at_most_64_kb_and_counts_what_it_leaves_out():
    """Intermediaries may refuse more. The headline, the link and every alert that has room stay whole."""
    body = render(view := big_view("long ", sources=200, alerts=1), "cloudevents")
    assert size(body) <= 65_536
    (alert,) = body["data"]["alerts"]
    assert alert["url"] == view.alerts[0].sources[0].url
    assert alert["headline"] == view.alerts[0].headline
    assert len(alert["sources"]) + alert["omitted_sources"] == 207
    body = render(view := big_view("long ", sources=2, alerts=60, kind="digest"), "cloudevents")
    assert size(body) <= 65_536
    told = len(body["data"]["alerts"])
    assert 1 <= told < 60
    assert f"{60 - told} further alerts" in body["data"]["intro"]
    assert all(one["url"] and one["headline"] == view.alerts[0].headline for one in body["data"]["alerts"])


def size(body):
    return len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def test_an_ordinary_digest_as_a_cloudevent_tells_every_alert():
    ordinary = replace(samples.DIGEST, alerts=samples.DIGEST.alerts[:2] * 20)
    body = render(ordinary, "cloudevents")
    assert len(body["data"]["alerts"]) == 40
    assert size(body) <= 65_536


def test_a_users_template_over_the_limit_of_a_program_is_sent_all_the_same(tmp_path):
    (tmp_path / "webhook").mkdir()
    own = {"specversion": "1.0", "id": "1", "source": "/x", "type": "x", "data": {"text": "word " * 20_000}}
    (tmp_path / "webhook/cloudevents.json").write_text(json.dumps(own), "utf-8")
    body = json.loads(
        Renderer(load_templates(tmp_path, TEMPLATES)).render_webhook(samples.CONFIRMED, "cloudevents").body
    )
    assert size(body) <= 65_536
    assert body["data"]["text"].endswith("\u2026")


def test_a_users_template_over_the_limit_is_cut_and_told(tmp_path):
    (tmp_path / "webhook").mkdir()
    (tmp_path / "webhook/telegram.json").write_text(
        json.dumps({"text": "{{ alert.headline if alert else '' }} " + "line\n" * 2000}), "utf-8"
    )
    renderer = Renderer(load_templates(tmp_path, TEMPLATES))
    text = json.loads(renderer.render_webhook(samples.NOTIFICATION, "telegram").body)["text"]
    assert utf16(text) <= 4096
    assert text.startswith(samples.ALERT.headline)
    assert text.endswith("line\u2026")
    (problem,) = renderer.check(samples.NOTIFICATION)
    assert problem.startswith("template webhook/telegram.json: text has 100")
    assert "4096 are taken; print less" in problem


json_values = st.recursive(
    st.text(max_size=60) | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner, max_size=6),
    max_leaves=40,
)


@given(json_values, st.integers(200, 2000))
@settings(max_examples=60, deadline=None)
def test_fitting_keeps_what_fits_and_always_ends(document, most):
    size = len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
    made, cuts = fit(document, (Limit("", most, "bytes"),))
    if size <= most:
        assert (made, cuts) == (document, ())
    else:
        assert cuts


# --- injection -----------------------------------------------------------------------------------

ATTACKS = (
    "<!channel> <@U0000001> <https://evil.example|bank.example>",
    "@everyone @here @channel @all @room",
    "[bank](https://evil.example) ![x](https://evil.example/x.png)",
    "**bold** `code` ~~gone~~ > quote # head | table",
    '"},"text":"owned","x":{"y":"',
    '<a href="https://evil.example">bank</a><img src=x onerror=alert(1)>',
    "</b><script>alert(1)</script>",
    "{{ message.version }} {% for %} {$value}",
    "line\r\nX-Injected: yes\r\n\r\nbody",
    "\u202egnp.exe \u2066hidden\u2069 \x1b[31mred\x00",
)


def attacked(attack: str):
    source = replace(
        samples.ALERT.sources[0], outlet=attack, title=attack, summary=attack, note=attack, tier=attack,
        country=attack, url="javascript:alert(1)",
    )  # fmt: skip
    linked = replace(source, url="https://evil.example/a)b|c>d<e%22")
    alert = replace(
        samples.CORROBORATED, headline=attack, rule_title=attack, topic=attack, owner=attack, tags=(attack,),
        flags=(attack,), sources=(source, linked), matched=(attack,), why=attack,
        revisions=(RevisionView(2, "update", attack, samples.ALERT.event),),
    )  # fmt: skip
    return replace(samples.CONFIRMED, subject=attack, intro=attack, alerts=(alert,))


UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, str(dict(attributes).get("href") or "")))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("attack", ATTACKS)
def test_feed_text_is_text_and_nothing_else(name, attack):
    view = attacked(attack)
    body = render(view, name)
    plain = render(samples.CONFIRMED, name)
    assert set(body) <= set(plain) | {"url", "title_link"}, "no member was added"
    assert "owned" not in body.values()
    whole = json.dumps(body)
    if name not in {"standard", "cloudevents"}:  # where the receiver is a program, the link is data
        assert "javascript:" not in whole
    several = render(replace(samples.DIGEST, alerts=view.alerts * 2), name)
    for document in (body, several):
        harmless(name, document)


def harmless(name, body):
    """Assert that nothing in `body` calls somebody, hides where a link goes, or is markup of the feed's."""
    words = texts(body)
    if name == "slack":
        assert all(block["text"].get("verbatim", True) for block in body["blocks"] if "text" in block)
        markup = [text for text in marked(body) if "<" in text] + [body["text"]]
        for inside in (inside for text in markup for inside in re.findall(r"<([^>]*)>", text)):
            assert inside.startswith("https://evil.example/a%29b%7Cc%3Ed%3Ce"), inside
    if name == "discord":
        assert body["allowed_mentions"] == {"parse": []}
    if name in {"discord", "mattermost", "telegram", "matrix"}:
        assert not [text for text in words if re.search(r"@[A-Za-z]", text)], "a mention"
    if name in {"discord", "mattermost"}:
        (box,) = body.get("embeds") or body["attachments"]
        read = [box["title"], box.get("description") or box["text"], *texts(box.get("fields", []))]
        links = [link for text in read for link in re.findall(r"(?<!\\)\]\(([^)]*)\)", text)]
        assert all(link.startswith("https://evil.example/a%29b") for link in links), links
    if name in {"telegram", "matrix"}:
        tags = Tags(body.get("formatted_body") or body["text"]).found
        assert {tag for tag, _ in tags} <= {"b", "i", "a", "br", "code"}
        assert [tag for tag, _ in tags].count("code") in {0, 2}, "the two commands, and nothing of the feed's"
        assert all(href.startswith("https://evil.example/a)b") for tag, href in tags if tag == "a")
    if name == "matrix":
        assert body["m.mentions"] == {}
    if name == "teams":
        assert '"TextBlock"' not in json.dumps(body), "RichTextBlock knows no Markdown"
    if name not in {"standard", "cloudevents", "alertmanager", "pagerduty"}:
        assert not [text for text in words if UNSEEN.search(text)]


def marked(body) -> list[str]:
    """The texts of a Slack message that are read as mrkdwn."""
    if isinstance(body, dict):
        own = [body["text"]] if body.get("type") == "mrkdwn" else []
        return own + [text for member in body.values() for text in marked(member)]
    return [text for member in body for text in marked(member)] if isinstance(body, list) else []


def test_jsonschema_is_the_real_one():
    with pytest.raises(jsonschema.ValidationError):
        Draft202012Validator(SCHEMAS["slack"]).validate({"text": "x", "blocks": []})
