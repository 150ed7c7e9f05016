"""The fields of answers in OpenAI's dialect, the same for whole answers and streams."""

from collections.abc import Iterator
from itertools import chain

from apps.core.json_types import JSONObject
from apps.providers.adapters.shared.finishes import Finish, read_finish
from apps.providers.adapters.shared.missed import refuse_missed
from apps.providers.adapters.shared.values import (
    as_dict,
    as_list,
    as_message,
    as_text,
    is_nothing,
    split_content,
)
from apps.providers.errors import ErrorKind, UpstreamError

# What of a message or delta is read here and written anew, or is not passed on; everything else is passed on
# as it came.
READ_FIELDS = frozenset(
    {"role", "content", "reasoning", "reasoning_content", "thinking", "tool_calls", "function_call"}
)
REASONING = ("reasoning_content", "reasoning", "thinking")
SAYING = ("content", *REASONING, "reasoning_details", "tool_calls", "function_call", "refusal", "audio")
# Where a choice may say what belongs into its message or delta: completions have `text`.
MESSAGES = ("delta", "message")
TEXTS = ("text", "content")


def reasoning_of(message: JSONObject) -> str:
    """Reasoning text in a field of its own: the first of the three names that holds any; OpenRouter sends two
    with the same text."""
    for name in REASONING:
        if (value := message.get(name)) and (text := "".join(split_content(value))):
            return text
    details = map(as_dict, as_list(message.get("reasoning_details")))
    return "".join(as_text(detail.get("text")) or as_text(detail.get("summary")) for detail in details)


def extensions_of(message: JSONObject) -> JSONObject:
    """What else a message or delta carries: `refusal`, `audio`, `annotations`, `reasoning_details`, … Raises UpstreamError(PARSING) for a
    refusal that is no text and cannot be read."""
    if len(message) == 1 and "content" in message:
        return {}
    carried = {
        key: value for key, value in message.items() if key not in READ_FIELDS and value not in (None, "", [])
    }
    if not isinstance(refusal := carried.get("refusal", ""), str):
        carried["refusal"] = "".join(split_content(refusal))
    return carried


def says(message: JSONObject) -> bool:
    """Whether a message or delta says anything in a field that is known."""
    return any(not is_nothing(message.get(name)) for name in SAYING)


def elsewhere(choice: JSONObject, field: str) -> JSONObject:
    """What `choice` says in other places than its `field`; {} for nothing."""
    messages = (as_message(choice[name]) for name in MESSAGES if name != field and name in choice)
    texts: Iterator[JSONObject] = ({"content": choice[name]} for name in TEXTS if name in choice)
    return next(filter(says, chain(messages, texts)), {})


def said_in(choice: JSONObject, field: str) -> JSONObject:
    """What `choice` says: its `field` ("message", "delta"), or what stands in another place. Raises UpstreamError(PARSING) where it is
    neither and something is said."""
    said = as_message(choice.get(field))
    if says(said):
        return said
    if other := elsewhere(choice, field):
        return said | other
    refuse_missed(choice)
    return said


def choices_of(frame: JSONObject) -> list[JSONObject]:
    """The choices of an answer or a frame. One that has none is a choice itself, if it says or ends something. Raises
    UpstreamError(PARSING) for choices that cannot be read and have something of the answer in them."""
    choices = frame.get("choices")
    if is_nothing(choices):
        if frame.get("finish_reason") or elsewhere(frame, "choices"):
            return [frame | {"index": 0}]
        refuse_missed(frame)
        return []
    listed = choices if isinstance(choices, list) else [choices]
    for choice in listed:
        if type(choice) is not dict:
            refuse_missed(choice, "choices")
    return [as_dict(choice) for choice in listed]


def finish_of(choice: JSONObject) -> Finish | None:
    """Why the choice ended; None while it goes on. Raises UpstreamError(SERVER_ERROR) where the upstream says that it failed."""
    finish = read_finish(choice.get("finish_reason"))
    if finish == "failed" or choice.get("error"):
        raise UpstreamError(ErrorKind.SERVER_ERROR, "the upstream failed while it answered")
    return finish


def spoken(finish: Finish, *, has_calls: bool) -> str:
    """OpenAI's word for it. What is neither cut nor filtered ends with "tool_calls" if it calls tools, whatever the upstream says."""
    if finish in ("stop", "unknown", "tool_calls"):
        return "tool_calls" if has_calls else "stop"
    return finish
