"""Each point of the exact meaning in English, Russian, Ukrainian, French, Arabic and Chinese.

`test_rules_meaning.py` holds what is particular to one of them; here every point stands in every language
side by side, so that a language that is forgotten shows as a gap in a table.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from monitor.models import Item
from monitor.rules.engine import compile_tree
from monitor.rules.load import load_tree
from monitor.text.clean import visible_text

LISTS = """
lists:
  ministers:
    kind: person
    entries:
      - name: Sergey Lavrov
        match: [Lavrov]
        forms:
          ru: [Лавров, Лаврова, Лаврову, Лавровым, Лаврове]
          uk: [Лавров, Лаврова, Лаврову]
          fr: [Lavrov]
          ar: [لافروف]
          zh: [拉夫罗夫]
        valid: {from: 2004-03-09}
  capitals:
    kind: place
    entries:
      - name: Geneva
        match: [Geneva]
        forms:
          ru: [Женева, Женевы, Женеве, Женеву]
          uk: [Женева, Женеві, Женеву]
          fr: [Genève]
          ar: [جنيف]
          zh: [日内瓦]
        except: [Geneva Convention, Женевская конвенция, Женевська конвенція, Convention de Genève, اتفاقية جنيف, 日内瓦公约]
  arrive:
    kind: vocabulary
    en: [arrive]
    ru: [прибыть]
    uk: [прибути]
    fr: [arriver]
    ar: [وصل]
    zh: [抵达]
