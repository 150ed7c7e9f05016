"""Hosts that no provider lives at, whoever writes them into a base URL: what cloud machines tell of themselves, keys of theirs included, is
to be had at link-local addresses. Loopback and private addresses are for model servers of one's own.

The text of a URL is looked at when it is written, what a name leads to when it is called.
"""

import re
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from apps.providers.egress import NAT64, Address

HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?"
)
METADATA_NAMES: Final = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.azure.com",
    }
)
METADATA: Final = tuple(
    ip_network(network)
    for network in (
        "100.100.100.200/32",  # Alibaba Cloud
        "168.63.129.16/32",  # Azure's platform
        "192.0.0.192/32",  # Oracle Cloud
        "fd00:ec2::/32",  # AWS over IPv6
        "fd20:ce::/32",  # Google Cloud over IPv6
        "fd00:c1::/32",  # Oracle Cloud over IPv6
    )
)
CARRYING: Final = (NAT64, *map(ip_network, ("64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96")))
"""IPv6 whose last 32 bits are an IPv4 address: translated by whoever is in between, or by the system itself."""
ISATAP: Final = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
"""What stands before the IPv4 address in those of RFC 5214."""
LOOPBACK_6: Final = IPv6Address(1)


def why_not(host: str) -> str:
    """Why no provider is at `host`, the host of a URL in lower case; "" for one that may be."""
    literal = _literal(host)
    if literal is not None:
        return "" if may_be_called(literal) else "It is an address at which no provider is."
    if not HOST.fullmatch(host):
        return "Its host is no name and no address."
    if host.removesuffix(".") in METADATA_NAMES:
        return "It is the name of a cloud's metadata, not of a provider."
    return ""


def is_private(host: str) -> bool:
    """Whether it says itself that it is on this machine, or in a private network."""
    literal = _literal(host)
    if literal is None:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".lan"))
    return _inner(literal).is_private


def may_be_called(address: Address) -> bool:
    """Whether a provider may be at the address."""
    address = _inner(address)
    odd = (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address == IPv4Address("255.255.255.255")
    )
    return not odd and not any(
        address in network for network in METADATA if network.version == address.version
    )


def forbidden(addresses: Iterable[str]) -> bool:
    """Whether one of the addresses that a name leads to is none that may be called."""
    return not all(may_be_called(ip_address(address.partition("%")[0])) for address in addresses)


def _literal(host: str) -> Address | None:
    """The address that resolvers would read in it, in forgotten forms (2130706433, 0x7f.1) too; None for a name."""
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host.removesuffix(".")))
    except (OSError, UnicodeError):
        return None


def _inner(address: Address) -> Address:
    """The IPv4 address that is reached by an IPv6 one, or may be."""
    if not isinstance(address, IPv6Address) or address in (LOOPBACK_6, IPv6Address(0)):
        return address
    carries = address.packed[8:12] in ISATAP or any(address in network for network in CARRYING)
    inside = IPv4Address(address.packed[-4:]) if carries else None
    teredo = address.teredo and address.teredo[1]
    return address.ipv4_mapped or inside or address.sixtofour or teredo or address
