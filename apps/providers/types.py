"""The types that travel between the wire and the adapters. Immutable; OpenAI's JSON shapes stay dicts only inside `body` and `choices`."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Literal, TypeVar

from msgspec import Struct, field

from apps.core.json_types import JSONObject
from apps.core.state.contract import Subject
from apps.core.state.keys import Metric
from apps.providers import wires
from apps.providers.errors import Scope
from apps.providers.listing.tables import AccountTable, Listing

# "files": reads documents, such as PDF. "fim": fills a gap in a text, which has a prompt before it and a suffix behind it. "forced_tools":
# honours a `tool_choice` that demands a call, any or a named one. "dimensions": shortens its vectors when asked to. "segments", "words":
# gives the times of a transcript's. "translation": writes down in English what is said in other languages. "image_edits": changes
# pictures as it is told.
Capability = Literal[
    "vision", "files", "audio", "audio_output", "tools", "forced_tools", "json_schema", "json_object", "n", "logprobs", "reasoning",
    "fim", "dimensions", "segments", "words", "translation", "image_edits",
]  # fmt: skip
Task = Literal["chat", "embedding", "transcription", "translation", "rerank", "image", "speech", "moderation"]
Access = Literal["free", "card", "prepaid"]
"""What a user must have before a model serves: nothing but an account, a payment method on file, or money."""
ChatWire = Literal["openai", "gemini", "cohere"]
TRAINING_UNKNOWN = "Nobody has said that it does not train on what it is sent."

T = TypeVar("T")


class Secret(str):
    """A string that does not show itself in reprs, and so not in logs or tracebacks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class ChatRequest(Struct, frozen=True, kw_only=True):
    """A validated chat completion request.

    `body` is the client's request in OpenAI's shape, without `model`, `stream`, `stream_options` and FreeAI's own fields: unknown
    fields stay in it, and `suffix` is what follows the gap where "fim" is needed. Adapters read it and must not change it; while an
    upstream is waited for its `messages` may be empty (`gateway/answering/shelf`). `needs` are the capabilities without which a candidate
    cannot answer. `prompt_tokens` is an estimate, `max_tokens` the client's cap on the answer, None when it gave none.
    """

    model: str | None
    body: JSONObject
    stream: bool = False
    include_usage: bool = False
    strategy: str | None = None
    preferred_provider: str | None = None
    fallback: bool = True
    needs: frozenset[Capability] = frozenset()
    prompt_tokens: int = 0
    max_tokens: int | None = None


class Usage(Struct, frozen=True):
    """Tokens as OpenAI counts them: `completion_tokens` includes `reasoning_tokens`, `prompt_tokens` includes `cached_tokens`. As an
    adapter read it, it may be absurd; `apps.providers.plausibility` judges that."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class ChatResult(Struct, frozen=True, kw_only=True):
    """A whole answer. `choices` are OpenAI's chat.completion choices: index, message, finish_reason, logprobs.

    `usage` is None where the upstream sent none. `extras` are further top-level fields worth passing on (system_fingerprint, …).
    """

    choices: list[JSONObject]
    usage: Usage | None = None
    extras: JSONObject = field(default_factory=dict)


class ChatChunk(Struct, frozen=True, gc=False):
    """One streamed step. `choices` are OpenAI's chunk choices: index, delta, finish_reason (and logprobs where given).

    Deltas never carry `role` (the wire adds it once), tool-call deltas always carry `index`, reasoning text is `reasoning_content`.
    `has_content`: a delta holds text, reasoning text, a refusal, audio or a tool call. `usage`: the last one given counts. So does the
    last `finish_reason` of a choice: calls, or a limit, may come behind a "stop".
    """

    choices: list[JSONObject]
    has_content: bool = False
    usage: Usage | None = None


class Price(Struct, frozen=True):
    """USD per million tokens, in micro-dollars: 590_000 is $0.59."""

    prompt_microusd: int
    completion_microusd: int

    @property
    def is_positive(self) -> bool:
        """Whether anything costs anything."""
        return bool(self.prompt_microusd or self.completion_microusd)

    def cost_microusd(self, usage: Usage) -> int:
        """Cost of one answer in micro-dollars, rounded to the nearest."""
        return (self._cost(usage) + 500_000) // 1_000_000

    def bill_microusd(self, usage: Usage) -> int:
        """The same, rounded up: what is paid for is never counted as nothing."""
        return -(-self._cost(usage) // 1_000_000)

    def _cost(self, usage: Usage) -> int:
        return usage.prompt_tokens * self.prompt_microusd + usage.completion_tokens * self.completion_microusd


class Variant(Struct, frozen=True):
    """What differs from a provider's preset for some of its models: those whose name matches one of the shell patterns."""

    models: tuple[str, ...]
    preset: "Preset"


