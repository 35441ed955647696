"""An installation's directory: where its rules, templates and database lie, and reading them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.errors import ConfigurationError, RulesUnreadableError
from monitor.rulebook import FEEDS_FILE, SUFFIXES, RuleBook, read_book
from monitor.schemas import DIRECTORY, SCHEMAS, schema_text
from monitor.settings import ENV_FILE
from monitor.shipped import shipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from monitor.models import Feed

MAX_FILES = 5000  # more than any pack: a wrong directory (a home, a disk) is told, not walked for ever
README = "README.md"


@dataclass(frozen=True, slots=True)
class Directory:
    """What `monitor run DIR` is pointed at."""

    path: Path
    rules: Path
    templates: Path | None  # None: only the shipped ones


def find(path: Path) -> Directory:
    """Find the parts of the installation at `path`.

    `path` is a directory with `rules/` in it, or the rules directory itself.

    Raises:
        ConfigurationError: neither is there.
    """
    if not path.exists():
        raise ConfigurationError(f"{path}: no such directory; `monitor init {path}` makes one")
    if not path.is_dir():
        raise ConfigurationError(f"{path}: is a file; give the directory that holds rules/")
    if (path / "rules").is_dir():
        root, rules = path, path / "rules"
    elif any((path / name).exists() for name in (FEEDS_FILE, "lists")) or any(_yaml_files(path)):
        root, rules = (_above(path) if path.resolve().name == "rules" else path), path
    else:
        raise ConfigurationError(f"{path}: there is no rules/ in it; `monitor init {path}` writes one")
    templates = root / "templates"
    return Directory(root, rules, templates if templates.is_dir() else None)


def _above(path: Path) -> Path:
    # The parent of "." and ".." by their letters is not the directory above.
    return path.parent if path.name == "rules" else path / ".."


def read_files(rules: Path) -> dict[str, bytes]:
    """Read every YAML file under `rules`: contents by relative path with forward slashes.

    Raises:
        RulesUnreadableError: a file or directory cannot be read, or there are far too many.
    """
    files: dict[str, bytes] = {}
    for path in _yaml_files(rules):
        if len(files) >= MAX_FILES:
            raise RulesUnreadableError(
                f"{rules}: more than {MAX_FILES} YAML files; is this the rules directory?"
            )
        try:
            files[path.relative_to(rules).as_posix()] = path.read_bytes()
        except OSError as error:
            raise RulesUnreadableError(
                f"{path}: cannot be read: {error.strerror}; check its permissions"
            ) from None
    return files


def read_directory(directory: Directory) -> RuleBook:
    """Read and check the rule tree of an installation; messages name paths as people would type them.

    Raises:
        RulesUnreadableError: a file cannot be read.
    """
    return read_book(read_files(directory.rules), prefix=f"{directory.rules.as_posix()}/")


def chosen_feeds(known: Mapping[str, Feed], ids: Sequence[str] | None) -> Sequence[Feed]:
    """Return the feeds of those ids, or all.

    Raises:
        ConfigurationError: there is no feed of an id, or none at all.
    """
    for name in ids or ():
        if name not in known:
            raise ConfigurationError(
                f'there is no feed "{name}" in feeds.yaml; `monitor feeds list` shows all'
            )
    feeds_ = [known[name] for name in dict.fromkeys(ids)] if ids else list(known.values())
    if not feeds_:
        raise ConfigurationError("feeds.yaml lists no feed; `monitor feeds add URL` adds one")
    return feeds_


def create(path: Path) -> tuple[str, ...]:
    """Write a new installation into `path`; return what was written, relative to it.

    Files that exist are left alone, so that it may be run again after an upgrade to add what is new. Only
    the schemas for editors are always those of this version.

    Raises:
        ConfigurationError: `path` cannot be written.
    """
    written: list[str] = []
    try:
        for name in ("rules", "templates"):
            source = shipped(name)
            for file in sorted(file for file in source.rglob("*") if file.is_file()):
                target = path / name / file.relative_to(source)
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, target)
                    written.append(target.relative_to(path).as_posix())
        settings = path / ENV_FILE
        if not settings.exists():
            settings.touch(mode=0o600)
            settings.write_text(_ENV_EXAMPLE, "utf-8")
            written.append(ENV_FILE)
    except OSError as error:
        raise ConfigurationError(f"{error.filename or path}: cannot be written: {error.strerror}") from None
    return (*written, *write_schemas(path, SCHEMAS))


def write_schemas(path: Path, kinds: Iterable[str]) -> tuple[str, ...]:
    """Write the JSON Schemas of `kinds` of files for editors; return what was written, relative to `path`.

    Those that are up to date are left alone.

    Raises:
        ConfigurationError: `path` cannot be written.
    """
    written: list[str] = []
    try:
        (path / DIRECTORY).mkdir(parents=True, exist_ok=True)
        for kind in kinds:
            target, content = path / DIRECTORY / f"{kind}.json", schema_text(kind).encode()
            if not target.is_file() or target.read_bytes() != content:
                target.write_bytes(content)
                written.append(target.relative_to(path).as_posix())
    except OSError as error:
        raise ConfigurationError(f"{error.filename or path}: cannot be written: {error.strerror}") from None
    return tuple(written)


def _yaml_files(root: Path) -> list[Path]:
    return sorted(
        path
        for path in root.rglob("*")
        if path.suffix in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and path.is_file()
    )


_ENV_EXAMPLE = """\
# Settings of this installation; the environment overrides them. deploy/README.md describes them all.
# This file may hold secrets: keep it readable by its owner only.

MONITOR_SMTP_HOST=localhost
MONITOR_SMTP_SECURITY=starttls
MONITOR_SMTP_SENDER=Diplomatic Monitor <monitor@localhost>
# MONITOR_SMTP_USERNAME=
# MONITOR_SMTP_PASSWORD_FILE=/run/secrets/smtp-password

# A page or mail address under which publishers can reach you: part of the User-Agent.
# MONITOR_CONTACT_URL=https://example.org/monitor
"""
