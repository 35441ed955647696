"""An item's language: the feed's tag, else a sure guess, else "und"."""

from __future__ import annotations

import pytest

from monitor.text.language import LanguageDetector, primary_tag

detector = LanguageDetector(["en", "ru", "uk", "fr", "de", "ar"])


@pytest.mark.parametrize(
    ("text", "tag", "language"),
    [
        ("whatever it says", "en-GB", "en"),
        ("whatever it says", "EN_us", "en"),
        ("The envoy arrived in Moscow on Thursday for talks about a ceasefire", "", "en"),
        ("Зеленський зустрівся з президентом Франції у Києві та обговорив перемир’я", "", "uk"),
        ("Außenministerin reist nach Kiew zu Gesprächen über die Waffenruhe", "", "de"),
        ("وصل المبعوث الأمريكي إلى موسكو لإجراء محادثات حول وقف إطلاق النار", "", "ar"),
        ("Talks", "", "und"),  # too short to be sure
        ("", "", "und"),
        ("2025-03-12 12:30 100 200 300 400 500 600 700 800", "und", "und"),
        ("Talks", "x-default", "und"),
    ],
)
def test_language(text, tag, language):
    assert detector.detect(text, tag) == language


@pytest.mark.parametrize(
    ("tag", "primary"),
    [
        ("en", "en"),
        ("pt-BR", "pt"),
        (" zh_Hans_CN ", "zh"),
        ("und", ""),
        ("english", ""),
        ("", ""),
        ("*", ""),
    ],
)
def test_primary_tag(tag, primary):
    assert primary_tag(tag) == primary
