"""Where settings come from, in which order, and what is said of wrong ones."""

from __future__ import annotations

import os
from contextlib import contextmanager

import pytest

from monitor.errors import ConfigurationError
from monitor.settings import Settings, known_secrets, load


@contextmanager
def environment(**values: str):
    """The process's environment with other values; what the settings read is the real one."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(("MONITOR_", "CREDENTIALS"))]:
        del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_everything_has_a_default(tmp_path):
    with environment():
        settings, _ = load(tmp_path)
    assert settings.database(tmp_path) == f"sqlite:///{tmp_path}/var/monitor.db"
    assert settings.port() == 587


def test_sources_in_their_order(tmp_path):
    """Argument, environment, *_FILE, monitor.env, secrets directory, default: each row removes the first."""
    (tmp_path / "monitor.env").write_text("MONITOR_SMTP_PASSWORD=from-env-file\n")
    named = tmp_path / "named"
    named.write_text("from-named-file\n")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "MONITOR_SMTP_PASSWORD").write_text("from-credentials")
    variables = {
        "MONITOR_SMTP_PASSWORD": "from-environment",
        "MONITOR_SMTP_PASSWORD_FILE": str(named),
        "CREDENTIALS_DIRECTORY": str(credentials),
    }

    def password(**overrides: str) -> str:
        with environment(**variables):
            return load(tmp_path, **overrides)[0].smtp_password.get_secret_value()

    assert password(smtp_password="argument") == "argument"
    assert password() == "from-environment"
    del variables["MONITOR_SMTP_PASSWORD"]
    assert password() == "from-named-file"
    del variables["MONITOR_SMTP_PASSWORD_FILE"]
    assert password() == "from-env-file"
    (tmp_path / "monitor.env").unlink()
    assert password() == "from-credentials"
    del variables["CREDENTIALS_DIRECTORY"]
    assert password() == ""


def test_secrets_by_name(tmp_path):
    (tmp_path / "monitor.env").write_text("HOOK_URL=https://env-file.example/\n")
    hidden = tmp_path / "hook"
    hidden.write_text("https://file.example/\n")
    with environment(HOOK_URL="https://environment.example/", OTHER_FILE=str(hidden)):
        _, secrets = load(tmp_path)
        assert secrets("HOOK_URL") == "https://environment.example/"
        assert secrets("OTHER") == "https://file.example/"
        assert secrets("NOWHERE") is None
    with environment():
        assert secrets("HOOK_URL") == "https://env-file.example/"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MONITOR_SMTP_PORT", "hunter2"),
        ("MONITOR_SMTP_SECURITY", "hunter2"),
        ("MONITOR_ALLOW_NETWORKS", "hunter2"),
        ("MONITOR_POLL_CONCURRENCY", "-5"),
        ("MONITOR_SMTP_PASSWORD_FILE", "/nowhere/hunter2"),
    ],
)
def test_a_wrong_value_names_its_setting(tmp_path, name, value):
    with environment(**{name: value}), pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    assert name in str(caught.value)
    assert caught.value.exit_code == 3


def test_secrets_are_not_shown(tmp_path):
    with environment(
        MONITOR_SMTP_PASSWORD="hunter2", MONITOR_DATABASE_URL="postgresql://u:hunter3@db/x", HOOK="hunter4"
    ):
        settings, secrets = load(tmp_path)
        assert set(known_secrets(settings, secrets, ("HOOK",))) == {
            "hunter2", "postgresql://u:hunter3@db/x", "hunter4"
        }  # fmt: skip
    assert "hunter" not in repr(settings) + str(settings) + repr(secrets)


def test_every_setting_is_described():
    assert not [name for name, field in Settings.model_fields.items() if not field.description]
