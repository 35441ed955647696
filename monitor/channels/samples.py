"""Sample views in several scripts: what templates are checked and previewed with. Outlets are invented."""

from __future__ import annotations

from dataclasses import replace

from monitor.alerts.view import (
    AlertView,
    MomentView,
    NotificationView,
    PassageView,
    RevisionView,
    SourceView,
    SpanView,
)


def _moment(day: int, clock: str, *, short: str = "") -> MomentView:
    hour, minute = clock.split(":")
    weekday = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[(day - 9) % 7]  # 9 March 2026 is a Monday
    return MomentView(
        iso=f"2026-03-{day:02}T{int(hour) - 1:02}:{minute}:00Z",
        local=f"{weekday} {day} Mar 2026, {clock} (UTC+01:00)",
        short=short or clock,
    )


def _passage(field: str, marked: str, entries: dict[str, str]) -> PassageView:
    """Return a passage from text in which *asterisks* stand around what matched."""
    return PassageView(
        field=field,
        spans=tuple(
            SpanView(piece, hit=bool(index % 2), entry=entries.get(piece, piece) if index % 2 else "")
            for index, piece in enumerate(marked.split("*"))
            if piece
        ),
    )


ENTRIES = {
    "Steve Witkoff": "us_envoys: Steve Witkoff",
    "Witkoff": "us_envoys: Steve Witkoff",
    "Стив Уиткофф": "us_envoys: Steve Witkoff",
    "ويتكوف": "us_envoys: Steve Witkoff",
    "Moscow": "capitals_ru: Moscow",
    "Москву": "capitals_ru: Moscow",
    "موسكو": "capitals_ru: Moscow",
    "прибыл": "arrives",
    "وصل": "arrives",
}

_WIRE = SourceView(
    outlet="Meridian Wire",
    tier="wire agency",
    country="GB",
    language="en",
    title="US envoy Steve Witkoff arrives in Moscow for ceasefire talks",
    summary="His aircraft landed at Vnukovo in the early afternoon. A meeting at the Kremlin is expected in "
    "the evening; neither side has named the participants.",
    url="https://wire.example.org/2026/03/12/us-envoy-arrives-moscow",
    published=_moment(12, "14:02"),
    first_seen=_moment(12, "14:05"),
    is_new=True,
    is_copy=False,
    note="",
    passages=(
        _passage("title", "US envoy *Steve Witkoff* *arrives* in *Moscow* for ceasefire talks", ENTRIES),
        _passage("content", "… the Russian capital, where *Witkoff* was met by Kirill Dmitriev …", ENTRIES),
    ),
)
_RUSSIAN = SourceView(
    outlet="Вестник столицы",
    tier="state media",
    country="RU",
    language="ru",
    title="Спецпосланник США Стив Уиткофф прибыл в Москву",
    summary="Самолёт спецпосланника приземлился во Внукове. Переговоры ожидаются вечером.",
    url="https://vestnik.example/novosti/0312-14",
    published=_moment(12, "14:11"),
    first_seen=_moment(12, "14:15"),
    is_new=True,
    is_copy=False,
    note="state media: no corroboration by itself",
    passages=(_passage("title", "Спецпосланник США *Стив Уиткофф* *прибыл* в *Москву*", ENTRIES),),
)
_ARABIC = SourceView(
    outlet="بريد الخليج",
    tier="national",
    country="AE",
    language="ar",
    title="المبعوث الأمريكي ويتكوف وصل إلى موسكو لإجراء محادثات (3 أيام)",
    summary="هبطت طائرة المبعوث بعد الظهر، ومن المتوقع عقد اجتماع في المساء.",
    url="https://barid.example/akhbar/2026/03/12/7",
    published=_moment(12, "14:20"),
    first_seen=_moment(12, "14:25"),
    is_new=True,
    is_copy=False,
    note="",
    passages=(
        _passage("title", "المبعوث الأمريكي *ويتكوف* *وصل* إلى *موسكو* لإجراء محادثات (3 أيام)", ENTRIES),
    ),
)
_COPY = replace(
    _WIRE,
    outlet="Harbour Daily",
    tier="aggregator",
    country="IE",
    title="Envoy Witkoff lands in Moscow",
    url="https://harbour.example/world/envoy-lands",
    published=None,
    first_seen=_moment(12, "14:31"),
    is_copy=True,
    note="repeats Meridian Wire",
    passages=(),
)

