"""What an attempt used, in tokens that can be true."""

import structlog
from msgspec import Struct

from apps.analytics import metrics
from apps.gateway.attempts.settlement import Attempt
from apps.providers.plausibility import Possible, corrected, most_answer, most_prompt
from apps.providers.types import Usage

log = structlog.get_logger("freeai.gateway")

SHOWN = 24


class Counted(Struct, frozen=True):
    """What of a call tells how many tokens it can have taken. `prompts`: how many it had that fill the context window each, and
    `repeats` how often what was sent is read; `images`: None where the prompt has parts whose length nobody knows. `cap`: tokens that
    each answer might have, if the client said so; `characters`: of all answers together."""

    characters: int = 0
    prompts: int = 1
    repeats: int = 1
    images: int | None = 0
    answers: int = 1
    cap: int | None = None


def true_usage(attempt: Attempt, said: Usage | None, counted: Counted) -> Usage:
    """The upstream's counts; for those that cannot be true estimates, or the most that can be, logged and counted."""
    estimate = attempt.estimate(counted.characters)
    usage = corrected(
        said,
        estimate,
        attempt.offer,
        prompts=counted.prompts,
        answers=counted.answers,
        possible=_possible(attempt, counted),
    )
    if said is not None and usage.estimated and not said.estimated:
        metrics.usage_implausible(attempt.offer.provider)
        log.warning(
            "usage.implausible",
            provider=attempt.offer.provider,
            model=attempt.offer.model,
            prompt_tokens=str(said.prompt_tokens)[:SHOWN],
            completion_tokens=str(said.completion_tokens)[:SHOWN],
        )
    return usage


def _possible(attempt: Attempt, counted: Counted) -> Possible:
    cap = None if counted.cap is None else counted.cap * counted.answers
    return Possible(
        prompt=most_prompt(attempt.sent * counted.repeats, counted.images),
        completion=most_answer(counted.characters, attempt.elapsed_ms() / 1000, cap),
    )
