"""How one provider's chat completions differ from OpenAI's, as data, and the pieces that depend on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Literal

import orjson

from fakes.answers import Answer, Asked, Choice
from fakes.behaviours import Deviation

from .base import Deviations

CREATED = 1_755_000_000
_SHORT_TOOL_ID = 9


class Reasoning(Enum):
    """Where a provider puts reasoning text."""

    REASONING = auto()
    REASONING_CONTENT = auto()
    REASONING_WITH_DETAILS = auto()
    THINKING_PARTS = auto()


def _no_closing(usage: dict[str, Any] | None) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one provider's chat completions differ from OpenAI's.

    `usage_chunk`: "asked" = a chunk of its own if include_usage was sent, "always" = in any case, "last" =
    inside the chunk that carries the finish reason. `extras` go into every object, `opening` into the first
    chunk and the whole answer, `closing` (given the usage, None to leave it out) into the last chunk and the
    whole answer. `prologue`: fields of a chunk without choices that comes before the first.
    """

    id_prefix: str = "chatcmpl-"
    short_tool_ids: bool = False
    whole_tool_calls: bool = False
    native_finish_reason: bool = False
    reasoning: Reasoning = Reasoning.REASONING_CONTENT
    usage_chunk: Literal["asked", "always", "last"] = "asked"
    usage_extras: Mapping[str, Any] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)
    opening: Mapping[str, Any] = field(default_factory=dict)
    prologue: Mapping[str, Any] = field(default_factory=dict)
    closing: Callable[[dict[str, Any] | None], dict[str, Any]] = _no_closing

    def tool_id(self, asked: Asked, position: int) -> str:
        """The id of the tool call at `position`, in the provider's form."""
        digest = f"{position}{asked.digest}"
        return digest[:_SHORT_TOOL_ID] if self.short_tool_ids else f"call_{digest[:24]}"

    def usage(self, answer: Answer) -> dict[str, Any]:
        """OpenAI's usage object."""
        usage: dict[str, Any] = {
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
            "total_tokens": answer.prompt_tokens + answer.completion_tokens,
        }
        if answer.cached_tokens:
            usage["prompt_tokens_details"] = {"cached_tokens": answer.cached_tokens}
        if answer.reasoning_tokens:
            usage["completion_tokens_details"] = {"reasoning_tokens": answer.reasoning_tokens}
        return usage | dict(self.usage_extras)

    def finish(self, choice: Choice, deviations: Deviations) -> dict[str, Any]:
        """The finish reason's fields of a choice."""
        stop_anyway = choice.tool_calls and Deviation.FINISH_STOP_WITH_TOOLS in deviations
        reason = "stop" if stop_anyway else choice.finish
        native = {"native_finish_reason": reason} if self.native_finish_reason else {}
        return {"finish_reason": reason, **native}

    def reasoning_fields(self, text: str) -> dict[str, Any]:
        """The fields of a message or delta that carry reasoning `text`."""
        if self.reasoning is Reasoning.REASONING_CONTENT:
            return {"reasoning_content": text}
        if self.reasoning is Reasoning.THINKING_PARTS:
            return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}
        if self.reasoning is Reasoning.REASONING:
            return {"reasoning": text}
        details = [{"type": "reasoning.text", "text": text, "format": "unknown", "index": 0}]
        return {"reasoning": text, "reasoning_details": details}


def whole_tool_call(
    dialect: Dialect, asked: Asked, choice: Choice, position: int, deviations: Deviations
) -> dict[str, Any]:
    """The tool call at `position` of a choice, all in one object and without an index."""
    call = choice.tool_calls[position]
    arguments = orjson.loads(call.arguments) if Deviation.ARGS_OBJECT in deviations else call.arguments
    document = {"type": "function", "function": {"name": call.name, "arguments": arguments}}
    if Deviation.NO_ID in deviations:
        return document
    return {"id": dialect.tool_id(asked, position), **document}
