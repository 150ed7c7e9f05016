"""Speech: a text, and how it sounds."""

from msgspec import field

from apps.core.json_types import JSONObject
from apps.providers.estimates import text_tokens
from apps.providers.tasks import TaskAnswer, TaskRequest
from apps.providers.wires import SpokenFormat

PLAIN_SPEED = 1.0


class SpeechRequest(TaskRequest, frozen=True, kw_only=True):
    """A validated speech request. `format` None: whatever the candidate gives. `extra`: fields that are passed on as they came."""

    text: str
    voice: str
    format: SpokenFormat | None = None
    speed: float = PLAIN_SPEED
    instructions: str = ""
    extra: JSONObject = field(default_factory=dict)

    @property
    def prompt_tokens(self) -> int:
        """Of the text, where an upstream counts it so."""
        return text_tokens(self.text)


class Speech(TaskAnswer, frozen=True, kw_only=True):
    """`audio` is what `format` says; pcm is of 16 bits, mono, at 24 kHz (OpenAI API reference, 2026-11)."""

    audio: bytes
    format: SpokenFormat
