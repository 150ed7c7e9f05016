"""Transcriptions: a recording, and what is said in it."""

from typing import Literal

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.providers.estimates import audio_tokens
from apps.providers.tasks import TaskRequest
from apps.providers.types import Usage
from apps.providers.wires import AudioFormat

Granularity = Literal["segment", "word"]
TranscriptFormat = Literal["json", "text", "srt", "vtt", "verbose_json"]


class TranscriptionRequest(TaskRequest, frozen=True, kw_only=True):
    """A validated transcription request. `format` is what the bytes of `audio` are. `extra`: form fields passed on as they came.
    `into_english`: whatever is spoken, it is written down in English."""

    audio: bytes
    format: AudioFormat
    language: str | None = None
    prompt: str | None = None
    temperature: float | None = None
    response_format: TranscriptFormat = "json"
    granularities: frozenset[Granularity] = frozenset()
    extra: tuple[tuple[str, str], ...] = ()
    into_english: bool = False

    @property
    def prompt_tokens(self) -> int:
        """Of the audio, where an upstream counts it so."""
        return audio_tokens(len(self.audio))


class Transcript(Struct, frozen=True, kw_only=True):
    """What was said. `segments` and `words` are OpenAI's objects, times in seconds; None where the upstream gave none."""

    text: str
    language: str | None = None
    duration_s: float | None = None
    segments: list[JSONObject] | None = None
    words: list[JSONObject] | None = None
    usage: Usage | None = None
