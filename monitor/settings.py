"""The installation's settings: the only reader of the environment.

Each setting comes, first found first taken, from: an argument of the program, the environment
(`MONITOR_SMTP_HOST`), a file named by the environment (`MONITOR_SMTP_PASSWORD_FILE`), `monitor.env` in
the installation's directory, a secrets directory (`$CREDENTIALS_DIRECTORY` of systemd, `/run/secrets`
of containers; the file's name is the variable's), the default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable  # noqa: TC003 - pydantic reads the annotations when it runs
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from monitor.errors import ConfigurationError

PREFIX = "MONITOR_"
ENV_FILE = "monitor.env"
SECRETS_DIRECTORIES = ("/run/secrets",)


class Settings(BaseSettings):
    """Everything an operator may set; durations are in the unit that the name ends with."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    database_url: SecretStr = Field(
        default=SecretStr(""),
        description="SQLite or PostgreSQL URL; default: SQLite in DIR/var/monitor.db",
    )

    smtp_host: str = Field(default="localhost", description="mail server that accepts our messages")
    smtp_port: int = Field(
        default=0, ge=0, le=65535, description="0 = 587 for starttls, 465 for tls, 25 for none"
    )
    smtp_username: str = Field(default="", description="empty = no authentication")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="better: MONITOR_SMTP_PASSWORD_FILE")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="starttls and tls are verified; none only inside a trusted network"
    )
    smtp_sender: str = Field(
        default="Diplomatic Monitor <monitor@localhost>", description="From: address of every message"
    )
    smtp_connections: int = Field(default=8, ge=1, le=16, description="pooled connections to the mail server")
    smtp_timeout_seconds: float = Field(default=30, gt=0, le=600, description="bound of one sending attempt")

    unsubscribe_url: str = Field(
        default="",
        description="https URL for one-click unsubscribing (RFC 8058); {recipient} becomes their id",
    )
    dkim_domain: str = Field(default="", description="domain that signs e-mails (DKIM); empty = unsigned")
    dkim_selector: str = Field(default="monitor", description="the key's name below _domainkey of it")
    dkim_key: SecretStr = Field(
        default=SecretStr(""), description="RSA private key, PEM; better: MONITOR_DKIM_KEY_FILE"
    )
    email_inline_css: bool = Field(
        default=False, description="put the styles of own e-mail templates into their elements (css-inline)"
    )

    allow_networks: str = Field(
        default="",
        description="CIDRs, comma-separated, that feeds and webhooks may reach besides the public internet",
    )
    allow_files: bool = Field(
        default=False, description="let feeds.yaml name file: URLs outside the installation's directory, too"
    )
    contact_url: str = Field(
        default="", description="shown to publishers in the User-Agent: a page or mailto: that reaches you"
    )
    http_bind: str = Field(
        default="127.0.0.1:8080", description="where health, metrics and the page are served; empty = nowhere"
    )

    log_format: Literal["console", "json"] = Field(
        default="console", description="console for people, json for collectors"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least level that is logged"
    )

    poll_interval_seconds: float = Field(
        default=300, ge=1, description="distance between a feed's polls at first"
    )
    poll_floor_seconds: float = Field(default=60, ge=1, description="a feed is never polled more often")
    poll_ceiling_seconds: float = Field(
        default=600,
        ge=1,
        description="a feed is polled at least this often, whatever its server's cache headers ask",
    )
    poll_concurrency: int = Field(default=32, ge=1, le=1000, description="hosts polled at the same time")
    host_spacing_seconds: float = Field(default=1, ge=0, description="pause between two requests to one host")
    fetch_timeout_seconds: float = Field(
        default=30, gt=0, description="bound of one fetch, redirects included"
    )
    fetch_max_bytes: int = Field(default=10_000_000, ge=1000, description="largest feed document, unpacked")
    parse_workers: int = Field(default=2, ge=1, le=64, description="processes that parse documents")
    parse_deadline_seconds: float = Field(default=20, gt=0, description="a parse that takes longer is killed")
    catch_up_hours: float = Field(
        default=2, ge=0, description="on a feed's first poll only items this young can raise alerts"
    )

    story_grouping: Literal["safe", "balanced"] = Field(
        default="safe",
        description="how readily reports join a story: safe keeps doubtful ones apart; balanced joins more",
    )
    semantic_model: str = Field(
        default="",
        description="directory of an embedding model that compares reports across languages; empty = none",
    )
    semantic_near: float = Field(
        default=0.75, gt=0, le=1, description="cosine from which that model counts two reports as near"
    )

    deliver_concurrency: int = Field(
        default=20, ge=1, le=200, description="notifications sent at the same time"
    )
    webhook_timeout_seconds: float = Field(
        default=20, gt=0, le=60, description="bound of one webhook attempt"
    )
    drain_seconds: float = Field(default=25, ge=0, description="on SIGTERM, time for work under way to end")

    nothing_matched_hours: float = Field(
        default=24, ge=0, description="without a hit for so long, the operator is told; 0 = never"
    )
    heartbeat_url: SecretStr = Field(
        default=SecretStr(""),
        description="asked every minute while all is well (dead man's switch); or MONITOR_HEARTBEAT_URL_FILE",
    )

    retention_items_days: float = Field(
        default=90, ge=1, description="items absent from every feed are kept this long"
    )
    retention_alerts_days: float = Field(default=365, ge=1, description="closed alerts are kept this long")
    retention_notifications_days: float = Field(
        default=90, ge=1, description="sent messages are kept this long"
    )

    @field_validator("allow_networks")
    @classmethod
    def _networks(cls, value: str) -> str:
        for part in filter(None, (piece.strip() for piece in value.split(","))):
            ip_network(part, strict=False)
        return value

    @field_validator("unsubscribe_url")
    @classmethod
    def _one_click(cls, value: str) -> str:
        if value and not re.fullmatch(r"https://[^\s<>]+", value):
            raise ValueError("has to be an https URL: one-click unsubscribing works over nothing else")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the files named by `*_FILE` right behind the environment."""
        files = NamedFiles(settings_cls)
        return init_settings, env_settings, files, dotenv_settings, file_secret_settings

    def networks(self) -> tuple[str, ...]:
        """Return the allowed networks in CIDR notation."""
        return tuple(part.strip() for part in self.allow_networks.split(",") if part.strip())

    def port(self) -> int:
        """Return the mail server's port, by the kind of security when none is set."""
        return self.smtp_port or {"starttls": 587, "tls": 465, "none": 25}[self.smtp_security]

    def database(self, directory: Path) -> str:
        """Return the database URL of the installation in `directory`."""
        return self.database_url.get_secret_value() or f"sqlite:///{directory / 'var' / 'monitor.db'}"

    def seconds(self, name: str) -> timedelta:
        """Return the setting called `<name>_seconds` as a duration."""
        return timedelta(seconds=getattr(self, f"{name}_seconds"))


