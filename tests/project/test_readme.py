"""What the README says is true: its commands exist, its files are there, its examples run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.cli import call

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
GUIDES = [
    ROOT / "README.md",
    *(ROOT / part / "README.md" for part in ("monitor", "rules", "templates", "deploy")),
]


def commands_of(text: str) -> set[str]:
    return set(re.findall(r"`monitor ([a-z-]+)[ `\[]", text)) | set(
        re.findall(r"bin/monitor ([a-z-]+) ", text)
    )


@pytest.mark.parametrize("command", sorted(commands_of(README)))
def test_every_command_of_the_readme_exists(command, capsys):
    assert call([command, "--help"]) == 0
    assert command in capsys.readouterr().out


def test_every_command_is_in_the_readme(capsys):
    assert call(["--help"]) == 0
    listed = re.findall(r"^[ │]+([a-z][a-z-]+) {2,}", capsys.readouterr().out, re.MULTILINE)
    assert listed
    assert set(listed) <= commands_of(README)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.parent.name)
def test_links_lead_somewhere(guide):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", guide.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (guide.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z]+)", README))))
def test_every_make_target_exists(target):
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_first_steps_work(tmp_path):
    """The commands under "Use it", but for those that need a mail server."""
    directory = str(tmp_path / "monitor")
    for arguments in (["init", directory], ["check", directory], ["test", directory], ["status", directory]):
        done = subprocess.run(
            [sys.executable, "-m", "monitor", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-2000:])
