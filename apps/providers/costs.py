"""What a call cost, and what its user did not pay because it was free: by the model's list price. Pure.

The price is that of the catalogue, the provider's own list or an operator, whichever stands in the model's row at the time. It tells of
the tokens of prompts and answers alone: what discounts an upstream gives on cached ones is not known, so they count as any others.
"""

from typing import NamedTuple

from apps.providers.tasks import TASKS
from apps.providers.types import Offer, Usage


class Costs(NamedTuple):
    """In micro-dollars; None where nobody knows the price. What was paid is rounded up, as the cap on spending counts it."""

    cost_microusd: int | None
    saved_microusd: int | None


NOTHING = Costs(0, 0)


def costs(offer: Offer, usage: Usage) -> Costs:
    """Of a call that used so much. One that used nothing, by what is known and not by an estimate, cost nothing at any price."""
    if not usage.estimated and not usage.total_tokens:
        return NOTHING
    price = offer.price if TASKS[offer.task].is_sold_by_token else None
    if offer.is_paid:
        return Costs(None if price is None else price.bill_microusd(usage), 0)
    return Costs(0, None if price is None else price.cost_microusd(usage))
