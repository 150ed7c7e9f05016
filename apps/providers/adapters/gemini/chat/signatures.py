"""Thought signatures, carried through clients inside tool call ids.

Gemini signs the first function call of a step and wants the signature back with the history (Gemini 3 refuses a
call without one). OpenAI's wire has no field that every client gives back, except the id of the call. So an id is

    <id> "__sig_" <tag> "_" <signature as base64url without padding>

of letters, digits, `_` and `-` only, where Gemini's own id is. `tag` names the model: a signature means nothing to
another model, which may refuse it as corrupt, so it is given back to the model that made it and to no other.
"""

import binascii
import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode

from apps.providers.adapters.shared.history import signed_parts, text_hash

# Documented stand-in for calls without a signature, such as those of other models ("Thought signatures", Gemini
# API docs, 2026-08).
SENTINEL = "skip_thought_signature_validator"
TAG_LENGTH = 6
TO_URLSAFE = str.maketrans("+/", "-_")


def signed_id(call_id: str, signature: str, model: str) -> str:
    """`call_id` with `signature` in it; `call_id` alone where the signature is not base64."""
    try:
        data = _decoded(signature)
    except (binascii.Error, ValueError):
        return call_id
    return (
        f"{call_id}__sig_{_tag(model)}_{urlsafe_b64encode(data).rstrip(b'=').decode()}" if data else call_id
    )


def split_id(tool_call_id: str, model: str) -> tuple[str, str | None]:
    """(the id that Gemini knows, its signature). The signature is None where there is none for `model`."""
    parts = signed_parts(tool_call_id)
    if parts is None:
        return tool_call_id, None
    call_id, tag, data = parts
    try:
        signature = b64encode(_decoded(data)).decode()
    except (binascii.Error, ValueError):
        return tool_call_id, None
    return call_id, signature if tag == _tag(model) else None


def _decoded(text: str) -> bytes:
    """The bytes of base64 in either alphabet, padded or not. Raises ValueError."""
    text = text.rstrip("=").translate(TO_URLSAFE)
    if re.fullmatch(r"[-_0-9A-Za-z]*", text) is None:
        raise ValueError("not base64")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _tag(model: str) -> str:
    return text_hash(model, TAG_LENGTH)
