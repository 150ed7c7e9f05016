"""What a model can be asked to do: a row for each task, requests and answers of the tasks beside chat, and what all requests share."""

from array import array
from collections.abc import Mapping
from typing import Final, Literal, Protocol

from msgspec import Struct, field

from apps.core.json_types import JSONObject
from apps.providers.estimates import audio_tokens
from apps.providers.types import Capability, Task, Usage
from apps.providers.wires import AudioFormat

Tokens = tuple[int, ...]
Granularity = Literal["segment", "word"]
TranscriptFormat = Literal["json", "text", "srt", "vtt", "verbose_json"]


class TaskFacts(Struct, frozen=True, kw_only=True):
    """What is different between tasks; whatever else asks which task it is, asks for a member of this.

    `label`: for people. `endpoint`: what its usage events are filed under. `prompt_field`: the field of its requests that errors about
    the prompt blame.
    `has_strategies`: virtual models and strategies choose among its models. The other tasks rank by the order that the catalogue gives.
    `has_open_names`: a model that nobody lists is asked for by the client's name, and `abilities` are what it is taken to be able to;
    the upstream says if it is not. `has_named_default`: provider and credential name the default model; else a tag does.
    `has_context`: its prompts are bounded by a context window. `is_sold_by_token`: the list prices of its models, which are those of a
    text's tokens, tell what its calls cost. `answers_in_tokens`: its answers have a price of their own.
    `by_chat_with`: the capability with which chat models do this task on wires that have no endpoint for it.
    """

    label: str
    endpoint: str
    prompt_field: str
    has_strategies: bool = False
    has_open_names: bool = True
    has_named_default: bool = False
    abilities: frozenset[Capability] = frozenset()
    by_chat_with: Capability | None = None
    has_context: bool = True
    is_sold_by_token: bool = True
    answers_in_tokens: bool = True


TASKS: Final[Mapping[Task, TaskFacts]] = {
    "chat": TaskFacts(
        label="Chat",
        endpoint="chat",
        prompt_field="messages",
        has_strategies=True,
        has_open_names=False,
        has_named_default=True,
    ),
    "embedding": TaskFacts(
        label="Embedding",
        endpoint="embeddings",
        prompt_field="input",
        abilities=frozenset({"dimensions"}),
        answers_in_tokens=False,
    ),
    "transcription": TaskFacts(
        label="Transcription",
        endpoint="transcriptions",
        prompt_field="file",
        abilities=frozenset({"segments", "words"}),
        by_chat_with="audio",
        has_context=False,
        is_sold_by_token=False,
    ),
}


def task_choices() -> list[tuple[str, str]]:
    """For a model field: a new row needs no migration."""
    return [(task, facts.label) for task, facts in TASKS.items()]


class Demand(Protocol):
    """What routing and the attempt loop read of a request, whatever it asks for.

    `needs`: capabilities without which a candidate cannot answer. `prompt_tokens`: about what has to fit its context window,
    `max_tokens` is the client's cap on the answer.
    """

    @property
    def model(self) -> str | None: ...
    @property
    def stream(self) -> bool: ...
    @property
    def preferred_provider(self) -> str | None: ...
    @property
    def fallback(self) -> bool: ...
    @property
    def needs(self) -> frozenset[Capability]: ...
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def max_tokens(self) -> int | None: ...


class EmbeddingRequest(Struct, frozen=True, kw_only=True):
    """A validated embeddings request. `tokens`: about how many each of `inputs` has. `extra`: fields that are passed on as they came."""

    model: str | None
    inputs: tuple[str, ...] | tuple[Tokens, ...]
    tokens: tuple[int, ...]
    dimensions: int | None = None
    encoding_format: Literal["float", "base64"] = "float"
    extra: JSONObject = field(default_factory=dict)
    preferred_provider: str | None = None
    fallback: bool = True
    needs: frozenset[Capability] = frozenset()
    stream: bool = False
    max_tokens: int | None = None

    @property
    def prompt_tokens(self) -> int:
        """Of the longest input: each has the context window for itself."""
        return max(self.tokens, default=0)

    @property
    def has_token_lists(self) -> bool:
        return not isinstance(self.inputs[0], str)


class EmbeddingResult(Struct, frozen=True):
    """Vectors in the order of the inputs, as arrays of doubles. `usage` is None where the upstream sent none."""

    vectors: list["array[float]"]
    usage: Usage | None = None


class TranscriptionRequest(Struct, frozen=True, kw_only=True):
    """A validated transcription request. `format` is what the bytes of `audio` are. `extra`: form fields passed on as they came."""

    model: str | None
    audio: bytes
    format: AudioFormat
    language: str | None = None
    prompt: str | None = None
    temperature: float | None = None
    response_format: TranscriptFormat = "json"
    granularities: frozenset[Granularity] = frozenset()
    extra: tuple[tuple[str, str], ...] = ()
    preferred_provider: str | None = None
    fallback: bool = True
    needs: frozenset[Capability] = frozenset()
    stream: bool = False
    max_tokens: int | None = None

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
