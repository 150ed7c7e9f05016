"""Media types as upstreams know them: clients say `image/jpg`, or nothing at all."""

import re
from base64 import b64decode
from typing import Final
from urllib.parse import unquote

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
# How the bytes of a type begin. What begins so is of that type, whatever is said of it.
MAGIC: Final = (
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"fLaC"), "audio/flac"),
    (re.compile(rb"%PDF-"), "application/pdf"),
)
# What the base64 of less than that suggests, where nothing is said.
BEGINNINGS: Final = {
    "/9j/": "image/jpeg",
    "iVBORw0KGgo": "image/png",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi": "application/pdf",
}
SHOWN: Final = ("image/", "audio/", "application/pdf")
"""Types that stand aside for what the bytes show. A text may begin as it likes."""
HEAD_LENGTH: Final = 64
MAGIC_LENGTH: Final = 16
URL_SAFE: Final = str.maketrans("-_", "+/")
ODD: Final = ("%", "-", "_")
"""Of which the base64 of RFC 4648 § 4 has none."""


def canonical_type(stated: str, data: str = "") -> str:
    """The type that upstreams know for a stated one; the one that the base64 `data` shows, where the two differ or nothing is stated."""
    stated = stated.strip().lower()
    known = ALIASES.get(stated, stated)
    if stated in ("", UNKNOWN):
        return _shown(data) or next(
            (kind for start, kind in BEGINNINGS.items() if data.startswith(start)), stated
        )
    return (_shown(data) or known) if known.startswith(SHOWN) else known


def standard_base64(data: str) -> str:
    """`data` in the alphabet that every upstream reads: clients escape it as in a URL, write the URL's alphabet, leave out the padding or
    break lines. What is no base64 stays none."""
    if "%" in data:
        data = unquote(data)
    data = "".join(data.split()).translate(URL_SAFE) if _is_odd(data) else "".join(data.split())
    return data + "=" * (-len(data) % 4)


def canonical_uri(url: str) -> str:
    """A data: URI with the type that it has and base64 that upstreams read; any other URL, and one that is so already, as it is."""
    if url[:5].lower() != "data:":
        return url
    end = url.find(",", 0, HEAD_LENGTH)
    if end < 0:
        return url
    stated, mark, parameters = url[5:end].partition(";")
    encoded = parameters.strip().lower().endswith("base64")
    odd = encoded and _is_odd(url, end)
    head = url[end + 1 : end + 1 + HEAD_LENGTH]
    known = canonical_type(stated, standard_base64(head) if encoded else "")
    if known == stated and not odd:
        return url
    data = standard_base64(url[end + 1 :]) if odd else url[end + 1 :]
    return f"data:{known}{mark}{parameters},{data}"


def _is_odd(text: str, start: int = 0) -> bool:
    return any(text.find(each, start) >= 0 for each in ODD)


def _shown(data: str) -> str | None:
    try:
        head = b64decode(data[:MAGIC_LENGTH])
    except ValueError:
        return None
    return next((kind for pattern, kind in MAGIC if pattern.match(head)), None)
