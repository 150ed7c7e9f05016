"""What an attempt used, in tokens that can be true."""

import structlog

from apps.gateway.attempts.settlement import Attempt
from apps.providers.plausibility import corrected
from apps.providers.types import Usage

log = structlog.get_logger("freeai.gateway")

SHOWN = 24


def true_usage(
    attempt: Attempt, said: Usage | None, characters: int, *, prompts: int = 1, answers: int = 1
) -> Usage:
    """The upstream's counts; estimates, logged, for those that cannot be true of so many prompts, answers and characters."""
    estimate = attempt.estimate(characters)
    usage = corrected(said, estimate, attempt.offer, prompts=prompts, answers=answers)
    if said is not None and usage.estimated and not said.estimated:
        log.warning(
            "usage.implausible",
            provider=attempt.offer.provider,
            model=attempt.offer.model,
            prompt_tokens=str(said.prompt_tokens)[:SHOWN],
            completion_tokens=str(said.completion_tokens)[:SHOWN],
        )
    return usage
