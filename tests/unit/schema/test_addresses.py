"""Only addresses of the public internet may be called."""

import pytest

from schema.addresses import is_public_address

PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]
REFUSED = {
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd00:ec2::254"],
    "loopback": ["127.0.0.1", "127.8.8.8", "::1"],
    "link-local": ["169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1"],
    "metadata of a cloud": ["169.254.169.254", "168.63.129.16", "192.0.0.192", "100.100.100.200"],
    "shared": ["100.64.0.1", "100.127.255.255"],
    "multicast": ["224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "0.0.0.0", "0.1.2.3", "::", "100::1", "5f00::1"],  # noqa: S104 -- bound to nothing
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarking": ["198.18.0.1", "2001:2::1"],
    "relay": ["192.88.99.1"],
    "site-local": ["fec0::1"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "local NAT64": ["64:ff9b:1::8.8.8.8"],
    "IPv4-compatible": ["::8.8.8.8", "::7f00:1"],
}
WRAPPED = ["::ffff:{}", "64:ff9b::{}", "2002:{}::1"]


def wrapped(form: str, address: str) -> str:
    """An IPv6 address that leads to the IPv4 address."""
    first, second, third, fourth = (int(part) for part in address.split("."))
    return form.format(f"{first:02x}{second:02x}:{third:02x}{fourth:02x}")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_global_address_is_public(address: str) -> None:
    assert is_public_address(address)


@pytest.mark.parametrize("address", [each for kind in REFUSED.values() for each in kind])
def test_a_special_address_is_not_public(address: str) -> None:
    assert not is_public_address(address)


@pytest.mark.parametrize("form", WRAPPED)
@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "168.63.129.16", "100.64.0.1"]
)
def test_a_special_address_is_not_public_in_ipv6_clothes(form: str, address: str) -> None:
    assert not is_public_address(wrapped(form, address))


@pytest.mark.parametrize("form", WRAPPED)
def test_a_public_address_stays_so_in_ipv6_clothes(form: str) -> None:
    assert is_public_address(wrapped(form, "8.8.8.8"))


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "8.8.8.8.8", "[::1]"])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public_address(text)
