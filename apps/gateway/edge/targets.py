"""What a request asks for, as its first line says it (RFC 9112 § 3.2). Pure."""

from typing import Final

import httptools

from apps.gateway.wire.errors import ApiError

SERVER: Final = "*"
"""The server itself and nothing on it, for OPTIONS alone."""
LONGEST_TOLD: Final = 200


def path_of(target: bytes) -> bytes:
    """The target as a path with its query, or SERVER. Raises ApiError(400) for one that no server but a proxy could serve."""
    if target.startswith(b"/") or target == SERVER.encode():
        return target
    try:
        url = httptools.parse_url(target)
    except httptools.HttpParserInvalidURLError:
        url = None
    if url is None or not url.host or not url.schema:
        told = target[:LONGEST_TOLD].decode("ascii", "replace")
        raise ApiError(400, f"The target of a request is a path, such as /v1/models, not {told}.")
    return (url.path or b"/") + (b"?" + url.query if url.query else b"")
