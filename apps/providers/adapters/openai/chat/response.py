"""Whole answers in OpenAI's dialect, with the deviations of its imitators put right."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.calls import CallIds
from apps.providers.adapters.shared.entries import arguments_of, whole_calls_of
from apps.providers.adapters.shared.finishes import native
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.usage import usage_of
from apps.providers.adapters.shared.values import as_dict, as_index, as_text, split_content
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import ChatResult, Offer

from .fields import choices_of, extensions_of, finish_of, reasoning_of, said_in, spoken
from .thinking import ThinkSplitter

EXTRAS = ("system_fingerprint", "service_tier", "citations")
PLAIN_FIELDS = ("role", "content")


def parse_chat(body: bytes, offer: Offer) -> ChatResult:
    """The answer in `body`. Raises UpstreamError: PARSING for what is not an answer, and what a wrapped error
    is classified as."""
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    if "choices" not in payload:
        raise UpstreamError(ErrorKind.PARSING, "the upstream's answer has no choices")
    ids = CallIds()
    ids.learn(payload.get("id"))
    choices = choices_of(payload)
    return ChatResult(
        choices=[_choice(choice, at, ids, offer) for at, choice in enumerate(choices)],
        usage=usage_of(payload, offer),
        extras={name: payload[name] for name in EXTRAS if payload.get(name) is not None},
    )


def _choice(choice: JSONObject, at: int, ids: CallIds, offer: Offer) -> JSONObject:
    finish = finish_of(choice)
    index = at if (given := as_index(choice.get("index"))) is None else given
    message = _message(said_in(choice, "message"), index, ids, offer)
    return {
        "index": index,
        "message": message,
        "logprobs": choice.get("logprobs"),
        "finish_reason": spoken(finish or "stop", has_calls="tool_calls" in message),
        **native(choice.get("finish_reason"), finish),
    }


def _message(raw: JSONObject, index: int, ids: CallIds, offer: Offer) -> JSONObject:
    if _is_plain(raw, offer):
        return {"role": "assistant", "content": raw["content"]}
    inline_reasoning, text = split_content(raw.get("content"))
    splitter = ThinkSplitter(opened=offer.model in offer.preset.think_opened)
    parts = [splitter.feed(text), splitter.flush()]
    reasoning = reasoning_of(raw) + inline_reasoning + "".join(thought for thought, _ in parts)
    text = "".join(answer for _, answer in parts)
    message: JSONObject = {"role": "assistant", "content": text, **extensions_of(raw)}
    if reasoning:
        message["reasoning_content"] = reasoning
    if calls := whole_calls_of(raw):
        message["tool_calls"] = [_call(call, ids, index, at) for at, call in enumerate(calls)]
    if not text and not message.keys().isdisjoint(("tool_calls", "refusal", "audio")):
        message["content"] = None
    return message


def _is_plain(raw: JSONObject, offer: Offer) -> bool:
    """The common case, told cheaply: a text without reasoning in it, and beside it at most a role and nulls."""
    text = raw.get("content")
    if type(text) is not str or "<think" in text or offer.model in offer.preset.think_opened:
        return False
    return all(key in PLAIN_FIELDS or value is None for key, value in raw.items())


def _call(call: JSONObject, ids: CallIds, index: int, at: int) -> JSONObject:
    rest = {key: value for key, value in call.items() if key != "index"}
    fixed = rest | {"id": ids.unique(call.get("id"), index, at), "type": call.get("type") or "function"}
    if "custom" not in call:
        function = as_dict(call.get("function"))
        fixed["function"] = {
            "name": as_text(function.get("name")),
            "arguments": arguments_of(function) or "{}",
        }
    return fixed
