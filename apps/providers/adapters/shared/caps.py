"""The cap on the answer: what a client asks for is a ceiling, cut to what the model can say.

Agents send 32,000 tokens and more with every request, whatever model answers; upstreams refuse what is above their own limit.
"""

from typing import Any

from apps.core.json_types import JSONObject
from apps.providers.claims import DEFAULT_COMPLETION_TOKENS, PROMPT_MARGIN, charged_room
from apps.providers.types import ChatRequest, Offer

CAPS = ("max_completion_tokens", "max_tokens")


def ceiling(request: ChatRequest, offer: Offer) -> int | None:
    """Tokens of the longest answer that the model can give to this prompt, or that its windows of tokens admit where caps are charged;
    None where nobody knows.

    Where the prompt shares the context window, what it leaves, but never less than a usual answer: the estimate may be too high, and
    an upstream that refuses is better than an answer that is cut short.
    """
    known = [most for most in (offer.max_output_tokens, charged_room(offer, request.prompt_tokens)) if most]
    if offer.context_window and offer.preset.answer_in_window:
        prompt = request.prompt_tokens + request.prompt_tokens // PROMPT_MARGIN
        known.append(max(offer.context_window - prompt, DEFAULT_COMPLETION_TOKENS))
    return min(known, default=None)


def answer_cap(request: ChatRequest, offer: Offer) -> int | None:
    """The cap to send: the client's or the preset's, as far as the model goes; None for the upstream's own."""
    cap = request.max_tokens if request.max_tokens is not None else offer.preset.default_max_tokens
    most = None if cap is None else ceiling(request, offer)
    return cap if cap is None or most is None else min(cap, most)


def fit_caps(body: JSONObject, request: ChatRequest, offer: Offer) -> None:
    """Cut the caps in `body` to what the model can say. One of them is left, the newer name where there are both: upstreams refuse two."""
    for name in CAPS:
        if isinstance(cap := body.get(name), int):
            most = ceiling(request, offer)
            if most is not None and cap > most:
                body[name] = most
            if name != CAPS[-1]:
                body.pop(CAPS[-1], None)
            return


def is_cut(name: str, value: Any, request: ChatRequest, offer: Offer) -> bool:
    """Whether the request's field `name` is a cap that the model cannot reach."""
    if name not in CAPS or not isinstance(value, int):
        return False
    most = ceiling(request, offer)
    return most is not None and value > most
