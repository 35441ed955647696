"""The rules that a running monitor uses, as one text that the store keeps under `RUNNING`."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from monitor.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNNING: Final = "rules.running"  # name of the stored value
_FORMAT: Final = 1
_MOST_BYTES: Final = 256 * 1024**2  # of a tree unpacked; a damaged value does not fill the memory


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole rules directory at one time."""

    files: Mapping[str, bytes]  # contents by path relative to the rules directory
    applied_at: datetime  # when the monitor began to use it; aware


def encode(files: Mapping[str, bytes], applied_at: datetime) -> str:
    """Return a tree of files as printable ASCII, compressed to about a fifth; the same tree, the same text.

    Args:
        files: what `directory.read_files` returned; any bytes.
        applied_at: when these rules came into force; aware.
    """
    value = {
        "format": _FORMAT,
        "applied_at": applied_at.isoformat(),
        "files": {path: files[path].decode("utf-8", "surrogateescape") for path in sorted(files)},
    }
    return base64.b64encode(zlib.compress(json.dumps(value).encode("ascii"), 9)).decode("ascii")


def decode(text: str) -> Snapshot:
    """Return what `encode` was given.

    Raises:
        StorageError: the text is damaged, or a newer version wrote it.
    """
    try:
        value = _unpack(text)
        files = {
            str(path): str(data).encode("utf-8", "surrogateescape") for path, data in value["files"].items()
        }
        return Snapshot(files, datetime.fromisoformat(value["applied_at"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error, zlib.error):
        raise StorageError(
            "the copy of the running rules in the store cannot be read;"
            " the monitor writes it anew when it is started with this version"
        ) from None


def _unpack(text: str) -> dict[str, Any]:
    unpacking = zlib.decompressobj()
    data = unpacking.decompress(base64.b64decode(text.encode("ascii"), validate=True), _MOST_BYTES)
    value = json.loads(data)
    if not isinstance(value, dict) or value["format"] != _FORMAT:
        raise ValueError(text[:20])
    return value
