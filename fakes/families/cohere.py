"""Cohere's native wire: POST /chat of API v2. Its tool events hold one call as an object, its errors are flat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from fakes.answers import Answer, Asked, Choice, task_of
from fakes.behaviours import Deviation
from fakes.faults import Problem, Refused

from .base import (
    Call,
    Deviations,
    Event,
    json_object,
    prompt_size_and_digest,
    require_objects,
    require_types,
)

# v2 documents no finish for filtered text, it answers 498; ERROR_TOXIC is v1's.
_FINISH = {
    "stop": "COMPLETE",
    "tool_calls": "TOOL_CALL",
    "length": "MAX_TOKENS",
    "content_filter": "ERROR_TOXIC",
}
_ARGUMENT_CHARS = 8
_TYPES: dict[str, type | tuple[type, ...]] = {
    "messages": list,
    "tools": list,
    "tool_choice": str,
    "stop_sequences": list,
    "stream": bool,
    "thinking": dict,
    "response_format": dict,
    **dict.fromkeys(
        ("temperature", "p", "k", "seed", "frequency_penalty", "presence_penalty", "max_tokens"), (int, float)
    ),
}
_MESSAGE_TYPES: dict[str, type | tuple[type, ...]] = {
    "role": str,
    "content": (str, list),
    "tool_calls": list,
    "tool_call_id": str,
    "tool_plan": str,
}
Document = dict[str, Any]


class CohereChat:
    """Chat of API v2."""

    name = "chat"
    method = "POST"
    path = "/chat"
    generates = True
    public = False
    line_end = b"\n"
    done = None

    def read(self, call: Call) -> Asked:
        """What is asked."""
        body = json_object(call)
        model, messages = body.get("model"), body.get("messages")
        if not isinstance(model, str) or not model:
            raise Refused(Problem(status=400, message="invalid request: model is required"))
        if not isinstance(messages, list) or not messages:
            raise Refused(Problem(status=400, message="invalid request: messages must not be empty"))
        _require_sane(body, messages)
        prompt_tokens, digest = prompt_size_and_digest(messages, model)
        seed = body.get("seed")
        return Asked(
            family=self.name,
            model=model,
            digest=digest,
            stream=body.get("stream") is True,
            include_thoughts=(body.get("thinking") or {}).get("type") != "disabled",
            seed=seed if isinstance(seed, int) else 0,
            prompt_tokens=prompt_tokens,
            last_user_text=_last_user_text(messages),
            task=task_of(messages),
            tools=_tool_names(body.get("tools") or []),
            body=body,
        )

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """A whole answer: a message with parts of content, or with a plan and calls."""
        choice = answer.choices[0]
        text, reasoning = "".join(choice.text), "".join(_thoughts(asked, choice))
        message: Document = {"role": "assistant"}
        parts = [{"type": "thinking", "thinking": reasoning}] if reasoning else []
        if choice.tool_calls:
            calls = range(len(choice.tool_calls))
            message["tool_calls"] = [_call(asked, choice, at, deviations) for at in calls]
            message |= {"tool_plan": text} if text else {}
        else:
            parts.append({"type": "text", "text": text})
        if parts:
            message["content"] = parts
        return orjson.dumps({"id": asked.digest, "message": message, **_ending(answer, deviations)})

    def events(self, asked: Asked, answer: Answer, deviations: Deviations) -> Iterator[Event]:
        """message-start, blocks of content or a plan and calls, message-end."""
        choice = answer.choices[0]
        begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        yield _event({"id": asked.digest, "type": "message-start", "delta": {"message": begun}})
        yield from _block(0, "thinking", _thoughts(asked, choice))
        if choice.tool_calls:
            yield from (_said("tool-plan-delta", {"tool_plan": piece}) for piece in choice.text)
            for position in range(len(choice.tool_calls)):
                yield from _call_events(asked, choice, position, deviations)
        else:
            yield from _block(int(bool(choice.reasoning)), "text", choice.text)
        yield _event({"type": "message-end", "delta": _ending(answer, deviations)})


def _require_sane(body: Document, messages: list[Any]) -> None:
    """Raises Refused for the wrong types that the checks rely on not to meet."""
    require_types(body, _TYPES)
    require_objects(body.get("tools") or (), "tools")
    require_objects(messages, "messages")
    for position, message in enumerate(messages):
        where = f"messages.{position}."
        require_types(message, _MESSAGE_TYPES, where)
        require_objects(message.get("tool_calls") or (), f"{where}tool_calls")
        if isinstance(message.get("content"), list):
            require_objects(message["content"], f"{where}content")


def _event(document: Document, *, content: bool = False) -> Event:
    return Event(data=orjson.dumps(document), content=content, name=document["type"])


def _said(kind: str, message: Document, **place: int) -> Event:
    return _event({"type": kind, **place, "delta": {"message": message}}, content=True)


def _block(index: int, kind: str, pieces: tuple[str, ...]) -> Iterator[Event]:
    """A part of content: its start, a delta for every piece, its end. A part without pieces does not begin."""
    if not pieces:
        return
    start = {"type": kind, kind: ""}
    yield _event({"type": "content-start", "index": index, "delta": {"message": {"content": start}}})
    yield from (_said("content-delta", {"content": {kind: piece}}, index=index) for piece in pieces)
    yield _event({"type": "content-end", "index": index})


def _thoughts(asked: Asked, choice: Choice) -> tuple[str, ...]:
    return choice.reasoning if asked.include_thoughts else ()


def _call(asked: Asked, choice: Choice, position: int, deviations: Deviations) -> Document:
    call = choice.tool_calls[position]
    arguments = orjson.loads(call.arguments) if Deviation.ARGS_OBJECT in deviations else call.arguments
    document = {"type": "function", "function": {"name": call.name, "arguments": arguments}}
    if Deviation.NO_ID in deviations:
        return document
    return {"id": f"{call.name}_{position}{asked.digest[:11]}", **document}


def _call_events(asked: Asked, choice: Choice, position: int, deviations: Deviations) -> Iterator[Event]:
    """tool-call-start with an empty string of arguments, its pieces, tool-call-end."""
    place = {} if Deviation.NO_INDEX in deviations else {"index": position}
    whole = _call(asked, choice, position, deviations)
    call = choice.tool_calls[position]
    if Deviation.ARGS_OBJECT in deviations:
        yield _said("tool-call-start", {"tool_calls": whole}, **place)
    else:
        begun = {**whole, "function": {"name": call.name, "arguments": ""}}
        yield _said("tool-call-start", {"tool_calls": begun}, **place)
        for start in range(0, len(call.arguments), _ARGUMENT_CHARS):
            fragment = {"function": {"arguments": call.arguments[start : start + _ARGUMENT_CHARS]}}
            yield _said("tool-call-delta", {"tool_calls": fragment}, **place)
    yield _event({"type": "tool-call-end", **place})


def _ending(answer: Answer, deviations: Deviations) -> Document:
    """Finish reason and usage: the billed units leave out what Cohere's prompt template adds."""
    choice = answer.choices[0]
    stop_anyway = choice.tool_calls and Deviation.FINISH_STOP_WITH_TOOLS in deviations
    ending: Document = {"finish_reason": _FINISH["stop" if stop_anyway else choice.finish]}
    if Deviation.NO_USAGE in deviations:
        return ending
    tokens = {"input_tokens": answer.prompt_tokens, "output_tokens": answer.completion_tokens}
    billed = {"input_tokens": max(1, answer.prompt_tokens // 2), "output_tokens": answer.completion_tokens}
    return ending | {"usage": {"billed_units": billed, "tokens": tokens}}


def _last_user_text(messages: list[Document]) -> str:
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = [part.get("text") for part in parts]
            return "".join(text for text in texts if isinstance(text, str))
    return ""


def _tool_names(tools: list[Document]) -> tuple[str, ...]:
    functions = [tool.get("function") for tool in tools]
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    return tuple(name for name in names if isinstance(name, str))
