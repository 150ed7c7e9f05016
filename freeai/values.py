"""What the values of `FREEAI_*` variables may be. Each function takes a text that is not empty and returns what the settings use.

All raise ValueError with the end of the sentence "FREEAI_… must be …". What may be a secret is not quoted in it.
"""

import re
from collections.abc import Callable, Iterable
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import dj_database_url
from cryptography.fernet import Fernet
from dj_database_url import DBConfig

YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})
HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
)
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9_.-]+(:[0-9]{1,5})?|[a-z]+://\[[0-9a-f:.]+\](:[0-9]{1,5})?")
TOKEN = re.compile(r"[!-~]+")
DATABASES = frozenset({"postgres", "postgresql", "sqlite"})


def yes_or_no(text: str) -> bool:
    if text.lower() in YES:
        return True
    if text.lower() in NO:
        return False
    raise ValueError(f"one of 1, 0, true, false, yes, no, on, off; it is {text!r}.")


def whole_number(minimum: int, maximum: int) -> Callable[[str], int]:
    """A number within both bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not minimum <= int(text) <= maximum:
            raise ValueError(f"a whole number from {minimum} to {maximum}; it is {text!r}.")
        return int(text)

    return parse


def one_web_process(text: str) -> int:
    """The number of web processes, which this version has one of."""
    if text != "1":
        raise ValueError(f"1: quota state lives in the process, so one web process serves; it is {text!r}.")
    return 1


def one_of(names: Iterable[str]) -> Callable[[str], str]:
    """One of the names, in small letters."""
    allowed = list(names)

    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}; it is {text!r}.")
        return text.lower()

    return parse


def anything(text: str) -> str:
    return text


def token(text: str) -> str:
    """What a client can send in a header."""
    if not TOKEN.fullmatch(text):
        raise ValueError("of printable ASCII characters, without spaces: it is sent in a header.")
    return text


def master_keys(text: str) -> list[str]:
    """Fernet keys, the one that encrypts first."""
    keys = _listed(text)
    try:
        for key in keys:
            Fernet(key)
    except ValueError:
        keys = []
    if not keys:
        raise ValueError("Fernet keys (32 bytes in url-safe base64), comma-separated.")
    return keys


def directory(text: str) -> Path:
    """Where to write. Whether that can be done is a question to the disk: `freeai.checks`."""
    try:
        return Path(text).resolve()
    except (OSError, RuntimeError):
        raise ValueError(f"a directory; {text!r} is a loop of links.") from None


def host(text: str) -> str:
    """A name or an address, IPv6 with or without brackets."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not (_is_ipv6(bare) or (bare == text and HOST_NAME.fullmatch(text))):
        raise ValueError(
            f"a host name or an IP address to listen on, without scheme and port; it is {text!r}."
        )
    return bare


def allowed_hosts(text: str) -> list[str]:
    """Django's ALLOWED_HOSTS: names, `.example.com` for all below it, addresses, `*`."""
    hosts = _listed(text)
    wrong = [each for each in hosts if not _is_allowed_host(each)]
    if wrong or not hosts:
        raise ValueError(
            "host names, comma-separated, without scheme, port and path (IPv6 in brackets, .example.com for a domain, "
            f"* for all); it is {text!r}."
        )
    return hosts


def public_url(text: str) -> str:
    """`https://host[:port]`, without the slash at its end."""
    parts = _split(text)
    if (
        parts is None
        or parts.scheme not in ("http", "https")
        or not _is_host(parts)
        or parts.path not in ("", "/")
        or set("?#@") & set(text)
    ):
        raise ValueError(f"http:// or https://, a host and perhaps a port, no path; it is {text!r}.")
    return f"{parts.scheme}://{parts.netloc}"


def origins(text: str) -> frozenset[str]:
    """Of web pages and of programs built like ones: `https://host[:port]`, `app://obsidian.md`, as they send them, or `*`."""
    named = _listed(text)
    if not named or not all(each == "*" or ORIGIN.fullmatch(each) for each in named):
        raise ValueError(
            "origins as browsers send them, in small letters, without a slash at the end, comma-separated, such as "
            f"https://chat.example.com, or * for all; it is {text!r}."
        )
    return frozenset(named)


def redis_url(text: str) -> str:
    """`redis://` or `rediss://`: the forms that Celery and Django's cache both take."""
    parts = _split(text)
    if (
        parts is None
        or parts.scheme not in ("redis", "rediss")
        or not _is_host(parts)
        or not re.fullmatch(r"(/[0-9]{0,9})?", parts.path)
        or parts.fragment
    ):
        raise ValueError("redis://[user:password@]host[:port][/number], or rediss:// for TLS.")
    return text


def database_url(text: str) -> DBConfig:
    """Django's settings of a PostgreSQL database or a SQLite file. SQLite in memory is refused: every connection has its own."""
    parts = _split(text)
    try:
        config = dj_database_url.parse(text) if parts is not None and parts.scheme in DATABASES else {}
    except ValueError:
        config = {}
    name = str(config.get("NAME") or "")
    if parts is not None and parts.scheme == "sqlite":
        usable = name not in ("", ":memory:") and not parts.netloc
    else:
        usable = name != "" and not set("/@") & set(
            name
        )  # the rest of a password that is not percent-encoded
    if not usable:
        raise ValueError(
            "postgres://user:password@host[:port]/name, special characters percent-encoded, or sqlite:///path/of/file."
        )
    return config


def bracketed(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def _listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _split(text: str) -> SplitResult | None:
    """None for what is no URL."""
    if re.search(r"\s", text):
        return None
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        return None
    return parts


def _is_host(parts: SplitResult) -> bool:
    """Whether the URL names a host, and where it names a port, a real one."""
    name = parts.hostname or ""
    return (
        bool(HOST_NAME.fullmatch(name) or _is_ipv6(name))
        and parts.port != 0
        and not parts.netloc.endswith(":")
    )


def _is_allowed_host(text: str) -> bool:
    if text.startswith("["):
        return text.endswith("]") and _is_ipv6(text[1:-1])
    return text == "*" or bool(HOST_NAME.fullmatch(text.removeprefix(".")))


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True
