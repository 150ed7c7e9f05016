"""Cleaning upstream text before it is logged, stored or shown: no keys, no control characters, no novels."""

import re
from collections.abc import Iterable

# Keys of ours, of OpenAI's kind, and of one whose kind is often pasted. How a provider's keys begin is data: see `mask_keys`.
PREFIXES = frozenset({"fai", "sk", "xai"})
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
OF_A_KEY = r"\w.~+/=-"
RECOGNISED = 8
MAX_LENGTH = 500


def _pattern(prefixes: Iterable[str]) -> re.Pattern[str]:
    begun = "|".join(re.escape(prefix) for prefix in sorted(prefixes))
    return re.compile(
        rf"\b(?:{begun})[-_A-Za-z0-9.]{{6,}}"
        r"|(?<=[?&]key=)[^&\s\"']+"
        r"|(?<=Bearer )\S+",
        re.IGNORECASE,
    )


class _Keys:
    """What begins a key, as far as this process has been told, and the pattern that finds one."""

    def __init__(self) -> None:
        self.prefixes = PREFIXES
        self.pattern = _pattern(PREFIXES)


_keys = _Keys()


def mask_keys(prefixes: Iterable[str]) -> None:
    """Mask what begins with one of `prefixes` too, from now on and in the whole process."""
    known = _keys.prefixes | frozenset(prefixes)
    if known != _keys.prefixes:
        _keys.pattern = _pattern(known)
        _keys.prefixes = known


def mask(text: str) -> str:
    """`text` without anything that looks like a key."""
    return _keys.pattern.sub("***", text)


def _cut(secret: str) -> re.Pattern[str]:
    """What some upstreams repeat of a key: its beginning or its end, enough of it to be recognised. What may stand before an end is looked
    at from where it begins alone: from each of its characters on, that would cost the square of its length."""
    begun, ended = re.escape(secret[:RECOGNISED]), re.escape(secret[-RECOGNISED:])
    return re.compile(rf"{begun}[{OF_A_KEY}]*|(?<![{OF_A_KEY}])[{OF_A_KEY}]*{ended}")


def scrub(text: str, *secrets: str) -> str:
    """`text` without anything that looks like a key, without the given secrets, without control characters, cut to 500 characters."""
    text = text[: MAX_LENGTH * 8]
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
        if len(secret) >= 2 * RECOGNISED:
            text = _cut(secret).sub("***", text)
    text = CONTROL.sub(" ", mask(text))
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 1] + "…"
