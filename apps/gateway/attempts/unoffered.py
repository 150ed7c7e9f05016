"""A request for which its user has nothing to be asked: from why that is to the one error that its client sees."""

from collections.abc import Iterable, Sequence
from itertools import islice

from apps.gateway.wire.errors import ApiError, bad_request
from apps.providers.offers import Catalogue
from apps.providers.pool import Pool
from apps.providers.tasks import Demand
from apps.providers.types import Offer
from apps.strategies.naming import PREFIX, VIRTUAL_MODELS, is_virtual
from apps.strategies.ranking import Excluded
from apps.strategies.suggestions import meant

PAID = "paid"
TRAINING = "training"
NOT_ALLOWED = "not_allowed"
KEY_LACKS_IT = "the client key's `allowed_models` do not hold it"
NEEDS = {"card": "needs a payment method on file", "prepaid": "needs credit that was bought"}
NO_TRAINING = "the client key has `data_use` no_training"
SHOWN = 5
MOST_NAMED = 100
"""Of an operator's strategies, in an error."""


def no_offers(demand: Demand, pool: Pool, user_id: int, catalogue: Catalogue, *, paid: bool) -> ApiError:
    """The error of a plan without offers. `pool`: the plan's; `paid`: the operator lets users spend money."""
    if pool.withheld:
        message = _only_paid(pool, paid=paid) + training_left_out(pool)
        return bad_request(message, param="model", code="only_paid_models")
    if pool.barred:
        return _all_train(pool)
    unused = "".join(f" {reason}" for reason in catalogue.why_unused(user_id))
    if demand.model and not is_virtual(demand.model):
        unknown = _unknown_prefix(demand.model, catalogue)
        return bad_request(
            f"You have no provider key for a provider that offers `{demand.model}`.{unknown}{unused}",
            param="model",
            code="no_provider_configured",
        )
    return bad_request(
        f"No provider is configured: add a provider key with PATCH /api/me/providers/{{name}}.{unused}",
        code="no_provider_configured",
    )


def unknown_model(model: str, catalogue: Catalogue) -> ApiError:
    """The error of a model that nobody offers. Where it names a provider that has ended, that is why."""
    facts = catalogue.providers.get(model.partition("/")[0])
    why = f" {facts.ended}" if facts is not None and facts.ended else _correction(model, catalogue)
    return ApiError(
        404,
        f"The model `{model[:200]}` does not exist, or no provider offers it.{why}",
        code="model_not_found",
        param="model",
    )


def unknown_virtual(model: str, strategies: Iterable[str], catalogue: Catalogue) -> ApiError:
    """The error of a `freeai-…` that selects no strategy: no provider could offer it, so it is the client's word that is wrong."""
    own = sorted(
        {f"{PREFIX}{name}" for name in strategies} - {f"{PREFIX}{name}" for name in VIRTUAL_MODELS.values()}
    )
    known = ", ".join([*VIRTUAL_MODELS, *own[:MOST_NAMED]])
    near = meant(model, catalogue)
    return bad_request(
        f"Unknown virtual model `{model[:100]}`.{_did_you_mean(near) if near else ''} Known: {known}.",
        param="model",
    )


def unknown_provider(name: str, catalogue: Catalogue) -> ApiError:
    """The error of a preferred provider that is none."""
    known = ", ".join(sorted(catalogue.providers))
    return bad_request(f"Unknown provider `{name[:100]}`; known: {known}.", param="preferred_provider")


def withheld(offers: Iterable[Offer], *, paid: bool) -> list[Excluded]:
    """Offers that cost money and were not allowed to, as explain shows them."""
    remedy = _allowing(paid=paid)
    return [Excluded(offer, PAID, NEEDS.get(offer.access, offer.access), advice=remedy) for offer in offers]


def barred(offers: Iterable[Offer]) -> list[Excluded]:
    """Offers that may train on what they are sent, as explain shows them to a key that does not allow it."""
    return [Excluded(offer, TRAINING, offer.trains, advice=NO_TRAINING) for offer in offers]


def not_allowed(offers: Iterable[Offer]) -> list[Excluded]:
    """Offers that the client key may not ask for, as explain shows them."""
    return [Excluded(offer, NOT_ALLOWED, KEY_LACKS_IT) for offer in offers]


def left_out(pool: Pool, *, paid: bool) -> str:
    """Sentences on what was not asked because it costs money, or may train on what it is sent; "" where nothing was."""
    return _paid_left_out(pool, paid=paid) + training_left_out(pool)


def training_left_out(pool: Pool) -> str:
    """The second of them, with what is known of each provider."""
    if not pool.barred:
        return ""
    why = {offer.provider: offer.trains for offer in pool.barred}
    told = " ".join(f"`{provider}`: {reason}" for provider, reason in islice(why.items(), SHOWN))
    return f" Not asked, because {NO_TRAINING}: {_named(pool.barred)}. {told}"


def _paid_left_out(pool: Pool, *, paid: bool) -> str:
    if not pool.withheld:
        return ""
    return f" Not asked, because they cost money: {_named(pool.withheld)}. To allow them, {_allowing(paid=paid)}."


def _all_train(pool: Pool) -> ApiError:
    return ApiError(
        403,
        f"This client key is for providers that do not train on what they are sent.{training_left_out(pool)}",
        type="permission_error",
        code="training_not_allowed",
        param="model",
    )


def _only_paid(pool: Pool, *, paid: bool) -> str:
    example = pool.withheld[0]
    return (
        f"Only models that cost money could answer: {_named(pool.withheld)}. Add the key of a free provider with PATCH"
        f" /api/me/providers/{{name}}, ask for one of them as `{example.provider}/{example.model}`, or"
        f" {_allowing(paid=paid)}."
    )


def _allowing(*, paid: bool) -> str:
    own = "set `use_paid` and `spend_cap_usd` with PATCH /api/me/providers/{name}"
    return own if paid else f"let the operator turn on `use_paid` (Configuration), and {own}"


def _named(offers: Sequence[Offer]) -> str:
    names = [f"{offer.provider}/{offer.model}" for offer in islice(offers, SHOWN)]
    more = len(offers) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _correction(model: str, catalogue: Catalogue) -> str:
    """What to ask for instead of `model`: a name like it, or where the names are."""
    known = meant(model, catalogue)
    return _did_you_mean(known) if known else " GET /v1/models?all=true lists the names."


def _did_you_mean(name: str) -> str:
    return f" Did you mean `{name}`?"


def _unknown_prefix(model: str, catalogue: Catalogue) -> str:
    """What else was meant, or that what stands before the slash of `model` is no provider here: it may have been meant for one."""
    if known := meant(model, catalogue):
        return _did_you_mean(known)
    provider, slash, _ = model.partition("/")
    if not slash or provider in catalogue.providers:
        return ""
    return f" `{provider}` is no provider here; known: {', '.join(sorted(catalogue.providers))}."
