"""What a call takes from the quota windows: to reserve before it, and to settle after it. Pure.

Requests and tokens are counted everywhere; the other metrics only where a window of the offer names them (`Offer.counts`).
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from msgspec import Struct

from apps.core.state.contract import Amounts
from apps.core.state.keys import CONCURRENCY, Metric
from apps.providers.tasks import TASKS
from apps.providers.types import Offer, Usage

DEFAULT_COMPLETION_TOKENS = 1024
LONG_ANSWER_TOKENS = 8192
CHARGED_ANSWER_TOKENS: Final = 4096
"""As long an answer may always be asked for where caps are charged: what is longer waits for room that short ones leave."""
CHARGED_SHARE: Final = 4
"""And a quarter of the window, where that is more."""
PROMPT_MARGIN: Final = 4
"""Prompts are estimated: where they share room with the answer, a quarter more is kept free for them."""
MICROUSD_PER_NEURON: Final = 11
"""1,000 neurons are sold at $0.011, and each model's price in neurons is its price in dollars at that rate (2026-11)."""
EVERYWHERE: Final[frozenset[Metric]] = frozenset({"requests", "tokens"})
"""What every claim names, whatever the windows."""
UNTOLD: Final[frozenset[Metric]] = frozenset({"audio_seconds", "inputs", "images", "money", "neurons"})
"""What tokens and requests of an attempt do not tell: the ledger keeps it beside them."""


class Expected(NamedTuple):
    """About how many tokens a call has, as a provider counts: of its prompt, and of an answer that nobody caps."""

    prompt_tokens: int
    answer_tokens: int = DEFAULT_COMPLETION_TOKENS


class Size(Struct, frozen=True, kw_only=True):
    """About how much there is to a call. `max_tokens`: the cap on each of the `answers`, which are expected to be as long as `usual` below
    it. `neurons`: where tokens do not tell them."""

    prompt_tokens: int
    max_tokens: int | None = None
    answers: int = 1
    inputs: int = 0
    images: int = 0
    neurons: int = 0
    audio_seconds: int = 0
    usual: int = DEFAULT_COMPLETION_TOKENS


def amounts(tokens: int) -> dict[Metric, int]:
    """What one request of so many tokens takes from the windows, by metric."""
    return {"requests": 1, "tokens": tokens}


def claim(offer: Offer, size: Size) -> Amounts:
    """What to reserve for a call of the size at the offer."""
    tokens = token_claim(offer, size.prompt_tokens, size.max_tokens, size.usual)
    claimed = amounts(tokens)
    if offer.counts:
        expected = Usage(size.prompt_tokens, max(tokens - size.prompt_tokens, 0))
        for metric in offer.counts:
            of_usage = _of_usage(offer, metric)
            claimed[metric] = getattr(size, metric) if of_usage is None else of_usage(offer, expected)
        if "money" in claimed and offer.is_paid:
            claimed["money"] = _microusd(
                offer, Usage(size.prompt_tokens, _most_completion_tokens(offer, size))
            )
    return claimed


def known(offer: Offer, prompt_tokens: int, max_tokens: int | None) -> Amounts:
    """What of a claim an upstream knows when it admits a call, where that is less: the prompt. Some count a cap on the answer as well,
    until it is there."""
    if offer.preset.charges_caps and (max_tokens or offer.preset.default_max_tokens):
        return {}
    return {"tokens": prompt_tokens, "output_tokens": 0}


