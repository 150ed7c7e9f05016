"""How many tokens calls turn out to have, by candidate: what to reserve for the next one. Pure but for its memory.

Nobody tells beforehand how long an answer becomes, and every provider counts a prompt by a tokenizer of its own.
"""

from typing import Final

from msgspec import Struct

from apps.providers.claims import DEFAULT_COMPLETION_TOKENS, LONG_ANSWER_TOKENS, Expected

ALPHA: Final = 0.1
ROOM: Final = 1.5
"""As much as the average is reserved for an answer: half as long again as usual is nothing unusual."""
FEWEST: Final = 5
"""Answers before their average says anything."""
TELLING_PROMPT: Final = 50
"""Tokens of a prompt from which on it tells how its provider counts: of a shorter one much is the frame around it."""
MOST_SHARE: Final = 3.0
MOST_CANDIDATES: Final = 10_000


class _Averages(Struct):
    """`answer`: tokens. `share`: those of a prompt as a multiple of the estimate."""

    answer: float = 0.0
    answers: int = 0
    share: float = 1.0


class Lengths:
    """Of one process. The oldest make room for new ones."""

    def __init__(self) -> None:
        self._averages: dict[str, _Averages] = {}

    def note_answer(self, candidate: str, tokens: int) -> None:
        """An answer that nobody capped came from there."""
        averages = self._of(candidate)
        averages.answers += 1
        averages.answer += (tokens - averages.answer) * max(ALPHA, 1 / averages.answers)

    def note_prompt(self, candidate: str, estimate: int, tokens: int) -> None:
        """A prompt of about `estimate` was counted there as `tokens`. What is counted as less is expected as it was estimated."""
        if estimate >= TELLING_PROMPT:
            averages = self._of(candidate)
            share = min(max(tokens / estimate, 1.0), MOST_SHARE)
            averages.share += ALPHA * (share - averages.share) if share < averages.share else 0.0
            averages.share = max(averages.share, share)

    def expected(self, candidate: str, prompt_tokens: int) -> Expected:
        """Of a call with such a prompt, by the estimate."""
        averages = self._averages.get(candidate)
        if averages is None:
            return Expected(prompt_tokens)
        answer = DEFAULT_COMPLETION_TOKENS
        if averages.answers >= FEWEST:
            answer = min(LONG_ANSWER_TOKENS, max(1, round(ROOM * averages.answer)))
        return Expected(round(prompt_tokens * averages.share), answer)

    def _of(self, candidate: str) -> _Averages:
        averages = self._averages.get(candidate)
        if averages is None:
            if len(self._averages) >= MOST_CANDIDATES:
                del self._averages[next(iter(self._averages))]
            averages = self._averages[candidate] = _Averages()
        return averages
