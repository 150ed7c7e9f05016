"""How long a model thinks. Only some models take the field; those think unless they are told not to.

Thinking tokens count towards the cap on the answer, so a budget is kept to half of it, and a request with a cap
under `SMALL_CAP` and no stated effort does not think at all.
"""

from typing import Any

from apps.core.json_types import JSONObject
from apps.providers.types import Offer

SMALL_CAP = 2048
# Tokens; None leaves the budget to the model.
BUDGETS: dict[str, int | None] = {
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": None,
    "xhigh": None,
    "max": None,
}
DISABLED = {"type": "disabled"}


def takes_thinking(offer: Offer) -> bool:
    """Whether the model takes `thinking`: the others refuse it."""
    return "reasoning" in offer.capabilities


def plan_thinking(effort: Any, cap: int | None, offer: Offer) -> JSONObject | None:
    """Cohere's `thinking`, None to leave it out. `effort` is OpenAI's reasoning_effort, None if the client gave
    none; `cap` its cap on the answer in tokens."""
    if not takes_thinking(offer):
        return None
    if effort == "none" or (effort is None and cap is not None and cap < SMALL_CAP):
        return DISABLED
    if effort not in BUDGETS:
        return None
    budget = BUDGETS[effort]
    if cap is not None:
        budget = max(min(budget or cap, cap // 2), 1)
    return {"type": "enabled"} if budget is None else {"type": "enabled", "token_budget": budget}
