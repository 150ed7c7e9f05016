"""How long a model thinks, and how that shares the cap on the answer.

Gemini's maxOutputTokens includes thoughts, as OpenAI's max_completion_tokens does, so a client's cap is sent as
it is. What is done so that thoughts do not use it up: a budget is kept to half of the cap, and a request with a
cap under `SMALL_CAP` and no stated effort thinks as little as its model can. Only where a model cannot stop
thinking, a small cap gets headroom for that.

Thoughts are always asked for: they become `reasoning_content`, and they keep a stream from looking idle while the
model thinks.
"""

import re
from typing import Any

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.providers.types import Offer

from .families import Family, family_of

SMALL_CAP = 2048
LEVEL_HEADROOM = 512
BUDGETS = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24_576,
    "xhigh": 24_576,
    "max": 24_576,
}
LEVELS = {
    "none": "MINIMAL",
    "minimal": "LOW",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}
# Gemma 4 knows two levels and refuses the others (2026-04).
GEMMA_LEVELS = {"MINIMAL": "MINIMAL", "LOW": "MINIMAL", "MEDIUM": "HIGH", "HIGH": "HIGH"}
# Models that refuse the least level: every Pro, and the later full Flash ones (2026-09).
NO_MINIMAL = re.compile(r"pro|^gemini-3\.[78]-flash(?!-lite)")
# Smallest budgets of models with a lower bound; Flash-Lite may also have none, Pro may not.
PRO_MINIMUM, LITE_MINIMUM = 128, 512


class Thinking(Struct, frozen=True):
    """The request's thinkingConfig, empty where none is sent, and tokens to add to the cap."""

    config: JSONObject = {}
    headroom: int = 0


def thinks(offer: Offer) -> bool:
    """Whether the model takes a thinkingConfig: the others refuse it."""
    return "reasoning" in offer.capabilities


def plan_thinking(effort: Any, cap: int | None, offer: Offer) -> Thinking:
    """`effort` is OpenAI's reasoning_effort, None if the client gave none; `cap` its cap on the answer in
    tokens."""
    if not thinks(offer):
        return Thinking()
    effort = effort if effort in BUDGETS else None
    small = cap is not None and cap < SMALL_CAP
    if effort is None and small:
        effort = "none"
    if family_of(offer.model) is Family.GEMINI_2:
        return _budgeted(effort, cap, offer.model, small)
    config: JSONObject = {"includeThoughts": True}
    if effort is not None:
        config["thinkingLevel"] = _level(effort, offer.model)
    return Thinking(config, LEVEL_HEADROOM if small else 0)


def _budgeted(effort: str | None, cap: int | None, model: str, small: bool) -> Thinking:
    if effort is None:
        # Flash-Lite thinks only when told to, and without thinking there are no thoughts to ask for (400).
        return Thinking() if "lite" in model else Thinking({"includeThoughts": True})
    budget = BUDGETS[effort]
    if cap is not None:
        budget = min(budget, cap // 2)
    if "pro" in model:
        budget = max(budget, PRO_MINIMUM)
    elif "lite" in model and budget < LITE_MINIMUM:
        budget = 0
    if not budget:
        return Thinking({"thinkingBudget": 0})
    headroom = PRO_MINIMUM if small and "pro" in model else 0
    return Thinking({"includeThoughts": True, "thinkingBudget": budget}, headroom)


def _level(effort: str, model: str) -> str:
    level = LEVELS[effort]
    if family_of(model) is Family.GEMMA_4:
        return GEMMA_LEVELS[level]
    return "LOW" if level == "MINIMAL" and NO_MINIMAL.search(model) else level
