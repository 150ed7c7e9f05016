"""Moderation: texts, and of which kinds of harm each of them is."""

from typing import Final

from msgspec import Struct, field

from apps.core.json_types import JSONObject
from apps.providers.tasks import TaskAnswer, TaskRequest

CATEGORIES: Final = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent"),
    *("self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors"),
    *("violence", "violence/graphic"),
)
"""OpenAI's (API reference, 2026-11): every result has all of them."""


class ModerationRequest(TaskRequest, frozen=True, kw_only=True):
    """A validated moderation request. `tokens`: about how many each of `inputs` has. `images`: `image_url` parts that belong to the one
    input. `extra`: fields that are passed on as they came."""

    inputs: tuple[str, ...]
    tokens: tuple[int, ...]
    images: tuple[JSONObject, ...] = ()
    extra: JSONObject = field(default_factory=dict)

    @property
    def prompt_tokens(self) -> int:
        """Of the longest input: each has the context window for itself."""
        return max(self.tokens, default=0)


class Verdict(Struct, frozen=True, kw_only=True):
    """What is said of one input. `categories`: those of OpenAI's that were judged, with their scores from 0 to 1 in `scores`. `others`:
    what the upstream judges beyond them, which alone flags nothing."""

    flagged: bool
    categories: dict[str, bool]
    scores: dict[str, float]
    others: dict[str, bool] = field(default_factory=dict)


class Moderation(TaskAnswer, frozen=True, kw_only=True):
    """A verdict for each input, in their order."""

    verdicts: tuple[Verdict, ...]
