"""The address that the gateway serves on, taken before anything else: connections wait from then on."""

import errno
import os
import socket
from typing import Any

Address = tuple[Any, ...]  # as the socket's family has it: host, port, and for IPv6 flow and interface

BACKLOG = 2048
UNREACHABLE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
REASONS = {
    errno.EADDRINUSE: "another process listens there; stop it, or choose another port with --port (FREEAI_PORT)",
    errno.EACCES: "that is not permitted; choose a port from 1024 on with --port (FREEAI_PORT)",
    errno.EADDRNOTAVAIL: "this machine has no such address; correct --host (FREEAI_HOST)",
    errno.EAFNOSUPPORT: "this machine has no such address; correct --host (FREEAI_HOST)",
}


class AddressError(Exception):
    """The address cannot be had. The text is a sentence with the remedy."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Take the port (0: a free one) on every address of the host. Connections wait from now on. Raises AddressError."""
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in _addresses(host, port):
        try:
            sockets.append(
                _listening(family, (address[0], port_of(sockets) if sockets else port, *address[2:]))
            )
        except OSError as error:
            if error.errno not in UNREACHABLE:
                close(sockets)
                raise AddressError(_sentence(host, port, error)) from error
            failure = error  # localhost is ::1 too, where there may be no IPv6
    if failure is not None and not sockets:
        raise AddressError(_sentence(host, port, failure)) from failure
    return sockets


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


def _listening(family: int, address: Address) -> socket.socket:
    """It listens at once: a port that is only bound may be taken by somebody else who listens first."""
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def _sentence(host: str, port: int, error: OSError) -> str:
    reason = REASONS.get(error.errno or 0) or os.strerror(error.errno or 0)
    return f"Cannot listen on {host}, port {port}: {reason}."
