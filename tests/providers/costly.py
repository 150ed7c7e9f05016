"""Answers that are made to cost the gateway time or memory: what their tests have in common."""

import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from apps.providers.adapters.chat import CODECS
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer

MOST_S = 0.5
"""Of the process, for what took from one second to minutes where each part of it was looked at more than once."""
KIB, MIB = 1024, 1024 * 1024


@pytest.fixture
def in_time() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < MOST_S


def fed(offer: Offer, *parts: bytes) -> ErrorKind | None:
    """The error that a stream of these reads ends in, None where it goes on."""
    stream = CODECS[offer.preset.wire].open_stream(offer)
    try:
        for part in parts:
            stream.feed(part)
    except UpstreamError as error:
        return error.kind
    return None


def framed(delta: Any, index: int = 0) -> bytes:
    """A frame in OpenAI's dialect."""
    return b"data: " + orjson.dumps({"choices": [{"index": index, "delta": delta}]}) + b"\n\n"


__all__ = ["KIB", "MIB", "fed", "framed", "in_time"]
