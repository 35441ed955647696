"""Open files of items: JSON Lines, plain or compressed with gzip."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final

from monitor.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GZIP: Final = b"\x1f\x8b"  # RFC 1952, section 2.3.1
_LONGEST: Final = 16 * 1024**2  # bytes of one line: a file without line ends is not read into memory whole


class Archive:
    """One file; its lines can be read once."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            ConfigurationError: it cannot be opened.
        """
        self.path = path
        try:
            self._raw: BinaryIO = path.open("rb")
            self.size = path.stat().st_size  # bytes, as stored
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None

    def done(self) -> int:
        """Return how many of the stored bytes were read."""
        return self.size if self._raw.closed else self._raw.tell()

    def lines(self) -> Iterator[bytes]:
        """Yield the lines, and close the file; whether it is compressed shows in its first bytes.

        Raises:
            ConfigurationError: reading fails, or compressed data is cut off or damaged.
        """
        number = 0
        with self._raw as raw:
            try:
                packed = raw.read(len(_GZIP)) == _GZIP
                raw.seek(0)
                stream = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if packed else raw
                while line := stream.readline(_LONGEST):
                    number += 1
                    yield line
            except EOFError:
                raise ConfigurationError(
                    f"{self.path}: the compressed data ends in the middle, after line {number};"
                    " the file was not copied whole: copy it again"
                ) from None
            except (gzip.BadGzipFile, zlib.error) as error:
                raise ConfigurationError(
                    f"{self.path}: the compressed data is damaged after line {number} ({error});"
                    " copy the file again"
                ) from None
            except OSError as error:
                raise ConfigurationError(
                    f"{self.path}: cannot be read after line {number}: {error.strerror or error}"
                ) from None
