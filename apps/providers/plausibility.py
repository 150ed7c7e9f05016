"""Whether token counts can be true. Upstreams send zeros, sums of other requests and numbers beyond all sense; a count that is believed
is charged to the windows of weeks. Pure."""

from apps.providers.types import Offer, Usage

UNKNOWN_WINDOW = 2_000_000  # tokens: no window is larger than that of the largest models


def corrected(
    said: Usage | None, estimate: Usage, offer: Offer, *, prompts: int = 1, answers: int = 1
) -> Usage:
    """What `said` says as far as it can be true of a call with so many prompts (of embeddings) and answers; `estimate` for the rest.

    Nothing is larger than the context window, no answer is longer than the model gives, and what was there took at least one token.
    Where prompt and answer share the window, their sum is no larger; where it is, nothing tells which of them is wrong.
    """
    if said is None:
        return estimate
    window = offer.context_window or UNKNOWN_WINDOW
    prompt_is_true = _is_true(said.prompt_tokens, estimate.prompt_tokens, window * prompts)
    longest = min(window, offer.max_output_tokens or window)
    answer_is_true = _is_true(said.completion_tokens, estimate.completion_tokens, longest * answers)
    if prompt_is_true and answer_is_true and not _both_fit(said, offer, prompts, answers):
        prompt_is_true = answer_is_true = False
    prompt = said.prompt_tokens if prompt_is_true else estimate.prompt_tokens
    completion = said.completion_tokens if answer_is_true else estimate.completion_tokens
    if (
        said.cached_tokens > prompt
        or said.reasoning_tokens > completion
        or not (prompt_is_true and answer_is_true)
    ):
        return Usage(
            prompt,
            completion,
            cached_tokens=min(said.cached_tokens, prompt),
            reasoning_tokens=min(said.reasoning_tokens, completion),
            estimated=said.estimated or not (prompt_is_true and answer_is_true),
        )
    return said


def _both_fit(said: Usage, offer: Offer, prompts: int, answers: int) -> bool:
    """Whether each answer has room beside the prompt. Of several prompts nobody knows which one an answer belongs to."""
    if not offer.context_window or not offer.preset.answer_in_window or prompts > 1:
        return True
    return said.completion_tokens <= (offer.context_window - said.prompt_tokens) * answers


def _is_true(said: int, estimate: int, most: int) -> bool:
    return (said > 0 or estimate == 0) and said <= most
