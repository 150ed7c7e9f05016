"""The address that the gateway serves on, taken before anything else: connections wait from then on."""

import errno
import os
import socket
import sys
from typing import Any

Address = tuple[Any, ...]  # as the socket's family has it: host, port, and for IPv6 flow and interface

BACKLOG = 2048
SPREADS = sys.platform.startswith("linux")
"""Whether connections to one address are shared out among the sockets that listen on it."""
UNREACHABLE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
REASONS = {
    errno.EADDRINUSE: "another process listens there; stop it, or choose another port with --port (FREEAI_PORT)",
    errno.EACCES: "that is not permitted; choose a port from 1024 on with --port (FREEAI_PORT)",
    errno.EADDRNOTAVAIL: "this machine has no such address; correct --host (FREEAI_HOST)",
    errno.EAFNOSUPPORT: "this machine has no such address; correct --host (FREEAI_HOST)",
}


class AddressError(Exception):
    """The address cannot be had. The text is a sentence with the remedy."""


def listen(host: str, port: int, *, spreads: bool = False) -> list[socket.socket]:
    """Take the port (0: a free one) on every address of the host. Connections wait from now on. `spreads`: `spread` follows. Raises
    AddressError."""
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in _addresses(host, port):
        wanted = (address[0], port_of(sockets) if sockets else port, *address[2:])
        try:
            made = _bound(family, wanted)
            _listening(made, spreads=spreads)
            sockets.append(made)
        except OSError as error:
            if error.errno not in UNREACHABLE:
                close(sockets)
                raise AddressError(_sentence(host, port, error)) from error
            failure = error  # localhost is ::1 too, where there may be no IPv6
    if failure is not None and not sockets:
        raise AddressError(_sentence(host, port, failure)) from failure
    return sockets


def spread(sockets: list[socket.socket], places: int) -> list[list[socket.socket]]:
    """As many sets of sockets on the same addresses, these being the first: the system shares connections out among them. Where it cannot,
    all are one. Raises AddressError."""
    if not SPREADS:
        return [sockets, *([each.dup() for each in sockets] for _ in range(places - 1))]
    spread_out = [sockets]
    try:
        for _ in range(places - 1):
            spread_out.append([])
            for each in sockets:
                spread_out[-1].append(beside(each.family, each.getsockname()))
    except OSError as error:
        for some in spread_out:
            close(some)
        raise AddressError(_sentence("an address", port_of(sockets), error)) from error
    return spread_out


def beside(family: int, address: Address) -> socket.socket:
    """One more on an address of which we have others. Raises OSError."""
    made = _bound(family, address, beside_ours=True)
    _listening(made, spreads=True)
    return made


def port_of(sockets: list[socket.socket]) -> int:
    """The port that was taken."""
    port: int = sockets[0].getsockname()[1]
    return port


def close(sockets: list[socket.socket]) -> None:
    for each in sockets:
        each.close()


def _addresses(host: str, port: int) -> list[tuple[int, Address]]:
    """Family and address of each, with the interface where one is named. Raises AddressError."""
    if not host.strip():
        raise AddressError(
            "Cannot listen: --host (FREEAI_HOST) is empty; give a name or an address, such as 127.0.0.1."
        )
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no name of a host"
        raise AddressError(f"Cannot listen on {host}: {why}; correct --host (FREEAI_HOST).") from error
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bound(family: int, address: Address, *, beside_ours: bool = False) -> socket.socket:
    """Raises OSError."""
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if beside_ours and SPREADS:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except BaseException:
        made.close()
        raise
    return made


def _listening(bound: socket.socket, *, spreads: bool) -> None:
    """At once: a port that is only bound may be taken by somebody else who listens first. It is shared from now on, and not before: with
    a gateway that is there already it would be shared too. Raises OSError; the socket is closed then."""
    try:
        if spreads and SPREADS:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.listen(BACKLOG)
    except BaseException:
        bound.close()
        raise


def _sentence(host: str, port: int, error: OSError) -> str:
    reason = REASONS.get(error.errno or 0) or os.strerror(error.errno or 0)
    return f"Cannot listen on {host}, port {port}: {reason}."
