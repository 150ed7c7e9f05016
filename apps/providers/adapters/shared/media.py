"""Media types as upstreams know them: clients say `image/jpg`, or nothing at all."""

from typing import Final

UNKNOWN: Final = "application/octet-stream"
# What clients say: what is registered, or what the upstreams' documents list (Gemini, 2026-08).
ALIASES: Final = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "audio/mpeg": "audio/mp3",
    "audio/x-mp3": "audio/mp3",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-flac": "audio/flac",
    "audio/x-aac": "audio/aac",
    "application/x-pdf": "application/pdf",
}
# How the base64 of a type begins.
BEGINNINGS: Final = {
    "/9j/": "image/jpeg",
    "iVBORw0KGgo": "image/png",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi": "application/pdf",
}
HEAD_LENGTH: Final = 64


def canonical_type(stated: str, data: str = "") -> str:
    """The type that upstreams know for a stated one; where it says nothing, the one that the base64 `data` shows."""
    stated = stated.strip().lower()
    if stated in ("", UNKNOWN):
        return next((kind for start, kind in BEGINNINGS.items() if data.startswith(start)), stated)
    return ALIASES.get(stated, stated)


def canonical_uri(url: str) -> str:
    """A data: URI with a type that upstreams know; any other URL, and one whose type is known, as it is."""
    if url[:5].lower() != "data:":
        return url
    end = url.find(",", 0, HEAD_LENGTH)
    if end < 0:
        return url
    stated, mark, parameters = url[5:end].partition(";")
    known = canonical_type(stated, url[end + 1 : end + 1 + HEAD_LENGTH])
    return url if known == stated else f"data:{known}{mark}{parameters}{url[end:]}"
