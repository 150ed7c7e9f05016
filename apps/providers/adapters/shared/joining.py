"""Putting a stream's chunks together to the whole answer that they make."""

from collections.abc import Iterable

from apps.core.json_types import JSONObject
from apps.providers.types import ChatChunk, ChatResult

TEXTS = ("content", "reasoning_content", "refusal")


def join_chunks(chunks: Iterable[ChatChunk]) -> ChatResult:
    """The whole answer that a stream's chunks make."""
    joined: dict[int, JSONObject] = {}
    usage = None
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            _join(joined.setdefault(choice["index"], _empty_choice(choice["index"])), choice)
    return ChatResult(choices=[_closed(joined[index]) for index in sorted(joined)], usage=usage)


def _empty_choice(index: int) -> JSONObject:
    message = {"role": "assistant", "content": ""}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": None}


def _join(choice: JSONObject, more: JSONObject) -> None:
    """Add a chunk's choice; the last finish reason counts."""
    message = choice["message"]
    for field, value in more["delta"].items():
        if field == "tool_calls":
            _join_calls(message.setdefault("tool_calls", []), value)
        elif field in TEXTS and isinstance(value, str):
            message[field] = message.get(field, "") + value
        elif isinstance(value, list) and isinstance(message.get(field), list):
            message[field] += value
        else:
            message[field] = value
    if logprobs := more.get("logprobs"):
        _join_logprobs(choice, logprobs)
    for field in ("finish_reason", "native_finish_reason"):
        if more.get(field) is not None:
            choice[field] = more[field]


def _join_calls(calls: list[JSONObject], deltas: list[JSONObject]) -> None:
    """Fragments of calls: the first of each has its id and name."""
    for delta in deltas:
        if delta["index"] >= len(calls):
            calls.append({key: value for key, value in delta.items() if key != "index"})
            continue
        function = delta.get("function", {})
        known = calls[delta["index"]].setdefault("function", {})
        known["arguments"] = known.get("arguments", "") + function.get("arguments", "")
        if "name" in function:
            known["name"] = function["name"]


def _join_logprobs(choice: JSONObject, logprobs: JSONObject) -> None:
    known = choice["logprobs"]
    if not isinstance(known, dict):
        choice["logprobs"] = logprobs
        return
    for field, value in logprobs.items():
        known[field] = [*(known.get(field) or ()), *value] if isinstance(value, list) else value


def _closed(choice: JSONObject) -> JSONObject:
    """A complete choice: content None beside tool calls, as OpenAI has it, and a finish reason in any case."""
    message = choice["message"]
    has_calls = "tool_calls" in message
    if has_calls and not message["content"]:
        message["content"] = None
    choice["finish_reason"] = choice["finish_reason"] or ("tool_calls" if has_calls else "stop")
    return choice
