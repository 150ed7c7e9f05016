"""Who can do what, by the shipped catalogue alone: a provider that cannot do something has no case for it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import get_args

import pytest

from apps.providers.adapters import WIRES
from apps.providers.catalogue_files import ModelEntry, ProviderEntry, read_catalogue
from apps.providers.presets import parse_preset
from apps.providers.types import Capability, Preset
from fakes import UPSTREAMS

IN_PROCESS = {"sandbox"}  # no upstream to fake
EVERYTHING: list[Capability] = list(get_args(Capability))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model of a provider: what the catalogue says of both. `preset` is the one that holds for the model."""

    provider: str
    model: str
    preset: Preset
    capabilities: frozenset[Capability]

    @property
    def id(self) -> str:
        """What a failure names."""
        return f"{self.provider}:{self.model}"

    @property
    def takes_links(self) -> bool:
        """Whether images may stay where they are."""
        return not (self.preset.inline_images or WIRES[self.preset.wire].inline_images)

    @property
    def counts_streams(self) -> bool:
        """Whether the usage of a stream may be asked for."""
        return self.preset.stream_usage

    def sends(self, field: str) -> bool:
        """Whether this field of a request reaches the provider."""
        taken = not self.preset.fields or self.preset.renames.get(field, field) in self.preset.fields
        return taken and field not in self.preset.drops


def able(
    *needs: Capability, when: Callable[[Candidate], bool] = lambda candidate: True
) -> pytest.MarkDecorator:
    """Parametrises `candidate`: of each provider, a model of each preset that has the capabilities and suits `when`."""
    chosen: dict[tuple[str, int], Candidate] = {}
    for candidate in _candidates():
        if candidate.capabilities.issuperset(needs) and when(candidate):
            chosen.setdefault((candidate.provider, id(candidate.preset)), candidate)
    return _parametrised(chosen.values())


def each_provider() -> pytest.MarkDecorator:
    """Parametrises `candidate`: one model of every provider, for what depends on no model. One without a fake is skipped, and says so:
    it shows nowhere else in this suite."""
    chosen: dict[str, Candidate] = {}
    for candidate in _candidates():
        chosen.setdefault(candidate.provider, candidate)
    fakeless = [
        entry.name
        for entry in read_catalogue()
        if entry.name not in {*UPSTREAMS, *IN_PROCESS} and not entry.retired
    ]
    return _parametrised(chosen.values(), fakeless)


def _parametrised(candidates: Iterable[Candidate], fakeless: Iterable[str] = ()) -> pytest.MarkDecorator:
    params = [pytest.param(candidate, id=candidate.id) for candidate in candidates]
    for name in fakeless:
        skipped = pytest.mark.skip(reason=f"{name} has no fake upstream (fakes/upstreams)")
        params.append(pytest.param(None, id=name, marks=skipped))
    return pytest.mark.parametrize("candidate", params)


@cache
def _candidates() -> tuple[Candidate, ...]:
    entries = [entry for entry in read_catalogue() if entry.name in UPSTREAMS and not entry.retired]
    return tuple(candidate for entry in entries for candidate in _of(entry))


def _of(entry: ProviderEntry) -> Iterator[Candidate]:
    """The provider's enabled chat models, the default first; for one that lists none yet, one that an operator added."""
    preset = parse_preset(entry.wire)
    if entry.requires_key and entry.models and "chat" not in {model.task for model in entry.models}:
        return  # it has no chat
    models = [model for model in entry.models if model.task == "chat" and model.enabled]
    models.sort(key=lambda model: model.name != entry.default_model)
    for model in models or [ModelEntry(name="own-model", capabilities=EVERYTHING)]:
        own = preset.for_model(model.name)
        yield Candidate(
            provider=entry.name,
            model=model.name,
            preset=own,
            capabilities=frozenset(model.capabilities) - own.incapable,
        )
