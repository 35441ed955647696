"""Two whole rules with their lists, in three languages: they load, pass their own tests and fire."""

from __future__ import annotations

from datetime import UTC, datetime

from monitor.models import Item, Severity
from monitor.rules.engine import compile_tree
from monitor.rules.load import load_tree
from monitor.rules.testing import run_tests

LISTS = """
version: 1
lists:
  us_envoys:
    kind: person
    entries:
      - name: Steve Witkoff
        match: [Witkoff, Witkof]
        forms: {ru: [Уиткофф, Уиткоффа, Уиткоффу, Уиткоффом], uk: [Віткофф, Віткоффа], ar: [ويتكوف]}
        valid: {from: 2025-01-20}
  moscow:
    kind: place
    entries:
      - name: Moscow
        match: [Moscow]
        forms: {ru: [Москва, Москвы, Москве, Москву], uk: [Москва, Москви, Москві, Москву]}
        except: ["Moscow, Idaho"]
  kursk_places:
    kind: place
    entries:
      - name: Kursk region
        match: [Kursk]
        forms: {ru: [Курск, Курской, Курскую], uk: [Курськ, Курської]}
      - name: Sudzha
        match: [Sudzha]
        forms: {ru: [Суджа, Суджи, Судже, Суджу], uk: [Суджа, Суджі, Суджу]}
  arrive:
    kind: vocabulary
    en: [arrive, land, touch down, travel, visit, heads to]
    ru: [прибыть, прилететь, визит]
    uk: [прибути, візит]
  ceasefire:
    kind: vocabulary
    en: [ceasefire, cease fire, truce]
    ru: [перемирие, прекращение огня]
    uk: [перемир'я, припинення вогню]
  talks: {kind: vocabulary, en: [talks, negotiation], ru: [переговоры], uk: [переговори]}
  retake: {kind: vocabulary, en: [retake, recapture, liberate], ru: [освободить, освобождение]}
  claim: {kind: vocabulary, en: [claim, say, announce], ru: [заявить, сообщить]}
macros:
  us_envoy:
    any:
      - $us_envoys
      - near: [[envoy, emissary], [Trump, American, {text: US, case: exact}, {text: U.S., case: exact}]]
        within: 4
"""

RULES = """
version: 1
defaults: {owner: ukraine-desk, topic: ukraine-ceasefire}
rules:
  - id: us-envoy-arrives-moscow
    title: US envoy arrives in Moscow
    severity: high
    tags: [plover.consult.visit, cameo.042]
    when:
      all:
        - near: [$us_envoy, $arrive, $moscow]
          within: 15
        - any: [$ceasefire, $talks]
      none: ["last year", "a year ago"]
    must_match:
      - "Trump's special envoy Steve Witkoff arrived in Moscow on Thursday for talks on a 30-day ceasefire"
      - "Спецпосланник Трампа Уиткофф прилетел в Москву на переговоры о прекращении огня"
      - "Віткофф прибув до Москви на переговори про перемир’я"
    must_not_match:
      - "Witkoff arrives in Doha for Gaza ceasefire talks"
      - "Witkoff sells Moscow, Idaho property after talks with developers"
  - id: russia-claims-sudzha
    title: Russia claims to have retaken ground in Kursk
    severity: medium
    tags: [plover.coerce.seize, cameo.192, acled.government_regains_territory, claim.unverified]
    when:
      all:
        - near: [$retake, $kursk_places]
          within: sentence
        - any: [$claim]
    corroborate: {sources: 2, distinct: owner, within: 6h, not_tier: [state_media, aggregator]}
    except:
      - any: ["1943", "Battle of Kursk", anniversary]
        reason: history pieces
    must_match: ["Минобороны РФ заявило об освобождении Суджи в Курской области"]
    must_not_match: ["Ukraine says its forces still hold Sudzha"]
"""

TREE = load_tree({"lists/words.yaml": LISTS.encode(), "ukraine/rules.yaml": RULES.encode()})


def test_they_load_without_a_word():
    assert [str(one) for one in TREE.diagnostics] == []
    assert [rule.rule_id for rule in TREE.rules] == ["us-envoy-arrives-moscow", "russia-claims-sudzha"]


def test_they_pass_their_own_tests():
    results = run_tests(TREE)
    assert [str(one) for one in results if not one.passed] == []
    assert len(results) == 7


def test_a_hit_carries_its_evidence():
    title = "U.S. emissary lands in Moscow for truce talks"
    summary = "Steve Witkoff met officials."
    item = Item(
        item_id="i",
        feed_id="f",
        key="k",
        title=title,
        summary=summary,
        first_seen_at=datetime(2025, 3, 13, tzinfo=UTC),
    )
    engine = compile_tree(TREE)
    (match,) = engine.match(item)
    assert (match.rule_id, match.severity) == ("us-envoy-arrives-moscow", Severity.HIGH)
    assert match.rule_version == engine.versions["us-envoy-arrives-moscow"]
    assert [(one.text, one.entry) for one in match.evidence] == [
        ("U.S.", "U.S."),
        ("emissary", "emissary"),
        ("lands", "arrive: land"),
        ("Moscow", "moscow: Moscow"),
        ("truce", "ceasefire: truce"),
        ("talks", "talks: talks"),
    ]
    assert match.entities == (("moscow", "Moscow"),)


def test_history_is_excepted_and_explained():
    item = Item(item_id="i", feed_id="f", key="k", title="Museum claims troops liberated Kursk in 1943")
    engine = compile_tree(TREE)
    assert engine.match(item) == ()
    assert engine.why_not("russia-claims-sudzha", item) == 'excepted (history pieces): "1943"'
