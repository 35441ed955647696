"""Logging for the whole process: one pipeline, JSON or console, with every secret masked.

The program's own events (structlog) and those of the libraries (`logging`) go the same way:
context and level and UTC time are added, exceptions become fields, the redactor masks secrets, and the
renderer writes one line (console tracebacks: several) to standard error.
Nothing here decides what is logged, and nothing here reads the environment.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO, TypeAlias
from urllib.parse import quote, quote_plus, unquote, urlsplit

import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

LogFormat: TypeAlias = Literal["console", "json"]

MASK: Final = "***"

# A shorter secret would turn half of the log into asterisks, and the gaps would tell what it is.
SHORTEST_SECRET: Final = 4

# A long line of a key file, or the path of a hook URL, is a secret of its own; "/alerts" is not.
_LONG_PART: Final = 16

# Values nested deeper are shown by their `repr`, which is masked as text: cycles end here as well.
_DEEPEST: Final = 8

# Libraries that tell each job or each request at INFO: they speak up from here on, unless the level
# asked for is DEBUG.
_QUIET: Final = {
    "aiohttp.access": logging.WARNING,
    "alembic": logging.WARNING,
    "apscheduler": logging.WARNING,
    "apscheduler.executors": logging.CRITICAL,  # what a job raises is logged by `ticks.py`
    "apscheduler.scheduler": logging.ERROR,  # that a long run lets the next one pass is meant
    "asyncio": logging.WARNING,
    "charset_normalizer": logging.WARNING,
    "watchfiles": logging.WARNING,
}

_SENSITIVE_KEY = re.compile(
    r"(?:.*_)?(?:authorization|cookie|password|passwd|secret|api_?key|access_token|refresh_token|credentials?)",
    re.IGNORECASE,
)
# Every repetition in front of a fixed text is bounded: an unbounded one is quadratic on long lines.
_PATTERNS: Final = (
    # Userinfo of a URL (RFC 3986, 3.2.1), up to the last "@" of the authority.
    (re.compile(r"([a-z][a-z0-9+.\-]{0,30}://)[^\s/?#]*@", re.IGNORECASE), r"\1" + MASK + "@"),
    # A header line, a dict's repr, or a pair (name, value); the value ends with its quote or line.
    (
        re.compile(
            r"(authorization(?:[\\\"']+\s{0,9}[:=,]|\s{0,9}[:=])\s{0,9}(?:b(?=[\"']))?[\\\"']*)"
            r"(?:digest\s[^\r\n]*|[^\r\n\"'\\]+)",
            re.IGNORECASE,
        ),
        r"\1" + MASK,
    ),
    (re.compile(r"(\bbearer\s{1,9})[A-Za-z0-9._~+/=\-]{16,}", re.IGNORECASE), r"\1" + MASK),
    # Standard Webhooks signing secrets.
    (re.compile(r"whsec_[A-Za-z0-9+/=_\-]+"), "whsec_" + MASK),
    # Query parameters whose name says that the value is a credential.
    (
        re.compile(
            r"([?&;](?:[\w.\-]{0,40}(?:token|secret|passw(?:or)?d|passwd|api_?key|signature|credential)s?"
            r"|(?:[\w\-]{0,40}[._\-])?(?:key|sig|auth|pass|pwd|session|sid))=)[^&\s\"'<>#\\]+",
            re.IGNORECASE,
        ),
        r"\1" + MASK,
    ),
    # The same outside of a URL: connection strings, reprs; only names that leave no doubt.
    (
        re.compile(
            r"(\b(?:[a-z0-9]{1,20}_){0,3}(?:password|passwd|pwd|api_?key|secret|token)=)"
            r"(?:'[^'\r\n]*'|\"[^\"\r\n]*\"|[^\s&,;)\"']+)",
            re.IGNORECASE,
        ),
        r"\1" + MASK,
    ),
)

# C0 and C1 controls but tab and newline: a title from a feed must not drive the reader's terminal.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Redactor:
    """Masks secrets in text and in nested values.

    Two things are masked: the secrets it was told, in every spelling they are likely to take in a log
    (as they are, percent-encoded, escaped for JSON, HTML or Python, in base64), and what looks like a
    credential whoever it belongs to (userinfo in URLs, `Authorization`, `whsec_...`, `?token=...`).

    It may be called from any thread; `add` takes effect for the next line.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Learn `secrets`; see `add`."""
        self._forms: frozenset[str] = frozenset()
        self._known: re.Pattern[str] | None = None
        self.too_short = 0  # secrets that were not learnt because they are under SHORTEST_SECRET
        self.add(*secrets)

    def add(self, *secrets: str) -> None:
        """Learn further secrets (a rule file named a new one).

        Empty ones, ones of fewer than `SHORTEST_SECRET` characters and ones made of asterisks alone
        are left out. Of a URL the password is masked on its own too, and of a web address a long path
        or query, which is where hooks keep their token.
        """
        forms = set(self._forms)
        for secret in secrets:
            self.too_short += 0 < len(secret.strip()) < SHORTEST_SECRET
            for part in _parts(secret):
                forms |= {form for form in _spellings(part) if _maskable(form)}
        self._forms = frozenset(forms)
        # Longest first: of two secrets that begin alike, the alternation takes the first that fits.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(re.escape(form) for form in ordered)) if ordered else None

    def known(self, text: str) -> str:
        """Return `text` without the secrets it was told; afterwards none of them occurs in it."""
        if self._known is None:
            return text
        # A mask beside what was left can spell a secret that itself holds asterisks. Each round takes
        # at least one other character away, so this ends.
        while self._known.search(text):
            text = self._known.sub(MASK, text)
        return text

    def text(self, text: str) -> str:
        """Return `text` with known secrets and everything that looks like a credential masked."""
        text = self.known(text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return self.known(text)

    def value(self, value: object, depth: int = 0) -> object:
        """Return `value` made of dicts, lists, text, numbers, booleans and None, all masked."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return value if self.known(repr(value)) == repr(value) else MASK
        if isinstance(value, str):
            return self.text(value)
        if depth < _DEEPEST:
            if isinstance(value, Mapping):
                return {self.text(_plain(key)): self._entry(key, v, depth) for key, v in value.items()}
            if isinstance(value, list | tuple | set | frozenset):
                return [self.value(element, depth + 1) for element in value]
        return self.text(_plain(value))

    def _entry(self, key: object, value: object, depth: int) -> object:
        """Return a mapping's value, masked whole when its key says what it is."""
        name = str(key).replace("-", "_") if isinstance(key, str) else ""
        if isinstance(value, str | bytes) and value and _SENSITIVE_KEY.fullmatch(name):
            return MASK
        return self.value(value, depth + 1)

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
        """Mask a whole event: the structlog processor."""
        return {self.known(str(key)): self._entry(key, value, 0) for key, value in event.items()}


