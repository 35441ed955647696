"""The address guard: every spelling of a place that is not the public internet is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import AddressRefusedError, ConfigurationError, ErrorKind
from monitor.http import AddressGuard

REFUSED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",  # CGNAT, RFC 6598
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",  # cloud metadata
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",  # IPv4-compatible, deprecated
    "::ffff:127.0.0.1",  # mapped
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::10.0.0.1",  # NAT64
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",  # local-use NAT64, RFC 8215
    "100::1",  # discard-only
    "2001:db8::1",
    "2001:20::1",  # ORCHIDv2
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:a00:1::1",
    "2001:0:7f00:1::",  # Teredo with a loopback relay
    "2001:0:808:808:0:0:f5ff:fffe",  # Teredo, client 10.0.0.1 behind a public relay
    "2606:4700::5efe:a00:1",  # ISATAP with a private address
    "3fff::1",
    "4000::1",  # not given out
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]

ALLOWED = [
    "1.1.1.1",
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.255.255",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001:82a::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "2001:0:808:808:0:0:f7f7:f7f7",  # Teredo, both ends public
]


@pytest.mark.parametrize("address", REFUSED)
def test_refused(address):
    with pytest.raises(AddressRefusedError) as caught:
        AddressGuard().check(address)
    assert caught.value.kind is ErrorKind.REFUSED
    assert "MONITOR_ALLOW_NETWORKS=" in str(caught.value)


@pytest.mark.parametrize("address", ALLOWED)
def test_allowed(address):
    AddressGuard().check(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "[::1]",
        "localhost",
        "LOCALHOST.",
        "feeds.localhost",
        "0",
    ],
)
def test_every_spelling_of_loopback_is_refused(host):
    with pytest.raises(AddressRefusedError):
        AddressGuard().check_host(host)


@pytest.mark.parametrize("host", ["news.example", "localhost.example.org", "8.8.8.8", "xn--e1afmkfd.example"])
def test_names_wait_for_connect_time(host):
    AddressGuard().check_host(host)


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("127.0.0.0/8", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        (" 10.1.0.0/16 ", "10.1.2.3"),
        ("10.1.0.0/16", "::ffff:10.1.2.3"),  # allowed inside, allowed wrapped
        ("10.1.2.3/16", "10.1.9.9"),  # host bits are forgiven
        ("fd00::/8", "fd00::1"),
        ("169.254.0.0/16", "169.254.1.1"),
    ],
)
def test_an_operator_may_allow_networks(network, address):
    AddressGuard([network]).check(address)


@pytest.mark.parametrize("network", ["127.0.0.0/8", "::1"])
def test_localhost_may_be_allowed_by_either_address(network):
    AddressGuard([network]).check_host("localhost")


def test_allowing_one_network_opens_no_other():
    with pytest.raises(AddressRefusedError):
        AddressGuard(["10.1.0.0/16"]).check("10.2.0.1")


def test_the_message_names_the_address_and_the_way_out():
    with pytest.raises(AddressRefusedError, match=r"10\.0\.0\.1 \(through ::ffff:.*private.*=10\.0\.0\.1/32"):
        AddressGuard().check("::ffff:10.0.0.1")


@pytest.mark.parametrize("network", ["", "example.org", "10.0.0.0/33", "10.0.0"])
def test_a_network_that_cannot_be_read_is_a_configuration_error(network):
    with pytest.raises(ConfigurationError, match="MONITOR_ALLOW_NETWORKS"):
        AddressGuard([network])


@given(st.ip_addresses(v=4))
def test_wrapping_never_opens_what_is_closed(address):
    """A mapped or NAT64 address has the verdict of the IPv4 address inside."""

    def refused(text):
        try:
            AddressGuard().check(text)
        except AddressRefusedError:
            return True
        return False

    plain = refused(str(address))
    assert refused(f"::ffff:{address}") == plain
    assert refused(f"64:ff9b::{address}") == plain


@given(st.text(max_size=40))
def test_text_that_is_no_address_is_refused_not_a_crash(text):
    try:
        AddressGuard().check(text)
    except AddressRefusedError:
        return
    assert "." in text or ":" in text
