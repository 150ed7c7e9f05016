"""Chat requests on Cohere's native wire."""

from typing import Any

from apps.core.json_types import JSONObject
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.caps import answer_cap, is_cut
from apps.providers.adapters.shared.headers import bearer_headers
from apps.providers.adapters.shared.names import Naming, fitter
from apps.providers.adapters.shared.neutral import says_nothing
from apps.providers.adapters.shared.payloads import encoded
from apps.providers.adapters.shared.tools import modernise_functions, use_allowed_tools
from apps.providers.adapters.shared.values import as_dict, as_list
from apps.providers.types import ChatRequest, Offer, UpstreamRequest

from .messages import build_messages
from .thinking import DISABLED, plan_thinking, takes_thinking
from .tools import NAMES, choose, cohere_tools, fit_schema

Payload = JSONObject

# OpenAI's field (top_k is other clients'): Cohere's, and the range of values that it takes. The upper end of the
# temperature is the preset's.
NUMBERS: dict[str, tuple[str, float, float]] = {
    "temperature": ("temperature", 0, 1),
    "top_p": ("p", 0.01, 0.99),
    "top_k": ("k", 0, 500),
    "frequency_penalty": ("frequency_penalty", 0, 1),
    "presence_penalty": ("presence_penalty", 0, 1),
}
PENALTIES = ("frequency_penalty", "presence_penalty")
# Cohere's own fields, sent as they are.
NATIVE = ("documents", "citation_options", "safety_mode", "strict_tools", "priority")
SENT = frozenset({*NUMBERS, *NATIVE}) | {
    *("messages", "tools", "tool_choice", "functions", "function_call", "response_format", "stop", "seed"),
    *("max_tokens", "max_completion_tokens", "reasoning_effort"),
}
# Cohere's seed is not negative: the same seed still gives the same one.
SEED_MASK = 0x7FFFFFFFFFFFFFFF


def build_chat(request: ChatRequest, offer: Offer) -> UpstreamRequest:
    """POST {base_url}/chat. Raises UpstreamError(REFUSED) for what this wire cannot
    say."""
    body = {name: value for name, value in request.body.items() if name not in offer.preset.drops}
    modernise_functions(body)
    payload: Payload = {"model": offer.model, **_limits(body, answer_cap(request, offer), offer)}
    thinks = takes_thinking(offer) and payload.get("thinking") != DISABLED
    fit_name = fitter(NAMES).naming(request.body)
    payload["messages"] = build_messages(as_list(body.get("messages")), fit_name, thinks=thinks)
    payload |= _tools(body, fit_name) | _response_format(body) | _sampling(body, offer)
    payload |= {name: body[name] for name in NATIVE if body.get(name) is not None}
    if request.stream:
        payload["stream"] = True
    return UpstreamRequest(
        url=f"{offer.base_url.rstrip('/')}/chat",
        headers=bearer_headers(offer),
        body=encoded(payload, "messages"),
        stream=request.stream,
    )


def dropped(request: ChatRequest, offer: Offer) -> tuple[str, ...]:
    """Fields of the request that do not reach Cohere, in the request's order; `stop` where some of its sequences
    do not, a penalty where it is negative, a cap where it is cut. Values that say nothing do not count."""
    return tuple(
        name
        for name, value in request.body.items()
        if is_cut(name, value, request, offer) or _is_lost(name, value, offer)
    )


def _is_lost(name: str, value: Any, offer: Offer) -> bool:
    if says_nothing(name, value):
        return False
    if name not in SENT or name in offer.preset.drops:
        return True
    if name == "reasoning_effort":
        return not takes_thinking(offer)
    if name in PENALTIES:
        return isinstance(value, int | float) and value < 0
    return name == "stop" and isinstance(value, list) and len(value) > offer.preset.stop_max


def _limits(body: JSONObject, cap: int | None, offer: Offer) -> Payload:
    """max_tokens and thinking, which share the answer's length: see `thinking`."""
    thinking = plan_thinking(body.get("reasoning_effort"), cap, offer)
    limits: Payload = {} if thinking is None else {"thinking": thinking}
    if cap is not None:
        limits["max_tokens"] = cap
    return limits


def _tools(body: JSONObject, fit_name: Naming) -> Payload:
    if not as_list(body.get("tools")):
        return {}
    if _wants_json(body):
        raise cannot_say("Cohere takes no response_format together with tools", "response_format")
    use_allowed_tools(body)
    tools, choice = choose(
        cohere_tools(as_list(body.get("tools")), fit_name), body.get("tool_choice"), fit_name
    )
    if not tools:
        return {}
    return {"tools": tools} if choice is None else {"tools": tools, "tool_choice": choice}


def _sampling(body: JSONObject, offer: Offer) -> Payload:
    sampling: Payload = {}
    for name, (theirs, least, most) in NUMBERS.items():
        if isinstance(value := body.get(name), int | float):
            most = min(most, offer.preset.temperature_max) if name == "temperature" else most
            sampling[theirs] = min(max(value, least), most)
    if isinstance(seed := body.get("seed"), int):
        sampling["seed"] = seed & SEED_MASK
    stop = body.get("stop")
    stops = [text for text in ([stop] if isinstance(stop, str) else as_list(stop)) if text]
    if stops:
        sampling["stop_sequences"] = stops[: offer.preset.stop_max]
    return sampling


def _wants_json(body: JSONObject) -> bool:
    return as_dict(body.get("response_format")).get("type") in ("json_object", "json_schema")


def _response_format(body: JSONObject) -> Payload:
    if not _wants_json(body):
        return {}
    schema = as_dict(as_dict(body["response_format"]).get("json_schema")).get("schema")
    if not isinstance(schema, dict):
        return {"response_format": {"type": "json_object"}}
    return {"response_format": {"type": "json_object", "json_schema": fit_schema(schema)}}