"""  # noqa: E501 - one entry in six languages

MINISTER = "{any: [$ministers]}"
CAPITAL = "{any: [$capitals]}"
ARRIVE = "{any: [$arrive]}"
SENTENCE = "{near: [$ministers, $capitals]}"
WITHIN_2 = "{near: [$ministers, $capitals], within: 2}"
ORDERED = "{near: [$ministers, $capitals], within: 9, ordered: true}"
WEAPON = r"{regex: '\p{Lu}\p{Ll}+-\p{Nd}+|\p{Han}\p{Nd}+号|صاروخ \p{L}+-\p{Nd}+'}"
EXCLUDED = "{all: [$ministers], none: [$capitals]}"


def fires(when: str, html: str, *, day: date = date(2025, 3, 13), **fields: str) -> bool:
    source = f"{LISTS}\nrules:\n  - {{id: one, title: One, severity: low, status: shadow, when: {when}}}\n"
    tree = load_tree({"x.yaml": source.encode()})
    assert not tree.errors
    moment = datetime.combine(day, datetime.min.time(), UTC)
    texts = {name: visible_text(text) for name, text in {"title": html, **fields}.items()}
    return bool(compile_tree(tree).match(Item("i", "f", "k", **texts, first_seen_at=moment)))


# language: what fires, what does not
POINTS = {
    "1 visible text": (MINISTER, {
        "en": ("<b>Lav</b>rov", '<img alt="Lavrov">'),
        "ru": ("<p>Лавров&nbsp;сказал", "<script>Лавров</script>"),
        "uk": ("<i>Лавров</i>", "<style>Лавров</style>"),
        "fr": ("Lavrov&#8217;s", "<!-- Lavrov -->"),
        "ar": ("<p>لافروف</p>", '<a title="لافروف">'),
        "zh": ("<b>拉夫</b>罗夫", '<img alt="拉夫罗夫">'),
    }),
    "2 tokens: whole words": (MINISTER, {
        "en": ("Lavrov's plane", "Lavrovian"),
        "ru": ("экс-Лавров", "Лавровский"),
        "uk": ("«Лавров»", "Лавровський"),
        "fr": ("l’avis de Lavrov", "Lavrovien"),
        "ar": ("لافروف،", "لافروفي"),
        "zh": ("俄外长拉夫罗夫说", "拉夫罗娃"),
    }),
    "3 segments end a sentence": (SENTENCE, {
        "en": ("Lavrov in Geneva", "Lavrov speaks; Geneva floods"),
        "ru": ("Лавров в Женеве", "Лавров сказал | Женева ждёт"),
        "uk": ("Лавров у Женеві", "Лавров каже • Женева чекає"),
        "fr": ("Lavrov à Genève", "Lavrov parle; Genève attend"),
        "ar": ("لافروف في جنيف", "لافروف يتحدث | جنيف تنتظر"),
        "zh": ("拉夫罗夫在日内瓦", "拉夫罗夫讲话。日内瓦等待"),
    }),
    "4 folding": (CAPITAL, {
        "en": ("GENEVA", "Genoa"),
        "ru": ("ЖЕНЕВА", "Женевой"),  # a form that is not listed
        "uk": ("ЖЕНЕВІ", "Женевй"),
        "fr": ("GENEVE", "genevois"),
        "ar": ("جِنيف", "جنيه"),
        "zh": ("日内瓦", "日内"),
    }),
    "5 inflection of vocabulary": (ARRIVE, {
        "en": ("He arrived", "He is arrogant"),
        "ru": ("Он прибыл", "Он убыл"),
        "uk": ("Він прибув", "Він убув"),
        "fr": ("Elle est arrivée", "Elle est partie"),
        "ar": ("وصل الوزير", "غادر الوزير"),
        "zh": ("已抵达", "已到"),
    }),
    "5 names by listed forms": (MINISTER, {
        "en": ("Lavrov", "Lavrovs"),
        "ru": ("с Лавровым", "Лавровыми"),
        "uk": ("зустріч Лаврова", "Лавровими"),
        "fr": ("Lavrov", "Lavrova"),
        "ar": ("ولافروف", "لافروفا"),  # a preposition is written together
        "zh": ("拉夫罗夫", "拉夫"),
    }),
    "6 near: words between": (WITHIN_2, {
        "en": ("Lavrov arrives in Geneva", "Lavrov will soon arrive in Geneva"),
        "ru": ("Лавров прибыл в Женеву", "Лавров уже вчера прибыл в Женеву"),
        "uk": ("Лавров прибув у Женеву", "Лавров уже вчора прибув у Женеву"),
        "fr": ("Lavrov arrive à Genève", "Lavrov est déjà arrivé à Genève"),
        "ar": ("لافروف وصل إلى جنيف", "لافروف وصل أمس صباحا إلى جنيف"),
        "zh": ("拉夫罗夫抵达日内瓦", "拉夫罗夫昨天抵达日内瓦"),  # characters are counted
    }),
    "6 near: ordered": (ORDERED, {
        "en": ("Lavrov in Geneva", "Geneva welcomes Lavrov"),
        "ru": ("Лавров в Женеве", "Женева ждёт Лаврова"),
        "uk": ("Лавров у Женеві", "Женева чекає Лаврова"),
        "fr": ("Lavrov à Genève", "Genève attend Lavrov"),
        "ar": ("لافروف في جنيف", "جنيف تنتظر لافروف"),
        "zh": ("拉夫罗夫在日内瓦", "日内瓦等拉夫罗夫"),
    }),
    "7 exceptions mask occurrences": (CAPITAL, {
        "en": ("Geneva, on the Geneva Convention", "The Geneva Convention"),
        "ru": ("Женева", "Женевская конвенция"),
        "uk": ("Женева", "Женевська конвенція"),
        "fr": ("Genève", "la Convention de Genève"),
        "ar": ("جنيف", "اتفاقية جنيف"),
        "zh": ("日内瓦谈日内瓦公约", "日内瓦公约"),
    }),
    "7 none covers the item": (EXCLUDED, {
        "en": ("Lavrov speaks", "Lavrov in Geneva"),
        "ru": ("Лавров говорит", "Лавров в Женеве"),
        "uk": ("Лавров каже", "Лавров у Женеві"),
        "fr": ("Lavrov parle", "Lavrov à Genève"),
        "ar": ("لافروف يتحدث", "لافروف في جنيف"),
        "zh": ("拉夫罗夫讲话", "拉夫罗夫在日内瓦"),
    }),
    "8 regular expressions know all letters": (WEAPON, {
        "en": ("An Oreshnik-2 was seen", "An oreshnik was seen"),
        "ru": ("Искандер-2 на границе", "искандер на границе"),
        "uk": ("Нептун-2 на кордоні", "нептун на кордоні"),
        "fr": ("Écoute-4", "écoute"),
        "ar": ("صاروخ فاتح-٢", "صاروخ فاتح"),
        "zh": ("东风5号", "东风"),
    }),
}  # fmt: skip
ROWS = [
    (point, language, when, text, fired)
    for point, (when, languages) in POINTS.items()
    for language, texts in languages.items()
    for text, fired in zip(texts, (True, False), strict=True)
]


@pytest.mark.parametrize(("point", "language", "when", "text", "fired"), ROWS)
def test_each_point_in_each_language(point, language, when, text, fired):
    assert fires(when, text) is fired, (point, language)


def test_no_language_is_forgotten():
    assert all(set(languages) == {"en", "ru", "uk", "fr", "ar", "zh"} for _, languages in POINTS.values())


@pytest.mark.parametrize(
    ("title", "summary"),
    [("Lavrov", "Geneva"), ("Лавров", "Женева"), ("لافروف", "جنيف"), ("拉夫罗夫", "日内瓦")],
)
def test_1_fields_are_never_joined(title, summary):
    assert not fires("{near: [$ministers, $capitals], within: paragraph}", title, summary=summary)
    assert fires("{all: [$ministers, $capitals]}", title, summary=summary)


@pytest.mark.parametrize("name", ["Lavrov", "Лаврову", "لافروف", "拉夫罗夫"])
def test_11_terms_of_office_hold_in_every_script(name):
    assert fires(MINISTER, name)
    assert not fires(MINISTER, name, day=date(2003, 1, 1))