def configure(
    format: LogFormat = "console",  # noqa: A002 - the setting's name, MONITOR_LOG_FORMAT
    level: str | int = "INFO",
    secrets: Iterable[str] = (),
    *,
    stream: TextIO | None = None,
) -> Redactor:
    """Send every log event of the process through one pipeline; a second call replaces the first.

    Args:
        format: "json" writes one object a line; "console" is for people, coloured on a terminal.
        level: a name of `logging` in any case, or its number.
        secrets: values that must not appear; see `Redactor.add`.
        stream: where to write; standard error by default.

    Returns:
        The redactor in use: `add` teaches it secrets that become known later.

    Raises:
        ValueError: `level` is no name that `logging` knows.
    """
    threshold = logging.getLevelNamesMapping().get(level.upper()) if isinstance(level, str) else level
    if threshold is None:
        message = f'unknown log level "{level}": use debug, info, warning, error or critical'
        raise ValueError(message)
    redactor = Redactor(secrets)
    target = stream or sys.stderr
    _configure_structlog()
    _configure_stdlib(_Handler(target), _formatter(format, redactor, target), threshold)
    if redactor.too_short:
        structlog.stdlib.get_logger(__name__).warning(
            "short secrets are not masked in logs",
            secrets=redactor.too_short,
            hint=f"use at least {SHORTEST_SECRET} characters",
        )
    return redactor


