"""The same development in five languages fires the same rule: a desk must not depend on one language."""

from __future__ import annotations

import pytest

from tests.shipped import fired

# Rule: one development as English, Russian, Ukrainian, French and Arabic outlets put it.
TWINS = {
    "sanctions-imposed": (
        "EU imposes new sanctions on Belarus",
        "ЕС ввел новые санкции против Беларуси",
        "ЄС запровадив нові санкції проти Білорусі",
        "L'Union européenne adopte de nouvelles sanctions contre la Biélorussie",
        "الاتحاد الأوروبي يفرض عقوبات جديدة على بيلاروسيا",
    ),
    "prisoner-exchange": (
        "Russia and Ukraine carry out new prisoner exchange",
        "Россия и Украина провели новый обмен пленными",
        "Росія та Україна провели новий обмін полоненими",
        "Nouvel échange de prisonniers entre la Russie et l'Ukraine",
        "روسيا وأوكرانيا تجريان عملية تبادل أسرى جديدة",
    ),
    "formal-protest": (
        "Sweden summons Iranian ambassador",
        "Швеция вызвала посла Ирана",
        "Швеція викликала посла Ірану",
        "La Suède convoque l'ambassadeur d'Iran",
        "السويد تستدعي السفير الإيراني",
    ),
    "diplomats-expelled": (
        "Poland expels three Russian diplomats",
        "Польша высылает трех российских дипломатов",
        "Польща висилає трьох російських дипломатів",
        "La Pologne expulse trois diplomates russes",
        "بولندا تطرد ثلاثة دبلوماسيين روس",
    ),
    "arms-and-military-aid": (
        "Germany announces new military aid for Ukraine",
        "Германия объявила о новой военной помощи Украине: военная помощь на миллиард",
        "Німеччина оголосила про нову військову допомогу Україні",
        "L'Allemagne annonce une nouvelle aide militaire à l'Ukraine",
        "ألمانيا تعلن مساعدات عسكرية جديدة لأوكرانيا",
    ),
    "ceasefire-response": (
        "Hamas rejects Israel's truce proposal",
        "ХАМАС отверг предложение Израиля о перемирии",
        "ХАМАС відкинув пропозицію Ізраїлю про перемир'я",
        "Le Hamas rejette la proposition de trêve d'Israël",
        "حماس ترفض مقترح الهدنة الإسرائيلي",
    ),
    "side-condemned": (
        "Turkey condemns Israel over strikes",
        "Турция осудила Израиль за удары",
        "Туреччина засудила Ізраїль за удари",
        "La Turquie condamne Israël après les frappes",
        "تركيا تدين إسرائيل بعد الغارات",
    ),
    "mediation": (
        "Turkey offers mediation between Russia and Ukraine",
        "Турция предложила посредничество между Россией и Украиной",
        "Туреччина запропонувала посередництво між Росією та Україною",
        "La Turquie propose sa médiation entre la Russie et l'Ukraine",
        "تركيا تعرض الوساطة بين روسيا وأوكرانيا",
    ),
    "un-vote": (
        "Security Council adopts resolution on Sudan",
        "Совбез ООН принял резолюцию по Судану",
        "Радбез ООН ухвалив резолюцію щодо Судану",
        "Le Conseil de sécurité adopte une résolution sur le Soudan",
        "مجلس الأمن يعتمد قرارا بشأن السودان",
    ),
}


@pytest.mark.parametrize("rule_id", sorted(TWINS))
def test_twins_fire_the_same_rule(rule_id: str) -> None:
    """Whatever the language, it is one development."""
    missed = [title for title in TWINS[rule_id] if rule_id not in fired(title)]
    assert missed == []
