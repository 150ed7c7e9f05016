"""Classifying errors by code and status first, by documented text only where no code exists."""

from apps.providers.types import Offer

from .details import Details
from .meanings import (
    ACCOUNT_DAY,
    AUTH,
    BUSY,
    FAILED,
    LIMIT_TEXTS,
    NOT_HERE,
    OVERLOADED,
    PAYMENT_TEXTS,
    PER_MINUTE,
    REFUSAL_TEXTS,
    REFUSED,
    Meaning,
    first_match,
)
from .vocabulary import Vocabulary

UNAUTHORIZED, PAYMENT_REQUIRED, FORBIDDEN, NOT_FOUND = 401, 402, 403, 404
TIMEOUT, TOO_LARGE, TOO_MANY = 408, 413, 429
CAPACITY = 498  # Groq's flex tier, in the range of client errors
SERVER_ERRORS = 500
# Where no text says otherwise. Another candidate has other routes, methods, models and size limits; a
# conflict is this one's own.
BY_STATUS: dict[int, Meaning] = {
    UNAUTHORIZED: AUTH,
    FORBIDDEN: AUTH,
    CAPACITY: FAILED,
    TIMEOUT: FAILED,
    **dict.fromkeys((NOT_FOUND, 405, 406, 409, 410, TOO_LARGE, 415, 426), NOT_HERE),
}


def classify(status: int, details: Details, offer: Offer, hints: str = "") -> Meaning:
    """What an error means. A 413 is about size whatever its code says: Groq calls it a rate limit."""
    vocabulary = offer.preset.compiled(Vocabulary)
    text = f"{hints} {details.hints} {details.message}"
    known = next((vocabulary.codes[signal] for signal in details.signals if signal in vocabulary.codes), None)
    if known is not None:
        return BUSY if known is OVERLOADED and status == TOO_MANY else known
    if status != TOO_LARGE and not vocabulary.limit_codes.isdisjoint(details.signals):
        status = TOO_MANY
    return first_match(vocabulary.texts.get(status, ()), text) or _by_text(status, text)


def _by_text(status: int, text: str) -> Meaning:
    """By what is said in many places; by the status alone where nothing is."""
    if status == TOO_MANY:
        return first_match(LIMIT_TEXTS, text) or PER_MINUTE
    if status == PAYMENT_REQUIRED:
        return first_match(PAYMENT_TEXTS, text) or ACCOUNT_DAY
    if status >= SERVER_ERRORS:
        return FAILED
    return first_match(REFUSAL_TEXTS.get(status, ()), text) or BY_STATUS.get(status, REFUSED)
