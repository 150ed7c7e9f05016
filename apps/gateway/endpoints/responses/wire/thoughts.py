"""What a model thought, on its way through a client and back: sealed, so that this installation alone reads it, for this client key alone.

Thoughts that are not such are not given to upstreams: nobody can put words into a model's mouth, and no other vendor's secrets are passed
on. `encrypted_content` of anybody else is no error either: a conversation may have begun elsewhere.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from typing import Final

from apps.core.sealing import seal, unseal

PREFIX: Final = "freeai1."
PURPOSE: Final = "thought of client key %d"
LONGEST: Final = 256 * 1024
"""Bytes. What is longer is not carried: it would come back with every further request."""


def sealed(text: str, client_id: int) -> str | None:
    """The token for `encrypted_content`; None for a thought that is too long."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > LONGEST:
        return None
    return PREFIX + urlsafe_b64encode(seal(data, PURPOSE % client_id)).decode()


def opened(token: object, client_id: int) -> str | None:
    """The thought; None for what was not sealed here for this client key."""
    if not isinstance(token, str) or not token.startswith(PREFIX) or len(token) > 2 * LONGEST:
        return None
    try:
        data = unseal(urlsafe_b64decode(token.removeprefix(PREFIX)), PURPOSE % client_id)
    except (Error, ValueError):
        return None
    return None if data is None else data.decode("utf-8", "surrogatepass")
