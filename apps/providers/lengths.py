"""How many tokens calls turn out to have, by candidate and client key: what to reserve for the next one. Pure but for its memory.

Nobody tells beforehand how long an answer becomes: a cap on it is a ceiling, of 32,000 in every request of an agent whose answers have a
hundred. Who asks says more of that than which model answers. And every provider counts a prompt by a tokenizer of its own.
"""

from typing import Final

from msgspec import Struct

from apps.providers.claims import DEFAULT_COMPLETION_TOKENS, LONG_ANSWER_TOKENS, Expected

ALPHA: Final = 0.1
ROOM: Final = 2.0
"""As much as the average is reserved for an answer: one in seven is more than half as long again, one in twenty twice as long. What is not
taken comes back with the answer; what was missing is refused."""
FEWEST: Final = 5
"""Answers before their average says anything."""
TELLING_PROMPT: Final = 50
"""Tokens of a prompt from which on it tells how its provider counts: of a shorter one much is the frame around it."""
MOST_SHARE: Final = 3.0
MOST: Final = 10_000

Whose = tuple[str, int | None]
"""A candidate's key, and a client key's id: None stands for all of them together."""


class _Averages(Struct):
    """`answer`: tokens. `share`: those of a prompt as a multiple of the estimate."""

    answer: float = 0.0
    answers: int = 0
    share: float = 1.0


class Lengths:
    """Of one process. What nothing came to for the longest time makes room for what is new."""

    def __init__(self) -> None:
        self._averages: dict[Whose, _Averages] = {}

    def note_answer(self, candidate: str, client: int | None, tokens: int, *, is_cut: bool = False) -> None:
        """An answer came from there. `is_cut`: it ended with its cap, so that it only tells that such answers are as long at least."""
        for whose in {(candidate, client), (candidate, None)}:
            averages = self._of(whose)
            if is_cut and tokens < averages.answer:
                continue
            averages.answers += 1
            averages.answer += (tokens - averages.answer) * max(ALPHA, 1 / averages.answers)

    def note_prompt(self, candidate: str, estimate: int, tokens: int) -> None:
        """A prompt of about `estimate` was counted there as `tokens`. What is counted as less is expected as it was estimated."""
        if estimate >= TELLING_PROMPT:
            averages = self._of((candidate, None))
            share = min(max(tokens / estimate, 1.0), MOST_SHARE)
            averages.share += ALPHA * (share - averages.share) if share < averages.share else 0.0
            averages.share = max(averages.share, share)

    def expected(self, candidate: str, client: int | None, prompt_tokens: int) -> Expected:
        """Of a call with such a prompt, by the estimate: an answer as long as the client key's own were there, or else everybody's."""
        everybody = self._averages.get((candidate, None))
        if everybody is None:
            return Expected(prompt_tokens)
        told = self._averages.get((candidate, client))
        if told is None or told.answers < FEWEST:
            told = everybody
        answer = DEFAULT_COMPLETION_TOKENS
        if told.answers >= FEWEST:
            answer = min(LONG_ANSWER_TOKENS, max(1, round(ROOM * told.answer)))
        return Expected(round(prompt_tokens * everybody.share), answer)

    def _of(self, whose: Whose) -> _Averages:
        averages = self._averages.pop(whose, None)
        if averages is None:
            averages = _Averages()
            if len(self._averages) >= MOST:
                del self._averages[next(iter(self._averages))]
        self._averages[whose] = averages
        return averages
