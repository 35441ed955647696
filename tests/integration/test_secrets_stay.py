"""Secrets of receivers reach the receivers and nothing else: no log, no row, no command's output."""

from __future__ import annotations

import asyncio

from tests import fakes, installation
from tests.receivers import Answer, http_receiver, smtp_receiver

SECRETS = {
    "TEST_HOOK_URL": "/services/T000/very-secret-path-1",
    "TEST_HOOK_PAGER": "/pager/very-secret-path-2",
    "TEST_HOOK_KEY": "R0UTINGKEY0123456789ABCDEF012345",
    "TEST_HOOK_TOKEN": "syt_very-secret-token-3",
    "TEST_HOOK_HEADER": "very-secret-header-value-4",
    "TEST_HOOK_APPRISE": "/very-secret-apprise-5",
    "MONITOR_SMTP_PASSWORD": "very-secret-password-6",
}
ROUTES = """\
recipients:
  - {id: slack, webhook: {url_env: TEST_HOOK_URL, format: slack, secret_env: TEST_HOOK_SECRET}, timezone: UTC}
  - id: pager
    webhook:
      url_env: TEST_HOOK_PAGER
      format: pagerduty
      to_env: TEST_HOOK_KEY
      token_env: TEST_HOOK_TOKEN
      headers_env: {X-Api-Key: TEST_HOOK_HEADER}
    timezone: UTC
  - {id: many, apprise: {url_env: TEST_HOOK_APPRISE}, timezone: UTC}
  - {id: desk, email: {to: [desk@example.org]}, timezone: UTC}
routes:
  - {match: {severity: ">=info"}, to: [slack, pager, many, desk], as: now, group_wait: 0s}
  - {default: true, to: [desk]}
"""


async def test_secrets_are_in_no_log_row_or_output(tmp_path):
    async with fakes.WebServer() as feeds, http_receiver() as hook, smtp_receiver(auth=True) as smtp:
        feeds.on("/feed", fakes.Answer.rss("The envoy lands in Vienna"))
        smtp.auth_reply = f"535 no login with {SECRETS['MONITOR_SMTP_PASSWORD']}"
        place = installation.make(
            tmp_path, {"outlet": feeds.url("/feed")}, routes=ROUTES, smtp_port=str(smtp.port),
            smtp_username="monitor", log_level="debug", log_format="json",
        )  # fmt: skip
        place.settings |= SECRETS
        for name in ("TEST_HOOK_URL", "TEST_HOOK_PAGER"):
            place.settings[name] = hook.url(SECRETS[name])
        place.settings["TEST_HOOK_APPRISE"] = f"json://127.0.0.1:{hook.port}{SECRETS['TEST_HOOK_APPRISE']}"
        values = [place.settings[name] for name in (*SECRETS, "TEST_HOOK_SECRET")]
        # Each receiver repeats what all of them were told.
        hook.default = Answer(500, body=f"no: {' '.join(values)}".encode())
        said = []
        for command in (("once", "--json"), ("status",), ("status", "--json"), ("outbox", "list", "--json")):
            process = await asyncio.create_subprocess_exec(
                *place.command(*command[:2 if command[0] == "outbox" else 1], str(tmp_path), *[
                    option for option in command if option.startswith("--")
                ]),
                env=place.environment, cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, err = await asyncio.wait_for(process.communicate(), 120)
            assert process.returncode == 0, err.decode()
            said += [out, err]
        assert len(hook.requests) >= 3, "slack, pager and Apprise were asked"
        assert hook.requests[0].headers
        assert any(request.headers.get("x-api-key") for request in hook.requests), "the receiver has it"
        stored = [path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file()]
        assert any(b"Envoy" in data or b"envoy" in data for data in stored)
        for secret in (*SECRETS.values(), installation.SECRET):
            assert not any(secret.encode() in data for data in (*said, *stored)), secret
