"""What the wires share that take audio and give transcripts."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from apps.core.json_types import JSONObject
from apps.providers.adapters.shared.forms import Field, File, encoded_form
from apps.providers.adapters.shared.headers import bearer_headers
from apps.providers.adapters.shared.urls import resolve_base
from apps.providers.adapters.shared.values import as_dict, as_list, as_text
from apps.providers.demands.transcription import TranscriptionRequest
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer, UpstreamRequest
from apps.providers.wires import AudioFormat

MOST_SECONDS: Final = 1e6
"""Eleven days: no recording that can be sent lasts as long, and times beyond would be no times in subtitles."""
MIME_TYPES: dict[AudioFormat, str] = {
    "aac": "audio/aac",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "webm": "audio/webm",
}


def task_url(offer: Offer, path: str) -> str:
    """`path` below the base of the transcription wire."""
    return f"{resolve_base(offer.base_url, offer.preset.transcription.base_url)}/{path}"


def form_call(offer: Offer, fields: Iterable[Field], request: TranscriptionRequest) -> UpstreamRequest:
    """POST /audio/transcriptions, or /audio/translations, as multipart/form-data; the file comes last, because Cohere demands it."""
    file = File("file", f"audio.{request.format}", MIME_TYPES[request.format], request.audio)
    headers = bearer_headers(offer)
    headers["content-type"], body = encoded_form(fields, [file])
    path = "audio/translations" if request.into_english else "audio/transcriptions"
    return UpstreamRequest(url=task_url(offer, path), headers=headers, body=body)


def text_of(payload: JSONObject) -> str:
    """The transcript's text. Raises UpstreamError(PARSING) where there is none; "" is one."""
    text = payload.get("text")
    if not isinstance(text, str):
        raise UpstreamError(ErrorKind.PARSING, "the upstream's answer has no text")
    return text


def numbered_segments(values: Any) -> list[JSONObject] | None:
    """OpenAI's segments of a list of `{start, end, text, …}`; None where there is no list."""
    if not isinstance(values, list):
        return None
    segments = []
    for at, segment in enumerate(map(as_dict, values)):
        start = seconds(segment.get("start"))
        end = max(seconds(segment.get("end")), start)
        own = {name: value for name, value in segment.items() if name not in ("type", "words")}
        times = {"id": at, "start": start, "end": end, "text": as_text(segment.get("text"))}
        segments.append(own | times)
    return segments


def timed_words(values: Any) -> list[JSONObject] | None:
    """OpenAI's words of a list of `{word, start, end}`; None where there is no list."""
    if not isinstance(values, list):
        return None
    return [
        {
            "word": as_text(word.get("word")),
            "start": seconds(word.get("start")),
            "end": seconds(word.get("end")),
        }
        for word in map(as_dict, values)
    ]


def words_of(segments: Any) -> list[JSONObject] | None:
    """The words that segments hold, in one list; None where none does."""
    words = [word for segment in map(as_dict, as_list(segments)) for word in as_list(segment.get("words"))]
    return timed_words(words) if words else None


def seconds(value: Any) -> float:
    """A time in seconds, up to MOST_SECONDS; what is none counts as 0."""
    return min(max(float(value), 0.0), MOST_SECONDS) if isinstance(value, int | float) else 0.0


def duration(*values: Any) -> float | None:
    """The first of `values` that is a number, as `seconds` has it."""
    numbers: Sequence[int | float] = [value for value in values if isinstance(value, int | float)]
    return seconds(numbers[0]) if numbers else None
