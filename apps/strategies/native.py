"""Plans for tasks that have no virtual models and no strategies of their users: the order of providers is the catalogue's. Pure.

A model that was named is never left: vectors of different models cannot be compared.
"""

from collections.abc import Iterator
from functools import lru_cache

from apps.providers.offers import Catalogue
from apps.providers.pool import NO_OFFERS, Pool
from apps.providers.tasks import Demand
from apps.providers.types import Offer, Task
from apps.strategies.definition import MAX_CLAUSES, parse_definition
from apps.strategies.expression import RequestFacts
from apps.strategies.library import LoadedStrategy
from apps.strategies.resolver import Plan, UnknownProviderError


@lru_cache(maxsize=64)
def _in_order(task: Task, providers: tuple[tuple[str, str], ...]) -> LoadedStrategy:
    """A strategy that prefers these providers (name, display name), the first one most; a weight that an operator gave counts beside
    it. The same one for the same order: what is known of an offer under it is kept."""
    prefer = [
        {"when": f"name == '{name}'", "weight": 10 * (len(providers) - at)}
        for at, (name, _) in enumerate(providers)
    ]
    description = ", then ".join([*(display_name for _, display_name in providers), "the others"])
    return LoadedStrategy(task, description, parse_definition({"prefer": prefer}))


def _strategy(task: Task, catalogue: Catalogue) -> LoadedStrategy:
    preferred = catalogue.preferred(task)[:MAX_CLAUSES]
    return _in_order(task, tuple((facts.name, facts.display_name) for facts in preferred))


def resolve_native(
    demand: Demand, task: Task, user_id: int, catalogue: Catalogue, *, use_paid: bool = False
) -> Plan:
    """The plan. Raises UnknownProviderError with the name as its argument.

    Without a model: each provider's default. A name that a provider lists: that provider, and all others that list the same. Any
    other name goes as it is to the provider that was preferred, or to those with a default model. A preferred provider without
    fallback is the only one. What costs money must be pinned, as `provider/model`, unless `use_paid` and the user allow it.
    """
    if demand.preferred_provider and demand.preferred_provider not in catalogue.providers:
        raise UnknownProviderError(demand.preferred_provider)
    pool = catalogue.pool(user_id, task, paid=use_paid)
    if demand.preferred_provider and not demand.fallback:
        pool = pool.only(lambda offer: offer.provider == demand.preferred_provider)
    if demand.model is None:
        chosen = pool.defaults()
    else:
        named = pool.of_model(demand.model)
        chosen = named or _pinned(demand.model, task, user_id, catalogue) or named
        if not chosen and not chosen.withheld and not _names_provider(demand.model, catalogue):
            unlisted = _unlisted(demand, demand.model, task, user_id, catalogue, pool)
            chosen = catalogue.opened(unlisted, paid=use_paid)
    strategy = _strategy(task, catalogue)
    facts = RequestFacts(prompt_tokens=demand.prompt_tokens, max_tokens=0, model=demand.model or "")
    return Plan(name=strategy.name, strategy=strategy, facts=facts, pool=chosen)


def _names_provider(model: str, catalogue: Catalogue) -> bool:
    provider, slash, _ = model.partition("/")
    return bool(slash) and provider in catalogue.providers


def _pinned(model: str, task: Task, user_id: int, catalogue: Catalogue) -> Pool:
    """The pool of `provider/model`, whether the provider lists the model or not."""
    if not _names_provider(model, catalogue):
        return NO_OFFERS
    provider, _, name = model.partition("/")
    listed = catalogue.pinned(user_id, provider, name, task)
    return listed or Pool(catalogue.unlisted(user_id, provider, name, task))


def _unlisted(
    demand: Demand, model: str, task: Task, user_id: int, catalogue: Catalogue, pool: Pool
) -> Iterator[Offer]:
    """A name that no reachable provider lists: at the preferred provider, or at all that have a default model."""
    if demand.preferred_provider:
        yield from catalogue.unlisted(user_id, demand.preferred_provider, model, task)
        return
    for default in pool.defaults():
        yield from catalogue.unlisted(user_id, default.provider, model, task)
