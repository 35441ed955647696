"""Undoes HTTP content encodings in small steps, so that the caller can bound the output; pure, no I/O."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCEPT_ENCODING = "gzip, deflate"  # what the standard library can undo step by step

_GZIP = 16 + zlib.MAX_WBITS
_ZLIB = zlib.MAX_WBITS
_RAW = -zlib.MAX_WBITS
_STEP = 64 * 1024  # most bytes that one call of zlib may give


class DecodingError(Exception):
    """The body is not what Content-Encoding says, in words for people."""


class Decoder:
    """Undoes a chain of content encodings chunk by chunk (RFC 9110, section 8.4.1)."""

    def __init__(self, encoding: str) -> None:
        """Prepare for `encoding`, the value of Content-Encoding.

        Raises:
            DecodingError: an encoding that was not asked for and cannot be undone.
        """
        names = [name.strip().lower() for name in encoding.split(",")]
        # A chain is undone from its last encoding; `none` and `utf-8` are met in the wild.
        coded = [name for name in reversed(names) if name not in {"", "identity", "none", "utf-8"}]
        self._inflaters = [_Inflater(name) for name in coded]

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what the chunk `data` unpacks to, 64 KB at most each.

        The caller stops reading when the sum is too large: a few kilobytes may unpack to gigabytes.

        Raises:
            DecodingError: the data cannot be unpacked.
        """
        return self._unpack(data, 0)

    def _unpack(self, data: bytes, stage: int) -> Iterator[bytes]:
        if stage == len(self._inflaters):
            yield data
            return
        for piece in self._inflaters[stage].pieces(data):
            yield from self._unpack(piece, stage + 1)

    def finish(self) -> None:
        """Say that the body is complete.

        A body cut off in the middle that gave something is passed on: the parser keeps what is whole.

        Raises:
            DecodingError: there was a body, and nothing at all could be unpacked.
        """
        if any(inflater.started and not inflater.gave for inflater in self._inflaters):
            raise DecodingError("it ends before anything can be unpacked")


class _Inflater:
    """One gzip or deflate encoding."""

    def __init__(self, name: str) -> None:
        self._name = name.removeprefix("x-")
        if self._name not in {"gzip", "deflate"}:
            raise DecodingError(f"its encoding '{name}' was not asked for")
        self.started = False
        self.gave = False
        self._closed = False
        self._zlib = zlib.decompressobj(_GZIP if self._name == "gzip" else _ZLIB)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` unpacks to, 64 KB at most each."""
        while data and not self._closed:
            piece = self._inflate(data)
            self.started = True
            self.gave = self.gave or bool(piece) or self._zlib.eof
            data = self._zlib.unconsumed_tail
            if self._zlib.eof:
                data = self._next_member()
            if piece:
                yield piece

    def _next_member(self) -> bytes:
        """Return what follows a finished stream: RFC 1952 lets gzip members follow each other."""
        rest = self._zlib.unused_data
        if self._name == "gzip" and (not rest or rest[:2] == b"\x1f\x8b"):
            self._zlib = zlib.decompressobj(_GZIP)
        else:
            self._closed = True  # padding
        return rest

    def _inflate(self, data: bytes) -> bytes:
        try:
            return self._zlib.decompress(data, _STEP)
        except zlib.error as error:
            if self.gave and self._name == "gzip":
                self._closed = True  # padding after the last member
                return b""
            if self.started or self._name != "deflate":
                raise DecodingError(f"it is no valid {self._name}") from error
        # Some servers send `deflate` without the zlib header that RFC 9110 asks for.
        self._zlib = zlib.decompressobj(_RAW)
        try:
            return self._zlib.decompress(data, _STEP)
        except zlib.error as error:
            raise DecodingError(f"it is no valid {self._name}") from error
