"""Writes constraints.txt: the exact version of everything that an installation or its tests need.

Run it with the Python of a virtual environment in which the wanted versions are installed:

    .venv/bin/python deploy/refresh_constraints.py [--check]

It walks the requirements from pyproject.toml on (the project's own and those of the extras in EXTRAS)
and writes what it finds installed. What is not installed is resolved by pip, without installing it.
With --check nothing is written, and the exit code is 1 when the file is not up to date.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).resolve().parent
PYPROJECT = HERE.parent / "pyproject.toml"
CONSTRAINTS = HERE / "constraints.txt"
EXTRAS = ("postgres", "apprise", "css-inline", "demo", "dkim", "morphology", "semantic", "test")
HEADER = """\
# The exact versions that this release is tested with: pip install --constraint constraints.txt ...
# Made by refresh_constraints.py; a change by hand is lost.
"""


def wanted(project: Mapping[str, Any], extras: tuple[str, ...] = EXTRAS) -> list[Requirement]:
    """Return the requirements of pyproject's `[project]` table, extras that name extras unfolded."""
    own = canonicalize_name(project["name"])
    found = [Requirement(text) for text in project["dependencies"]]
    for extra in extras:
        for text in project["optional-dependencies"][extra]:
            requirement = Requirement(text)
            if canonicalize_name(requirement.name) == own:
                inner = tuple(sorted(requirement.extras))
                found += wanted({**project, "dependencies": []}, inner)
            else:
                found.append(requirement)
    return found


def walk(roots: list[Requirement]) -> tuple[dict[str, str], list[Requirement]]:
    """Return (version by name of all that is installed, requirements that are not)."""
    versions: dict[str, str] = {}
    missing: list[Requirement] = []
    done: set[tuple[str, str]] = set()
    left = [(requirement, "") for requirement in roots]
    while left:
        requirement, asked_by = left.pop()
        if requirement.marker and not requirement.marker.evaluate({**_environment(), "extra": asked_by}):
            continue
        name = canonicalize_name(requirement.name)
        try:
            versions[name] = distribution(name).version
        except PackageNotFoundError:
            missing.append(requirement)
            continue
        for extra in ("", *requirement.extras):
            if (name, extra) not in done:
                done.add((name, extra))
                left += [(below, extra) for below in _requires(name)]
    return versions, missing


def _environment() -> dict[str, str]:
    return {name: str(value) for name, value in default_environment().items()}


def _requires(name: str) -> Iterator[Requirement]:
    return (Requirement(text) for text in distribution(name).requires or ())


def resolve(missing: list[Requirement], versions: Mapping[str, str]) -> dict[str, str]:
    """Return the versions that pip would install for `missing` beside `versions`."""
    pins = [f"{name}=={version}" for name, version in versions.items()]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-"]
    answer = subprocess.run(  # noqa: S603 - our own interpreter and names from our own pyproject.toml
        [*command, *map(str, missing), *pins], check=True, capture_output=True, text=True
    )
    report = json.loads(answer.stdout)
    return {
        canonicalize_name(entry["metadata"]["name"]): entry["metadata"]["version"]
        for entry in report["install"]
    }


def render(versions: Mapping[str, str]) -> str:
    """Return the file's text, sorted by name."""
    return HEADER + "".join(f"{name}=={versions[name]}\n" for name in sorted(versions))


def main(arguments: list[str]) -> int:
    """Write the file, or with --check compare it; return the exit code."""
    project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    versions, missing = walk(wanted(project))
    if missing:
        versions |= resolve(missing, versions)
    text = render(versions)
    if "--check" in arguments:
        current = CONSTRAINTS.is_file() and CONSTRAINTS.read_text("utf-8") == text
        if not current:
            sys.stderr.write("deploy/constraints.txt is not up to date: run deploy/refresh_constraints.py\n")
        return 0 if current else 1
    CONSTRAINTS.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