ALERT = AlertView(
    alert_id="5f0c2a917be44d1c9b7a3e1d62c8f004",
    short_id="5f0c2a91",
    revision=1,
    reason="new",
    first_contact=True,
    severity="high",
    rule_id="us-envoy-arrives-moscow",
    rule_title="US envoy arrives in Moscow",
    rule_description="Fires when a listed United States envoy is reported to arrive in the Russian capital.",
    owner="ukraine-desk",
    topic="ukraine-ceasefire",
    tags=("travel", "talks"),
    flags=("UNCONFIRMED",),
    headline=_WIRE.title,
    event=_moment(12, "14:02"),
    first_seen=_moment(12, "14:05"),
    sources=(_WIRE,),
    independent=1,
    entities=(("capitals_ru", "Moscow"), ("us_envoys", "Steve Witkoff")),
    matched=("us_envoys: Steve Witkoff", "capitals_ru: Moscow", "arrives"),
    revisions=(RevisionView(1, "new", "First report, by Meridian Wire.", _moment(12, "14:05")),),
    why="Route rules/routes.yaml:21 (topic = ukraine-ceasefire, severity >= high).",
    ack_command="monitor ack 5f0c2a91",
    silence_command="monitor silence add --match rule=us-envoy-arrives-moscow --for 4h "
    '--author "your name" --comment "why"',
)

CORROBORATED = replace(
    ALERT,
    revision=3,
    reason="corroborated",
    first_contact=False,
    severity="critical",
    flags=(),
    sources=(replace(_WIRE, is_new=False), _RUSSIAN, _ARABIC, _COPY),
    independent=3,
    revisions=(
        RevisionView(2, "update", "One more independent source: Вестник столицы.", _moment(12, "14:15")),
        RevisionView(3, "corroborated", "Three independent owners report it now.", _moment(12, "14:25")),
    ),
)

_SANCTIONS = replace(
    ALERT,
    alert_id="a81b0f9e4c6d4e20b0d92f8c55e1a7b3",
    short_id="a81b0f9e",
    severity="medium",
    rule_id="eu-sanctions-package",
    rule_title="EU adopts or prepares sanctions",
    rule_description="",
    owner="sanctions-desk",
    topic="sanctions",
    tags=("eu",),
    flags=(),
    headline="Council agrees to prolong individual listings until September",
    sources=(
        replace(
            _WIRE,
            outlet="Council Gazette",
            tier="official",
            country="EU",
            title="Council agrees to prolong individual listings until September",
            summary="The restrictive measures now run for six more months; three entries were removed.",
            url="https://gazette.example.org/2026/listings",
            published=_moment(11, "18:40", short="11 Mar 18:40"),
        ),
    ),
    event=_moment(11, "18:40", short="11 Mar 18:40"),
    matched=("restrictive measures",),
)

_SECOND = "2nd independent source: Вестник столицы (state media)."

NOTIFICATION = NotificationView(
    kind="alert",
    notification_id="0d9c7a52e1f84b35a6f0c4d1b2e39788",
    subject="[HIGH new] US envoy arrives in Moscow: "
    "US envoy Steve Witkoff arrives in Moscow for ceasefire talks",
    recipient_id="duty-desk",
    timezone="Europe/Brussels",
    created=_moment(12, "14:05"),
    alerts=(ALERT,),
    intro="First report: Meridian Wire (wire agency). No second owner confirms it yet.",
    product="Diplomatic Monitor",
    version="0.1.0",
)

UPDATE = replace(
    NOTIFICATION,
    notification_id="2b6e4d9c0f7a4e1d8c5b3a2f1e0d9c87",
    subject="[HIGH update, 2 sources] US envoy arrives in Moscow: "
    "US envoy Steve Witkoff arrives in Moscow for ceasefire talks",
    created=_moment(12, "14:35"),
    alerts=(
        replace(
            ALERT,
            revision=2,
            reason="update",
            first_contact=False,
            sources=(replace(_WIRE, is_new=False), _RUSSIAN),
            independent=2,
            revisions=(RevisionView(2, "update", _SECOND, _moment(12, "14:15")),),
        ),
    ),
    intro=_SECOND,
)

CONFIRMED = replace(
    NOTIFICATION,
    notification_id="77c1e0c2d5a94f43b8f2a9106e4d5b21",
    subject="[CRITICAL corroborated, 3 sources] US envoy arrives in Moscow: "
    "US envoy Steve Witkoff arrives in Moscow for ceasefire talks",
    created=_moment(12, "14:25"),
    alerts=(CORROBORATED,),
    intro="Now confirmed: three independent owners report it, two of them since the last message.",
)

