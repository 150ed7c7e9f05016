"""Immutable pictures of the rows of providers and their models."""

from collections.abc import Iterable, Iterator
from typing import cast

import structlog
from msgspec import Struct

from apps.providers.adapters.transcription import CODECS as TRANSCRIPTION_CODECS
from apps.providers.models import Provider, ProviderModel
from apps.providers.presets import parse_preset
from apps.providers.quotas import Limit, LimitsError, parse_limits
from apps.providers.tasks import TASKS
from apps.providers.types import Preset, Price, Task

log = structlog.get_logger("freeai.providers")


class ModelFacts(Struct, frozen=True, kw_only=True):
    """An enabled model of a provider.

    `capabilities` are those that both the model and the provider's wire have.
    """

    name: str
    task: Task
    capabilities: frozenset[str]
    context_window: int
    max_output_tokens: int | None
    limits: tuple[Limit, ...]
    price: Price | None
    tags: tuple[str, ...]

    def serves(self, task: Task, preset: Preset) -> bool:
        """Whether it can do `task`. Where a wire has no endpoint for it, the chat models that are able do it (see `by_chat_with`)."""
        if self.task == task or TASKS[task].by_chat_with not in self.capabilities:
            return self.task == task
        return TRANSCRIPTION_CODECS[preset.transcription.wire].by_chat


class ProviderFacts(Struct, frozen=True, kw_only=True):
    """A provider with its enabled models, disabled providers included."""

    name: str
    display_name: str
    base_url: str
    enabled: bool
    requires_key: bool
    is_custom: bool
    weight: float
    tags: tuple[str, ...]
    default_model: str
    preset: Preset
    limits: tuple[Limit, ...]
    models: tuple[ModelFacts, ...]

    def default_for(self, task: Task, chosen: str = "") -> str:
        """The model for requests that name none; "" when nothing here serves `task`.

        Where it is named (chat): `chosen` (a credential's own) where the provider still has it, else the provider's, else (a
        server with models that an operator added) the first. Other tasks: the one tagged `default-<task>`,
        else the first.
        """
        able = [model for model in self.models if model.serves(task, self.preset)]
        if TASKS[task].has_named_default:
            if any(model.name == chosen for model in able):
                return chosen
            if self.default_model:
                return self.default_model
        tagged = [model for model in able if f"default-{task}" in model.tags]
        return next((model.name for model in [*tagged, *able]), "")


def preferred_by_task(providers: Iterable[ProviderFacts]) -> dict[Task, tuple[ProviderFacts, ...]]:
    """The providers that come first for each task, in the order of their presets' `order`."""
    places: dict[Task, list[tuple[int, str, ProviderFacts]]] = {}
    for facts in providers:
        for task, place in facts.preset.order.items():
            places.setdefault(task, []).append((place, facts.name, facts))
    return {task: tuple(facts for *_, facts in sorted(found)) for task, found in places.items()}


def models_able(providers: Iterable[ProviderFacts], task: Task, needs: frozenset[str]) -> tuple[str, ...]:
    """Of each provider in use, keys or not, the first model that can do all that is needed, as `provider/model`."""
    able = (
        next(
            (
                f"{facts.name}/{model.name}"
                for model in facts.models
                if model.task == task and needs <= model.capabilities
            ),
            "",
        )
        for facts in providers
        if facts.enabled
    )
    return tuple(sorted(filter(None, able)))


def read_provider(row: Provider, models: Iterable[ProviderModel]) -> ProviderFacts:
    """The facts of a provider and of its `models`. Raises PresetError, LimitsError."""
    preset = parse_preset(row.wire)
    return ProviderFacts(
        name=row.name,
        display_name=row.display_name,
        base_url=row.base_url,
        enabled=row.enabled,
        requires_key=row.requires_key,
        is_custom=row.is_custom,
        weight=row.weight,
        tags=tuple(row.tags),
        default_model=row.default_model,
        preset=preset,
        limits=parse_limits(row.limits),
        models=tuple(_read_models(row.name, models, preset)),
    )


def _read_models(provider: str, rows: Iterable[ProviderModel], preset: Preset) -> Iterator[ModelFacts]:
    """One row that cannot be used does not take the others with it."""
    for row in rows:
        try:
            limits = parse_limits(row.limits)
        except LimitsError as error:
            log.error("model.unusable", provider=provider, model=row.name, error=str(error))
            continue
        yield ModelFacts(
            name=row.name,
            task=cast(Task, row.task),
            capabilities=frozenset(row.capabilities) - preset.for_model(row.name).incapable,
            context_window=row.context_window,
            max_output_tokens=row.max_output_tokens,
            limits=limits,
            price=_price(row),
            tags=tuple(row.tags),
        )


def _price(row: ProviderModel) -> Price | None:
    if row.prompt_microusd is None or row.completion_microusd is None:
        return None
    return Price(row.prompt_microusd, row.completion_microusd)
