"""The shipped templates, rendered from the files: complete, safe, documented, replaceable."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from monitor.alerts.view import (
    AlertView,
    BarView,
    MomentView,
    NotificationView,
    PassageView,
    RevisionView,
    SourceView,
    SpanView,
)
from monitor.channels import samples
from monitor.channels.digest import DigestView, ShortTopicView, StoryView, TopicView
from monitor.channels.filters import FILTERS
from monitor.channels.formats import EMAIL_KINDS, WEBHOOK_FORMATS
from monitor.channels.render import Renderer
from monitor.channels.sandbox import _PLAIN_FILTERS, Limits
from monitor.channels.template_files import load_templates
from monitor.errors import RenderError
from monitor.models import Severity
from monitor.rulebook import read_book

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
README = (TEMPLATES / "README.md").read_text("utf-8")
KINDS = [row.kind for row in EMAIL_KINDS]


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(load_templates(TEMPLATES))


class Page(HTMLParser):
    """The visible text and the elements of a page; complains about unbalanced tags."""

    VOID = frozenset({"meta", "br", "img", "link", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.stack: list[str] = []
        self.feed(html)
        self.close()
        assert not self.stack, f"not closed: {self.stack}"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] not in {"style", "title"}:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())


# --- what a message holds ------------------------------------------------------------------------


def test_the_samples_render_in_every_way(renderer):
    assert renderer.check(*samples.VIEWS) == ()


@pytest.mark.parametrize("part", ["text", "html"])
def test_an_alert_tells_everything(renderer, part):
    message = renderer.render_email(samples.CONFIRMED)
    shown = Page(message.html).text if part == "html" else " ".join(message.text.split())
    alert = samples.CORROBORATED
    expected = [
        "CRITICAL",
        "corroborated",
        alert.rule_title,
        alert.rule_description,
        alert.headline,
        samples.CONFIRMED.intro,
        alert.event.local,
        alert.first_seen.local,
        "Ukraine ceasefire",
        "ukraine-desk",
        "Steve Witkoff (us envoys)",
        alert.alert_id,
        alert.short_id,
        alert.rule_id,
        "travel, talks",
        alert.why,
        "Europe/Brussels",
        "3 independent",
        "repeats Meridian Wire",
        "One more independent source: Вестник столицы.",
        "Diplomatic Monitor 0.1.0",
        *(source.outlet for source in alert.sources),
        *(source.tier for source in alert.sources),
        *(source.title for source in alert.sources),
        "14:11",
        "seen 14:31",
    ]
    bare = shown.replace("\u2068", "").replace("\u2069", "")
    missing = [text for text in expected if text.lower() not in bare.lower()]
    assert missing == []
    links = message.text if part == "text" else message.html
    assert all(source.url in links for source in alert.sources)


def test_what_matched_is_marked(renderer):
    message = renderer.render_email(samples.CONFIRMED)
    assert "US envoy *Steve Witkoff* *arrives* in *Moscow* for ceasefire talks" in message.text
    assert "*Стив Уиткофф*" in message.text
    marked = re.findall(r'<span class="hit"[^>]*>([^<]*)</span>', message.html)
    assert {"Steve Witkoff", "Moscow", "Москву", "موسكو"} <= set(marked)


def test_unconfirmed_is_said_first(renderer):
    message = renderer.render_email(samples.NOTIFICATION)
    assert "[UNCONFIRMED]" in message.text.splitlines()[0]
    assert Page(message.html).text.startswith("UNCONFIRMED: Meridian Wire (wire agency)")
    assert "UNCONFIRMED" not in renderer.render_email(samples.CONFIRMED).text


def test_a_report_that_was_changed_since_is_struck_out_and_proves_nothing(renderer):
    message = renderer.render_email(samples.CORRECTED)
    (alert,) = samples.CORRECTED.alerts
    withdrawn = alert.sources[-1]
    struck = re.findall(r'line-through;"[^>]*>([^<]+)<', message.html)
    assert struck == [withdrawn.title]
    assert "now says: US envoy puts off" in message.text
    assert "changed since" in message.text
    why = message.text.partition("WHY IT MATCHED")[2].partition("WHAT CHANGED")[0]
    assert alert.sources[0].outlet in why
    assert withdrawn.outlet not in why
    nobody = replace(alert, sources=(withdrawn,), headline=withdrawn.title)
    html = renderer.render_email(replace(samples.CORRECTED, alerts=(nobody,))).html
    assert html.count("line-through") == 2, "the headline, too"


def test_the_first_message_marks_nothing_as_new(renderer):
    assert "[NEW]" not in renderer.render_email(samples.NOTIFICATION).text
    assert renderer.render_email(samples.CONFIRMED).text.count("[NEW]") == 3


def test_a_digest_tells_each_story_once_by_topic(renderer):
    message = renderer.render_email(samples.DIGEST)
    text = message.text
    assert (
        text.index("UKRAINE CEASEFIRE") < text.index("CRITICAL") < text.index("LOW") < text.index("SANCTIONS")
    )
    assert text.count(samples.CORROBORATED.headline) == 1
    assert "Also: Meetings at the Kremlin (medium), alert c02f7d1b" in text
    assert Page(message.html).text.count(samples.CORROBORATED.headline) == 2  # the preheader and the story


def busy_digest(count):
    """A digest of many stories, mostly of little weight, as weeks of real news have it."""
    severities = ("low", "low", "medium", "low", "medium", "low", "low", "high")
    report = samples.CORROBORATED.sources[0]
    alerts = tuple(
        replace(
            samples.CORROBORATED,
            alert_id=f"{n:032x}",
            short_id=f"{n:08x}",
            severity=severities[n % 8],
            topic=f"topic-{n % 5}",
            headline=f"Headline {n}",
            independent=1 + n % 3,
            sources=(replace(report, url=f"https://wire.example.org/{n}", title=f"Headline {n}"),),
        )
        for n in range(count)
    )
    bars = tuple(BarView(f"{hour:02}:00", hour, 5 * hour) for hour in range(8, 18))
    return replace(samples.DIGEST, alerts=alerts, volume=bars)


def test_a_long_digest_stays_short_and_says_how_to_see_the_rest(renderer):
    message = renderer.render_email(busy_digest(300))
    assert len(message.html.encode()) < 102_000, "Gmail shows no more"
    text = " ".join(message.text.split())
    said = re.search(r"(\d+) stories in full, (\d+) in a line, (\d+) counted", text)
    full, brief, more = map(int, said.groups())
    assert full + brief + more == 300
    assert full == 10
    assert brief <= 80
    counted = [int(number) for number in re.findall(r"(\d+) more: ", text)]
    assert sum(counted) == more
    assert text.count("monitor alerts list --message b4a7c912 --topic topic-") == 5
    assert Page(message.html).text.count("monitor alerts list --message b4a7c912") == 6
    assert all(f"Headline {n}" in text for n in range(7, 300, 8)), "what is of high severity is always named"


def test_an_alert_about_the_monitor_says_what_since_when_and_what_to_do(renderer):
    message = renderer.render_email(samples.SYSTEM)
    text = message.text
    assert text.startswith("MEDIUM, new, about the monitor itself: A feed cannot be read\n")
    assert "1. The Harbour Gazette cannot be read\n   since 14:05\n   https://gazette.example/rss has" in text
    assert "`monitor ack 5f0c2a91` stops further messages until it is over." in text
    alert = replace(samples.SYSTEM.alerts[0], reason="recovered")
    over = renderer.render_email(replace(samples.SYSTEM, alerts=(alert,), intro="It can be read again."))
    assert over.text.startswith("RECOVERED, about the monitor itself: A feed cannot be read\n")
    assert "monitor ack" not in over.text
    assert "Its reports may be missing" not in over.text


def test_a_short_digest_tells_all_in_full_and_draws_its_chart(renderer):
    message = renderer.render_email(busy_digest(9))
    assert "in a line" not in message.text
    assert all(f"Headline {n}" in message.text for n in range(9))
    assert "  17:00  ################################## 17\n" in message.text
    assert 'aria-label="Reports by time: 08:00 8, 09:00 9, ' in message.html
    assert "<img" not in message.html
    assert "<svg" not in message.html


@pytest.mark.parametrize("name", ["CATCH-UP", "SUMMARY", "SILENCE ended", "DIGEST 08:00"])
def test_a_message_of_several_alerts_says_what_it_is(renderer, name):
    message = renderer.render_email(replace(samples.DIGEST, subject=f"[{name}] 4 alerts: ceasefire"))
    word = name.upper().removesuffix(" 08:00")
    assert message.text.startswith(f"{word}, ")
    assert f">{word}</span>" in message.html


def test_right_to_left_text_keeps_to_itself(renderer):
    message = renderer.render_email(samples.CONFIRMED)
    assert "\u2068بريد الخليج\u2069 (national, AE)" in message.text
    arabic = [tag for tag, attributes in Page(message.html).elements if attributes.get("lang") == "ar"]
    directions = re.findall(r'<[^>]*lang="ar"[^>]*>', message.html)
    assert arabic
    assert all('dir="auto"' in element for element in directions)


def test_an_alert_without_sources_is_complete_too(renderer):
    bare = replace(
        samples.ALERT,
        sources=(),
        matched=(),
        flags=(),
        headline="Feed meridian-wire is silent since 09:00",
        topic="",
        owner="",
        tags=(),
        rule_description="",
        why="",
        entities=(),
        independent=0,
    )
    for kind in ("alert", "system", "digest"):
        view = replace(samples.NOTIFICATION, kind=kind, alerts=(bare,))
        message = renderer.render_email(view)
        assert "Feed meridian-wire is silent" in message.text
        assert "Feed meridian-wire is silent" in Page(message.html).text
        assert json.loads(renderer.render_webhook(view).body)["alerts"][0]["sources"] == []


def test_sources_that_have_no_room_are_counted(renderer):
    many = replace(samples.CORROBORATED, sources=samples.CORROBORATED.sources * 6, omitted=7)  # 24 listed
    message = renderer.render_email(replace(samples.CONFIRMED, alerts=(many,)))
    for part in (message.text, Page(message.html).text):
        assert "31 reports, 3 independent" in part
        assert "And 7 more reports." in part
    digest = renderer.render_email(replace(samples.DIGEST, alerts=(many,)))
    assert "31 reports, 3 independent" in digest.text
    assert "And 26 more reports." in digest.text
    assert "and 26 more" in Page(digest.html).text


def test_headers_let_mail_programs_sort(renderer):
    headers = dict(renderer.render_email(samples.CONFIRMED).headers)
    assert headers == {
        "X-Monitor-Kind": "alert",
        "X-Monitor-Severity": "critical",
        "Importance": "high",
        "X-Monitor-Alert": samples.ALERT.alert_id,
        "X-Monitor-Rule": "us-envoy-arrives-moscow",
        "X-Monitor-Reason": "corroborated",
        "X-Monitor-Topic": "ukraine-ceasefire",
        "X-Monitor-Tags": "travel, talks",
    }
    assert all(f"| `{name}` |" in README for name in headers)
    digest = renderer.render_email(samples.DIGEST)
    assert dict(digest.headers) == {"X-Monitor-Kind": "digest", "X-Monitor-Severity": "critical"}
    alone = renderer.render_email(samples.CONFIRMED)
    assert (digest.thread_id, alone.thread_id) == ("", samples.ALERT.alert_id)


# --- HTML that mail programs survive -------------------------------------------------------------


@pytest.mark.parametrize("view", samples.VIEWS, ids=lambda view: view.kind)
def test_html_is_whole_and_loads_nothing(renderer, view):
    html = renderer.render_email(view).html
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "prefers-color-scheme: dark" in html
    assert "max-width:600px" in html
    assert {tag for tag, _ in page.elements} <= {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "table",
        "tr",
        "td",
        "h1",
        "h2",
        "p",
        "b",
        "a",
        "span",
        "br",
    }
    assert not re.search(r"url\(|@import|src=|<script|javascript:", html)
    for tag, attributes in page.elements:
        if tag == "table":
            assert attributes.get("role") == "presentation"
        if tag in {"p", "h1", "h2"}:
            assert "margin" in str(attributes.get("style")), "Outlook has margins of its own"
        if tag == "a":
            assert str(attributes["href"]).startswith(("http://", "https://"))


HOSTILE = '<script>alert("x")</script> {{ message.version }} {% raw %} "quote" \\ & \u202eesrever'


def hostile_view() -> NotificationView:
    source = replace(
        samples.ALERT.sources[0],
        title=HOSTILE,
        summary=HOSTILE,
        outlet=HOSTILE,
        note=HOSTILE,
        language='"><b>',
        url="javascript:alert(1)",
        passages=(PassageView("title", (SpanView(HOSTILE, hit=True, entry=HOSTILE),)),),
    )
    alert = replace(
        samples.ALERT,
        headline=HOSTILE,
        rule_title=HOSTILE,
        matched=(HOSTILE,),
        sources=(source, source),
        why=HOSTILE,
        flags=(HOSTILE,),
        topic=HOSTILE,
        tags=(HOSTILE,),
        owner=HOSTILE,
    )
    return replace(
        samples.NOTIFICATION, alerts=(alert,), subject=HOSTILE + "\r\nBcc: spy@example.org", intro=HOSTILE
    )


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_feed_text_stays_text(renderer, kind):
    view = replace(hostile_view(), kind=kind)
    message = renderer.render_email(view)
    assert {tag for tag, _ in Page(message.html).elements}.isdisjoint({"script", "i"})
    assert "javascript:" not in message.html
    assert "\n" not in message.subject
    assert "\u202e" not in message.subject
    if kind != "test":
        assert "{{ message.version }}" in message.html
        assert "{{ message.version }}" in message.text
    body = json.loads(renderer.render_webhook(view).body)
    assert body["alerts"][0]["headline"] == HOSTILE


# For every piece of visible text: its contrast with the nearest background (WCAG 2.2, 1.4.3).
CONTRASTS = """() => {
  const channels = (color) => color.match(/[0-9.]+/g).map(Number);
  const light = (color) => {
    const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = channels(color).map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement, style = getComputedStyle(element);
    if (!node.data.trim() || !element.checkVisibility() || style.fontSize === "1px") continue;
    let behind = element;
    while (channels(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
    const [a, b] = [light(style.color), light(getComputedStyle(behind).backgroundColor)];
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.data.trim()]);
  }
  return found;
}"""


def long_words() -> NotificationView:
    word = "Pneumonoultramicroscopic" * 8
    source = replace(samples.ALERT.sources[0], title=word, summary=word, outlet=word, note=word)
    alert = replace(
        samples.ALERT,
        headline=word,
        rule_title=word,
        sources=(source, source),
        why=word,
        matched=(word,),
        owner=word,
    )
    return replace(samples.NOTIFICATION, alerts=(alert,), intro=word)


@pytest.mark.acceptance
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_is_readable_and_no_page_is_wider_than_a_phone(renderer, scheme):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed: how e-mails look is not checked")
    options = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    options += ["--disable-background-networking", "--disable-component-update"]
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=options) as browser,
    ):
        page = browser.new_page(color_scheme=scheme, viewport={"width": 390, "height": 800})
        requested: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        for view in (*samples.VIEWS, long_words()):
            for severity in Severity:
                alerts = tuple(replace(alert, severity=severity.value) for alert in view.alerts)
                page.set_content(renderer.render_email(replace(view, alerts=alerts)).html)
                assert page.evaluate("document.documentElement.scrollWidth") <= 390
                contrasts = page.evaluate(CONTRASTS)
                assert len(contrasts) > 5
                weak = [text for contrast, text in contrasts if contrast < 4.5]
                assert weak == [], f"{view.kind}, {severity}, {scheme}"
        assert requested == []


# --- webhook -------------------------------------------------------------------------------------


def test_the_standard_body_holds_every_fact(renderer):
    message = renderer.render_webhook(samples.CONFIRMED)
    body = json.loads(message.body)
    assert message.content_type == "application/json"
    assert body["schema"] == "diplomatic-monitor/notification/1"
    assert (body["type"], body["id"]) == ("alert", samples.CONFIRMED.notification_id)
    (alert,) = body["alerts"]
    assert (alert["severity"], alert["reason"], alert["revision"]) == ("critical", "corroborated", 3)
    assert alert["rule"]["id"] == "us-envoy-arrives-moscow"
    assert alert["tags"] == ["travel", "talks"]
    assert alert["entities"][1] == {"list": "us_envoys", "name": "Steve Witkoff"}
    assert [source["outlet"] for source in alert["sources"]][1:3] == ["Вестник столицы", "بريد الخليج"]
    assert alert["sources"][3]["published_at"] is None
    spans = alert["sources"][0]["evidence"][0]["spans"]
    assert "".join(span["text"] for span in spans) == samples.ALERT.headline
    assert {"text": "Steve Witkoff", "hit": True, "entry": "us_envoys: Steve Witkoff"} in spans
    assert len(json.loads(renderer.render_webhook(samples.DIGEST).body)["alerts"]) == 4
    assert json.loads(renderer.render_webhook(samples.TEST).body)["alerts"] == []


# Not repeated in the standard body: grouped or worded for people, or under another name.
RENAMED = {
    "message.kind": "type",
    "message.notification_id": "id",
    "message.created": "created_at",
    "message.recipient_id": "recipient",
    "message.product": "product",
    "message.version": "version",
    "alert.alert_id": "id",
    "alert.rule_id": "rule",
    "alert.rule_title": "rule",
    "alert.rule_description": "rule",
    "alert.event": "event_at",
    "alert.first_seen": "first_seen_at",
    "alert.independent": "independent_sources",
    "alert.omitted": "omitted_sources",
    "source.published": "published_at",
    "source.first_seen": "first_seen_at",
    "source.passages": "evidence",
}


def test_the_standard_body_names_every_variable():
    template = (TEMPLATES / "webhook/standard.json").read_text("utf-8")
    for prefix, view in (("message", NotificationView), ("alert", AlertView), ("source", SourceView)):
        for one in fields(view):
            assert f"{prefix}.{one.name}" in template, f"{prefix}.{one.name} is not in the body"
            assert f'"{RENAMED.get(f"{prefix}.{one.name}", one.name)}":' in template


# --- the user's own files ------------------------------------------------------------------------


def test_a_users_file_replaces_the_shipped_one(tmp_path):
    (tmp_path / "email").mkdir()
    (tmp_path / "email/alert.txt").write_text("\ufeffНаше: {{ alert.headline }}", "utf-8")
    renderer = Renderer(load_templates(tmp_path, TEMPLATES))
    message = renderer.render_email(samples.NOTIFICATION)
    assert message.text == f"Наше: {samples.ALERT.headline}\n"
    assert "<!DOCTYPE html>" in message.html


def test_a_directory_that_is_not_there_is_empty(tmp_path):
    assert load_templates(tmp_path / "nothing", TEMPLATES) == load_templates(TEMPLATES)


def test_a_missing_file_is_named_with_the_directories(tmp_path):
    renderer = Renderer(load_templates(tmp_path, tmp_path / "other"))
    with pytest.raises(RenderError) as caught:
        renderer.render_email(samples.NOTIFICATION)
    assert f"template email/alert.txt is missing (looked in {tmp_path}, {tmp_path / 'other'})" in str(
        caught.value
    )


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "x.html").write_bytes(b"caf\xe9")
    with pytest.raises(RenderError, match=r"x\.html: not UTF-8 text \(byte 3\); save the file as UTF-8"):
        load_templates(tmp_path)


def test_check_tells_every_problem_of_a_users_files(tmp_path):
    (tmp_path / "email").mkdir()
    (tmp_path / "email/alert.html").write_text("{{ alert.headlin }}", "utf-8")
    (tmp_path / "email/digest.txt").write_text("\n{% for %}", "utf-8")
    problems = Renderer(load_templates(tmp_path, TEMPLATES)).check(*samples.VIEWS)
    assert len(problems) == 2
    assert "email/alert.html, line 1" in problems[0]
    assert "email/digest.txt, line 2" in problems[1]


def test_output_is_capped(renderer):
    many = tuple(replace(samples.ALERT, alert_id=f"{n:032x}", sources=()) for n in range(400))
    small = Renderer(load_templates(TEMPLATES), Limits(output=20_000))
    shed = small.render_email(replace(samples.DIGEST, alerts=many))
    assert len(shed.html) <= 20_000
    assert re.search(r"\d+ further alerts of lower severity found no room here", " ".join(shed.text.split()))
    smallest = Renderer(load_templates(TEMPLATES), Limits(output=1_000))
    with pytest.raises(RenderError, match="the output grows past 1000 characters"):
        smallest.render_email(replace(samples.DIGEST, alerts=many))
    html = renderer.render_email(replace(samples.DIGEST, alerts=many)).html
    assert html.count("UNCONFIRMED") + html.count("unconfirmed") == 4 + 60


def test_a_kind_without_a_row_is_told_by_what_it_holds(renderer):
    for view, kind in ((samples.CONFIRMED, "alert"), (samples.DIGEST, "digest"), (samples.NOTICE, "notice")):
        other = renderer.render_email(replace(view, kind="catch-up"))
        assert other.html == renderer.render_email(replace(view, kind=kind)).html
        assert other.kind == "catch-up"


def test_an_unknown_format_lists_the_known_ones(renderer):
    with pytest.raises(RenderError, match="'carrier-pigeon'; known are standard"):
        renderer.render_webhook(samples.NOTIFICATION, "carrier-pigeon")


# --- documentation -------------------------------------------------------------------------------

VIEWS = (
    ("message", NotificationView),
    ("alert", AlertView),
    ("source", SourceView),
    ("passage", PassageView),
    ("span", SpanView),
    ("revision", RevisionView),
    ("moment", MomentView),
    ("digest", DigestView),
    ("short", ShortTopicView),
    ("bar", BarView),
    ("topic", TopicView),
    ("story", StoryView),
)


def test_every_variable_is_documented_and_no_other():
    documented = set(re.findall(r"^\| `([a-z]+\.[a-z_]+)` \|", README, re.MULTILINE))
    assert documented == {f"{name}.{one.name}" for name, view in VIEWS for one in fields(view)}


def test_every_filter_is_documented():
    table = set(re.findall(r"^\| `([a-z_]+)(?:\([^`]*\))?` \|", README, re.MULTILINE))
    assert set(FILTERS) <= table
    line = next(line for line in README.splitlines() if line.startswith("Jinja's own filters"))
    assert set(re.findall(r"`([a-z]+)`", line)) == {*_PLAIN_FILTERS, "join", "string"}


def test_the_tables_and_the_files_agree():
    files = {
        path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.*") if path.suffix != ".md"
    }
    shared = {name for name in files if "/_" in name}
    used = {name for row in EMAIL_KINDS for name in (row.html, row.text)} | {
        row.template for row in WEBHOOK_FORMATS
    }
    assert files - shared - used == set()
    assert used <= files
    assert all(f"`{name}`" in README for name in files)


def test_the_readmes_webhook_example_works():
    example = re.search(r"```json\n(.*?)```", README, re.DOTALL)[1]
    renderer = Renderer({"webhook/standard.json": example})
    body = json.loads(renderer.render_webhook(samples.NOTIFICATION).body)
    assert body == {
        "headline": samples.ALERT.headline,
        "revision": 1,
        "links": [samples.ALERT.sources[0].url],
        "owner": "ukraine-desk",
    }


def test_the_readmes_other_examples_work():
    lines = re.findall(r"```json\n(.*?)```", README, re.DOTALL)[1]
    body = json.loads(Renderer({"webhook/standard.json": lines}).render_webhook(samples.CONFIRMED).body)
    assert body["text"].splitlines()[0] == samples.ALERT.headline
    assert body["text"].splitlines()[-1] == f"Alert {samples.ALERT.short_id}"
    routes = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    book = read_book({"routes.yaml": routes.encode()})
    assert [str(one) for one in book.diagnostics if "routes.yaml" in str(one)] == []
    assert [r.webhook.format for r in book.routing.recipients] == ["slack", "ntfy", "matrix"]
    assert set(book.secret_names) == {
        "DESK_SLACK_URL", "PHONE_TOPIC", "ROOM_URL", "ROOM_TOKEN", "ROOM_KEY",
    }  # fmt: skip


def test_every_format_is_documented_with_what_it_needs():
    table = README.partition("## The other formats")[2]
    for row in WEBHOOK_FORMATS:
        line = next(line for line in table.splitlines() if line.startswith(f"| `{row.name}` |"))
        assert bool(row.to) == ("`to_env`" in line), row.name


def test_the_readme_tells_the_limits():
    limits = Limits()
    for number in (limits.template, limits.output, limits.steps, limits.value):
        assert f"{number:,}" in README