class Preset(Struct, frozen=True, kw_only=True, dict=True):
    """How a provider's wire differs from its family: data, from the catalogue's [wire] table.

    What is sent:
    `fields`: if not empty, the only request fields that are sent, by the upstream's names; for upstreams that refuse unknown ones. `exact`:
    whether a key beyond OpenAI's schema is refused inside of them too: in messages, parts, tools, calls and formats. `drops`: request
    fields removed because the upstream refuses or ignores them and the answer stays right without them. `renames`: OpenAI field -> the
    upstream's name. `ranges`: (least, most) of numbers; values outside are moved to the nearer end. `temperature_max`, `stop_max`: values
    are cut to them. `stop_list`: a single stop sequence is sent as a list of one. `answer_in_window`: whether prompt and answer share the
    context window, so that the one limits the other. `default_max_tokens`: the cap sent where the request names none, for upstreams whose
    own default is tiny or charged up front. `charges_caps`: whether a call is admitted only where its prompt and its cap on the answer fit
    the windows of tokens, whatever the answer then comes to. `effort`: how `reasoning_effort` is said, to models that reason; others are
    not told. None: as OpenAI does. `tool_names`: what tools may be called. `single_tool_calls`: with tools, `parallel_tool_calls` is always
    sent, as false. `schema_drops`: JSON Schema keys that are taken out of the tools' parameters. `whole_schemas`: whether arrays and
    objects in them must say what they hold. `stream_usage`: whether `stream_options.include_usage` is understood. `headers`: sent with
    every call.

    Messages:
    `roles`: message role -> the upstream's role. `turns`: the order of roles that is taken. `tool_id`: "alnum9" where tool call ids
    must be nine letters or digits. `message_fields`: the only keys that messages may carry, for the roles in it.
    `string_content_roles`: roles whose text parts are joined to a string. `null_content`: whether content may be null.
    `assistant_after_tool`: whether a tool's result must be followed by an assistant's turn. `inline_images`: images are taken as data:
    URIs only. `audio_string`: audio parts hold the bare base64 text.

    What it cannot do:
    `incapable`: capabilities this wire cannot honour, whatever the model; with "forced_tools" among them `tool_choice` is never sent.
    `excludes`: sets of fields that the upstream does not take together, such as {"response_format", "tools", "stream"}.

    How it counts:
    `limit_scope`: whose quota a 429 speaks of that does not say so itself. `limit_headers`: the windows that its answers report.
    `spent_headers`: where a 429 names the window that is spent.

    How it refuses, beyond what all know:
    `errors`: a word of `refusals.meanings.MEANINGS` -> the error codes that mean it. `error_texts`: the same by text, the first that
    matches; for what has no code.

    Of the rest: `think_opened`: models whose prompt template already opens `<think>`, so that their text starts as reasoning up to
    `</think>`. `annex`: a field of answers and frames in which usage and errors may lie too. `settings`: what a credential must hold beside
    the key; `{name}` in the base URL stands for each. `settings_env`: setting -> the environment variable in which users keep it.
    `key_prefixes`: how its keys begin, so that no log shows one. `order`: task -> place among the providers that are preferred for it, the
    least first. `variants`: presets of single models; the first that matches counts. `probe`: how a key is tested. `listing`: where the
    models are listed. `account`: where it tells of a key's account. `fim`: how gaps are filled, None where they are not. `embeddings` and
    what follows it: the wires of the other tasks.
    """

    wire: ChatWire = "openai"
    fields: frozenset[str] = frozenset()
    drops: frozenset[str] = frozenset()
    renames: dict[str, str] = field(default_factory=dict)
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    temperature_max: float = 2.0
    stop_max: int = 4
    stop_list: bool = False
    answer_in_window: bool = True
    default_max_tokens: int | None = None
    charges_caps: bool = False
    effort: wires.Effort | None = None
    exact: bool = False
    tool_names: wires.ToolNames = wires.ToolNames()
    whole_schemas: bool = False
    single_tool_calls: bool = False
    schema_drops: frozenset[str] = frozenset()
    stream_usage: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    turns: wires.Turns = wires.Turns()
    tool_id: Literal["any", "alnum9"] = "any"
    message_fields: dict[str, frozenset[str]] = field(default_factory=dict)
    string_content_roles: frozenset[str] = frozenset()
    null_content: bool = True
    assistant_after_tool: bool = False
    inline_images: bool = False
    audio_string: bool = False
    incapable: frozenset[Capability] = frozenset()
    excludes: tuple[frozenset[str], ...] = ()
    think_opened: frozenset[str] = frozenset()
    annex: str = ""
    limit_scope: Scope = "account"
    limit_headers: tuple[wires.LimitHeaders, ...] = wires.OPENAI_STYLE
    spent_headers: wires.SpentHeaders | None = None
    errors: dict[str, frozenset[str]] = field(default_factory=dict)
    error_texts: tuple[wires.ErrorText, ...] = ()
    settings: tuple[str, ...] = ()
    settings_env: dict[str, wires.EnvironmentName] = field(default_factory=dict)
    key_prefixes: tuple[wires.KeyPrefix, ...] = ()
    order: dict[Task, int] = field(default_factory=dict)
    variants: tuple[Variant, ...] = ()
    probe: wires.Probe = wires.Probe()
    listing: Listing = Listing()
    account: AccountTable = AccountTable()
    fim: wires.FimWire | None = None
    embeddings: wires.EmbeddingWire = wires.EmbeddingWire()
    transcription: wires.TranscriptionWire = wires.TranscriptionWire()
    rerank: wires.RerankWire = wires.RerankWire()
    speech: wires.SpeechWire = wires.SpeechWire()
    images: wires.ImageWire = wires.ImageWire()
    moderation: wires.ModerationWire = wires.ModerationWire()

    @cached_property
    def _compiled(self) -> dict[Any, Any]:
        return {}

    def compiled(self, make: Callable[["Preset"], T]) -> T:
        """What `make` makes of this preset: made once, kept with it and forgotten with it."""
        try:
            found: T = self._compiled[make]
        except KeyError:
            found = self._compiled[make] = make(self)
        return found

    def for_model(self, name: str) -> "Preset":
        """The preset that holds for the model; always the same object for the same name."""
        for variant in self.variants:
            if any(fnmatchcase(name, pattern) for pattern in variant.models):
                return variant.preset
        return self


