"""DKIM signatures (RFC 6376) through dkimpy, an optional extra: for relays that do not sign themselves."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any, Final

from monitor.errors import ConfigurationError

# What a receiver shows or acts on; RFC 8058, 4 asks for the two List-Unsubscribe fields.
SIGNED: Final = (
    b"from", b"to", b"subject", b"date", b"message-id", b"in-reply-to", b"references", b"list-id",
    b"list-unsubscribe", b"list-unsubscribe-post", b"mime-version", b"content-type",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dkim:
    """Signs messages for one domain."""

    domain: str  # d=
    selector: str  # s=: the key's record is at <selector>._domainkey.<domain>
    key: str = field(repr=False)  # private key, PEM

    def check(self) -> None:
        """Sign a sample, so that a mistake shows at the start and not with the first alert.

        Raises:
            ConfigurationError: the library is missing, or the key or a name cannot be used.
        """
        try:
            self.signed(b"From: a@example.org\r\nSubject: s\r\n\r\nbody\r\n")
        except ImportError:
            raise ConfigurationError(
                "MONITOR_DKIM_DOMAIN is set, but the library dkimpy is not installed: "
                "pip install 'diplomatic-monitor[dkim]'"
            ) from None
        except Exception as error:  # noqa: BLE001 - whatever the library says of a key, it is the operator's to mend
            raise ConfigurationError(
                "MONITOR_DKIM_KEY (or MONITOR_DKIM_KEY_FILE) with MONITOR_DKIM_SELECTOR and "
                f"MONITOR_DKIM_DOMAIN cannot sign: {type(error).__name__}; the key is an RSA private key in "
                "PEM form, as made by: openssl genrsa 2048"
            ) from None

    def signed(self, message: bytes) -> bytes:
        """Return `message` with its signature in front.

        Raises:
            ImportError: the extra is not installed.
        """
        library: Any = importlib.import_module("dkim")
        present = {line.split(b":")[0].strip().lower() for line in _header(message)}
        header: bytes = library.sign(
            message, self.selector.encode(), self.domain.encode(), self.key.encode(),
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[name for name in SIGNED if name in present],
        )  # fmt: skip
        return header.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + message


def _header(message: bytes) -> list[bytes]:
    head = message.partition(b"\r\n\r\n")[0]
    return [line for line in head.split(b"\r\n") if line[:1] not in {b" ", b"\t"}]
