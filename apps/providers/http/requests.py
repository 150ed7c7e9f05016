"""A call as bytes: where it goes, and its head, in which nobody's value can begin a line of its own."""

import re
from typing import Final, NamedTuple, TypeVar

from yarl import URL

from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.network_errors import not_usable
from apps.providers.types import UpstreamRequest

V = TypeVar("V")

USER_AGENT: Final = "FreeAI"
PORTS: Final = {"http": 80, "https": 443}
MAX_REMEMBERED: Final = 2_000  # of URLs and of header names: a bound, no tuning
TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
NO_TEXT: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
OURS: Final = frozenset({"content-length", "transfer-encoding"})
"""Headers that say where the request ends: no preset and no adapter has a say in that."""


class Origin(NamedTuple):
    """Whom connections are shared for."""

    secure: bool
    host: str
    port: int


class Target(NamedTuple):
    """A URL, read. `path`: as it is asked for; `host`: as the header of that name has it."""

    origin: Origin
    path: str
    host: str


class Requests:
    """Makes heads, and remembers what it has read of URLs and checked of names; both are the catalogue's, and few."""

    def __init__(self) -> None:
        self._targets: dict[str, Target] = {}
        self._names: dict[str, str] = {}

    def target(self, url: str) -> Target:
        """Raises UpstreamError."""
        known = self._targets.get(url)
        if known is None:
            known = _remember(self._targets, url, _read(url))
        return known

    def head(self, request: UpstreamRequest, target: Target) -> bytes:
        """All up to the body. Raises UpstreamError for what cannot stand in a head."""
        names, lines = set(), ""
        for name, value in request.headers.items():
            names.add(self._names.get(name) or self._checked(name))
            if not value.isprintable() and NO_TEXT.search(value):
                raise _unsendable()
            lines += f"{name}: {value}\r\n"
        host = "" if "host" in names else f"Host: {target.host}\r\n"
        agent = "" if "user-agent" in names else f"User-Agent: {USER_AGENT}\r\n"
        length = (
            f"Content-Length: {len(request.body)}\r\n" if request.body or request.method == "POST" else ""
        )
        if not request.method.isalpha():
            raise _unsendable()
        text = f"{request.method} {target.path} HTTP/1.1\r\n{host}{agent}{lines}{length}\r\n"
        try:
            return text.encode()
        except UnicodeEncodeError:
            raise _unsendable() from None

    def _checked(self, name: str) -> str:
        small = name.lower()
        if not TOKEN.fullmatch(name) or small in OURS:
            raise _unsendable()
        return _remember(self._names, name, small)


def _remember(memory: dict[str, V], key: str, value: V) -> V:
    if len(memory) >= MAX_REMEMBERED:
        memory.clear()
    memory[key] = value
    return value


def _read(url: str) -> Target:
    """Raises UpstreamError."""
    try:
        parsed = URL(url)
        host, port = parsed.raw_host, parsed.port
    except (ValueError, TypeError):
        raise not_usable() from None
    if parsed.scheme not in PORTS or not host or not port or parsed.raw_user or parsed.raw_password:
        raise not_usable()
    shown = parsed.host_port_subcomponent or host
    return Target(Origin(parsed.scheme == "https", host.removesuffix("."), port), parsed.raw_path_qs, shown)


def _unsendable() -> UpstreamError:
    return UpstreamError(ErrorKind.NETWORK, "A header of the call to the upstream cannot be sent.")
