"""The tables inside of the catalogue's `[wire]`: parts of a `Preset`, what differs from plain OpenAI as data."""

from functools import cached_property
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from apps.core.json_types import JSONObject
from apps.core.state.keys import Metric
from apps.core.state.periods import Period
from apps.providers.errors import Scope

MIB: int = 1024 * 1024
MAX_AUDIO_BYTES: int = 25 * MIB

AudioFormat = Literal["aac", "flac", "m4a", "mp3", "mp4", "mpeg", "ogg", "wav", "webm"]
OPENAI_FORMATS: frozenset[AudioFormat] = frozenset(
    {"flac", "m4a", "mp3", "mp4", "mpeg", "ogg", "wav", "webm"}
)


# Two characters at least: what begins so is masked wherever it is shown.
KeyPrefix = Annotated[str, Meta(pattern=r"^[A-Za-z][-_.A-Za-z0-9]{1,30}$")]
EnvironmentName = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=60)]


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


class FimWire(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and how an upstream's models that can ("fim") fill a gap in a text. `path`: relative to the base URL; `prompt` and `suffix` go
    there instead of messages. `fields`: the only others that are sent, by the upstream's names; all that chat takes where it is empty."""

    path: Annotated[str, Meta(pattern=r"^[a-z0-9_/-]+$", max_length=100)] = "completions"
    fields: frozenset[str] = frozenset()


class RerankWire(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`base_url` as with EmbeddingWire. `most`: documents in a call. `renames`: field -> the upstream's. `drops`: fields that the upstream
    refuses or ignores."""

    wire: Literal["openai", "cohere", "cloudflare", "huggingface", "nvidia"] = "openai"
    base_url: str = ""
    most: int = 1_000
    renames: dict[str, str] = field(default_factory=dict)
    drops: frozenset[str] = frozenset()


SpokenFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


class SpeechWire(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`base_url` as with EmbeddingWire. `formats`: what it can be asked for; `native`: what it is asked for where the client does not mind,
    "" for nothing. `longest`: characters of a text. `voices`: OpenAI's voice -> the upstream's; others go as they are. `counts_tokens`: its
    token quotas count the text. `neurons`: what 1,000 characters take of them. `renames`, `drops` as with ImageWire; of `speed` and
    `instructions` a drop means that it cannot do what they ask for."""

    wire: Literal["openai", "mistral", "gemini", "cloudflare"] = "openai"
    base_url: str = ""
    formats: frozenset[SpokenFormat] = frozenset({"mp3", "opus", "aac", "flac", "wav", "pcm"})
    native: SpokenFormat | Literal[""] = ""
    longest: int = 4_096
    voices: dict[str, str] = field(default_factory=dict)
    counts_tokens: bool = False
    neurons: int = 0
    renames: dict[str, str] = field(default_factory=dict)
    drops: frozenset[str] = frozenset()


class ImageWire(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`base_url` as with EmbeddingWire. `most`: images in a call; for more there are several. `sides`: sizes are said as `width` and
    `height`. `inline`: the `response_format` that asks for bytes instead of an address, "" where none is sent. `neurons`: what an image
    takes of them. `renames`: field -> the upstream's. `drops`: fields that the upstream refuses or ignores."""

    wire: Literal["openai", "cloudflare", "huggingface", "nvidia"] = "openai"
    base_url: str = ""
    most: int = 1
    sides: bool = False
    inline: str = "b64_json"
    neurons: int = 0
    renames: dict[str, str] = field(default_factory=dict)
    drops: frozenset[str] = frozenset()


class ModerationWire(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`base_url` as with EmbeddingWire. "policy" and "guard" are chats: with a model that follows a policy, and with one that was trained
    to answer "safe" or "unsafe". `batch`: inputs in a call, one in those. `drops`: fields that the upstream refuses or ignores."""

    wire: Literal["openai", "mistral", "policy", "guard"] = "openai"
    base_url: str = ""
    batch: int = 32
    drops: frozenset[str] = frozenset()


class Effort(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an upstream is told how hard to think.

    `path`: where its value goes, a dotted path into the body. `words`: OpenAI's `reasoning_effort` -> that value; `otherwise` stands
    for the words not listed, and None for "cannot be said": the field is left out.
    """

    path: str = "reasoning_effort"
    words: JSONObject = field(default_factory=dict)
    otherwise: Any = None

    def said(self, effort: Any) -> Any:
        """The upstream's value for a client's `reasoning_effort`, None where it has none."""
        return self.words.get(effort, self.otherwise) if isinstance(effort, str) else None


class ToolNames(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What tools may be called: letters, digits, `_` and `marks`, `longest` characters at most. `digit_first`: whether the first may be a
    digit or a mark. What does not fit is renamed, and mapped back in answers."""

    marks: Annotated[str, Meta(pattern=r"^[-.:]*$")] = "-"
    digit_first: bool = True
    longest: Annotated[int, Meta(ge=16)] = 64


class Turns(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The order of roles that an upstream takes, or its models' chat templates.

    `system`: where system messages may stand: "anywhere", "first" or "nowhere"; what stands elsewhere is said by the user, at its place.
    `alternate`: what one side says in several messages is sent as one. `user_first`: the user begins. `last`: roles that may end the
    conversation, if not empty; after others the user asks to go on.
    """

    system: Literal["anywhere", "first", "nowhere"] = "anywhere"
    alternate: bool = False
    user_first: bool = False
    last: frozenset[Literal["user", "tool", "assistant", "system"]] = frozenset()


class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cheapest call that tells a good key from a bad one.

    "get": `url`, relative to the base URL with a slash behind it (`models`, `../key`) or absolute, answers 200 to a good key only.
    "chat": a chat of one token, where no such URL exists. `then_chat`: such a chat follows, where the URL answers accounts too that have
    nothing to pay with. `timeout_s` bounds each call.
    """

    kind: Literal["get", "chat"] = "get"
    url: str = "models"
    then_chat: bool = False
    timeout_s: float = 15.0


class LimitHeaders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """The headers in which an upstream reports one of its windows: what is left, of how much, until when.

    `names`: what the headers are called, with `{}` for the words remaining, limit and reset; the last may never come. `units`: the
    window's length; where the headers leave it open, the possible ones, shortest first: the reset cannot be farther away than the
    window is long. `rolling`: it refills continuously. `scope`: whether it is a single model's or the account's.
    """

    metric: Metric
    units: Annotated[tuple[Period, ...], Meta(min_length=1)]
    names: Annotated[str, Meta(pattern=r"^[^{}]*\{\}[^{}]*$")]
    scope: Scope = "model"
    rolling: bool = True

    @cached_property
    def remaining(self) -> str:
        return self._name("remaining")

    @cached_property
    def limit(self) -> str:
        return self._name("limit")

    @cached_property
    def reset(self) -> str:
        return self._name("reset")

    def _name(self, word: str) -> str:
        return self.names.replace("{}", word).lower()


# A server that nobody described: what OpenAI's clients know. Its windows are minutes, on small accounts days.
OPENAI_STYLE: tuple[LimitHeaders, ...] = (
    LimitHeaders(metric="requests", units=("minute", "day"), names="x-ratelimit-{}-requests"),
    LimitHeaders(metric="tokens", units=("minute", "day"), names="x-ratelimit-{}-tokens"),
)


class SpentWindow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A window that an upstream has a name for."""

    metric: Metric
    unit: Period
    scope: Scope = "model"


class SpentHeaders(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The headers of a 429 that names the window that is spent: `window` holds one of the names in `windows`, `wait` the seconds until
    it opens. Header names are lower case."""

    window: str
    wait: str
    windows: dict[str, SpentWindow]


class ErrorText(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a refusal with one of these HTTP statuses means (a word of `refusals.meanings.MEANINGS`), where it carries no code that says
    so and its text matches the pattern, in upper or lower case."""

    statuses: Annotated[tuple[int, ...], Meta(min_length=1)]
    text: Annotated[str, Meta(min_length=1, max_length=400)]
    means: str
