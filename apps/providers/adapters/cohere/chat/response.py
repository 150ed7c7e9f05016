"""Cohere's answers in OpenAI's shapes.

A message and the delta of any stream event have the same fields, so both are read here. Thinking becomes
`reasoning_content`, and so does `tool_plan`, in which the model says what it will call: an agent takes content for the
answer. Citations stay in Cohere's form, as the extension `citations` of message or delta; their offsets count
characters of the content.
"""

from typing import Any

from msgspec import Struct

from apps.core.json_types import JSONArray, JSONObject
from apps.core.redaction import scrub
from apps.providers.adapters.refusals.answers import frame_error
from apps.providers.adapters.shared.calls import CallIds
from apps.providers.adapters.shared.entries import arguments_of, calls_of, is_call
from apps.providers.adapters.shared.finishes import native, read_finish
from apps.providers.adapters.shared.missed import refuse_missed
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.usage import as_count
from apps.providers.adapters.shared.values import as_dict, as_list, as_message, as_text, split_content
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import ChatResult, Offer, Usage


class Said(Struct, frozen=True):
    """What a message or a delta says. `calls` are entries of `tool_calls` as they came, in whole or in fragments."""

    text: str = ""
    reasoning: str = ""
    calls: list[JSONObject] = []
    citations: JSONArray = []


NOTHING = Said()


def parse_chat(body: bytes, offer: Offer) -> ChatResult:
    """The answer in `body`. Raises UpstreamError: PARSING for what is not an answer, SERVER_ERROR for one that
    failed or that is an error."""
    payload = load_payload(body, offer)
    if is_error(payload):
        raise frame_error(payload, offer)
    raw = payload.get("message")
    if not isinstance(raw, dict | list):
        raise UpstreamError(ErrorKind.PARSING, "the upstream's answer has no message")
    refuse_failure(payload, offer)
    ids = CallIds()
    ids.learn(payload.get("id"))
    message = _message(said_by(payload), ids)
    finish = finish_of(payload, has_calls="tool_calls" in message)
    choice = {"index": 0, "message": message, "logprobs": None, **finish}
    return ChatResult(choices=[choice], usage=usage_of(payload))


def is_error(payload: JSONObject) -> bool:
    """Whether a 200 or one of its frames is an error: those are flat, with a text where answers have a message."""
    return bool(payload.get("error")) or isinstance(payload.get("message"), str)


def refuse_failure(ending: JSONObject, offer: Offer) -> None:
    """Raises UpstreamError(SERVER_ERROR) where the finish reason says that the model failed while it answered."""
    reason = ending.get("finish_reason")
    if read_finish(reason) == "failed":
        text = scrub(as_text(ending.get("error")), offer.api_key) or "the upstream failed while it answered"
        raise UpstreamError(ErrorKind.SERVER_ERROR, text, timed_out=reason == "TIMEOUT")


def said_by(frame: JSONObject) -> Said:
    """What an answer's message says, or the one of a frame's delta; some write it into the delta itself. Raises UpstreamError(PARSING)
    where it is none of them and something is said."""
    delta = as_message(frame.get("delta"))
    for place in (delta.get("message"), delta, frame.get("message")):
        said = read_message(as_message(place))
        if said != NOTHING:
            return said
    refuse_missed(frame)
    return NOTHING


def read_message(message: JSONObject) -> Said:
    """What `message` or the message of a delta says. In deltas the lists are single objects."""
    reasoning, text = split_content(message.get("content"))
    return Said(
        text=text,
        reasoning="".join(split_content(message.get("tool_plan"))) + reasoning,
        calls=calls_of(message),
        citations=_listed(message.get("citations")),
    )


def finish_of(ending: JSONObject, *, has_calls: bool) -> JSONObject:
    """The members of a choice that say why it ended: "tool_calls" where tools were called, unless the answer was cut or filtered."""
    reason = ending.get("finish_reason")
    finish = read_finish(reason)
    if finish in (None, "stop", "unknown", "tool_calls"):
        return {"finish_reason": "tool_calls" if has_calls else "stop", **native(reason, finish)}
    return {"finish_reason": finish}


def usage_of(ending: JSONObject) -> Usage | None:
    """All tokens, those of Cohere's prompt template included, as its limits count them; those billed where it gives
    no others; None where it says nothing."""
    usage = as_dict(ending.get("usage"))
    counts = as_dict(usage.get("tokens")) or as_dict(usage.get("billed_units"))
    if "input_tokens" not in counts and "output_tokens" not in counts:
        return None
    return Usage(
        prompt_tokens=as_count(counts.get("input_tokens")),
        completion_tokens=as_count(counts.get("output_tokens")),
        cached_tokens=as_count(usage.get("cached_tokens")),
    )


def _message(said: Said, ids: CallIds) -> JSONObject:
    message: JSONObject = {"role": "assistant", "content": said.text}
    if said.reasoning:
        message["reasoning_content"] = said.reasoning
    if calls := [call for call in said.calls if is_call(as_dict(call.get("function")))]:
        message["content"] = said.text or None
        message["tool_calls"] = [_call(call, ids, at) for at, call in enumerate(calls)]
    if said.citations:
        message["citations"] = said.citations
    return message


def _call(call: JSONObject, ids: CallIds, at: int) -> JSONObject:
    function = as_dict(call.get("function"))
    return {
        "id": ids.unique(as_text(call.get("id")), 0, at),
        "type": "function",
        "function": {"name": as_text(function.get("name")), "arguments": arguments_of(function) or "{}"},
    }


def _listed(value: Any) -> JSONArray:
    return [value] if isinstance(value, dict) else as_list(value)
