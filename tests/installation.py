"""Small installations on disk, and running the command `monitor` on them as a user would."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RULE = """\
version: 1
defaults: {owner: test-desk, topic: test-talks}
rules:
  - id: envoy-lands
    title: An envoy lands
    severity: critical
    tags: [plover.consult.visit]
    when:
      all: [envoy, lands]
    must_match: ["The envoy lands in Vienna"]
    must_not_match: ["The minister stays at home"]
"""

PER_RULE = 10  # stories that one rule may tell at once without waking the flood guard


def many_rules(stories: int) -> str:
    """Return a file of rules, each for ten stories, which it knows by their four-digit numbers.

    A common word would make one story of them.
    """
    head, _, one = RULE.partition("  - id: envoy-lands\n")
    rules = []
    for first in range(0, stories, PER_RULE):
        numbers = ", ".join(f'"{number:04}"' for number in range(first, first + PER_RULE))
        rules.append(
            f"  - id: envoy-lands-{first}\n"
            + one.replace("[envoy, lands]", f"[envoy, lands, {{any: [{numbers}]}}]").replace(
                "in Vienna", f"in Vienna {first:04}"
            )
        )
    return head + "".join(rules)


ROUTES = """\
recipients:
  - id: desk
    email: {to: [desk@example.org]}
    timezone: UTC
  - id: hook
    webhook: {url_env: TEST_HOOK_URL, secret_env: TEST_HOOK_SECRET}
    timezone: UTC
routes:
  - {match: {severity: ">=info"}, to: [desk, hook], as: now, group_wait: 0s}
  - {match: {topic: system}, to: [desk], group_wait: 0s}
  - {default: true, to: [desk]}
"""

SECRET = "whsec_dGhlIHNpZ25pbmcgc2VjcmV0IG9mIHRoZSB0ZXN0cyBhbG9uZQ=="


@dataclass
class Installation:
    """A directory as `monitor init` would make it, but with little in it."""

    path: Path
    settings: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str | bytes) -> Path:
        """Write one file below the directory."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)
        return target

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the command sees: ours without what would configure it, and the settings."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MONITOR_", "TEST_HOOK"))}
        return {**inherited, "COLUMNS": "200", **self.settings}

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of `monitor ...`."""
        return [sys.executable, "-m", "monitor", *arguments]

    def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run `monitor ...` to its end."""
        return subprocess.run(
            self.command(*arguments), env=self.environment, cwd=self.path, capture_output=True, text=True,
            timeout=timeout, check=False,
        )  # fmt: skip

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start `monitor ...` and return the running process."""
        return await asyncio.create_subprocess_exec(
            *self.command(*arguments), env=self.environment, cwd=self.path,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def once(self, *arguments: str, timeout: float = 120) -> dict[str, Any]:
        """Run `monitor once --json` without blocking the test's own servers; return its summary."""
        process = await asyncio.create_subprocess_exec(
            *self.command("once", str(self.path), "--json", *arguments), env=self.environment, cwd=self.path,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(), timeout)
        assert process.returncode == 0, err.decode()
        assert b"Traceback" not in err, err.decode()
        return json.loads(out)


def make(
    path: Path, feeds: dict[str, str], *, rule: str = RULE, routes: str = ROUTES, **settings: str
) -> Installation:
    """Write an installation whose feeds are polled every second and all of whose items are matched.

    Args:
        path: a directory of its own.
        feeds: URL by feed id.
        rule: the only rule file.
        routes: `rules/routes.yaml`.
        settings: environment variables without the prefix, in lower case.
    """
    installation = Installation(
        path,
        {
            "MONITOR_ALLOW_NETWORKS": "127.0.0.0/8",
            "MONITOR_POLL_FLOOR_SECONDS": "1",
            "MONITOR_HTTP_BIND": "",
            "MONITOR_SMTP_SECURITY": "none",
            "MONITOR_SMTP_HOST": "127.0.0.1",
            "TEST_HOOK_SECRET": SECRET,
            **{f"MONITOR_{name.upper()}": value for name, value in settings.items()},
        },
    )
    entries = "".join(
        f"  - {{id: {name}, url: '{url}', owner: {name}, language: en, first_poll: all, interval: 1s}}\n"
        for name, url in feeds.items()
    )
    installation.write("rules/feeds.yaml", f"feeds:\n{entries}")
    installation.write("rules/routes.yaml", routes)
    installation.write("rules/talks/talks.yaml", rule)
    return installation
