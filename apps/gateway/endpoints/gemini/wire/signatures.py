"""Thought signatures of calls, as this surface carries them.

An upstream's signature travels in the id of its call (`adapters/gemini/chat/signatures`). Clients of Google's API give back the signature
of a part, and may leave out ids: so the whole id is the signature here, and is read back as that.
"""

import binascii
from base64 import b64decode, b64encode
from typing import Final

from apps.providers.adapters.shared.history import signed_parts

MARK: Final = b"freeai:"


def signature_of(call_id: str) -> str | None:
    """The signature of the part that holds the call; None where its id carries none."""
    if signed_parts(call_id) is None:
        return None
    return b64encode(MARK + call_id.encode()).decode()


def signed_id(signature: str | None) -> str | None:
    """The id of the call that was given this signature; None for one that is not of this surface."""
    if not signature:
        return None
    try:
        told = b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return None
    call_id = told.removeprefix(MARK).decode("utf-8", "replace") if told.startswith(MARK) else ""
    return call_id if signed_parts(call_id) else None
