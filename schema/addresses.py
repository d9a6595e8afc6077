"""Which IP addresses belong to the public internet: the only ones that callers may have called."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# What the tables of the standard library call global, and what is none of a caller's business all the same.
_REFUSED_IPV4 = (
    IPv4Network("168.63.129.16/32"),  # Azure's own services for its machines
    IPv4Network("192.0.0.0/24"),  # protocol assignments, the metadata of one cloud among them
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_REFUSED_IPV6 = (
    IPv6Network("2001::/23"),  # protocol assignments, Teredo among them
    IPv6Network("3fff::/20"),  # documentation
)


def is_public_address(text: str) -> bool:
    """Whether this is a global unicast address; an IPv6 address that stands for an IPv4 one (mapped, 6to4,
    NAT64) is what that one is. False where it is no address.

    Source: the special-purpose address registries of IANA, RFC 6890, RFC 6598, RFC 6052.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return _is_public_ipv4(address)
    embedded = _embedded(address)
    if embedded is not None:
        return _is_public_ipv4(embedded)
    refused = any(address in network for network in _REFUSED_IPV6)
    return address in _GLOBAL_UNICAST and address.is_global and not refused


def _is_public_ipv4(address: IPv4Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special and not any(address in network for network in _REFUSED_IPV4)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that the IPv6 address leads to, if it does."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
