"""The deployment files are checked by the tools that read them, and agree with the program."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "diplomatic-monitor.service"
ENV_EXAMPLE = DEPLOY / "systemd" / "monitor.env.example"
COMPOSE = DEPLOY / "container" / "compose.yaml"
CONTAINERFILE = DEPLOY / "container" / "Containerfile"
README = DEPLOY / "README.md"
CONSTRAINTS = DEPLOY / "constraints.txt"
MOST_EXPOSED = 1.5  # of 10, as `systemd-analyze security` counts; the unit stands at 1.1


def run(*command, **options):
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=60, check=False, **options
    )


def tool(name):
    """Return the command beside this Python, or on the PATH; skip loudly when there is none."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: what it checks was NOT checked")
    return found


# --- systemd --------------------------------------------------------------------------------------


@pytest.fixture
def unit(tmp_path):
    """Return a copy of the unit whose program exists: `verify` looks for it."""
    monitor = tmp_path / "bin" / "monitor"
    monitor.parent.mkdir()
    monitor.write_text("#!/bin/sh\n")
    monitor.chmod(0o755)
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text("utf-8").replace("/opt/diplomatic-monitor", str(tmp_path)), "utf-8")
    return copy


def test_systemd_accepts_the_unit_without_a_word(unit):
    # An unknown key is only a warning to systemd, with exit code 0: any output counts.
    answer = run(tool("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", unit)
    assert (answer.returncode, answer.stderr, answer.stdout) == (0, "", "")


def test_verify_would_tell_a_misspelt_key(unit):
    unit.write_text(unit.read_text("utf-8").replace("NoNewPrivileges=", "NoNewPrivilege="), "utf-8")
    answer = run(tool("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", unit)
    assert "NoNewPrivilege" in answer.stderr


def test_the_unit_is_confined(unit):
    answer = run(tool("systemd-analyze"), "security", "--offline=yes", "--no-pager", unit)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", answer.stdout)
    assert found, answer.stdout + answer.stderr
    assert float(found[1]) <= MOST_EXPOSED


def unit_value(key):
    (value,) = re.findall(rf"^{key}=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE)
    return value


def test_the_service_manager_waits_longer_than_the_drain():
    from monitor.settings import Settings

    drain = Settings.model_fields["drain_seconds"].default
    assert float(unit_value("TimeoutStopSec")) >= drain + 20
    graces = re.findall(r"stop_grace_period: (\d+)s", COMPOSE.read_text("utf-8"))
    assert min(map(float, graces)) >= drain + 20


def test_the_unit_names_the_password_as_the_settings_look_for_it():
    from monitor.settings import PREFIX, Settings

    name, _, path = unit_value("LoadCredential").partition(":")
    assert name == f"{PREFIX}SMTP_PASSWORD"
    assert "smtp_password" in Settings.model_fields
    assert Path(path).name == name


@pytest.mark.parametrize("key", ["smtp_password", "database_url"])
def test_a_credential_reaches_the_settings(tmp_path, key):
    from monitor.settings import PREFIX, Settings

    secret = "sqlite:///from-a-credential.db"
    (tmp_path / f"{PREFIX}{key.upper()}").write_text(f"{secret}\n")
    settings = Settings(_env_file=ENV_EXAMPLE, _secrets_dir=tmp_path)
    assert getattr(settings, key).get_secret_value() == secret


# --- settings -------------------------------------------------------------------------------------


def shown_settings():
    """Return (value by name) of the example's lines, which are all commented out."""
    pairs = re.findall(r"^#(MONITOR_[A-Z_]+)=(.*)$", ENV_EXAMPLE.read_text("utf-8"), re.MULTILINE)
    assert len(pairs) == len(dict(pairs)), "a setting is listed twice"
    return dict(pairs)


def test_the_example_lists_exactly_the_settings_with_their_defaults():
    from monitor.settings import PREFIX, Settings

    def written(default):
        value = default.get_secret_value() if hasattr(default, "get_secret_value") else default
        return f"{value:g}" if isinstance(value, float) else str(value)

    expected = {
        f"{PREFIX}{name.upper()}": written(field.default) for name, field in Settings.model_fields.items()
    }
    assert shown_settings() == expected


def test_the_example_changes_nothing_until_edited():
    active = [line for line in ENV_EXAMPLE.read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert active == []


def test_the_examples_lines_are_accepted(tmp_path):
    from monitor.settings import Settings

    env = tmp_path / "monitor.env"
    env.write_text("".join(f"{name}={value}\n" for name, value in shown_settings().items()), "utf-8")
    assert Settings(_env_file=env) == Settings(_env_file=None)


def test_every_variable_in_the_deployment_files_is_a_setting():
    from monitor.settings import PREFIX, Settings

    settings = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known = settings | {f"{name}_FILE" for name in settings}
    for path in (UNIT, COMPOSE, CONTAINERFILE, README, ENV_EXAMPLE):
        named = set(re.findall(r"\bMONITOR_[A-Z_]*[A-Z]\b", path.read_text("utf-8")))
        assert named <= known, path.name


# --- container ------------------------------------------------------------------------------------


def test_hadolint_has_nothing_to_say():
    answer = run(tool("hadolint"), "--no-color", CONTAINERFILE)
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stdout


def test_compose_follows_its_specification():
    answer = run(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", COMPOSE)
    assert answer.returncode == 0, answer.stdout


def compose():
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(COMPOSE.read_text("utf-8"))


def test_every_service_is_watched_and_confined():
    for name, service in compose()["services"].items():
        assert "healthcheck" in service, name
        assert "no-new-privileges:true" in service["security_opt"], name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), "nothing is published to the network"


def test_no_secret_is_written_into_the_compose_file():
    for name, service in compose()["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|URL", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert value.removeprefix("/run/secrets/") in service["secrets"]


def test_the_image_runs_as_nobody_special_and_checks_itself():
    text = CONTAINERFILE.read_text("utf-8")
    final = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    assert "--constraint deploy/constraints.txt" in text
    assert "curl" not in text


def test_everything_the_image_copies_is_let_into_the_build():
    allowed = {
        line[1:]
        for line in Path(f"{CONTAINERFILE}.dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE.read_text("utf-8"), re.MULTILINE)
    assert {source for line in copied for source in line.split()} == allowed
    assert all((ROOT / source).exists() for source in allowed)


# --- Prometheus -----------------------------------------------------------------------------------


def alerting_rules():
    from ruamel.yaml import YAML

    (group,) = YAML(typ="safe").load((DEPLOY / "prometheus" / "alerts.yaml").read_text("utf-8"))["groups"]
    return group["rules"]


def test_every_alert_says_what_happened_and_what_to_do():
    for rule in alerting_rules():
        assert rule.keys() - {"for"} == {"alert", "expr", "labels", "annotations"}
        assert rule["labels"].keys() == {"severity"}
        for text in (rule["annotations"]["summary"], rule["annotations"]["action"]):
            assert text[-1] in ".?", rule["alert"]


def test_alerts_ask_for_metrics_and_labels_that_exist():
    from prometheus_client.parser import text_string_to_metric_families

    from monitor.web.metrics import Metrics

    metrics = Metrics("1", process=False)
    metrics.tick("poll", datetime(2026, 3, 12, tzinfo=UTC))
    labels = {}
    for family in text_string_to_metric_families(metrics.expose()[0].decode()):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    for rule in alerting_rules():
        for name, selector in re.findall(r"\b(monitor_[a-z_]+)(?:\{(.*?)\})?", rule["expr"]):
            assert name in labels, rule["alert"]
            assert set(re.findall(r"(\w+)=~?", selector)) <= labels[name], rule["alert"]


# --- constraints ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def refresh():
    spec = importlib.util.spec_from_file_location("refresh_constraints", DEPLOY / "refresh_constraints.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pins():
    lines = [line for line in CONSTRAINTS.read_text("utf-8").splitlines() if not line.startswith("#")]
    found = {}
    for line in lines:
        name, separator, version = line.partition("==")
        assert separator, f"{line}: an exact version is wanted, and nothing else"
        assert name == canonicalize_name(name)
        found[name] = Version(version)
    assert list(found) == sorted(found), "sorted, so that a change shows as one line"
    return found


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_every_requirement_is_pinned_within_its_bounds(refresh, pins, project):
    for requirement in refresh.wanted(project):
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{name}: run deploy/refresh_constraints.py"
        assert requirement.specifier.contains(pins[name], prereleases=True), f"{requirement} but {pins[name]}"


def test_what_the_requirements_require_is_pinned_too(refresh, pins, project):
    versions, _ = refresh.walk(refresh.wanted(project))
    assert versions.keys() <= pins.keys(), "run deploy/refresh_constraints.py"


def test_nothing_else_is_pinned(refresh, pins, project):
    versions, missing = refresh.walk(refresh.wanted(project))
    if missing:
        names = ", ".join(sorted(requirement.name for requirement in missing))
        pytest.skip(f"not installed here: {names}; surplus pins were NOT looked for")
    assert pins.keys() == versions.keys()


def test_the_project_does_not_pin_itself(pins, project):
    assert canonicalize_name(project["name"]) not in pins


def test_extras_that_name_extras_are_unfolded(refresh):
    table = {
        "name": "Some.Project",
        "dependencies": ["a>=1"],
        "optional-dependencies": {"x": ["b"], "y": ["some-project[x]", "c"]},
    }
    assert refresh.wanted(table, ("y",)) == [Requirement("a>=1"), Requirement("b"), Requirement("c")]


# --- the handbook ---------------------------------------------------------------------------------


def shell_blocks():
    return re.findall(r"^```sh\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_handbooks_commands_are_shell():
    blocks = shell_blocks()
    assert len(blocks) > 10
    for block in blocks:
        answer = run(tool("bash"), "-n", "-c", block)
        assert answer.returncode == 0, f"{answer.stderr}\n{block}"


def test_the_handbook_describes_the_files_that_are_there():
    named = set(re.findall(r"\bdeploy/[\w./-]+\w", README.read_text("utf-8")))
    assert named
    for name in named:
        assert (ROOT / name).exists(), name


def test_the_handbook_knows_every_setting_or_points_to_the_list():
    assert "deploy/systemd/monitor.env.example" in README.read_text("utf-8")


def test_backup_and_restore_as_the_handbook_says(tmp_path):
    """The SQLite commands run as written, on a database that is in use, in a tree of their own."""
    tool("sqlite3")
    state = tmp_path / "var" / "lib" / "diplomatic-monitor"
    backups = tmp_path / "var" / "backups" / "diplomatic-monitor"
    (state / "var").mkdir(parents=True)
    backups.mkdir(parents=True)
    database = state / "var" / "monitor.db"
    live = sqlite3.connect(database)
    live.execute("PRAGMA journal_mode=WAL")
    live.execute("CREATE TABLE alert (title TEXT)")
    live.execute("INSERT INTO alert VALUES ('kept')")
    live.commit()

    def perform(marker):
        (block,) = [block for block in shell_blocks() if f"# {marker}" in block]
        lines = [line for line in block.splitlines() if "systemctl" not in line]
        script = re.sub(r"/var/(?=lib/|backups/)", f"{tmp_path}/var/", "\n".join(lines))
        script = re.sub(r"sudo (-u \S+ )?", "", script)
        script = re.sub(r"-o diplomatic-monitor -g diplomatic-monitor ", "", script)
        answer = run(tool("bash"), "-euc", script)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    assert perform("Back up SQLite").strip() == "ok"
    (copy,) = backups.glob("monitor-*.db")
    live.execute("INSERT INTO alert VALUES ('lost')")
    live.commit()
    live.close()
    copy.rename(backups / "monitor-2026-03-12.db")
    perform("Restore SQLite")
    with sqlite3.connect(database) as restored:
        assert restored.execute("SELECT title FROM alert").fetchall() == [("kept",)]
    restored.close()
