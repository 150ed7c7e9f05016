"""POST /v1/audio/speech: bytes -> SpeechRequest."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import bad_request
from apps.gateway.wire.tasks import TaskBody, further
from apps.providers.demands.speech import PLAIN_SPEED, SpeechRequest
from apps.providers.wires import SpokenFormat

MAX_CHARS: Final = 4_096
MAX_VOICE_CHARS: Final = 200
IGNORED_MODELS: Final = frozenset({"tts-1", "tts-1-hd", "gpt-4o-mini-tts"})
"""What clients send that cannot leave the model out."""
Name = Annotated[str, Meta(min_length=1, max_length=MAX_VOICE_CHARS)]
CONTENT_TYPES: Final[dict[SpokenFormat, str]] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


class Voice(Struct):
    """A voice by its id."""

    id: Name


class SpeechBody(TaskBody, kw_only=True):
    """The known fields."""

    input: Annotated[str, Meta(min_length=1, max_length=MAX_CHARS)]
    voice: Name | Voice
    response_format: SpokenFormat | None = None
    speed: Annotated[float, Meta(ge=0.25, le=4)] | None = None
    instructions: Annotated[str, Meta(max_length=MAX_CHARS)] | None = None
    stream_format: Literal["audio"] | None = None


def parse(body: bytes) -> SpeechRequest:
    """The validated request. Raises ApiError(400)."""
    raw = decode(body)
    known = validate(raw, SpeechBody)
    if not known.input.strip():
        raise bad_request("`input`: must hold something to say.", param="input")
    routing: dict[str, Any] = known.routing()
    if routing["model"] in IGNORED_MODELS:
        routing["model"] = None
    return SpeechRequest(
        **routing,
        text=known.input,
        voice=known.voice if isinstance(known.voice, str) else known.voice.id,
        format=known.response_format,
        speed=known.speed or PLAIN_SPEED,
        instructions=known.instructions or "",
        extra=further(raw, SpeechBody),
    )
