"""Serves health, metrics and the page for people; reads only, and knows the daemon only by its probes."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from monitor import __version__
from monitor.errors import ConfigurationError, MonitorError
from monitor.web import health, page
from monitor.web.probes import Row, Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.web.probes import Probes

log = structlog.stdlib.get_logger(__name__)

# The page loads its own style sheet and icon and nothing else, runs nothing, and is framed nowhere.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
# Nothing here reads a body.
MAX_BODY: Final = 1024
# A scrape under way may end, a slow reader is cut off.
SHUTDOWN_SECONDS: Final = 2.0


class WebServer:
    """The daemon's HTTP server; `start` and `stop` are each called once, from the event loop."""

    def __init__(self, bind: str, probes: Probes) -> None:
        """Keep where to listen and whom to ask.

        Args:
            bind: "host:port" or "[IPv6]:port"; port 0 takes a free one, an empty host every address.
            probes: the daemon's answers.

        Raises:
            ConfigurationError: `bind` is not such an address.
        """
        self._host, self._port = parse_bind(bind)
        self._probes = probes
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Return the address of the page, as this machine reaches it; the port is known once started."""
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self._port}/" if ":" in host else f"http://{host}:{self._port}/"

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: the address is in use, not this machine's, or not allowed.
        """
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        site = web.TCPSite(runner, self._host or None, self._port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise ConfigurationError(_why_not(f"{self._host}:{self._port}", error)) from None
        self._port = int(runner.addresses[0][1])
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening and let requests under way end, within a bound; harmless when not started."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=MAX_BODY)
        application.on_response_prepare.append(_harden)
        application.router.add_get("/", self._page)
        application.router.add_get("/health/live", self._live)
        application.router.add_get("/health/ready", self._ready)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/style.css", _style)
        application.router.add_get("/icon.svg", _icon)
        return application

    async def _live(self, _request: web.Request) -> web.Response:
        return _answer(await health.live(self._probes))

    async def _ready(self, _request: web.Request) -> web.Response:
        return _answer(await health.ready(self._probes))

    async def _metrics(self, request: web.Request) -> web.Response:
        """Serve the metrics; a store that does not answer costs its gauges' freshness, not the scrape."""
        try:
            await health.bounded(self._probes.refresh(), self._probes.timeout)
        except Exception as error:  # noqa: BLE001 - whatever the store raises, the counters are still good
            log.warning("gauges could not be refreshed", error=f"{type(error).__name__}: {error}")
        body, content_type = self._probes.metrics.expose(request.headers.get("Accept", ""))
        response = web.Response(body=body, headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    async def _page(self, _request: web.Request) -> web.Response:
        live, ready, rows = await asyncio.gather(
            health.live(self._probes), health.ready(self._probes), self._rows()
        )
        text = page.render(live, ready, rows, __version__)
        return web.Response(text=text, content_type="text/html")

    async def _rows(self) -> Sequence[Row]:
        """Return the status table, or one row that says why there is none."""
        try:
            return await health.bounded(self._probes.rows(), self._probes.timeout)
        except Exception as error:  # noqa: BLE001 - the rest of the page is still of use
            log.warning("the status table could not be made", error=f"{type(error).__name__}: {error}")
            why = str(error) if isinstance(error, MonitorError) else "The log says why."
            return (Row("Status", "not available", Tone.PROBLEM, why),)


def parse_bind(bind: str) -> tuple[str, int]:
    """Return (host, port) of "host:port", "[IPv6]:port" or ":port".

    Raises:
        ConfigurationError: it is none of these.
    """
    host, colon, port = bind.strip().rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    sound = colon and port.isascii() and port.isdecimal() and int(port) <= 65535  # noqa: PLR2004 - the last TCP port
    if not sound or (":" in host and not bracketed):
        raise ConfigurationError(
            f'MONITOR_HTTP_BIND is "{bind}": write host:port, for example 127.0.0.1:8080 or [::1]:8080'
        )
    return (host[1:-1] if bracketed else host), int(port)


def _why_not(where: str, error: OSError) -> str:
    """Return why nothing can listen there, and what to do."""
    reasons = {
        errno.EADDRINUSE: "another program listens there",
        errno.EADDRNOTAVAIL: "this machine does not have that address",
        errno.EACCES: "ports below 1024 need a privilege that the monitor should not have",
    }
    reason = reasons.get(error.errno or 0, error.strerror or str(error))
    return f"cannot listen on {where}: {reason}; set MONITOR_HTTP_BIND to another address"


def _answer(answer: health.Health) -> web.Response:
    return web.json_response(answer.body(), status=200 if answer.ok else 503)


async def _style(_request: web.Request) -> web.Response:
    return web.Response(text=page.STYLE, content_type="text/css")


async def _icon(_request: web.Request) -> web.Response:
    return web.Response(text=page.ICON, content_type="image/svg+xml")


async def _harden(_request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Add the security headers to every answer, and do not name the software's versions."""
    response.headers.update(HEADERS)
    response.headers.popall("Server", None)