def _shared() -> list[Processor]:
    """Return the steps that events of the program and of libraries have in common."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _configure_structlog() -> None:
    """Hand the program's events to `logging`; what is cached here is the same for every format."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _configure_stdlib(handler: _Handler, formatter: logging.Formatter, threshold: int) -> None:
    """Make `handler` the only way out, and calm the libraries that tell every step."""
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in [h for h in root.handlers if isinstance(h, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(threshold)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(
            max(quiet, threshold) if threshold > logging.DEBUG else logging.NOTSET
        )
    logging.captureWarnings(capture=True)


def _formatter(format: LogFormat, redactor: Redactor, stream: TextIO) -> logging.Formatter:  # noqa: A002 - as in `configure`
    """Return the last steps: exceptions to fields, secrets masked, one line written."""
    exceptions: Processor
    render: Processor
    if format == "json":
        # Local variables of a frame are never shown: they hold passwords.
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        exceptions = structlog.processors.ExceptionRenderer(tracebacks)
        render = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        exceptions = structlog.processors.format_exc_info
        render = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback, sort_keys=False
        )
    steps: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        exceptions,
        redactor,
    ]
    if format == "console":
        steps.append(_without_controls)

    def final(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:  # noqa: ANN401 - structlog's own signature
        # Rendering can put a secret together again that no single value held.
        return redactor.known(str(render(logger, method, event)))

    return structlog.stdlib.ProcessorFormatter(
        processors=[*steps, final],
        foreign_pre_chain=[*_shared(), structlog.stdlib.ExtraAdder()],
    )


class _Handler(logging.StreamHandler[TextIO]):
    """A handler whose own failure is told without the record's arguments, which may be secret."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name in `logging`
        """Say which line of code could not be logged; the default prints its arguments."""
        kind = getattr(sys.exc_info()[0], "__name__", "error")
        if kind == "BrokenPipeError" or self.stream.closed:
            return  # nobody reads: there is nobody to tell
        where = f"{record.name} ({record.filename}:{record.lineno})"
        told = f"a log line of {where} could not be written: {kind}"
        self.stream.write(json.dumps({"level": "error", "event": told}) + "\n")


def _without_controls(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Spell control characters out; line breaks stay only in tracebacks."""
    for key, value in event.items():
        if isinstance(value, str):
            clean = _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", value)
            event[key] = clean if key in {"exception", "stack"} else clean.replace("\n", "\\n")
    return event


def _plain(value: object) -> str:
    """Return `value` as text: bytes decoded, exceptions with their class, others by `str` or `repr`."""
    try:
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value).decode("utf-8", "backslashreplace")
        if isinstance(value, BaseException):
            return f"{type(value).__name__}: {value}"
        return repr(value) if isinstance(value, Mapping | list | tuple | set | frozenset) else str(value)
    except Exception:  # noqa: BLE001 - a value that cannot be shown must not cost the event
        return f"<{type(value).__name__} that cannot be shown>"


def _parts(secret: str) -> set[str]:
    """Return the secret, and the parts of it that give it away when they stand alone."""
    parts = {secret, secret.strip()}
    parts |= {line.strip() for line in secret.splitlines() if len(line.strip()) >= _LONG_PART}
    if "://" in secret:
        try:
            url = urlsplit(secret.strip())
            parts |= {password for password in (url.password, unquote(url.password or "")) if password}
        except ValueError:  # not a URL after all; it is masked as a whole
            return parts
        if url.scheme not in {"http", "https"}:
            return parts  # a database's path or name is no secret
        tail = f"{url.path}?{url.query}" if url.query else url.path
        parts |= {part for part in (tail, url.path, url.query) if len(part) >= _LONG_PART}
        parts |= {segment for segment in url.path.split("/") if len(segment) >= _LONG_PART}
    return parts


def _spellings(secret: str) -> set[str]:
    """Return the ways in which a secret may be written in a log line."""
    raw = secret.encode("utf-8", "surrogatepass")
    encoded = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    lower = {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in encoded}
    b64 = base64.b64encode(raw).decode("ascii")
    return {
        secret,
        *encoded,
        *lower,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        repr(raw)[2:-1],
        html.escape(secret),
        b64,
        b64.rstrip("="),
    }


def _maskable(form: str) -> bool:
    """Tell whether masking this text hides something: see `Redactor.add`."""
    return len(form.strip()) >= SHORTEST_SECRET and bool(form.strip("*"))
