"""Reading a request: its language and its intent. Pure, bounded, and cheap enough to do before every answer.

    observation = recognise(request)
    observation.language, observation.intent   # "es", "coding"
    observe(request).reasons                   # ("code: docker, sql",), for people

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
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.types import ChatRequest
from apps.strategies.reading.cues import Scores, read
from apps.strategies.reading.excerpt import system_text, user_text
from apps.strategies.reading.lexicon import CODING_TOOLS
from apps.strategies.reading.memory import Gist, Memory

__all__ = ["Intent", "Observation", "by_shape", "intent_by_shape", "observe", "recognise"]

Intent = Literal["chat", "coding", "reasoning", "long_context", "vision"]

LONG_PROMPT_TOKENS: Final = 32_000
SYSTEM_SHARE: Final = 0.5
TOOLS_SCORE: Final = 1.0
EFFORT_SCORE: Final = 1.0
HIGH_EFFORTS: Final = frozenset({"high", "xhigh", "max"})
MAX_TOOLS_READ: Final = 128


class Observation(Struct, frozen=True):
    """What a request shows. Scores: 1.0 and more is enough. `reasons`: what was found, such as "code: docker, sql"."""

    language: str
    intent: Intent
    code: float
    reasoning: float
    reasons: tuple[str, ...] = ()


def observe(request: ChatRequest) -> Observation:
    """Read the request. Looks at a bounded excerpt, so the cost does not grow with the conversation."""
    language, asked = read(user_text(messages_of(request)))
    instructions = system_text(messages_of(request))
    system = read(instructions)[1] if instructions else Scores()
    tools = _coding_tools(request)
    seen = _weigh(request, _gist_of(language, asked), _gist_of("", system), tools)
    reasons = [f"a prompt of about {request.prompt_tokens} tokens"] if seen.intent == "long_context" else []
    reasons += ["images"] if seen.intent == "vision" else []
    found = {
        "code": asked.code_cues,
        "reasoning": asked.reasoning_cues,
        "code in the system prompt": system.code_cues,
        "reasoning in the system prompt": system.reasoning_cues,
        "tools": tools,
        "reasoning_effort": ("high",) if _is_to_think(request) else (),
    }
    reasons += [f"{title}: {', '.join(cues)}" for title, cues in found.items() if cues]
    return replace(seen, reasons=tuple(reasons))


def recognise(request: ChatRequest) -> Observation:
    """What `observe` sees, without reasons: at a tenth of the price where the same words came before."""
    messages = messages_of(request)
    instructions = system_text(messages)
    system = MEMORY.gist(instructions) if instructions else NOTHING
    return _weigh(request, MEMORY.gist(user_text(messages)), system, _coding_tools(request))


def by_shape(request: ChatRequest) -> Observation | None:
    """What needs no reading; None where only its words tell what the request is."""
    intent = intent_by_shape(request)
    return None if intent == "chat" else Observation("", intent, 0.0, 0.0)


def messages_of(request: ChatRequest) -> JSONArray:
    """Its messages, in OpenAI's shape."""
    messages: JSONArray = request.body.get("messages") or []
    return messages


def _weigh(request: ChatRequest, asked: Gist, system: Gist, tools: tuple[str, ...]) -> Observation:
    effort = EFFORT_SCORE if _is_to_think(request) else 0.0
    code = asked.code + _from_system(system.code) + (TOOLS_SCORE if tools else 0.0)
    reasoning = asked.reasoning + _from_system(system.reasoning) + effort
    shape = intent_by_shape(request)
    intent = _intent_by_scores(code, reasoning) if shape == "chat" else shape
    return Observation(asked.language, intent, round(code, 2), round(reasoning, 2))


def _gist(text: str) -> Gist:
    return _gist_of(*read(text))


def _gist_of(language: str, scores: Scores) -> Gist:
    return Gist(language, scores.code, scores.reasoning)


MEMORY: Final = Memory(_gist)
NOTHING: Final = Gist()


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


def _is_to_think(request: ChatRequest) -> bool:
    return request.body.get("reasoning_effort") in HIGH_EFFORTS


def _coding_tools(request: ChatRequest) -> tuple[str, ...]:
    return tuple(name for name in _tool_names(request.body) if name.lower() in CODING_TOOLS)


def _tool_names(body: JSONObject) -> Iterator[str]:
    for tool in (body.get("tools") or ())[:MAX_TOOLS_READ]:
        yield (tool.get("function") or tool.get("custom") or {}).get("name") or ""
