"""Decides which network addresses may be talked to: the guard against server-side request forgery.

Pure: it opens nothing and asks no DNS. `monitor/http.py` enforces its answers at connect time.
"""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, TypeAlias

from monitor.errors import AddressRefusedError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

Address: TypeAlias = IPv4Address | IPv6Address

# RFC 6890 and the IANA special-purpose registries. The standard library's `is_global` is not used: its
# answers for several of these blocks changed between patch releases of Python 3.11 and 3.12.
_REFUSED_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), name)
    for network, name in (
        ("0.0.0.0/8", "an unspecified address"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "a carrier-grade NAT address"),
        ("127.0.0.0/8", "a loopback address"),
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "a documentation address"),
        ("192.88.99.0/24", "a reserved address"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "a benchmarking address"),
        ("198.51.100.0/24", "a documentation address"),
        ("203.0.113.0/24", "a documentation address"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
    )
)
_REFUSED_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), name)
    for network, name in (
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a private address"),
        ("fc00::/7", "a private address"),
        ("ff00::/8", "a multicast address"),
        ("2001:db8::/32", "a documentation address"),
        ("3fff::/20", "a documentation address"),
        ("2001::/23", "a reserved address"),  # Teredo, 2001::/32, is unwrapped before this row is read
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")  # all that IANA has given out; the rest is reserved
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_TEREDO = IPv6Network("2001::/32")  # RFC 4380
_ISATAP = (0x00005EFE, 0x02005EFE)  # RFC 5214: bits 64 to 95 of the address


class AddressGuard:
    """Decides which network addresses may be talked to.

    Refused are all but public unicast addresses. An IPv4 address wrapped in an IPv6 one (mapped,
    compatible, 6to4, NAT64, Teredo, ISATAP) is unwrapped and checked as well.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        """Keep the networks that the operator allows.

        Args:
            allow: CIDR blocks, for example `10.20.0.0/16`; a bare address is a block of one.

        Raises:
            ConfigurationError: a block cannot be read.
        """
        self._allowed: list[IPv4Network | IPv6Network] = []
        for block in allow:
            try:
                self._allowed.append(ip_network(block.strip(), strict=False))
            except ValueError as error:
                raise ConfigurationError(
                    f"MONITOR_ALLOW_NETWORKS: '{block}' is no network. "
                    "Write networks like 10.20.0.0/16 or fd00:1::/32, separated by commas."
                ) from error

    def check(self, address: str) -> None:
        """Return if `address` (IPv4 or IPv6 in text form) may be talked to.

        Raises:
            AddressRefusedError: it may not; the message says why and how to allow it.
        """
        try:
            parsed = ip_address(address)
        except ValueError as error:
            raise AddressRefusedError(f"'{address}' is no IP address.") from error
        candidates = (parsed, *_embedded(parsed))
        if any(_inside(candidate, network) for candidate in candidates for network in self._allowed):
            return
        for candidate in candidates:
            if name := _refusal(candidate, wrapped=len(candidates) > 1):
                via = "" if candidate == parsed else f" (through {parsed})"
                raise AddressRefusedError(
                    f"{candidate}{via} is {name}, which is not part of the public internet. If this "
                    "service is yours, allow its network: "
                    f"MONITOR_ALLOW_NETWORKS={candidate}/{candidate.max_prefixlen}"
                )

    def check_host(self, host: str) -> None:
        """Check a host as written in a URL, as far as that is possible without asking DNS.

        Raises:
            AddressRefusedError: the host is a refused address in any spelling, or `localhost`.
        """
        if literal := _literal(host):
            self.check(literal)
            return
        name = host.rstrip(".").lower()
        local = name == "localhost" or name.endswith(".localhost")
        if local and not any(_inside(ip_address("::1"), network) for network in self._allowed):
            self.check("127.0.0.1")


def _inside(address: Address, network: IPv4Network | IPv6Network) -> bool:
    return address.version == network.version and address in network


def _embedded(address: Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that `address` leads to."""
    if isinstance(address, IPv4Address):
        return ()
    number = int(address)
    low = IPv4Address(number & 0xFFFFFFFF)
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address.sixtofour:
        return (address.sixtofour,)
    if address.teredo:
        return address.teredo  # the relay and the client behind it
    if address in _NAT64 or ((number >> 32) & 0xFFFFFFFF) in _ISATAP:
        return (low,)
    return ()


def _refusal(address: Address, *, wrapped: bool) -> str:
    """Return what `address` is, in words, when it is refused; else an empty string."""
    if isinstance(address, IPv4Address):
        return next((name for network, name in _REFUSED_V4 if address in network), "")
    if wrapped and (address.ipv4_mapped or address in _NAT64 or address in _TEREDO):
        return ""  # only the IPv4 address inside decides
    reserved = "" if address in _GLOBAL_V6 else "a reserved address"
    return next((name for network, name in _REFUSED_V6 if address in network), reserved)


@lru_cache(maxsize=4096)
def _literal(host: str) -> str:
    """Return the address that `host` spells, or "" for a name.

    The C library reads `127.1`, `0x7f.1` and `2130706433` as addresses, and so does a proxy.
    """
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return ""
