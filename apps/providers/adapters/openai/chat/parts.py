"""Content parts as an upstream takes them. Nothing here changes what it is given."""

from typing import Any

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.history import text_of
from apps.providers.adapters.shared.media import canonical_uri
from apps.providers.types import Preset

TEXTUAL = frozenset({"text", "refusal"})
# What a model thought before: said to nobody, as the reasoning fields of messages.
THOUGHTS = frozenset({"thinking", "redacted_thinking"})
KEYS = {
    "image_url": ("url", "detail"),
    "video_url": ("url",),
    "input_audio": ("data", "format"),
    "file": ("file_data", "file_id", "filename"),
}


class PartFitter:
    """The quirks of one preset that are about content."""

    def __init__(self, preset: Preset) -> None:
        self._inline_images = preset.inline_images
        self._audio_string = preset.audio_string
        self._exact = preset.exact
        self._strings = preset.string_content_roles

    def fit(self, parts: JSONArray, role: str) -> str | JSONArray:
        """The content of a message of `role`: a string where this upstream wants one and there is nothing but text.

        Raises UpstreamError(CLIENT_ERROR, candidate_only=True) for an image that it would have to fetch and cannot.
        """
        said = [part for part in parts if _kind(part) not in THOUGHTS]
        if not said:
            return ""
        if role in self._strings and all(_kind(part) in TEXTUAL for part in said):
            return text_of(said)
        return [self._part(part) for part in said]

    def _part(self, part: Any) -> Any:
        kind = _kind(part)
        if kind not in KEYS:
            if kind == "refusal" or (kind == "text" and self._exact):
                return {"type": "text", "text": part.get(kind)}
            return part
        inner = part.get(kind)
        if isinstance(inner, dict):
            inner = {
                key: value
                for key, value in inner.items()
                if value is not None and (not self._exact or key in KEYS[kind])
            }
            if kind == "input_audio" and self._audio_string:
                inner = inner.get("data")
        if kind == "image_url":
            inner = self._image(inner)
        return {"type": kind, kind: inner} if self._exact else part | {kind: inner}

    def _image(self, image: Any) -> Any:
        """An image's link, as an object or the string that some clients send, with a media type that is known."""
        url = image.get("url") if isinstance(image, dict) else image
        if not isinstance(url, str):
            return image
        if self._inline_images and not url[:5].lower().startswith("data:"):
            raise cannot_say("this provider takes images as data: URIs only")
        known: JSONObject | str = canonical_uri(url)
        return image | {"url": known} if isinstance(image, dict) else known


def _kind(part: Any) -> Any:
    return part.get("type") if isinstance(part, dict) else None
