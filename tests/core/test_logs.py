"""Logs: one pipeline for everything, and no secret in any line of it."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import structlog
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.logs import MASK, SHORTEST_SECRET, Redactor, configure

SECRET = "corr3ct horse/battery+staple&ü"


def start(form="json", level="INFO", secrets=()):
    stream = io.StringIO()
    redactor = configure(form, level, secrets, stream=stream)
    return structlog.stdlib.get_logger("monitor.test"), stream, redactor


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


# --- what a line holds --------------------------------------------------------------------------


def test_an_event_is_one_json_object_with_utc_time():
    log, stream, _ = start()
    log.info("feed polled", feed="un-news", items=3, took=0.25)
    (line,) = lines(stream)
    assert line | {"timestamp": ""} == {
        "event": "feed polled",
        "feed": "un-news",
        "items": 3,
        "took": 0.25,
        "level": "info",
        "logger": "monitor.test",
        "timestamp": "",
    }
    assert line["timestamp"].endswith("Z")
    assert datetime.fromisoformat(line["timestamp"]).tzinfo == UTC


def test_libraries_use_the_same_pipeline():
    _, stream, _ = start(secrets=[SECRET])
    logging.getLogger("aiohttp.server").error("cannot log in with %s", SECRET, extra={"attempt": 2})
    (line,) = lines(stream)
    assert line["event"] == f"cannot log in with {MASK}"
    assert (line["logger"], line["level"], line["attempt"]) == ("aiohttp.server", "error", 2)


def test_warnings_of_libraries_are_log_lines():
    _, stream, _ = start(secrets=[SECRET])
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(f"old option near {SECRET}", stacklevel=1)
    assert "old option" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_context_variables_are_part_of_every_line():
    log, stream, _ = start()
    structlog.contextvars.bind_contextvars(poll="p-1")
    log.info("one")
    logging.getLogger("other").warning("two")
    assert [line["poll"] for line in lines(stream)] == ["p-1", "p-1"]


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        # The libraries' step-by-step INFO lines are for whoever asks for DEBUG.
        ("info", ["ours at info", "theirs at warning"]),
        ("DEBUG", ["ours at info", "theirs at info", "theirs at warning"]),
        # A quiet library is never louder than the level asked for.
        ("error", []),
        (logging.WARNING, ["theirs at warning"]),
    ],
)
def test_levels(level, heard):
    log, stream, _ = start(level=level)
    log.info("ours at info")
    logging.getLogger("apscheduler.triggers").info("theirs at info")
    logging.getLogger("apscheduler.triggers").warning("theirs at warning")
    assert [line["event"] for line in lines(stream)] == heard


def test_an_unknown_level_is_explained():
    with pytest.raises(ValueError, match='unknown log level "loud": use debug, info'):
        configure(level="loud")


def test_a_second_call_replaces_the_first():
    log, first, _ = start()
    log.info("to the first")
    _, second, _ = start("console")
    log.info("to the second")
    assert "second" not in first.getvalue()
    assert "to the second" in second.getvalue()


def test_exceptions_are_fields_without_local_variables():
    log, stream, _ = start(secrets=[SECRET])
    try:
        local_password = "not even registered"
        raise ValueError(f"login {SECRET} failed")  # noqa: TRY301 - the traceback is under test
    except ValueError:
        log.exception("delivery failed", channel="email")
    (line,) = lines(stream)
    (exception,) = line["exception"]
    assert exception["exc_type"] == "ValueError"
    assert exception["exc_value"] == f"login {MASK} failed"
    assert exception["frames"][-1]["name"] == "test_exceptions_are_fields_without_local_variables"
    assert local_password not in stream.getvalue()


def test_a_chain_of_exceptions_is_masked_in_the_console_too():
    log, stream, _ = start("console", secrets=[SECRET])
    try:
        try:
            raise KeyError(SECRET)  # noqa: TRY301 - the traceback is under test
        except KeyError as error:
            raise RuntimeError(f"https://bot:{SECRET}@mail.example/") from error
    except RuntimeError:
        log.exception("poll failed")
    text = stream.getvalue()
    assert "RuntimeError: https://***@mail.example/" in text.replace(f"***{MASK}", MASK)
    assert "KeyError" in text
    assert SECRET not in text


def test_a_line_that_cannot_be_written_does_not_show_its_arguments():
    _, stream, _ = start()
    root = logging.getLogger()
    root.handlers[:] = [
        h for h in root.handlers if h.__module__ == "monitor.logs"
    ]  # pytest's own would raise
    root.error("%d items", SECRET)
    assert "could not be written: TypeError" in lines(stream)[0]["event"]
    assert SECRET not in stream.getvalue()


def test_console_spells_control_characters_out():
    log, stream, _ = start("console")
    log.info("title \x1b[2J\r\nlevel=critical", feed="a\x9bb")
    (line,) = stream.getvalue().splitlines()
    assert "\\x1b[2J\\x0d\\nlevel=critical" in line
    assert "a\\x9bb" in line


def test_console_is_plain_text_away_from_a_terminal():
    log, stream, _ = start("console")
    log.warning("feed silent", feed="un-news")
    assert re.fullmatch(
        r"\S+Z \[warning +\] feed silent +\[monitor\.test\] feed=un-news\n", stream.getvalue()
    )


# --- what is masked -----------------------------------------------------------------------------

CREDENTIALS = [
    # (as logged, as shown)
    ("GET https://user:pw@host.example/x", "GET https://***@host.example/x"),
    ("postgresql+asyncpg://monitor:a@b@db/monitor", "postgresql+asyncpg://***@db/monitor"),
    ("https://token@host.example", "https://***@host.example"),
    # Only userinfo: an "@" in a path or a query belongs to the page.
    ("https://host.example/@office?to=a@b.example", "https://host.example/@office?to=a@b.example"),
    ("write to desk@mission.example", "write to desk@mission.example"),
    ("Authorization: Bearer abc.def-123\r\nAccept: */*", "Authorization: ***\r\nAccept: */*"),
    ("{'Authorization': 'Basic dTpw', 'Accept': '*/*'}", "{'Authorization': '***', 'Accept': '*/*'}"),
    ("(b'Proxy-Authorization', b'Basic dTpw')", "(b'Proxy-Authorization', b'***')"),
    ('{\\"authorization\\": \\"token x\\"}', '{\\"authorization\\": \\"***\\"}'),
    ('Authorization: Digest username="u", response="6629f"', "Authorization: ***"),
    ("sent Bearer eyJhbGciOiJIUzI1NiJ9", "sent Bearer ***"),
    ("ministers gave authorization, then left", "ministers gave authorization, then left"),
    ("a bearer of good news", "a bearer of good news"),
    ("signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "signed with whsec_***"),
    ("https://h.example/?a=1&token=t0k&b=2#c", "https://h.example/?a=1&token=***&b=2#c"),
    ("https://h.example/?key=k&password=p", "https://h.example/?key=***&password=***"),
    ("/hook?access_token=x&X-Amz-Signature=y", "/hook?access_token=***&X-Amz-Signature=***"),
    ("/feed?api_key=x;y", "/feed?api_key=***"),
    # Names that only look alike, and our own fields.
    ("/feed?keyword=trade&monkey=1&author=x", "/feed?keyword=trade&monkey=1&author=x"),
    ("key=guid:tag:example.org,2026:1", "key=guid:tag:example.org,2026:1"),
    ("host=db password='a b' user=monitor", "host=db password=*** user=monitor"),
    ("Client(api_key=abc, smtp_password=def)", "Client(api_key=***, smtp_password=***)"),
]


@pytest.mark.parametrize(("logged", "shown"), CREDENTIALS)
def test_what_looks_like_a_credential_is_masked(logged, shown):
    redact = Redactor()
    assert redact.text(logged) == shown
    assert redact.text(shown) == shown


SPELLINGS = [
    SECRET,
    quote(SECRET),
    quote(SECRET, safe=""),
    quote(SECRET, safe="").lower(),
    quote_plus(SECRET),
    json.dumps(SECRET),
    repr(SECRET),
    repr(SECRET.encode()),
    "Y29ycjNjdCBob3JzZS9iYXR0ZXJ5K3N0YXBsZSbDvA==",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_masked_in_every_spelling(spelling):
    shown = Redactor([SECRET]).text(f"before {spelling} after")
    assert re.fullmatch(r"""before b?["']?\*\*\*["']? after""", shown)


def test_secrets_inside_secrets_are_masked():
    pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEA\n-----END\n"
    hook = "https://hooks.example/services/T0000/B0000/XXXXXXXXXXXXXXXXXXXX"
    dsn = "postgresql+asyncpg://monitor:s%40fe-word@db/monitor"
    redact = Redactor([pem, hook, dsn, "file-secret\n"])
    for part, shown in {
        "MIIEvQIBADANBgkqhkiG9w0B": MASK,
        "POST /services/T0000/B0000/XXXXXXXXXXXXXXXXXXXX": f"POST {MASK}",
        "XXXXXXXXXXXXXXXXXXXX": MASK,
        "s@fe-word": MASK,
        "s%40fe-word": MASK,
        "file-secret": MASK,
        # The host is no secret, and people need it to find the trouble.
        "hooks.example": "hooks.example",
    }.items():
        assert redact.text(part) == shown


def test_nested_values_keys_and_objects_are_masked():
    class Client:
        def __repr__(self):
            return f"Client({SECRET})"

    class Broken:
        def __repr__(self):
            raise RuntimeError

    shown = Redactor([SECRET, "12345678"]).value(
        {
            SECRET: [SECRET, (SECRET,), {"a": {SECRET}}],
            "bytes": SECRET.encode(),
            "path": Path("/run") / "secret-12345678",
            "number": 912345678,
            "plain": [1, 2.5, True, None],
            "object": Client(),
            "error": ValueError(SECRET),
            "broken": Broken(),
            "headers": {"Authorization": "anything", "X-Api-Key": b"anything", "Cookie": "sid=1"},
            "smtp_password": "anything",
            "password_file": "/run/secrets/smtp",
            "password": None,
        }
    )
    assert shown == {
        MASK: [MASK, [MASK], {"a": [MASK]}],
        "bytes": MASK,
        "path": f"/run/secret-{MASK}",
        "number": MASK,
        "plain": [1, 2.5, True, None],
        "object": f"Client({MASK})",
        "error": f"ValueError: {MASK}",
        "broken": "<Broken that cannot be shown>",
        "headers": {"Authorization": MASK, "X-Api-Key": MASK, "Cookie": MASK},
        "smtp_password": MASK,
        "password_file": "/run/secrets/smtp",
        "password": None,
    }


def test_a_value_that_holds_itself_ends():
    loop = [SECRET]
    loop.append(loop)
    assert SECRET not in json.dumps(Redactor([SECRET]).value(loop))


def test_a_secret_learnt_later_is_masked_from_then_on():
    log, stream, redactor = start()
    redactor.add("whats-in-the-new-rule")
    log.info("using whats-in-the-new-rule")
    assert lines(stream)[0]["event"] == f"using {MASK}"


def test_short_secrets_are_told_and_left():
    log, stream, _ = start(secrets=["abc", "", "   ", "****"])
    log.info("abc")
    warning, line = lines(stream)
    assert (warning["event"], warning["secrets"]) == ("short secrets are not masked in logs", 1)
    assert line["event"] == "abc"


def test_masking_takes_linear_time_on_hostile_text():
    # A quadratic pattern would need minutes for these; the suite's patience is the bound.
    redact = Redactor([SECRET])
    for piece in ("a", "://", "?token", "authorization ", "password", "&a_", "whsec", "bearer "):
        redact.text(piece * 20_000)


# --- the promise --------------------------------------------------------------------------------

# Quotes and backslashes are rendered as escapes, so a secret made of the syntax between two fields
# would only occur by accident of layout; what is left of Unicode is fair game.
secret_texts = st.text(min_size=SHORTEST_SECRET, max_size=40).filter(
    lambda s: len(s.strip()) >= SHORTEST_SECRET and s.strip("*").strip()
)
contexts = st.sampled_from(
    [
        "{}",
        "x{}y",
        "https://u:{}@h.example/",
        "https://h.example/?token={}&x=1",
        "Authorization: Basic {}",
        "{}{}",
        "*{}*",
        "whsec_{}",
    ]
)


@given(
    secrets=st.lists(secret_texts, min_size=1, max_size=3),
    context=contexts,
    layout=st.sampled_from(["json", "console"]),
    form=st.sampled_from([str, quote, quote_plus, lambda s: quote(s, safe="")]),
    noise=st.text(max_size=20),
)
@example(secrets=["*x12"], context="*{}2", layout="json", form=str, noise="")
@example(secrets=["info"], context="{}", layout="json", form=str, noise="")
@example(secrets=["info", "2026"], context="{}", layout="console", form=str, noise="")
def test_no_registered_secret_occurs_in_any_output(secrets, context, layout, form, noise):
    log, stream, _ = start(layout, secrets=secrets)
    for secret in secrets:
        written = context.replace("{}", form(secret))
        try:
            raise RuntimeError(written)  # noqa: TRY301 - the traceback is what is logged
        except RuntimeError:
            log.exception(
                "%s%s", written, noise, value=written, nested={written: [written, {written: noise}]}
            )
        logging.getLogger("library").warning("%s and %s", noise, written)
    output = stream.getvalue()
    assert output
    for secret in secrets:
        assert secret not in output
        assert form(secret) not in output


@given(st.text(max_size=60), st.lists(secret_texts, max_size=3))
def test_masking_twice_changes_nothing(text, secrets):
    redact = Redactor(secrets)
    once = redact.text(text)
    assert redact.text(once) == once
