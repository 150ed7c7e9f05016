"""Plans for tasks that have no virtual models and no strategies of their users: the order of providers is the catalogue's. Pure.

A model that was named is never left: vectors of different models cannot be compared.
"""

from functools import lru_cache

from apps.providers.offers import Catalogue
from apps.providers.pool import Pool
from apps.providers.tasks import Demand
from apps.providers.types import Task
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


def resolve_native(demand: Demand, task: Task, user_id: int, catalogue: Catalogue) -> Plan:
    """The plan. Raises UnknownProviderError with the name as its argument.

    Without a model: each provider's default. A name that a provider lists: that provider, and all others that list the same. Any
    other name goes as it is to the provider that was preferred, or to those with a default model. A preferred provider without
    fallback is the only one.
    """
    if demand.preferred_provider and demand.preferred_provider not in catalogue.providers:
        raise UnknownProviderError(demand.preferred_provider)
    pool = catalogue.pool(user_id, task)
    if demand.preferred_provider and not demand.fallback:
        pool = Pool(offer for offer in pool if offer.provider == demand.preferred_provider)
    if demand.model is None:
        chosen = pool.defaults()
    else:
        chosen = pool.of_model(demand.model) or _by_name(demand, demand.model, task, user_id, catalogue)
    strategy = _strategy(task, catalogue)
    facts = RequestFacts(prompt_tokens=demand.prompt_tokens, max_tokens=0, model=demand.model or "")
    return Plan(name=strategy.name, strategy=strategy, facts=facts, pool=chosen)


def _by_name(demand: Demand, model: str, task: Task, user_id: int, catalogue: Catalogue) -> Pool:
    """The pool of `provider/model`, or of a name that no reachable provider lists."""
    provider, slash, name = model.partition("/")
    if slash and provider in catalogue.providers:
        listed = catalogue.pinned(user_id, provider, name, task)
        return listed or Pool(catalogue.unlisted(user_id, provider, name, task))
    if demand.preferred_provider:
        return Pool(catalogue.unlisted(user_id, demand.preferred_provider, model, task))
    return Pool(
        unlisted
        for default in catalogue.pool(user_id, task).defaults()
        for unlisted in catalogue.unlisted(user_id, default.provider, model, task)
    )
