"""What a model can be asked to do: a row for each task, and what all requests share."""

from collections.abc import Mapping
from typing import Final, Protocol

from msgspec import Struct

from apps.providers.types import Capability, Task, Usage


class TaskFacts(Struct, frozen=True, kw_only=True):
    """What is different between tasks; whatever else asks which task it is, asks for a member of this.

    `label`: for people. `endpoint`: what its usage events are filed under. `prompt_field`: the field of its requests that errors about
    the prompt blame.
    `has_strategies`: virtual models and strategies choose among its models. The other tasks rank by the order that the catalogue gives.
    `has_open_names`: a model that nobody lists is asked for by the client's name, and `abilities` are what it is taken to be able to;
    the upstream says if it is not. `has_named_default`: provider and credential name the default model; else a tag does.
    `has_context`: its prompts are bounded by a context window. `is_sold_by_token`: the list prices of its models, which are those of a
    text's tokens, tell what its calls cost. `answers_in_tokens`: its answers have a price of their own.
    `filter_is_final`: a prompt that a provider's filter refuses is not given to a laxer one; `filter_code`: what its client is told then.
    `done_by`: other tasks whose models do this one too, and the capability with which they do. Chat models do it on wires alone that have
    no endpoint for it. `table`: where it is served is said by this part of `[wire]`; a provider's list adds none of its models elsewhere,
    since many lists name what the same address does not serve. `in_lists`: whether a provider's list adds models of it at all.
    """

    label: str
    endpoint: str
    prompt_field: str
    has_strategies: bool = False
    has_open_names: bool = True
    has_named_default: bool = False
    abilities: frozenset[Capability] = frozenset()
    done_by: Mapping[Task, Capability] = {}
    filter_is_final: bool = False
    filter_code: str = "content_filter"
    table: str = ""
    in_lists: bool = True
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
        done_by={"chat": "audio"},
        has_context=False,
        is_sold_by_token=False,
    ),
    # No model does nothing else: it is what some do that transcribe, and those that hear.
    "translation": TaskFacts(
        label="Translation of speech",
        endpoint="translations",
        prompt_field="file",
        abilities=frozenset({"segments", "translation"}),
        done_by={"transcription": "translation", "chat": "audio"},
        has_context=False,
        is_sold_by_token=False,
        in_lists=False,
    ),
    "rerank": TaskFacts(
        label="Rerank",
        endpoint="rerank",
        prompt_field="documents",
        has_context=False,
        answers_in_tokens=False,
        table="rerank",
    ),
    "image": TaskFacts(
        label="Image",
        endpoint="images",
        prompt_field="prompt",
        has_context=False,
        is_sold_by_token=False,
        filter_is_final=True,
        filter_code="content_policy_violation",
        table="images",
    ),
    "speech": TaskFacts(
        label="Speech",
        endpoint="speech",
        prompt_field="input",
        has_context=False,
        is_sold_by_token=False,
        table="speech",
    ),
    # What a guard answers is a form of its own: a name in a list does not tell which.
    "moderation": TaskFacts(
        label="Moderation",
        endpoint="moderations",
        prompt_field="input",
        table="moderation",
        in_lists=False,
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


class TaskRequest(Struct, frozen=True, kw_only=True):
    """What all requests of the tasks beside chat have: a validated `Demand`, but for its size."""

    model: str | None
    preferred_provider: str | None = None
    fallback: bool = True
    needs: frozenset[Capability] = frozenset()
    stream: bool = False
    max_tokens: int | None = None


class TaskAnswer(Struct, frozen=True, kw_only=True):
    """What whole answers of them have in common. `usage` is None where the upstream sent none."""

    usage: Usage | None = None
