"""Words for notifications: the installation's templates, and the shipped ones when those fail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from monitor.channels.render import Renderer
from monitor.channels.template_files import load_templates
from monitor.errors import RenderError
from monitor.shipped import shipped

if TYPE_CHECKING:
    from monitor.alerts.view import NotificationView
    from monitor.directory import Directory
    from monitor.models import Message, Recipient

log = structlog.get_logger("monitor.rendering")


class Templates:
    """Renders with an installation's own templates; an alert never waits for a template to be mended."""

    def __init__(self, directory: Directory, *, inline_css: bool = False) -> None:
        """Read the templates; with `inline_css` styles are put into the elements of e-mails.

        Raises:
            RenderError: a file cannot be read.
            ConfigurationError: `inline_css` without the library.
        """
        own = () if directory.templates is None else (directory.templates,)
        self._renderer = Renderer(load_templates(*own, shipped("templates")), inline_css=inline_css)
        self._shipped = Renderer(load_templates(shipped("templates")))

    def message(self, view: NotificationView, recipient: Recipient, channel: str) -> Message:
        """Render `view` for one channel of a recipient.

        Raises:
            RenderError: the shipped template failed, too.
        """
        try:
            return _render(self._renderer, view, recipient, channel)
        except RenderError as error:
            # The message goes out all the same: for the operator this is something to mend, not a loss.
            log.warning(
                "a template failed, the shipped one is used",
                error=str(error),
                hint="`monitor check` shows it",
            )
            return _render(self._shipped, view, recipient, channel)

    def problems(self, *views: NotificationView) -> tuple[str, ...]:
        """Return what is wrong with the installation's templates."""
        return self._renderer.check(*views)


def _render(renderer: Renderer, view: NotificationView, recipient: Recipient, channel: str) -> Message:
    if channel == "webhook":
        made = renderer.render_webhook(view, recipient.webhook.format if recipient.webhook else "standard")
        # Should the webhook fail, the fallback is told in words.
        return replace(made, text=renderer.render_email(view).text) if recipient.fallback else made
    return renderer.render_email(view)
