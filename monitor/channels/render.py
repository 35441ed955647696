"""Turns a view into a message with the templates that an installation has; pure.

What it is not: a place for decisions. Which alerts are in a message, how they are worded and dated and
for whom, is settled in the view. Feed text is only ever a value here, never a template.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from monitor.channels.digest import abridge, arrange
from monitor.channels.engine import Engine
from monitor.channels.filters import plain
from monitor.channels.formats import WEBHOOK_FORMATS, email_kind, webhook_format
from monitor.channels.limits import fit, too_large
from monitor.channels.sandbox import Limits
from monitor.channels.shedding import shedding, smaller_views
from monitor.errors import ConfigurationError, RenderError
from monitor.models import Message, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from monitor.alerts.view import NotificationView
    from monitor.channels.structure import Json
    from monitor.models import Labels

__all__ = ["Limits", "Renderer"]

_SUBJECT_LENGTH = 250  # characters; what mail programs show ends far earlier


class Renderer:
    """Renders views with one set of templates; may be used from several tasks at once."""

    def __init__(
        self, sources: Mapping[str, str], limits: Limits | None = None, *, inline_css: bool = False
    ) -> None:
        """Keep the templates; each is compiled when it is first used.

        Args:
            sources: template texts by name, as `load_templates` gives them.
            limits: caps on templates and output.
            inline_css: put what `<style>` says into the elements, for templates written without that.

        Raises:
            ConfigurationError: `inline_css` without the library css-inline.
        """
        self._engine = Engine(sources, limits or Limits())
        self._inlined = _inliner() if inline_css else str

    def render_email(self, view: NotificationView) -> Message:
        """Return the e-mail for `view`: subject, text part and HTML part.

        Raises:
            RenderError: a template is missing, wrong or too large; says which, where, what to do.
        """
        return shedding(view, self._email)

    def _email(self, view: NotificationView) -> Message:
        kind = email_kind(view.kind, len(view.alerts))
        variables = _variables(view)
        return Message(
            kind=view.kind,
            subject=plain(view.subject)[:_SUBJECT_LENGTH],
            text=_tidy(self._engine.page(kind.text, variables)),
            html=self._inlined(self._engine.page(kind.html, variables)).strip() + "\n",
            thread_id=_thread(view),
            headers=_headers(view),
        )

    def render_webhook(self, view: NotificationView, format: str = "standard") -> Message:  # noqa: A002 - as in routes.yaml
        """Return the webhook body for `view`.

        Raises:
            RenderError: an unknown format, or as for `render_email`.
        """
        try:
            return shedding(view, lambda smaller: self._webhook(smaller, format, whole=True)[0])
        except RenderError as error:
            if not error.too_large:
                raise
            *_, smallest = smaller_views(view)
            return self._webhook(smallest, format)[0]  # cut, rather than never sent

    def _webhook(
        self, view: NotificationView, name: str, *, whole: bool = False
    ) -> tuple[Message, tuple[str, ...]]:
        """Return the message, and what had to be cut to fit its receiver.

        Raises:
            RenderError: see `render_email`; with `whole`, also when a program would get a cut document.
        """
        row = webhook_format(name)
        if row is None:
            known = ", ".join(row.name for row in WEBHOOK_FORMATS)
            raise RenderError(f"there is no webhook format '{name}'; known are {known}")
        cuts: tuple[str, ...] = ()

        def held(document: Json) -> Json:
            nonlocal cuts
            if whole and row.complete and too_large(document, row.limits):
                raise RenderError(f"the message is larger than {name} takes", too_large=True)
            document, cuts = fit(document, row.limits)
            return document

        message = Message(
            kind=view.kind,
            subject=plain(view.subject)[:_SUBJECT_LENGTH],
            body=self._engine.json(row.template, _variables(view), held),
            content_type=row.content_type,
            thread_id=_thread(view),
        )
        return message, tuple(
            f"template {row.template}: {cut}; print less, for example with |clip(300)" for cut in cuts
        )

    def check(self, *views: NotificationView) -> tuple[str, ...]:
        """Return what is wrong with the templates, found by rendering `views` in every way there is."""
        problems: dict[str, None] = {}
        for view in views:
            for row in (None, *WEBHOOK_FORMATS):
                try:
                    if row is None:
                        self._email(view)
                    else:
                        problems |= dict.fromkeys(self._webhook(view, row.name)[1])
                except RenderError as error:
                    problems[str(error)] = None
        return tuple(problems)


def _inliner() -> Callable[[str], str]:
    """Return what puts styles into elements; `<style>` stays, for media queries.

    Raises:
        ConfigurationError: the library is not installed.
    """
    try:
        library: Any = importlib.import_module("css_inline")
    except ImportError:
        raise ConfigurationError(
            "MONITOR_EMAIL_INLINE_CSS is set, but the library css-inline is not installed: "
            "pip install 'diplomatic-monitor[css-inline]'"
        ) from None
    inliner = library.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)
    inline: Callable[[str], str] = inliner.inline
    return inline


def _variables(view: NotificationView) -> dict[str, Any]:
    """Return what templates may name; documented in templates/README.md."""
    topics = arrange(view.alerts)
    return {
        "message": view,
        "alert": view.alerts[0] if len(view.alerts) == 1 else None,
        "topics": topics,
        "digest": abridge(topics),
    }


def _thread(view: NotificationView) -> str:
    return view.alerts[0].alert_id if view.kind != "digest" and len(view.alerts) == 1 else ""


def _headers(view: NotificationView) -> Labels:
    """Return the header fields that mail filters and clients sort by."""
    fields = [("X-Monitor-Kind", view.kind)]
    if view.alerts:
        severity = max((alert.severity for alert in view.alerts), key=lambda name: Severity(name).rank)
        fields.append(("X-Monitor-Severity", severity))
        if severity == Severity.CRITICAL and view.kind != "digest":
            fields.append(("Importance", "high"))
    if _thread(view):
        alert = view.alerts[0]
        fields += [
            ("X-Monitor-Alert", alert.alert_id),
            ("X-Monitor-Rule", alert.rule_id),
            ("X-Monitor-Reason", alert.reason),
            ("X-Monitor-Topic", alert.topic),
            ("X-Monitor-Tags", ", ".join(alert.tags)),
        ]
    return tuple((name, plain(value)) for name, value in fields if value)


def _tidy(text: str) -> str:
    """Return `text` without trailing blanks and with at most one blank line in a row."""
    lines: list[str] = []
    for line in (line.rstrip() for line in text.splitlines()):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip("\n") + "\n"
