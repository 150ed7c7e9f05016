"""Immutable pictures of the rows of providers and their models."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cached_property
from typing import cast

import structlog
from msgspec import Struct

from apps.core import clock
from apps.core.json_types import JSONValue
from apps.core.state.keys import Span
from apps.providers.adapters.by_chat import is_by_chat
from apps.providers.limits import Limit, LimitsError, edited_spans, parse_limits
from apps.providers.models import Provider, ProviderModel
from apps.providers.presets import parse_preset
from apps.providers.quotas import Scheme
from apps.providers.tasks import TASKS
from apps.providers.types import TRAINING_UNKNOWN, Access, Preset, Price, Task

log = structlog.get_logger("freeai.providers")


class ModelFacts(Struct, frozen=True, kw_only=True):
    """An enabled model of a provider.

    `capabilities` are those that both the model and the provider's wire have. `is_chosen`: whether it is among the candidates of requests
    that do not pin it: its provider still lists it, and what it can do is known.
    """

    name: str
    task: Task
    capabilities: frozenset[str]
    context_window: int
    max_output_tokens: int | None
    limits: tuple[Limit, ...]
    price: Price | None
    tags: tuple[str, ...]
    is_chosen: bool = True
    access: Access = "free"

    def serves(self, task: Task, preset: Preset) -> bool:
        """Whether it can do `task`: its own, or one that models of its task do too (see `done_by`)."""
        if self.task == task or TASKS[task].done_by.get(self.task) not in self.capabilities:
            return self.task == task
        return self.task != "chat" or is_by_chat(task, preset)


class ProviderFacts(Struct, frozen=True, kw_only=True, dict=True):
    """A provider with its enabled models, disabled providers included. `access`: of models that only the upstream knows. `ended`: why
    it serves nobody any more, "" while it does. `edited`: of `limits`, the spans whose numbers an operator set. `trains`: why what it is
    sent may become training data, "" where it never does. `reset_at`: when it was last reset, UTC epoch seconds."""

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
    access: Access = "free"
    ended: str = ""
    edited: frozenset[Span] = frozenset()
    trains: str = TRAINING_UNKNOWN
    reset_at: float = 0.0

    @property
    def in_use(self) -> bool:
        """Whether anybody may call it."""
        return self.enabled and not self.ended

    def access_of(self, model: str) -> Access:
        """Whether that model costs money."""
        return next((known.access for known in self.models if known.name == model), self.access)

    @cached_property
    def scheme(self) -> Scheme:
        """What is counted for whom."""
        return Scheme.of(self.limits, (limit for model in self.models for limit in model.limits), self.edited)

    def default_for(self, task: Task, chosen: str = "", without: frozenset[str] = frozenset()) -> str:
        """The model for requests that name none, not one of `without`; "" when nothing here serves `task`.

        Where it is named (chat): `chosen` (a credential's own) where the provider still has it, else the provider's unless that is
        gone, else (a server with models that an operator added) the first. Other tasks: the one tagged `default-<task>`,
        else the first.
        """
        wanted = (task, chosen, without)
        if wanted not in self._defaults:
            self._defaults[wanted] = self._default_for(*wanted)
        return self._defaults[wanted]

    @cached_property
    def _defaults(self) -> dict[tuple[Task, str, frozenset[str]], str]:
        """What was asked for before: for each of a user's models once."""
        return {}

    def _default_for(self, task: Task, chosen: str, without: frozenset[str]) -> str:
        gone = without.union(model.name for model in self.models if not model.is_chosen)
        able = [model for model in self.models if model.name not in gone and model.serves(task, self.preset)]
        if TASKS[task].has_named_default:
            if any(model.name == chosen for model in able):
                return chosen
            if self.default_model and (self.default_model not in gone or not able):
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
    """Of each provider in use, keys or not, the first free model that can do all that is needed, as `provider/model`."""
    able = (
        next(
            (
                f"{facts.name}/{model.name}"
                for model in facts.models
                if model.task == task and model.access == "free" and needs <= model.capabilities
            ),
            "",
        )
        for facts in providers
        if facts.in_use
    )
    return tuple(sorted(filter(None, able)))


def read_provider(row: Provider, models: Iterable[ProviderModel]) -> ProviderFacts:
    """The facts of a provider and of its `models`. Raises PresetError, LimitsError."""
    preset = parse_preset(row.wire)
    limits = parse_limits(row.limits)
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
        limits=limits,
        models=tuple(_read_models(row, models, preset)),
        access=cast(Access, row.access),
        ended=row.ended(),
        edited=edited_spans(limits, row.shipped),
        trains=why_trains(row.terms),
        reset_at=row.reset_at.timestamp() if row.reset_at else 0.0,
    )


def why_trains(terms: JSONValue) -> str:
    """By the terms of a provider's row, which an operator may have edited: why what is sent may become training data; "" where every term
    on it says that it never does, and one does say so."""
    about = [
        term
        for term in (terms if isinstance(terms, list) else ())
        if isinstance(term, dict) and term.get("about") == "training"
    ]
    may = [term for term in about if term.get("may") is not False]
    if not may:
        return "" if about else TRAINING_UNKNOWN
    return f"{may[0].get('text', TRAINING_UNKNOWN)} ({may[0].get('seen', 'undated')})"


def _read_models(provider: Provider, rows: Iterable[ProviderModel], preset: Preset) -> Iterator[ModelFacts]:
    """One row that cannot be used does not take the others with it."""
    for row in rows:
        try:
            limits = parse_limits(row.limits, of_model=True)
        except LimitsError as error:
            log.error("model.unusable", provider=provider.name, model=row.name, error=str(error))
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
            is_chosen=not is_gone(row) and (row.is_known() or not TASKS[cast(Task, row.task)].has_strategies),
            access=cast(Access, row.access or provider.access),
        )


def is_gone(row: ProviderModel) -> bool:
    """Whether the provider lists it no more, or said that it ends by now."""
    today = datetime.fromtimestamp(clock.now(), UTC).date()
    return row.vanished_at is not None or (row.retires_at is not None and row.retires_at <= today)


def _price(row: ProviderModel) -> Price | None:
    """None where half of it is unknown, unless there is no such half."""
    prompt, completion = row.prompt_microusd, row.completion_microusd
    if completion is None and not TASKS[cast(Task, row.task)].answers_in_tokens:
        completion = 0
    return None if prompt is None or completion is None else Price(prompt, completion)
