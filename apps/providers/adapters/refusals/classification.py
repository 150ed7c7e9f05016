"""Classifying errors by code and status first, by documented text only where no code exists.

The default is that nobody knows: a refusal that proves neither that the key is bad, nor that the model is gone, nor that every
provider would refuse, is REFUSED. It costs the next candidate a call, and nothing else.
"""

import re

from apps.providers.types import Offer

from .details import Details
from .meanings import (
    AUTH,
    BUSY,
    FAILED,
    LIMIT_TEXTS,
    MODEL_GONE,
    NO_CREDIT,
    OVERLOADED,
    PROOFS,
    REFUSAL_TEXTS,
    REFUSED,
    UNNAMED,
    Meaning,
    first_match,
)
from .scopes import names_model
from .vocabulary import Vocabulary

OK = 200  # of an error inside of an answer: it says nothing
UNAUTHORIZED, PAYMENT_REQUIRED, FORBIDDEN, NOT_FOUND, GONE = 401, 402, 403, 404, 410
TIMEOUT, TOO_LARGE, TOO_MANY = 408, 413, 429
CAPACITY = 498  # Groq's flex tier, in the range of client errors
SERVER_ERRORS = 500
# Where no text says otherwise. A 403 proves nothing: it may be about the model, the region, or a firewall before the upstream.
BY_STATUS: dict[int, Meaning] = {
    UNAUTHORIZED: AUTH,
    PAYMENT_REQUIRED: NO_CREDIT,
    **dict.fromkeys((NOT_FOUND, GONE), MODEL_GONE),
    **dict.fromkeys((TIMEOUT, CAPACITY), FAILED),
}
# Of a firewall that takes the gateway for a robot: it says nothing of the key.
CHALLENGE = re.compile(
    r"just a moment|attention required|verify(?:ing)? (?:that )?you are|checking your browser|captcha|ddos|access denied",
    re.IGNORECASE,
)


def classify(status: int, details: Details, offer: Offer, hints: str = "") -> Meaning:
    """What an error means. A 413 is about size whatever its code says: Groq calls it a rate limit."""
    vocabulary = offer.preset.compiled(Vocabulary)
    text = f"{hints} {details.hints} {details.message}"
    known = next((vocabulary.codes[signal] for signal in details.signals if signal in vocabulary.codes), None)
    if known is not None and (known is not AUTH or _is_of_the_key(status, details, offer)):
        return BUSY if known is OVERLOADED and status == TOO_MANY else known
    if status != TOO_LARGE and not vocabulary.limit_codes.isdisjoint(details.signals):
        status = TOO_MANY
    return (
        first_match(vocabulary.texts.get(status, ()), text)
        or _proven(status, details)
        or _by_text(status, text, details, offer)
    )


def _is_of_the_key(status: int, details: Details, offer: Offer) -> bool:
    """Whether a code that stands for a bad key may be believed: not of a failing upstream, nor where one model is refused."""
    return (
        status < SERVER_ERRORS
        and status != TOO_MANY
        and not (status in (OK, FORBIDDEN) and names_model(details, offer))
    )


def is_challenge(details: Details) -> bool:
    """Whether a web page that stands before the upstream asks for a human."""
    return details.is_page and CHALLENGE.search(details.message) is not None


def _proven(status: int, details: Details) -> Meaning | None:
    """What the upstream's own sentence proves."""
    return None if details.is_page else first_match(PROOFS.get(status, ()), details.message)


def _by_text(status: int, text: str, details: Details, offer: Offer) -> Meaning:
    """By what is said in many places; by the status alone where nothing is."""
    if status == TOO_MANY:
        return first_match(LIMIT_TEXTS, text) or UNNAMED
    if status >= SERVER_ERRORS or status == OK:
        return FAILED
    if is_challenge(details):
        return REFUSED
    if known := first_match(REFUSAL_TEXTS.get(status, ()), text):
        return known
    if status == FORBIDDEN and not details.is_page and names_model(details, offer):
        return MODEL_GONE
    return BY_STATUS.get(status, REFUSED)
