"""POST /chat/completions as OpenAI defines it, with the known differences between providers as data."""

from __future__ import annotations

from collections.abc import Iterable
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
    positive_int,
    prompt_size_and_digest,
    require_objects,
    require_types,
)
from .dialect import CREATED, Dialect, whole_tool_call
from .moderations import harm_in
from .openai_stream import ChunkWriter

_TYPES: dict[str, type | tuple[type, ...]] = {
    "temperature": (int, float),
    "n": int,
    "stop": (str, list),
    "stream": bool,
    "stream_options": dict,
    "tools": list,
}
_MESSAGE_TYPES: dict[str, type | tuple[type, ...]] = {
    "role": str,
    "content": (str, list),
    "tool_calls": list,
    "tool_call_id": str,
}


class OpenAIChat:
    """Chat completions in one provider's dialect."""

    name = "chat"
    method = "POST"
    path = "/chat/completions"
    generates = True
    public = False
    line_end = b"\n"
    done = b"[DONE]"

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def read(self, call: Call) -> Asked:
        """What is asked; only what no OpenAI-compatible server does without is required here."""
        body = json_object(call)
        model, messages = body.get("model"), body.get("messages")
        if not isinstance(model, str) or not model:
            raise Refused(Problem(status=400, message="you must provide a model parameter", param="model"))
        if not isinstance(messages, list) or not messages:
            raise Refused(Problem(status=400, message="'messages' : minimum 1 item", param="messages"))
        _require_sane(body, messages)
        prompt_tokens, digest = prompt_size_and_digest(messages, model)
        seed = body.get("seed", body.get("random_seed"))
        return Asked(
            family=self.name,
            model=model,
            digest=digest,
            stream=body.get("stream") is True,
            include_usage=bool((body.get("stream_options") or {}).get("include_usage")),
            seed=seed if isinstance(seed, int) else 0,
            n=positive_int(body.get("n"), 1),
            prompt_tokens=prompt_tokens,
            cap=positive_int(body.get("max_completion_tokens") or body.get("max_tokens"), 0),
            last_user_text=_last_user_text(messages),
            task=task_of(messages),
            verdict=_verdict(body.get("response_format"), _last_user_text(messages)),
            tools=_tool_names(body.get("tools")),
            body=body,
        )

    def whole(self, asked: Asked, answer: Answer, deviations: Deviations) -> bytes:
        """A chat.completion object."""
        dialect = self._dialect
        document = {
            "id": dialect.id_prefix + asked.digest,
            "object": "chat.completion",
            "created": CREATED,
            "model": asked.model,
            "choices": [
                {
                    "index": index,
                    "message": self._message(asked, choice, deviations),
                    "logprobs": None,
                    **dialect.finish(choice, deviations),
                }
                for index, choice in enumerate(answer.choices)
            ],
            **dialect.extras,
            **dialect.closing(None),
            **dialect.opening,
        }
        if Deviation.NO_USAGE not in deviations:
            document["usage"] = dialect.usage(answer)
        return orjson.dumps(document)

    def events(self, asked: Asked, answer: Answer, deviations: Deviations) -> Iterable[Event]:
        """chat.completion.chunk objects."""
        return ChunkWriter(self._dialect, asked, answer, deviations).events()

    def _message(self, asked: Asked, choice: Choice, deviations: Deviations) -> dict[str, Any]:
        text = "".join(choice.text)
        content = None if choice.tool_calls and not text else text
        message: dict[str, Any] = {"role": "assistant", "content": content}
        if choice.reasoning:
            fields = self._dialect.reasoning_fields("".join(choice.reasoning))
            if "content" in fields:
                fields = {"content": [*fields["content"], {"type": "text", "text": text}]}
            message |= fields
        if choice.tool_calls:
            message["tool_calls"] = [
                whole_tool_call(self._dialect, asked, choice, position, deviations)
                for position in range(len(choice.tool_calls))
            ]
        return message


def _require_sane(body: dict[str, Any], messages: list[Any]) -> None:
    """Raises Refused for the wrong types that the checks of the providers rely on not to meet."""
    require_types(body, _TYPES)
    require_objects(body.get("tools") or (), "tools")
    require_objects(messages, "messages")
    for position, message in enumerate(messages):
        where = f"messages.{position}."
        require_types(message, _MESSAGE_TYPES, where)
        require_objects(message.get("tool_calls") or (), f"{where}tool_calls")


def _last_user_text(messages: list[dict[str, Any]]) -> str:
    for message in reversed(messages):
        if message.get("role") == "user":
            return _text_of(message.get("content"))
    return ""


def _verdict(wanted: Any, text: str) -> str:
    """What a judge says of a text, where the schema asks for nothing but yes and no; empty where it does not."""
    try:
        properties = wanted["json_schema"]["schema"]["properties"]
        if not properties or any(rule != {"type": "boolean"} for rule in properties.values()):
            return ""
    except (KeyError, TypeError, AttributeError):
        return ""
    harm = harm_in(text)
    return orjson.dumps({name: name in harm for name in properties}).decode()


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _tool_names(tools: Any) -> tuple[str, ...]:
    functions = [tool.get("function") for tool in tools or ()]
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    return tuple(name for name in names if isinstance(name, str))
