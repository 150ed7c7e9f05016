"""Whose quota a 429 speaks of that does not say so itself: the account's, until something proves that it is the model's."""

import re

from apps.core.state.periods import NOW, ONCE, Period, seconds
from apps.providers.errors import Scope
from apps.providers.types import Offer

from .details import Details

MINUTE_S = 60
NAMES_A_MODEL = re.compile(r"\bmodel\b|(?:by|per)[ _-]?model", re.IGNORECASE)


def names_model(details: Details, offer: Offer) -> bool:
    """Whether an error speaks of one model: by that word, or by the model's name."""
    text = f"{details.hints} {details.message}"
    return bool(NAMES_A_MODEL.search(text) or re.search(rf"(?<!\w){re.escape(offer.model)}(?!\w)", text))


def whose(window: Period | None, details: Details, offer: Offer) -> Scope:
    """The model's if the text names it, or if the catalogue knows that the provider counts that window by model; where no window is named,
    one of a minute or shorter: what a request runs into before anything else."""
    if names_model(details, offer):
        return "model"
    subject = offer.subject
    counted = any(
        _may_be(window, one.period) and one.limit and one.scope == subject.candidate
        for one in subject.windows
    )
    return "model" if counted else offer.preset.limit_scope


def _may_be(named: Period | None, period: Period) -> bool:
    if named is not None:
        return period == named
    return period not in (ONCE, NOW) and seconds(period) <= MINUTE_S
