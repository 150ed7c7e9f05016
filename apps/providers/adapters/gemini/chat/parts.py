"""Message content as Gemini's parts. Bytes travel inline, as base64: nothing is fetched here."""

import mimetypes
from base64 import b64encode
from typing import Any
from urllib.parse import unquote_to_bytes

from apps.core.json_types import JSONObject
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.media import UNKNOWN, canonical_type, standard_base64
from apps.providers.adapters.shared.values import as_dict, as_list, as_text

Part = JSONObject

DEFAULT_FILE_TYPE = "application/pdf"
LINKED = ("image_url", "video_url")


def content_parts(content: Any, where: str) -> list[Part]:
    """The parts of a message's content; `where` is its path. Empty texts, which Gemini refuses, are left out.

    Raises UpstreamError(REFUSED) for what must be fetched first and for parts that
    Gemini does not have.
    """
    if isinstance(content, str):
        return [{"text": content}] if content else []
    parts = []
    for position, item in enumerate(as_list(content)):
        part = {"type": "text", "text": item} if isinstance(item, str) else as_dict(item)
        translated = _part(part, f"{where}[{position}]")
        if translated.get("text") != "":
            parts.append(translated)
    return parts


def media_parts(content: Any, where: str) -> list[Part]:
    """Those of a content's parts that are not text."""
    if not isinstance(content, list):
        return []
    return [part for part in content_parts(content, where) if "text" not in part]


def _part(part: JSONObject, where: str) -> Part:
    kind = part.get("type")
    if kind in ("text", "refusal"):
        return {"text": as_text(part.get(kind))}
    if kind in LINKED:
        return _inlined(_url_of(part, kind), f"{where}.{kind}.url")
    if kind == "input_audio":
        audio = as_dict(part.get("input_audio"))
        return _encoded(as_text(audio.get("data")), f"audio/{audio.get('format') or 'wav'}")
    if kind == "file":
        return _file(as_dict(part.get("file")), where)
    raise cannot_say(f"Gemini takes no content parts of type {str(kind)[:40]!r}", where)


def _url_of(part: JSONObject, kind: str) -> str:
    """The URL of an image or video part: an object's `url`, or the string that some clients send in its place."""
    link = part.get(kind)
    return link if isinstance(link, str) else as_text(as_dict(link).get("url"))


def _inlined(url: str, where: str) -> Part:
    if not is_data_uri(url):
        raise cannot_say("Gemini takes media inline only: this URL was not fetched", where)
    return _encoded(url, UNKNOWN)


def _file(file: JSONObject, where: str) -> Part:
    data = as_text(file.get("file_data"))
    if not data:
        raise cannot_say("Gemini takes files by their content, not by an id", f"{where}.file.file_data")
    mime_type, _ = mimetypes.guess_type(as_text(file.get("filename")))
    return _encoded(data, mime_type or DEFAULT_FILE_TYPE)


def is_data_uri(text: str) -> bool:
    return text[:5].lower() == "data:"


def _encoded(data: str, mime_type: str) -> Part:
    """An inline part of base64, or of a data: URI (RFC 2397), whose own type then counts."""
    if is_data_uri(data):
        header, _, data = data[5:].partition(",")
        stated, *parameters = header.split(";")
        mime_type = stated.strip() or mime_type
        if "base64" not in (parameter.strip().lower() for parameter in parameters):
            data = b64encode(unquote_to_bytes(data)).decode()
    data = standard_base64(data)
    return {"inlineData": {"mimeType": canonical_type(mime_type, data), "data": data}}
