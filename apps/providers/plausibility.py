"""Whether token counts can be true. Upstreams send zeros, sums of other requests and numbers beyond all sense; a count that is believed
is charged to the windows of weeks. Pure."""

from typing import Final

from msgspec import Struct

from apps.providers.types import Offer, Usage

HIDDEN_PROMPT: Final = 65_536
"""Tokens: instructions and tools of the provider's own, what it searched for. The longest known have half of that."""
IMAGE: Final = 65_536
"""Tokens of one image: OpenAI's small models count up to 48,169."""
PER_BYTE: Final = 2
"""No byte is more than a token; some write the schemas of tools out at twice their length."""
HIDDEN_ANSWER: Final = 8_192
"""Tokens beside what was said: marks, calls of the provider's own tools, short thoughts."""
PER_CHARACTER: Final = 4
"""No character is more tokens than its bytes of UTF-8."""
PER_SECOND: Final = 50_000
"""Tokens that nobody showed, such as thoughts: the fastest chips make 20,000 a second."""
UNCAPPED: Final = 65_536
"""Tokens of thoughts that some do not count where the client said how long the answer may be."""
UNKNOWN_WINDOW = 2_000_000  # tokens: no window is larger than that of the largest models


class Possible(Struct, frozen=True):
    """The most tokens that an honest upstream can have counted for a call; None where nothing but the model's limits tells."""

    prompt: int | None = None
    completion: int | None = None


ANYTHING: Final = Possible()


def most_prompt(sent: int, images: int | None = 0) -> int | None:
    """Of a prompt of so many bytes, encoded, and of so many images, be they sent or named by their address; None: of things whose length
    nobody can tell by their bytes (documents, films, sounds, what the provider searches for)."""
    return None if images is None else HIDDEN_PROMPT + PER_BYTE * sent + IMAGE * images


def most_answer(characters: int, seconds: float, cap: int | None = None) -> int:
    """Of answers of so many characters together, made in so much time; `cap`: tokens that all of them might have."""
    most = HIDDEN_ANSWER + PER_CHARACTER * characters + int(PER_SECOND * seconds)
    return most if cap is None else min(most, max(cap + UNCAPPED, PER_CHARACTER * characters))


def corrected(
    said: Usage | None,
    estimate: Usage,
    offer: Offer,
    *,
    prompts: int = 1,
    answers: int = 1,
    possible: Possible = ANYTHING,
) -> Usage:
    """What `said` says as far as it can be true of a call with so many prompts (of embeddings) and answers; `estimate` for the rest.

    Nothing is larger than the context window, no answer is longer than the model gives, and what was there took at least one token.
    Where prompt and answer share the window, their sum is no larger; where it is, nothing tells which of them is wrong. What the model
    could have, but not this call, is taken as the most that is `possible`: that is nearer to the truth of whoever counts oddly.
    """
    if said is None:
        return estimate
    window = offer.context_window or UNKNOWN_WINDOW
    prompt_is_true = _is_true(said.prompt_tokens, estimate.prompt_tokens, window * prompts)
    longest = min(window, offer.max_output_tokens or window)
    answer_is_true = _is_true(said.completion_tokens, estimate.completion_tokens, longest * answers)
    if prompt_is_true and answer_is_true and not _both_fit(said, offer, prompts, answers):
        prompt_is_true = answer_is_true = False
    prompt = _bounded(said.prompt_tokens, possible.prompt) if prompt_is_true else estimate.prompt_tokens
    completion = (
        _bounded(said.completion_tokens, possible.completion)
        if answer_is_true
        else estimate.completion_tokens
    )
    is_believed = (prompt, completion) == (said.prompt_tokens, said.completion_tokens)
    is_estimated = not (prompt_is_true and answer_is_true and is_believed)
    if said.cached_tokens > prompt or said.reasoning_tokens > completion or is_estimated:
        return Usage(
            prompt,
            completion,
            cached_tokens=min(said.cached_tokens, prompt),
            reasoning_tokens=min(said.reasoning_tokens, completion),
            estimated=said.estimated or is_estimated,
        )
    return said


def _bounded(said: int, most: int | None) -> int:
    return said if most is None else min(said, most)


def _both_fit(said: Usage, offer: Offer, prompts: int, answers: int) -> bool:
    """Whether each answer has room beside the prompt. Of several prompts nobody knows which one an answer belongs to."""
    if not offer.context_window or not offer.preset.answer_in_window or prompts > 1:
        return True
    return said.completion_tokens <= (offer.context_window - said.prompt_tokens) * answers


def _is_true(said: int, estimate: int, most: int) -> bool:
    return (said > 0 or estimate == 0) and said <= most