class Offer(Struct, frozen=True, kw_only=True):
    """A candidate before ranking: one user's credential for a provider, and one model that the provider offers.

    `windows` of `subject` are the effective quota windows (catalogue and overrides). `token_window`: the smallest of those that a prompt
    takes from, 0 for none: a longer one never fits. `key_required` False: the upstream takes any key. `counts`: what they name beside
    requests and tokens. `trains`: why what is sent may become training data, "" where it never does.
    """

    provider: str
    model: str
    task: Task
    subject: Subject
    preset: Preset
    base_url: str
    api_key: Secret
    user_id: int
    capabilities: frozenset[str] = frozenset()
    context_window: int = 0
    token_window: int = 0
    max_output_tokens: int | None = None
    weight: float = 1.0
    tags: tuple[str, ...] = ()
    price: Price | None = None
    max_retries: int | None = None
    is_default: bool = False
    access: Access = "free"
    counts: tuple[Metric, ...] = ()
    trains: str = TRAINING_UNKNOWN

    @property
    def is_paid(self) -> bool:
        """Whether calls may cost the user money."""
        return self.access != "free"


class UpstreamRequest(Struct, frozen=True, kw_only=True):
    """One HTTP call to an upstream: always complete in memory, so that it can be sent again."""

    url: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"
    stream: bool = False
