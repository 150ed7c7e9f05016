"""What is refused on the socket, before any handler: how large a head is, and the whole answer, in the words of the side that was asked."""

from collections.abc import Iterable
from typing import Final

import orjson
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from apps.core import security_headers
from apps.gateway.wire.errors import ApiError

SEPARATORS: Final = 4
"""Bytes of a line of a head that are neither name nor value."""


def size_of(url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Bytes of a head, but for the rest of its first line."""
    return len(url) + sum(len(name) + len(value) + SEPARATORS for name, value in headers)


def too_large() -> ApiError:
    """431: it has too many bytes, or headers."""
    most = f"{settings.FREEAI_MAX_HEAD_BYTES} bytes, {settings.FREEAI_MAX_HEADERS} headers"
    return ApiError(
        431, f"The head of the request is too large (at most {most}).", code="request_head_too_large"
    )


def tiny_chunks() -> ApiError:
    """400: a body of which next to nothing is body."""
    return ApiError(
        400,
        "The body of the request comes in too many tiny chunks; send larger ones.",
        code="request_chunks_too_small",
    )


def answer(error: ApiError, url: bytes) -> bytes:
    """A whole answer, with which the connection ends."""
    body = orjson.dumps(error.body if url.startswith(b"/v1") else {"detail": error.message})
    headers = [
        *security_headers.OF_API,
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return STATUS_LINE[error.status] + lines + b"\r\n" + body