class NamedFiles(PydanticBaseSettingsSource):
    """Values in files that the environment names: `MONITOR_SMTP_PASSWORD_FILE=/run/x`."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ANN401, ARG002 - the library's signature
        """Return (value or None, name, is it complex)."""
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        return (
            (_read_secret(Path(path), f"{PREFIX}{field_name.upper()}_FILE") if path else None),
            field_name,
            False,
        )

    def __call__(self) -> dict[str, Any]:
        """Return all values found."""
        found = {name: self.get_field_value(None, name)[0] for name in self.settings_cls.model_fields}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Secrets:
    """Looks up secrets that rules and routes refer to by name (`url_env: RISK_HOOK_URL`)."""

    env_file: Path | None = None
    directories: tuple[Path, ...] = ()

    def __call__(self, name: str) -> str | None:
        """Return the secret called `name`: environment, NAME_FILE, monitor.env, secrets directories."""
        if value := os.environ.get(name):
            return value
        if path := os.environ.get(f"{name}_FILE"):
            return _read_secret(Path(path), f"{name}_FILE")
        if self.env_file and (value := dotenv_values(self.env_file, interpolate=False).get(name)):
            return value
        for directory in self.directories:
            for candidate in (directory / name, directory / name.lower()):
                if candidate.is_file():
                    return _read_secret(candidate, str(candidate))
        return None


def load(directory: Path, **overrides: Any) -> tuple[Settings, Secrets]:  # noqa: ANN401 - any setting's type
    """Read the settings of the installation in `directory`.

    Raises:
        ConfigurationError: a value cannot be used; the message names each setting, not its value.
    """
    env_file = directory / ENV_FILE
    directories = tuple(
        Path(name)
        for name in (os.environ.get("CREDENTIALS_DIRECTORY", ""), *SECRETS_DIRECTORIES)
        if name and Path(name).is_dir()
    )
    sources: dict[str, Any] = {
        "_env_file": env_file if env_file.is_file() else None,
        "_env_file_encoding": "utf-8",
        "_secrets_dir": directories or None,
    }
    try:
        settings = Settings(**sources, **overrides)
    except ValidationError as error:
        problems = "; ".join(
            f"{PREFIX}{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}"
            for problem in error.errors()
        )
        raise ConfigurationError(f"settings cannot be used: {problems} (see deploy/README.md)") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{env_file}: not UTF-8 text ({error.reason}); save it as UTF-8") from None
    return settings, Secrets(env_file if env_file.is_file() else None, directories)


def known_secrets(
    settings: Settings, secrets: Callable[[str], str | None], names: tuple[str, ...]
) -> tuple[str, ...]:
    """Return every secret value in use, so that logs can be kept free of them."""
    own = (settings.smtp_password, settings.database_url, settings.dkim_key)
    values = [*(secret.get_secret_value() for secret in own), *(secrets(name) or "" for name in names)]
    return tuple(value for value in values if value)


def supervisor() -> tuple[str, str, str]:
    """Return (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID) as systemd sets them; "" when not under systemd."""
    return (
        os.environ.get("NOTIFY_SOCKET", ""),
        os.environ.get("WATCHDOG_USEC", ""),
        os.environ.get("WATCHDOG_PID", ""),
    )


def _read_secret(path: Path, origin: str) -> str:
    try:
        return path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{origin}: {path} cannot be read: {reason}") from None
