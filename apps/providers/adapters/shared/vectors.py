"""What the wires share that give vectors."""

import binascii
import sys
from array import array
from base64 import b64decode
from collections.abc import Iterable
from math import hypot, isfinite
from typing import Any

from msgspec import Struct

from apps.providers.adapters.shared.posts import json_post
from apps.providers.demands.embedding import Tokens
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer, UpstreamRequest


class Batch(Struct, frozen=True):
    """Inputs of one upstream call, at least one, and about how many tokens they have together."""

    inputs: tuple[str, ...] | tuple[Tokens, ...]
    tokens: int


def json_call(offer: Offer, path: str, payload: Any, headers: dict[str, str]) -> UpstreamRequest:
    """POST `payload` to `path` below the base of the embeddings wire. Raises UpstreamError(REFUSED) for what no JSON can say."""
    return json_post(offer, offer.preset.embeddings.base_url, path, payload, headers)


def read_vectors(values: Any, count: int) -> list["array[float]"]:
    """`count` vectors, each a list of numbers or base64 of little-endian 32-bit floats. Raises UpstreamError(PARSING)."""
    if not isinstance(values, list) or len(values) != count:
        raise unreadable(f"the upstream did not send one vector for each of {count} inputs")
    return [read_vector(value) for value in values]


def read_vector(value: Any) -> "array[float]":
    """One vector. Raises UpstreamError(PARSING)."""
    try:
        vector = _unpacked(value) if isinstance(value, str) else array("d", value)
    except (TypeError, ValueError, OverflowError) as error:
        raise unreadable("the upstream sent a vector that is no list of numbers") from error
    if not vector:
        raise unreadable("the upstream sent an empty vector")
    if not isfinite(sum(vector)) and not all(map(isfinite, vector)):
        raise unreadable("the upstream sent a vector with something in it that is no number")
    return vector


def _unpacked(text: str) -> "array[float]":
    try:
        packed = array("f", b64decode(text, validate=True))
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if sys.byteorder == "big":
        packed.byteswap()
    return array("d", packed)


def normalised(vector: Iterable[float]) -> "array[float]":
    """`vector` at length 1; one without a direction stays as it is."""
    values = array("d", vector)
    length = hypot(*values)
    return array("d", [value / length for value in values]) if length else values


def unreadable(message: str) -> UpstreamError:
    """The error to raise for an answer of the wrong shape."""
    return UpstreamError(ErrorKind.PARSING, message)
