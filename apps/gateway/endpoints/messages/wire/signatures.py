"""Signatures of thinking: they show, turns later, that a thought is of this installation and was told to this user.

A signature holds no text: it is a keyed digest of one, with the master key. Thoughts without one, with another's or changed ones are not
given to upstreams: nobody can put words into a model's mouth, and no other vendor's secrets are passed on.
"""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

from apps.core import master_keys

PREFIX: Final = "freeai1."
PURPOSE: Final = b"signature of a thought, for user %d: "


class Signing:
    """One thought, as it comes."""

    __slots__ = ("_digest",)

    def __init__(self, user_id: int) -> None:
        self._digest = _digest(master_keys.current()[0], user_id)

    def feed(self, text: str) -> None:
        """More of it."""
        self._digest.update(text.encode("utf-8", "surrogatepass"))

    def signature(self) -> str:
        """Of what was fed."""
        return _written(self._digest)


def sign(text: str, user_id: int) -> str:
    """The signature of a whole thought."""
    signing = Signing(user_id)
    signing.feed(text)
    return signing.signature()


def is_own(text: str, signature: str, user_id: int) -> bool:
    """Whether the thought was signed here for this user, with any of the master keys."""
    if not signature.startswith(PREFIX) or not signature.isascii():
        return False
    for key in master_keys.current():
        digest = _digest(key, user_id)
        digest.update(text.encode("utf-8", "surrogatepass"))
        if hmac.compare_digest(_written(digest), signature):
            return True
    return False


def _digest(key: str, user_id: int) -> hmac.HMAC:
    return hmac.new(key.encode(), PURPOSE % user_id, sha256)


def _written(digest: hmac.HMAC) -> str:
    return PREFIX + urlsafe_b64encode(digest.digest()).decode().rstrip("=")
