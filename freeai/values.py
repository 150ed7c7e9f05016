"""What the values of `FREEAI_*` variables may be. Each function takes a text that is not empty and returns what the settings use.

All raise ValueError with the end of the sentence "FREEAI_… must be …". What may be a secret is not quoted in it.
"""

import re
from collections.abc import Callable, Iterable
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

import dj_database_url
from dj_database_url import DBConfig
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})
HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
)
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9_.-]+(:[0-9]{1,5})?|[a-z]+://\[[0-9a-f:.]+\](:[0-9]{1,5})?")
TOKEN = re.compile(r"[!-~]+")
LEAST_SECRET_KEY = 32
LEAST_DISTINCT = 5
"""Characters of a secret: fewer are a pattern, however often it comes."""
MAIL_PORTS = {"smtp": 25, "smtps": 465, "smtp+tls": 587}
DATABASES = frozenset({"postgres", "postgresql", "sqlite"})


class MailServer(NamedTuple):
    """Where mails are handed in. Of `use_ssl` and `use_tls` at most one."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    use_ssl: bool = False
    use_tls: bool = False


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


def scopes(text: str) -> list[str]:
    """What an issuer is asked for, separated by spaces."""
    found = text.split()
    if "openid" not in found:
        raise ValueError(
            "scopes separated by spaces, openid among them: without it there is no single sign-on."
        )
    return found


def token(least: int) -> Callable[[str], str]:
    """What a client can send in a header, and nobody guesses: so many characters or more."""

    def parse(text: str) -> str:
        if len(text) < least or not TOKEN.fullmatch(text) or len(set(text)) < LEAST_DISTINCT:
            raise ValueError(
                f"{least} or more printable ASCII characters, without spaces, and more than {LEAST_DISTINCT - 1} different ones."
            )
        return text

    return parse


def secret_key(text: str) -> str:
    """What signs sessions and tokens: whoever guesses it is anybody."""
    if len(text) < LEAST_SECRET_KEY or len(set(text)) < LEAST_DISTINCT:
        raise ValueError(
            f"{LEAST_SECRET_KEY} or more characters that nobody guesses, more than {LEAST_DISTINCT - 1} different ones."
        )
    return text


def mail_url(text: str) -> MailServer:
    """`smtp://user:password@host[:port]`; smtps:// for TLS from the start, smtp+tls:// for STARTTLS."""
    parts = _split(text)
    if (
        parts is None
        or parts.scheme not in MAIL_PORTS
        or not _is_host(parts)
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
    ):
        raise ValueError(
            "smtp://[user:password@]host[:port], special characters percent-encoded; smtps:// for TLS, smtp+tls:// for STARTTLS."
        )
    return MailServer(
        host=parts.hostname or "",
        port=parts.port or MAIL_PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_ssl=parts.scheme == "smtps",
        use_tls=parts.scheme == "smtp+tls",
    )


def mail_address(text: str) -> str:
    """`name@example.com`."""
    try:
        validate_email(text)
    except ValidationError:
        raise ValueError(f"an address such as freeai@example.com; it is {text!r}.") from None
    return text


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


def issuer(text: str) -> str:
    """An OpenID Connect issuer, as it names itself: over https, but for one on this machine."""
    parts = _split(text)
    is_here = parts is not None and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if (
        parts is None
        or parts.scheme not in (("http", "https") if is_here else ("https",))
        or not _is_host(parts)
        or set("?#@") & set(text)
    ):
        raise ValueError(f"the https:// URL of an issuer, without a query; it is {text!r}.")
    return text.rstrip("/")


def names(text: str) -> frozenset[str]:
    """Names, comma-separated."""
    return frozenset(_listed(text))


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


def state(text: str) -> str:
    """Where quotas are counted: `memory`, or the URL of a Redis."""
    if text == "memory":
        return text
    try:
        return redis_url(text)
    except ValueError as error:
        raise ValueError(f"memory, or {error}") from None


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


def postgres_url(text: str) -> DBConfig | None:
    """Django's settings of a PostgreSQL database."""
    config = database_url(text) if text.startswith(("postgres://", "postgresql://")) else None
    if config is None:
        raise ValueError("postgres://user:password@host[:port]/name, special characters percent-encoded.")
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