CORRECTED = replace(
    NOTIFICATION,
    notification_id="91f3d0a7c6b84e5d8a2b3c4d5e6f7081",
    subject="[CRITICAL corrected, 2 sources] US envoy arrives in Moscow: "
    "Спецпосланник США Стив Уиткофф прибыл в Москву",
    created=_moment(12, "16:40"),
    alerts=(
        replace(
            CORROBORATED,
            revision=4,
            reason="corrected",
            headline=_RUSSIAN.title,
            flags=("corrected",),
            sources=(
                replace(_RUSSIAN, is_new=False),
                replace(_ARABIC, is_new=False),
                replace(_WIRE, is_new=False, is_withdrawn=True, note="changed since: it no longer says this"),
            ),
            independent=2,
            revisions=(
                RevisionView(
                    4,
                    "corrected",
                    "Meridian Wire now says: US envoy puts off his visit to Moscow, officials say.",
                    _moment(12, "16:40"),
                ),
            ),
        ),
    ),
    intro="Meridian Wire now says: US envoy puts off his visit to Moscow, officials say.",
)

DIGEST = replace(
    NOTIFICATION,
    kind="digest",
    notification_id="b4a7c9125d3e4f868e1f20a7d9c3b560",
    subject="[DIGEST] 3 stories, up to critical: ukraine ceasefire, sanctions",
    created=_moment(12, "17:30"),
    alerts=(
        _SANCTIONS,
        CORROBORATED,
        replace(
            CORROBORATED,
            alert_id="c02f7d1b9e5a4b7f8a31d6e4f0b29c77",
            short_id="c02f7d1b",
            severity="medium",
            rule_id="kremlin-meetings",
            rule_title="Meetings at the Kremlin",
        ),
        replace(
            ALERT,
            alert_id="e7d3b6a04f1c4c5e9d20817f6b3a5c19",
            short_id="e7d3b6a0",
            severity="low",
            rule_id="ministry-statements",
            rule_title="Ministry statements",
            headline=_ARABIC.title,
            sources=(_ARABIC,),
            flags=("UNCONFIRMED",),
        ),
    ),
    intro="3 stories since 07:30: 1 critical, 1 medium, 1 low.",
)

CATCH_UP = replace(
    DIGEST,
    notification_id="d8e7f6a5b4c3429180716253443526a7",
    subject="[CATCH-UP] 4 alerts (1 critical, 2 medium, 1 low): "
    "Council agrees to prolong individual listings until September",
    created=_moment(12, "18:02"),
    intro="News of 4 alerts became due at once, as after a standstill: 1 critical, 2 medium, 1 low.",
)

TEST = replace(
    NOTIFICATION,
    kind="test",
    notification_id="3e8f5b1a7c2d4960a5b4c3d2e1f09876",
    subject="[TEST] Diplomatic Monitor can reach duty-desk",
    alerts=(),
    intro="Somebody asked Diplomatic Monitor to send a test message.",
)

NOTICE = replace(
    TEST,
    kind="notice",
    notification_id="5d1c8b7e9f3a4a60b2c1d0e9f8a7b6c5",
    subject="[NOTICE] 2 mistakes in the rules",
    intro="The rules were changed, and 2 mistakes keep part of them from being used.",
    lines=(
        'rules/talks.yaml:14:5: error[unknown-key]: unknown key "must_macth" (did you mean "must_match"?)',
        "rules/routes.yaml:3:9: error[no-timezone]: a recipient needs a time zone",
    ),
)

SYSTEM = replace(
    NOTIFICATION,
    kind="system",
    notification_id="6e2d9c8fa04b4b71c3d2e1f0a9b8c7d6",
    subject="[MEDIUM new] A feed cannot be read: The Harbour Gazette cannot be read (and 1 more)",
    alerts=(
        replace(
            NOTIFICATION.alerts[0],
            reason="new",
            severity="medium",
            rule_id="system.feed-failing",
            rule_title="A feed cannot be read",
            rule_description="Its reports may be missing. It is asked on and on; `monitor feeds check` tries"
            " it at once.",
            owner="",
            topic="system",
            tags=("system",),
            flags=(),
            headline="The Harbour Gazette cannot be read (and 1 more)",
            sources=tuple(
                replace(
                    NOTIFICATION.alerts[0].sources[0],
                    outlet=name,
                    tier="the monitor itself",
                    country="",
                    title=f"{name} cannot be read",
                    summary=f"https://{host}/rss has an error on its side (HTTP 503).",
                    url="",
                    note="",
                    passages=(),
                    published=None,
                )
                for name, host in (
                    ("The Harbour Gazette", "gazette.example"),
                    ("Coast Wire", "coast.example"),
                )
            ),
            entities=(),
            matched=(),
            independent=1,
            why="Default route rules/routes.yaml:24.",
        ),
    ),
    intro="The Harbour Gazette cannot be read; Coast Wire cannot be read.",
)

VIEWS = (NOTIFICATION, UPDATE, CONFIRMED, CORRECTED, DIGEST, CATCH_UP, TEST, NOTICE, SYSTEM)
