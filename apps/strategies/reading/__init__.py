"""Reading a request: its language and its intent. Pure, bounded, and cheap enough to do before every answer.

    observation = observe(request)
    observation.language, observation.intent   # "es", "coding"

| intent         | when, the first that holds                                                                  |
|----------------|---------------------------------------------------------------------------------------------|
| `vision`       | a message holds an image, a video or a file                                                 |
| `long_context` | the prompt is estimated at more than LONG_PROMPT_TOKENS                                     |
| `coding`       | the code score is 1.0 or more, and not below the reasoning score                            |
| `reasoning`    | the reasoning score is 1.0 or more                                                          |
| `chat`         | otherwise                                                                                   |

The scores come from the user's words (`cues.py`), half as much from the system prompt, which must not decide alone, from
tools that only programmers' agents offer, and from a high `reasoning_effort`.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Literal

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.providers.types import ChatRequest
from apps.strategies.reading.cues import Scores, read
from apps.strategies.reading.excerpt import system_text, user_text
from apps.strategies.reading.lexicon import CODING_TOOLS

__all__ = ["Intent", "Observation", "intent_by_shape", "observe"]

Intent = Literal["chat", "coding", "reasoning", "long_context", "vision"]

LONG_PROMPT_TOKENS: Final = 32_000
SYSTEM_SHARE: Final = 0.5
TOOLS_SCORE: Final = 1.0
EFFORT_SCORE: Final = 1.0
HIGH_EFFORTS: Final = frozenset({"high", "xhigh", "max"})
MAX_TOOLS_READ: Final = 128
SYSTEM_TEXTS_KEPT: Final = 256


class Observation(Struct, frozen=True):
    """What a request shows. Scores: 1.0 and more is enough. `reasons`: what was found, such as "code: docker, sql"."""

    language: str
    intent: Intent
    code: float
    reasoning: float
    reasons: tuple[str, ...] = ()


def observe(request: ChatRequest) -> Observation:
    """Read the request. Looks at a bounded excerpt, so the cost does not grow with the conversation."""
    messages = request.body.get("messages") or ()
    language, asked = read(user_text(messages))
    instructions = system_text(messages)
    system = _read_instructions(instructions) if instructions else Scores()
    tools = _coding_tools(request)
    effort = request.body.get("reasoning_effort") in HIGH_EFFORTS
    code = asked.code + _from_system(system.code) + (TOOLS_SCORE if tools else 0.0)
    reasoning = asked.reasoning + _from_system(system.reasoning) + (EFFORT_SCORE if effort else 0.0)
    by_shape = intent_by_shape(request)
    reasons = [f"a prompt of about {request.prompt_tokens} tokens"] if by_shape == "long_context" else []
    reasons += ["images"] if by_shape == "vision" else []
    found = {
        "code": asked.code_cues,
        "reasoning": asked.reasoning_cues,
        "code in the system prompt": system.code_cues,
        "reasoning in the system prompt": system.reasoning_cues,
        "tools": tools,
        "reasoning_effort": ("high",) if effort else (),
    }
    reasons += [f"{title}: {', '.join(cues)}" for title, cues in found.items() if cues]
    intent = _intent_by_scores(code, reasoning) if by_shape == "chat" else by_shape
    return Observation(language, intent, round(code, 2), round(reasoning, 2), tuple(reasons))


@lru_cache(maxsize=SYSTEM_TEXTS_KEPT)
def _read_instructions(text: str) -> Scores:
    """The scores of a system prompt: an application sends the same one with every request."""
    return read(text)[1]


def intent_by_shape(request: ChatRequest) -> Literal["vision", "long_context", "chat"]:
    """What needs no reading: "chat" may turn out to be coding or reasoning."""
    if "vision" in request.needs:
        return "vision"
    return "long_context" if request.prompt_tokens > LONG_PROMPT_TOKENS else "chat"


def _intent_by_scores(code: float, reasoning: float) -> Intent:
    if code >= max(1.0, reasoning):
        return "coding"
    return "reasoning" if reasoning >= 1.0 else "chat"


def _from_system(score: float) -> float:
    return min(score, 1.0) * SYSTEM_SHARE


def _coding_tools(request: ChatRequest) -> tuple[str, ...]:
    return tuple(name for name in _tool_names(request.body) if name.lower() in CODING_TOOLS)


def _tool_names(body: JSONObject) -> Iterator[str]:
    for tool in (body.get("tools") or ())[:MAX_TOOLS_READ]:
        yield (tool.get("function") or tool.get("custom") or {}).get("name") or ""
