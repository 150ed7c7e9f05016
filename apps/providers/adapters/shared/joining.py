"""Putting a stream's chunks together to the whole answer that they make."""

from collections.abc import Iterable

from apps.core.json_types import JSONObject
from apps.providers.types import ChatChunk, ChatResult

TEXTS = ("content", "reasoning_content", "refusal")
CALL_KINDS = ("function", "custom")
GROWING = frozenset({"arguments", "input", "transcript", "data"})


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
        elif isinstance(value, dict) and isinstance(message.get(field), dict):
            message[field] = _grown(message[field], value)
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
        call = calls[delta["index"]]
        for kind in CALL_KINDS:
            if more := delta.get(kind):
                call[kind] = _grown(call.get(kind) or {}, more)


def _grown(known: JSONObject, more: JSONObject) -> JSONObject:
    """`known` with what a further piece says: more of its texts, and of the rest the latest."""
    said = {
        name: known[name] + value if name in GROWING and isinstance(known.get(name), str) else value
        for name, value in more.items()
        if isinstance(value, str) or name not in GROWING
    }
    return {**known, **said}


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
    if not message["content"] and not message.keys().isdisjoint(("tool_calls", "refusal", "audio")):
        message["content"] = None
    choice["finish_reason"] = choice["finish_reason"] or ("tool_calls" if has_calls else "stop")
    return choice
