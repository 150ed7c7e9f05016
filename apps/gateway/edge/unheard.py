"""What is answered before there is a request: it is refused by its head, by how long it takes, or for want of room."""

from collections.abc import Iterable
from typing import Final

import orjson
from django.conf import settings
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from apps.core import security_headers
from apps.gateway.wire import surfaces
from apps.gateway.wire.errors import ApiError

SEPARATORS: Final = 4
"""Bytes of a line of a head that are neither name nor value."""


def size_of(url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> int:
    """Bytes of a head, but for the rest of its first line."""
    return len(url) + sum(len(name) + len(value) + SEPARATORS for name, value in headers)


def too_large() -> ApiError:
    """The refusal of a head."""
    most = f"{settings.FREEAI_MAX_HEAD_BYTES} bytes, {settings.FREEAI_MAX_HEADERS} headers"
    return ApiError(
        431, f"The head of the request is too large (at most {most}).", code="request_head_too_large"
    )


def tiny_chunks() -> ApiError:
    """The refusal of a body of which next to nothing is body."""
    return ApiError(
        400,
        "The body of the request comes in too many tiny chunks; send larger ones.",
        code="request_chunks_too_small",
    )


def answer(error: ApiError, url: bytes) -> bytes:
    """A whole answer, in the words of the side that the URL belongs to."""
    path = url.partition(b"?")[0].decode("latin-1")
    status, told = surfaces.told(error, path, {}, "")
    body = orjson.dumps(told if surfaces.is_served(path) else {"detail": error.message})
    headers = [
        *security_headers.OF_API,
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return STATUS_LINE[status] + lines + b"\r\n" + body
