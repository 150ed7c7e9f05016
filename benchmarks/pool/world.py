"""A pool to be simulated: what the catalogue says of it, and what is true. Both from one seed."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast, get_args

from msgspec.structs import replace

from apps.core.state.periods import NOW, ONCE, SECOND
from apps.core.state.periods import seconds as length_of
from apps.providers.catalogue_files import ModelEntry, ProviderEntry, read_catalogue
from apps.providers.limits import Limit, parse_limits
from apps.providers.quotas import Scheme
from benchmarks.pool.truth import Counter, Metric, Quotas, TrueWindow

EPOCH: Final = 1_790_000_000.0 // 86_400 * 86_400 + 8 * 3600 + 7.0
"""Where every simulation begins: a morning, UTC, not on a boundary."""
SEVEN: Final = ("groq", "gemini", "mistral", "cohere", "nvidia", "openrouter", "llm7")
METRICS: Final[frozenset[str]] = frozenset(get_args(Metric))


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What a run is like. `load`: requests offered, as a multiple of what the pool's minute windows admit.

    `wrong`: the share of windows whose true number is 0.5 to 2 times the declared one; `unknown`: the share that the catalogue does not
    name at all; `skew_s`: how far upstream clocks are off, at most; `retired`: the share of models that answer 404; `foreign`: the
    share of accounts that somebody else uses too, for 30 to 70 percent of what they allow; `false`: the share of calls that are refused
    although there is room; `clients`: what each client key asks for, as parts of the whole.
    """

    name: str
    providers: Sequence[str] = SEVEN
    minutes: int = 120
    load: float = 1.5
    wrong: float = 0.0
    unknown: float = 0.0
    skew_s: float = 0.0
    retired: float = 0.0
    foreign: float = 0.0
    false: float = 0.0
    clients: Sequence[float] = (1.0,)


@dataclass(kw_only=True)
class Upstream:
    """One provider's account as it really is."""

    name: str
    quotas: Quotas
    models: Mapping[str, ModelEntry]
    skew_s: float
    transit_s: float
    first_byte_s: float
    foreign: float
    retired: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, kw_only=True)
class World:
    """`declared` is what the gateway is told, `upstreams` what is."""

    scenario: Scenario
    seed: int
    declared: Sequence[ProviderEntry]
    upstreams: Mapping[str, Upstream]

    @property
    def random(self) -> random.Random:
        """The same for every policy."""
        return random.Random(f"{self.seed} demand")


def make_world(scenario: Scenario, seed: int) -> World:
    """The same for the same arguments."""
    chance = random.Random(f"{seed} {scenario.name}")
    entries = [_chat_only(entry) for entry in read_catalogue() if entry.name in scenario.providers]
    upstreams = {entry.name: _upstream(entry, scenario, chance) for entry in entries}
    declared = [_as_told(entry, scenario, chance) for entry in entries]
    return World(scenario=scenario, seed=seed, declared=declared, upstreams=upstreams)


def _chat_only(entry: ProviderEntry) -> ProviderEntry:
    """Its free chat models. All speak the same wire here: what is measured is the choice, not the adapters."""
    models = tuple(
        model
        for model in entry.models
        if model.task == "chat" and model.enabled and (model.access or entry.access) == "free"
    )
    wire = {
        name: value
        for name, value in entry.wire.items()
        if name in ("limit_headers", "errors", "key_prefixes")
    }
    return replace(entry, models=models, wire=wire, base_url=f"https://{entry.name}.invalid/v1")


def _upstream(entry: ProviderEntry, scenario: Scenario, chance: random.Random) -> Upstream:
    limits = parse_limits(entry.limits)
    own = {model.name: parse_limits(model.limits, of_model=True) for model in entry.models}
    scheme = Scheme.of(limits, (limit for each in own.values() for limit in each))
    account = _counters(scheme.account.values(), scenario, chance)
    groups = {limit: _counters([limit], scenario, chance) for limit in scheme.groups}
    by_model = {
        model.name: [
            *account,
            *(counter for limit in scheme.groups_of(model.name) for counter in groups[limit]),
            *_counters(scheme.model_limits(model.name, own[model.name]).values(), scenario, chance),
        ]
        for model in entry.models
    }
    retired = frozenset(model for model in by_model if chance.random() < scenario.retired)
    return Upstream(
        name=entry.name,
        quotas=Quotas(by_model),
        models={model.name: model for model in entry.models},
        skew_s=chance.uniform(-scenario.skew_s, scenario.skew_s),
        transit_s=chance.uniform(0.02, 0.16),
        first_byte_s=chance.uniform(0.2, 1.5),
        foreign=chance.uniform(0.3, 0.7) if chance.random() < scenario.foreign else 0.0,
        retired=retired,
    )


def _counters(limits: Iterable[Limit], scenario: Scenario, chance: random.Random) -> list[Counter]:
    """Those windows that a run of hours can fill."""
    return [
        Counter(_true_window(limit, scenario, chance))
        for limit in limits
        if limit.metric in METRICS and limit.period not in (ONCE, NOW) and limit.limit
    ]


def _true_window(limit: Limit, scenario: Scenario, chance: random.Random) -> TrueWindow:
    factor = 2.0 ** chance.uniform(-1, 1) if chance.random() < scenario.wrong else 1.0
    is_spacing = limit.period == SECOND  # who allows one a second rarely means two around a boundary
    kind = "rolling" if is_spacing or limit.kind == "first_use" else limit.kind
    return TrueWindow(
        cast(Metric, limit.metric),
        max(1, round(limit.limit * factor)),
        length_of(limit.period),
        kind,
        limit.zone,
    )


def _as_told(entry: ProviderEntry, scenario: Scenario, chance: random.Random) -> ProviderEntry:
    """The catalogue's entry without what it does not know."""
    known = [limit for limit in entry.limits if chance.random() >= scenario.unknown]
    return replace(entry, limits=known)