def charged_room(offer: Offer, prompt_tokens: int) -> int | None:
    """Tokens of the longest answer to ask for where caps are charged when a call is admitted; None where they are not.

    As far as the smallest window of tokens goes, and less: what one call holds of it no other can have, however short its answer.
    """
    limits = [window.limit for window in offer.subject.windows if window.metric == "tokens" and window.limit]
    if not (offer.preset.charges_caps and limits):
        return None
    smallest = min(limits)
    left = smallest - prompt_tokens - prompt_tokens // PROMPT_MARGIN
    return max(min(left, max(CHARGED_ANSWER_TOKENS, smallest // CHARGED_SHARE)), DEFAULT_COMPLETION_TOKENS)


def is_cut(offer: Offer, spoken: int, *, cap: int | None, held: int) -> bool:
    """Whether an answer of so many tokens came to a cap: the client's, the model's, or the one that was charged, of which so many were
    `held`."""
    caps = (cap, offer.max_output_tokens, held if offer.preset.charges_caps else None)
    return any(spoken >= most for most in caps if most is not None)


def spent(offer: Offer, usage: Usage, audio_seconds: int | None = None) -> Amounts:
    """What a call of this usage took. What is not named stays as it was claimed; `audio_seconds`: how long the recording turned out to
    be."""
    took = amounts(usage.total_tokens)
    for metric in offer.counts:
        if (of_usage := _of_usage(offer, metric)) is not None:
            took[metric] = of_usage(offer, usage)
        elif metric == "audio_seconds" and audio_seconds is not None:
            took[metric] = audio_seconds
    return took


def spent_at_most(offer: Offer, usage: Usage) -> Amounts:
    """What a call took whose answer never came: the money for one stays as it was claimed, since the upstream may have gone on."""
    took = dict(spent(offer, usage))
    if offer.is_paid:
        took.pop("money", None)
    return took


def untold(offer: Offer, claimed: Amounts, took: Amounts) -> dict[Metric, int]:
    """Of what a call took, or still holds of its claim, the part that its tokens do not tell."""
    return {
        metric: amount
        for metric in offer.counts
        if metric in UNTOLD and (amount := took.get(metric, claimed.get(metric, 0)))
    }


def _microusd(offer: Offer, usage: Usage) -> int:
    if offer.price is None:
        return 0
    return offer.price.bill_microusd(usage) if offer.is_paid else offer.price.cost_microusd(usage)


def _neurons(offer: Offer, usage: Usage) -> int:
    return -(-_microusd(offer, usage) // MICROUSD_PER_NEURON)


_BY_USAGE: Final[Mapping[Metric, Callable[[Offer, Usage], int]]] = {
    "input_tokens": lambda _, usage: usage.prompt_tokens,
    "output_tokens": lambda _, usage: usage.completion_tokens,
    "money": _microusd,
    "neurons": _neurons,
    CONCURRENCY: lambda *_: 1,
}


def _of_usage(offer: Offer, metric: Metric) -> Callable[[Offer, Usage], int] | None:
    """How tokens tell what a call takes of `metric`; None where they do not."""
    if metric == "neurons" and not TASKS[offer.task].is_sold_by_token:
        return None
    return _BY_USAGE.get(metric)


def _most_completion_tokens(offer: Offer, size: Size) -> int:
    """As many as the answers may come to: a cap on what is spent has to hold, where an expected length is enough for an allowance. Where
    nobody says how long they may be, a long answer's."""
    cap = offer.preset.default_max_tokens if size.max_tokens is None else size.max_tokens
    known = [most for most in (cap, offer.max_output_tokens) if most is not None]
    return size.answers * min(known, default=LONG_ANSWER_TOKENS)


def token_claim(
    offer: Offer, prompt_tokens: int, max_tokens: int | None, usual: int = DEFAULT_COMPLETION_TOKENS
) -> int:
    """Tokens to reserve: the prompt, and the answer by its `usual` length, which its cap only bounds: agents send one of 32,000 and more
    with every request. Where the upstream charges the cap, by the cap that it is sent.

    The answer's part is cut so that the whole fits the smallest token window. A prompt that alone exceeds that window is claimed whole,
    and so refused.
    """
    completion = usual
    if max_tokens is not None:
        completion = max_tokens if offer.preset.charges_caps else min(max_tokens, usual)
    if offer.max_output_tokens is not None:
        completion = min(completion, offer.max_output_tokens)
    for window in offer.subject.windows:
        if window.limit:
            if window.metric == "tokens":
                completion = min(completion, max(window.limit - prompt_tokens, 0))
            elif window.metric == "output_tokens":
                completion = min(completion, window.limit)
    return prompt_tokens + completion
