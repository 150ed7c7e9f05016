"""From what the client asked for (model, strategy, preferred provider) to a plan: which offers, ranked by which strategy. Pure."""

from msgspec import Struct

from apps.providers.offers import Catalogue
from apps.providers.pool import NO_OFFERS, Pool
from apps.providers.types import ChatRequest
from apps.strategies.auto import AUTO, Choice, delegate
from apps.strategies.expression import RequestFacts
from apps.strategies.features import request_facts
from apps.strategies.library import Library, LoadedStrategy
from apps.strategies.naming import is_virtual, selected_by
from apps.strategies.reading import by_shape, recognise


class UnknownModelError(LookupError):
    """No provider offers the model that was asked for."""


class UnknownStrategyError(LookupError):
    """There is no strategy of that name."""


class UnknownProviderError(LookupError):
    """There is no provider of that name."""


class Plan(Struct, frozen=True, kw_only=True):
    """How to serve a request.

    `name` is the strategy that applies, in the client's terms: what answers, statistics and permissions speak of.
    `strategy` holds the rules to rank by: those of `name`, except where `auto` chose another one, and then `choice` says
    what it saw. `virtual_model` is the client's own word for it, "" when it named a real model or none.
    """

    name: str
    strategy: LoadedStrategy
    facts: RequestFacts
    pool: Pool
    virtual_model: str = ""
    choice: Choice | None = None


class Defaults(Struct, frozen=True):
    """What applies when the client says nothing. `use_paid`: users may let models that they did not pin cost money."""

    strategy: str = AUTO
    use_paid: bool = False


def resolve(
    request: ChatRequest, user_id: int, catalogue: Catalogue, library: Library, defaults: Defaults
) -> Plan:
    """The plan. Raises UnknownModelError, UnknownStrategyError, UnknownProviderError, each with the name as its argument."""
    if request.preferred_provider and request.preferred_provider not in catalogue.providers:
        raise UnknownProviderError(request.preferred_provider)
    model = request.model
    pool = catalogue.pool(user_id, paid=defaults.use_paid)
    if model is not None and not is_virtual(model):
        strategy = _strategy(library, request.strategy or defaults.strategy, None, request.strategy)
        # Among the providers of one model there is nothing for `auto` to choose by the kind of request.
        return Plan(
            name=strategy.name,
            strategy=strategy,
            facts=_facts(request, strategy),
            pool=_named(model, user_id, catalogue, pool, paid=defaults.use_paid),
        )
    name = _strategy_name(model, request.strategy, defaults)
    strategy = _strategy(library, name, model, request.strategy)
    if name == AUTO:
        return _delegated(request, strategy, library, pool)
    return Plan(
        name=name,
        strategy=strategy,
        facts=_facts(request, strategy),
        pool=pool,
        virtual_model=model or "",
    )


def _facts(request: ChatRequest, strategy: LoadedStrategy) -> RequestFacts:
    """The facts; the text is read only for rules that use what it tells."""
    return request_facts(request, recognise(request) if strategy.reads_text else None)


def _delegated(request: ChatRequest, auto: LoadedStrategy, library: Library, pool: Pool) -> Plan:
    """By what needs no reading where that is enough: for the choice, and for the rules that are chosen."""
    seen = by_shape(request)
    choice = delegate(seen or recognise(request), library)
    strategy = library.get(choice.strategy, auto)
    if seen is not None and strategy.reads_text:
        choice = delegate(recognise(request), library)
    return Plan(
        name=AUTO,
        strategy=strategy,
        facts=request_facts(request, choice.observation),
        pool=pool,
        virtual_model=request.model or "",
        choice=choice,
    )


def _strategy_name(model: str | None, asked: str | None, defaults: Defaults) -> str:
    """A virtual model's strategy wins, except that freeai-auto and no model at all leave the choice to `strategy`."""
    if model is None:
        return asked or defaults.strategy
    name = selected_by(model)
    return asked if asked and name == AUTO else name


def _strategy(library: Library, name: str, model: str | None, asked: str | None) -> LoadedStrategy:
    strategy = library.get(name)
    if strategy is not None:
        return strategy
    if model is not None and name != asked:
        raise UnknownModelError(model)
    raise UnknownStrategyError(name)


def _named(model: str, user_id: int, catalogue: Catalogue, everything: Pool, *, paid: bool) -> Pool:
    """The pool of a real model: by its own name first, then as `provider/model`, which may cost money: it says where."""
    if named := everything.of_model(model):
        return named
    provider, slash, name = model.partition("/")
    if slash and (pinned := catalogue.pinned(user_id, provider, name)):
        return pinned
    if named.withheld:
        return named
    if catalogue.offers_model(model):
        return catalogue.aside(user_id, model, paid=paid)
    if slash and catalogue.offers_model(name):
        return NO_OFFERS
    raise UnknownModelError(model)
