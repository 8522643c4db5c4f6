"""Says to which addresses a request of ours may go, whatever name led there.

A deploy hook is an address from a file, the image of a link card one from a page: neither must
become a way into the network around this machine. The ranges are written out, since Python's
``is_global`` differs between its versions.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from publisher.model.errors import SiteError

AGAIN = "it will be tried again"
PERMIT = "if it is meant, set deploy.private: true in jobs.yaml"

Ip = IPv4Address | IPv6Address

# IANA's registries of special-purpose addresses, IPv4 and IPv6 (checked 2026-11-21)
_PRIVATE = tuple(
    map(
        ip_network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by providers; also some clouds' metadata
            "127.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "::1/128",
            "fc00::/7",
        ),
    )
)
_LINK_LOCAL = tuple(map(ip_network, ("169.254.0.0/16", "fe80::/10")))
_METADATA = tuple(map(ip_network, ("168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::/32")))
_NOWHERE = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",  # multicast, and what is reserved above it
            "2001::/23",  # protocol assignments, such as Teredo
            "2001:db8::/32",
            "2002::/16",  # 6to4: an IPv4 address inside
            "3fff::/20",
        ),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: how a network without IPv4 reaches it


def complaint(address: Ip, *, private: bool) -> str:
    """Say what forbids to connect to an address; empty when nothing does.

    ``private`` permits this machine and the networks of houses and companies, and no more: what
    answers on a link-local address is the cloud's metadata.
    """
    if isinstance(address, IPv6Address) and address in _NAT64:
        address = IPv4Address(int(address) & 0xFFFF_FFFF)
    if any(address in network for network in (*_LINK_LOCAL, *_METADATA)):
        return "is link-local, or where a cloud keeps its metadata"
    if any(address in network for network in _PRIVATE):
        return "" if private else "is on a private network"
    is_elsewhere = isinstance(address, IPv6Address) and address not in _GLOBAL_V6
    if is_elsewhere or any(address in network for network in _NOWHERE):
        return "belongs to no single machine of the internet"
    return ""


def resolve(
    host: str, port: int, *, name: str, private: bool, hint: str = PERMIT
) -> Sequence[tuple[str, int]]:
    """Look a host up, once, and give where to connect, best first; all of it is permitted.

    One address that is not condemns them all: a name with a foot in both networks is a trap.

    :raises SiteError: when the name leads nowhere, or where it may not.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except UnicodeError:  # a label that is empty or too long
        raise SiteError(f"{name} cannot be found: that is not a host name") from None
    except OSError as error:
        why = (error.strerror or "no such name").lower()
        raise SiteError(f"{name} cannot be found: {why}", hint=AGAIN) from None
    places = [(str(address[0]), port) for *_, address in found]
    for place, _ in places:
        require(ip_address(place), name=name, private=private, hint=hint)
    return places


def require(address: Ip, *, name: str, private: bool, hint: str = PERMIT) -> None:
    """Insist that an address may be asked; ``hint`` says what to do where it is on a private one.

    :raises SiteError: when it may not.
    """
    why = complaint(address, private=private)
    if why:
        may_be_meant = not complaint(address, private=True)
        raise SiteError(
            f"{name} is not asked: {address} {why}",
            why="nobody else may make this machine ask there",
            hint=hint if may_be_meant else "",
        )
