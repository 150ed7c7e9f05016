"""What the sandbox says, and its rendering in OpenAI's dialect, streamed and whole from the same `Answer`."""

import hashlib
from typing import Any

import orjson
from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.providers.estimates import answer_tokens

ECHO_CHARS = 80
READ_CHARS = 4096
LONG_PARAGRAPHS = 40
CREATED = 1_767_225_600  # a fixed moment: the sandbox has no clock, and the same request gets the same bytes
DONE = b"data: [DONE]\n\n"
WEATHER: JSONObject = {"name": "get_weather", "parameters": {"required": ["city"]}}
EXAMPLES: JSONObject = {
    "string": "example",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
}
ERRORS: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("permission_error", "permission_denied"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", "internal_error"),
    503: ("service_unavailable_error", "overloaded"),
}


class Asked(Struct, frozen=True, kw_only=True):
    """What of a request decides its answer. `answered`: the history ends with a tool's result."""

    id: str
    model: str
    stream: bool
    include_usage: bool
    last_user_text: str
    prompt_chars: int
    tools: tuple[JSONObject, ...]
    answered: bool


class Answer(Struct, frozen=True, kw_only=True):
    """`words` of text and of `thoughts` come one a frame; `calls` are (name, JSON arguments)."""

    words: tuple[str, ...] = ()
    thoughts: tuple[str, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()
    finish: str = "stop"


def read_asked(body: bytes) -> Asked:
    """The request in `body`, which an adapter has built from a validated one."""
    request: JSONObject = orjson.loads(body) if body else {}
    messages = request.get("messages") or []
    users = [message for message in messages if message.get("role") == "user"]
    return Asked(
        id="chatcmpl-" + hashlib.sha256(body).hexdigest()[:24],
        model=request.get("model") or "",
        stream=bool(request.get("stream")),
        include_usage=bool((request.get("stream_options") or {}).get("include_usage")),
        last_user_text=_text(users[-1].get("content")) if users else "",
        prompt_chars=sum(len(_text(message.get("content"))) for message in messages),
        tools=tuple(tool["function"] for tool in request.get("tools") or () if "function" in tool),
        answered=bool(messages) and messages[-1].get("role") == "tool",
    )


def plain_answer(asked: Asked, long: bool = False) -> Answer:
    """A kind word that hides nothing, with a bit of what was said."""
    said = " ".join(asked.last_user_text[:READ_CHARS].split())
    said = said if len(said) <= ECHO_CHARS else said[: ECHO_CHARS - 1] + "…"
    text = "Hello! This is FreeAI's sandbox: the gateway works, and no provider was called. "
    text += f"You said: “{said}”. " if said else ""
    text += "Add a provider's API key to get real answers."
    paragraphs = [text]
    if long:
        paragraphs += [f"Paragraph {n}: the sandbox goes on." for n in range(2, LONG_PARAGRAPHS + 1)]
    return Answer(words=_words(" ".join(paragraphs)))


def reasoned_answer(asked: Asked) -> Answer:
    """The plain answer, after some thought."""
    thoughts = "The user talks to the sandbox. I should answer kindly and say what I am."
    return Answer(words=plain_answer(asked).words, thoughts=_words(thoughts))


def tool_answer(asked: Asked, count: int) -> Answer:
    """`count` calls of the request's tools, or of `get_weather` where it has none; text once a result is
    there, so that agent loops end."""
    if asked.answered:
        return plain_answer(asked)
    tools = asked.tools or (WEATHER,)
    chosen = [tools[number % len(tools)] for number in range(count)]
    return Answer(calls=tuple((tool["name"], _arguments(tool)) for tool in chosen), finish="tool_calls")


def whole_of(asked: Asked, answer: Answer) -> JSONObject:
    """A chat.completion."""
    message: JSONObject = {"role": "assistant", "content": "".join(answer.words)}
    if answer.thoughts:
        message["reasoning_content"] = "".join(answer.thoughts)
    if answer.calls:
        message |= {"content": None, "tool_calls": _calls(asked, answer)}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}
    return _envelope(asked, "chat.completion", [choice]) | {"usage": _usage(asked, answer)}


def frames_of(asked: Asked, answer: Answer) -> list[bytes]:
    """The frames of a chat.completion.chunk stream."""
    deltas: list[JSONObject] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": word} for word in answer.thoughts]
    deltas += [{"content": word} for word in answer.words]
    deltas += [{"tool_calls": [{"index": at, **call}]} for at, call in enumerate(_calls(asked, answer))]
    frames = [_frame(asked, [{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
    frames.append(_frame(asked, [{"index": 0, "delta": {}, "finish_reason": answer.finish}]))
    if asked.include_usage:
        frames.append(_frame(asked, [], usage=_usage(asked, answer)))
    return [*frames, DONE]


def error_body(status: int, model: str) -> JSONObject:
    """OpenAI's error object."""
    kind, code = ERRORS[status]
    message = f"The sandbox answers {status}, as the model name `{model}` asks."
    if status == 403:  # noqa: PLR2004 - one that speaks of a model would be about that model
        message = "The sandbox answers 403, as asked."
    if status == 404:  # noqa: PLR2004
        message = f"The model `{model}` does not exist in the sandbox."
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _envelope(asked: Asked, kind: str, choices: list[JSONObject]) -> JSONObject:
    return {"id": asked.id, "object": kind, "created": CREATED, "model": asked.model, "choices": choices}


def _frame(asked: Asked, choices: list[JSONObject], **more: Any) -> bytes:
    return b"data: " + orjson.dumps(_envelope(asked, "chat.completion.chunk", choices) | more) + b"\n\n"


def _usage(asked: Asked, answer: Answer) -> JSONObject:
    """Tokens by the usual four characters each, at least one for a prompt."""
    thought = answer_tokens(sum(map(len, answer.thoughts)))
    said = answer_tokens(
        sum(map(len, answer.words)) + sum(len(name) + len(text) for name, text in answer.calls)
    )
    prompt = max(answer_tokens(asked.prompt_chars), 1)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": thought + said,
        "total_tokens": prompt + thought + said,
        "completion_tokens_details": {"reasoning_tokens": thought},
    }


def _calls(asked: Asked, answer: Answer) -> list[JSONObject]:
    return [
        {
            "id": f"call_{asked.id[-22:]}{at:02}",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        for at, (name, arguments) in enumerate(answer.calls)
    ]


def _arguments(tool: JSONObject) -> str:
    """An example for every required parameter, of its type."""
    schema = tool.get("parameters") or {}
    properties = schema.get("properties") or {}
    examples = {name: _example(properties.get(name) or {}) for name in schema.get("required") or ()}
    return orjson.dumps(examples).decode()


def _example(schema: JSONObject) -> Any:
    if choices := schema.get("enum"):
        return choices[0]
    kind = schema.get("type")
    return EXAMPLES.get(kind if isinstance(kind, str) else "string", "example")


def _text(content: Any) -> str:
    """The text of a message's content, its parts joined."""
    if isinstance(content, str):
        return content
    return " ".join(str(part.get("text", "")) for part in content or () if isinstance(part, dict)).strip()


def _words(text: str) -> tuple[str, ...]:
    """`text` in words, each with the space that follows it."""
    first, *rest = text.split(" ")
    return (first, *(f" {word}" for word in rest))
