"""Words that dates are written with: months in the languages of the world's news feeds, and time zones."""

from __future__ import annotations

import unicodedata
from typing import Final

# Each line: a month's number, then names and abbreviations in English, French, German, Spanish, Italian,
# Portuguese, Russian, Ukrainian, Polish, Turkish, Arabic (Egyptian and Levantine), Greek, and the Persian
# spelling of the Gregorian names. Compared without case, accents and a closing dot.
_GREGORIAN: Final = """
1 january jan janvier janv januar jänner jän enero ene gennaio gen janeiro январь января янв
1 січень січня січ styczeń stycznia sty ocak oca يناير جانفي ژانویه
1 ιανουαρίου ιαν
2 february feb février févr fév februar febrero febbraio fevereiro fev февраль февраля фев февр
2 лютий лютого лют luty lutego lut şubat şub فبراير شباط فيفري فوریه
2 φεβρουαρίου φεβ
3 march mar mars märz mär mrz marzo março март марта мар березень березня берез бер marzec marca
3 mart آذار مارس
3 μαρτίου μαρ
4 april apr avril avr abril abr aprile апрель апреля апр квітень квітня квіт кві kwiecień
4 kwietnia kwi nisan nis أبريل ابريل نيسان أفريل آوریل
4 απριλίου απρ
5 may mai mayo maggio mag maio май мая травень травня трав тра maj maja mayıs مايو أيار ماي مه
5 می
5 μαΐου μάιος μαϊ μάι
6 june jun juin juni junio giugno giu junho июнь июня июн червень червня черв чер czerwiec
6 czerwca cze haziran haz يونيو حزيران جوان ژوئن
6 ιουνίου ιουν
7 july jul juillet juil juli julio luglio lug julho июль июля июл липень липня лип lipiec lipca
7 lip temmuz tem يوليو تموز جويلية ژوئیه ژوئيه جولای
7 ιουλίου ιουλ
8 august aug août agosto ago август августа авг серпень серпня серп сер sierpień sierpnia sie
8 ağustos ağu أغسطس اغسطس آب أوت اوت آگوست
8 αυγούστου αυγ
9 september sep sept septembre septiembre settembre set setembro сентябрь сентября сен сент
9 вересень вересня вер wrzesień września wrz eylül eyl سبتمبر أيلول سپتامبر
9 σεπτεμβρίου σεπ
10 october oct octobre oktober okt octubre ottobre ott outubro out октябрь октября окт жовтень
10 жовтня жовт жов październik października paź ekim eki أكتوبر اكتوبر اکتبر
10 οκτωβρίου οκτ
11 november nov novembre noviembre novembro ноябрь ноября ноя нояб листопад листопада лист лис
11 listopad listopada kasım kas نوفمبر نوامبر
11 νοεμβρίου νοε
12 december dec décembre déc dezember dez diciembre dic dicembre dezembro декабрь декабря дек
12 грудень грудня груд гру grudzień grudnia gru aralık ara ديسمبر دسامبر
12 δεκεμβρίου δεκ
"""
# Levantine names of two words.
_PAIRS: Final = {
    "تشرين الأول": 10, "تشرين الثاني": 11, "كانون الأول": 12, "كانون الثاني": 1,
}  # fmt: skip
_PERSIAN: Final = (
    "فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر", "دی", "بهمن", "اسفند",
)  # fmt: skip

# Names of zones as minutes east of Greenwich. Where two places use one name, the reading that news feeds
# mean: RFC 5322 for the American ones, India for IST, the United Kingdom for BST.
ZONES: Final[dict[str, int]] = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0,
    "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420,
    "akst": -540, "akdt": -480, "hst": -600, "ast": -240, "adt": -180, "nst": -210, "ndt": -150,
    "art": -180, "brt": -180, "clt": -240, "cot": -300, "pet": -300, "vet": -240,
    "bst": 60, "west": 60, "cet": 60, "mez": 60, "met": 60, "wat": 60, "cest": 120, "mesz": 120, "mest": 120,
    "eet": 120, "cat": 120, "sast": 120,
    "eest": 180, "eat": 180, "trt": 180, "msk": 180, "мск": 180, "msd": 240,
    "irst": 210, "irdt": 270, "gst": 240, "azt": 240, "get": 240, "samt": 240, "aft": 270, "pkt": 300,
    "uzt": 300, "yekt": 300, "ist": 330,
    "npt": 345, "kgt": 360, "almt": 360, "mmt": 390, "ict": 420, "wib": 420,
    "hkt": 480, "sgt": 480, "pht": 480, "awst": 480, "wita": 480, "jst": 540, "kst": 540, "wit": 540,
    "acst": 570, "aest": 600, "acdt": 630, "aedt": 660, "nzst": 720, "nzdt": 780,
}  # fmt: skip


def fold(text: str) -> str:
    """Return `text` without case and accents, so that `MÄRZ`, `März` and `marz` are one word."""
    split = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize(
        "NFC", "".join(letter for letter in split if not unicodedata.combining(letter))
    )


PAIRS: Final = {fold(name): number for name, number in _PAIRS.items()}
MONTHS: Final = {
    fold(name): int(row.split()[0]) for row in _GREGORIAN.strip().splitlines() for name in row.split()[1:]
}
# آذار (March in the Levant) and آذر (the Persian ninth month) differ; the others have no rival.
SOLAR_MONTHS: Final = {
    fold(name): number for number, name in enumerate(_PERSIAN, 1) if fold(name) not in MONTHS
}
