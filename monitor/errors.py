"""Every error that the product raises on purpose.

MonitorError                     a sentence for people: what, where, what to do
├── ConfigurationError           settings, files, command line           exit 3
├── RulesUnreadableError         no usable rule tree                     exit 2
├── StorageError                 the database cannot be used             exit 3
│   ├── SchemaTooNewError        written by a newer version
│   ├── SchemaTooOldError        `monitor migrate` is due
│   └── LeaseLostError           another worker holds the claim: nothing was changed
├── FetchError                   one poll failed; has `kind` and `retry_after`
│   └── AddressRefusedError      the address guard said no
├── ParseError                   a document that cannot be used; has `kind`
├── RenderError                  a template failed
└── DeliveryError                one attempt failed; has `permanent`, `retry_after`, `pause_channel`
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta


class ErrorKind(StrEnum):
    """Classes of polling failure; each has its own back-off (see `feeds/interval.py`)."""

    TRANSIENT = "transient"  # timeout, connection reset, DNS
    SERVER = "server"  # 5xx
    RATE_LIMITED = "rate_limited"  # 429, 503 with Retry-After: the host is held, no failure is counted
    PERMANENT = "permanent"  # 401, 403, 404, TLS
    GONE = "gone"  # 410
    REFUSED = "refused"  # address guard, scheme, too many redirects
    TOO_LARGE = "too_large"  # over the byte cap
    NOT_A_FEED = "not_a_feed"  # HTML, challenge page, JSON of another kind
    EMPTY = "empty"  # 200 without a body, or without items after items were seen
    BROKEN = "broken"  # not well-formed beyond repair, or the parser hit its deadline
    INTERNAL = "internal"  # a defect of ours: logged with its trace, the other feeds go on


class MonitorError(Exception):
    """A failure described for the person who reads it; `exit_code` is what a command ends with."""

    exit_code = 3


class ConfigurationError(MonitorError):
    """Settings, files or arguments that cannot be used."""


class RulesUnreadableError(MonitorError):
    """No rule tree could be read at all."""

    exit_code = 2


class StorageError(MonitorError):
    """The database cannot be used."""


class SchemaTooNewError(StorageError):
    """The database was written by a newer version of the program."""


class SchemaTooOldError(StorageError):
    """The database needs `monitor migrate`."""


class LeaseLostError(StorageError):
    """The claim's lease ended and another worker may hold it: the commit changed nothing."""


class FetchError(MonitorError):
    """A feed could not be fetched."""

    def __init__(
        self, message: str, kind: ErrorKind, *, retry_after: timedelta | None = None, host: str = ""
    ) -> None:
        """Keep what the schedule needs.

        Args:
            message: one line for people.
            kind: decides the back-off.
            retry_after: how long the server asked to be left alone.
            host: which host asked (see `politeness.host_of`); "" = the feed's own.
        """
        super().__init__(message)
        self.kind = kind
        self.retry_after = retry_after
        self.host = host


class AddressRefusedError(FetchError):
    """The target's address is private, loopback, link-local or otherwise not the public internet."""

    def __init__(self, message: str) -> None:
        """Keep the message; the kind is always REFUSED."""
        super().__init__(message, ErrorKind.REFUSED)


class ParseError(MonitorError):
    """A fetched document that is no usable feed."""

    def __init__(self, message: str, kind: ErrorKind) -> None:
        """Keep the class of failure."""
        super().__init__(message)
        self.kind = kind


class RenderError(MonitorError):
    """A template is missing, wrong, or too large when rendered."""

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        """Keep what the renderer needs.

        Args:
            message: one line for people: template, line, what to do.
            too_large: the template is right, and the message has more in it than a message may have.
        """
        super().__init__(message)
        self.too_large = too_large


class DeliveryError(MonitorError):
    """One attempt to send a notification failed."""

    def __init__(
        self,
        message: str,
        *,
        permanent: bool,
        retry_after: timedelta | None = None,
        pause_channel: bool = False,
        gone: bool = False,
        unreachable: bool = False,
    ) -> None:
        """Keep what the next decision needs.

        Args:
            message: one line for people, without secrets.
            permanent: trying again would not help.
            retry_after: how long the receiver asked to wait.
            pause_channel: everything over this channel would fail the same way (authentication).
            gone: the receiver asked never to be called again (HTTP 410).
            unreachable: the server that serves everybody on this channel does not answer.
        """
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after
        self.pause_channel = pause_channel
        self.gone = gone
        self.unreachable = unreachable
