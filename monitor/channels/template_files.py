"""Reads template files; the only part of rendering that touches the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.errors import RenderError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = frozenset({".html", ".txt", ".json"})


class Templates(dict[str, str]):
    """Template texts by name ("email/alert.html"); remembers where they were looked for."""

    directories: tuple[str, ...] = ()


def load_templates(*directories: Path) -> Templates:
    """Read every template below `directories`; for a name found in several, the first one counts.

    A user's directory given before the shipped one so replaces single files or all of them. A directory
    that does not exist holds no templates.

    Raises:
        RenderError: a file cannot be read as UTF-8 text.
    """
    found = Templates()
    found.directories = tuple(str(directory) for directory in directories)
    for directory in directories:
        for path in sorted(directory.rglob("*")):
            name = path.relative_to(directory).as_posix()
            if path.suffix in SUFFIXES and name not in found and path.is_file():
                found[name] = _read(path)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RenderError(f"{path}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from None
    except OSError as error:
        raise RenderError(f"{path}: cannot be read: {error.strerror}") from None
