"""The rules as they were at a revision of the git repository that holds them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from monitor.directory import MAX_FILES
from monitor.errors import ConfigurationError
from monitor.rulebook import SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS: Final = 60  # a repository on a slow disk answers in time; one that asks for a password does not
_REGULAR: Final = frozenset(("100644", "100755"))  # modes of files: links and submodules are passed over


def files_at(rules: Path, revision: str) -> dict[str, bytes]:
    """Return the YAML files below `rules` at a revision: contents by path relative to it.

    Args:
        rules: the rules directory, inside a git checkout.
        revision: whatever git understands: "HEAD~3", a tag, a branch, a commit.

    Raises:
        ConfigurationError: there is no git, no checkout, no such revision, or no rules in it.
    """
    found = _git(rules, "rev-parse", "--is-inside-work-tree")
    if found.returncode:
        raise ConfigurationError(
            f"{rules} is in no git checkout, so it has no revision {revision!r}"
            f" ({_said(found)}); give --against a directory with the earlier rules instead"
        )
    commit = _git(rules, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit.returncode:
        raise ConfigurationError(
            f"{rules}: git knows no revision {revision!r}, and there is no such directory;"
            " `git log --oneline` lists the revisions"
        )
    listed = _git(rules, "ls-tree", "-r", "-z", commit.stdout.decode().strip())
    blobs = _blobs(listed.stdout)
    if not blobs:
        raise ConfigurationError(f"{rules}: there are no YAML files at revision {revision!r}")
    if len(blobs) > MAX_FILES:
        raise ConfigurationError(f"{rules}: more than {MAX_FILES} YAML files at revision {revision!r}")
    return _contents(rules, blobs)


def _blobs(listed: bytes) -> dict[str, str]:
    """Return object names by path, of what `git ls-tree -z` lists: "mode type object<TAB>path"."""
    blobs: dict[str, str] = {}
    for line in filter(None, listed.split(b"\0")):
        facts, _, path = line.decode("utf-8", "surrogateescape").partition("\t")
        mode, _, name = facts.split(" ")
        pure = PurePosixPath(path)
        if mode in _REGULAR and pure.suffix in SUFFIXES and not any(p.startswith(".") for p in pure.parts):
            blobs[path] = name
    return blobs


def _contents(rules: Path, blobs: dict[str, str]) -> dict[str, bytes]:
    """Return the files' contents; all of them come from one process."""
    asked = "".join(f"{name}\n" for name in blobs.values()).encode()
    answer = _git(rules, "cat-file", "--batch", given=asked).stdout
    files: dict[str, bytes] = {}
    place = 0
    for path in blobs:  # each: "<object> blob <size>\n<contents>\n"
        end = answer.index(b"\n", place)
        size = int(answer[place:end].split(b" ")[2])
        files[path] = answer[end + 1 : end + 1 + size]
        place = end + size + 2
    return files


def _git(rules: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    git = shutil.which("git")
    if git is None:
        raise ConfigurationError(
            "git is not installed; give --against a directory with the earlier rules instead"
        )
    try:
        return subprocess.run(  # noqa: S603 - a fixed program, options ended before what the user wrote
            [git, "-C", str(rules), *arguments],
            input=given,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(f"{rules}: git did not answer within {_SECONDS} s") from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else "git said nothing"
