"""The fields of answers in OpenAI's dialect, the same for whole answers and streams."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.shared.finishes import Finish, read_finish
from apps.providers.adapters.shared.values import as_dict, as_list, as_text
from apps.providers.errors import ErrorKind, UpstreamError

# What of a message or delta is read here and written anew, or is not passed on; everything else is passed on
# as it came.
READ_FIELDS = frozenset({"role", "content", "reasoning", "reasoning_content", "tool_calls", "function_call"})


def reasoning_of(message: JSONObject) -> str:
    """Reasoning text in a field of its own: the first of the three names that holds any; OpenRouter sends two
    with the same text."""
    if text := as_text(message.get("reasoning_content")) or as_text(message.get("reasoning")):
        return text
    details = map(as_dict, as_list(message.get("reasoning_details")))
    return "".join(as_text(detail.get("text")) or as_text(detail.get("summary")) for detail in details)


def extensions_of(message: JSONObject) -> JSONObject:
    """What else a message or delta carries: `refusal`, `audio`, `annotations`, `reasoning_details`, …"""
    if len(message) == 1 and "content" in message:
        return {}
    return {
        key: value for key, value in message.items() if key not in READ_FIELDS and value not in (None, "", [])
    }


def calls_of(message: JSONObject) -> list[JSONObject]:
    """Tool calls of a message or delta, the legacy `function_call` among them."""
    if calls := as_list(message.get("tool_calls")):
        return [call for call in calls if isinstance(call, dict)]
    call = message.get("function_call")
    return [{"index": 0, "function": call}] if isinstance(call, dict) else []


def said_in(choice: JSONObject, field: str) -> JSONObject:
    """What `choice` says: its `field` ("message", "delta"), which some send as a bare text, or the `text` of completions.

    A number as content is its text: so some write an answer in JSON mode."""
    said = choice.get(field)
    if isinstance(said, dict):
        content = said.get("content")
        return said | {"content": str(content)} if type(content) in (int, float) else said
    text = as_text(said) or as_text(choice.get("text"))
    return {"content": text} if text else {}


def finish_of(choice: JSONObject) -> Finish | None:
    """Why the choice ended; None while it goes on. Raises UpstreamError(SERVER_ERROR) where the upstream says that it failed."""
    finish = read_finish(choice.get("finish_reason"))
    if finish == "failed" or choice.get("error"):
        raise UpstreamError(ErrorKind.SERVER_ERROR, "the upstream failed while it answered")
    return finish


def spoken(finish: Finish, *, has_calls: bool) -> str:
    """OpenAI's word for it. An answer that calls tools ends with "tool_calls" whatever the upstream says, unless it was cut or filtered."""
    if finish in ("stop", "unknown"):
        return "tool_calls" if has_calls else "stop"
    return finish
