"""How an upstream takes embeddings and transcriptions, where that differs from plain OpenAI: data, from the catalogue's
`[wire.embeddings]` and `[wire.transcription]` tables."""

from typing import Literal

from msgspec import Struct, field

MIB: int = 1024 * 1024
MAX_AUDIO_BYTES: int = 25 * MIB

AudioFormat = Literal["aac", "flac", "m4a", "mp3", "mp4", "mpeg", "ogg", "wav", "webm"]
OPENAI_FORMATS: frozenset[AudioFormat] = frozenset(
    {"flac", "m4a", "mp3", "mp4", "mpeg", "ogg", "wav", "webm"}
)


class EmbeddingWire(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`base_url` is resolved against the provider's own, so that both move together: "../v2" is a neighbour, "" the same.

    `batch`, `batch_tokens`: most inputs, and most (estimated) tokens of several inputs, in one call. `token_lists`: whether inputs
    may be lists of tokens. `renames`: OpenAI field -> the upstream's. `drops`: fields that the upstream refuses or ignores.
    `defaults`: fields that the upstream needs, for requests that lack them.
    """

    wire: Literal["openai", "cohere", "gemini", "huggingface"] = "openai"
    base_url: str = ""
    batch: int = 256
    batch_tokens: int = 100_000
    token_lists: bool = True
    renames: dict[str, str] = field(default_factory=dict)
    drops: frozenset[str] = frozenset()
    defaults: dict[str, str] = field(default_factory=dict)


class TranscriptionWire(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`base_url` as with EmbeddingWire. `formats`, `max_bytes`: what a file may be. `language_required`: refused without `language`.

    `drops`: form fields that the upstream refuses or ignores. `counts_tokens`: its token quotas count audio too.
    """

    wire: Literal["openai", "mistral", "gemini", "cloudflare", "huggingface"] = "openai"
    base_url: str = ""
    formats: frozenset[AudioFormat] = OPENAI_FORMATS
    max_bytes: int = MAX_AUDIO_BYTES
    language_required: bool = False
    drops: frozenset[str] = frozenset()
    counts_tokens: bool = False
