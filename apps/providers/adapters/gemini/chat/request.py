"""Chat requests on Gemini's native wire."""

from typing import Any
from urllib.parse import quote

from apps.core.json_types import JSONObject
from apps.providers.adapters.gemini.headers import google_headers
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.caps import answer_cap, is_cut
from apps.providers.adapters.shared.names import Naming, fitter
from apps.providers.adapters.shared.neutral import says_nothing
from apps.providers.adapters.shared.payloads import encoded
from apps.providers.adapters.shared.tools import modernise_functions
from apps.providers.adapters.shared.values import as_dict, as_list
from apps.providers.types import ChatRequest, Offer, UpstreamRequest

from .contents import build_contents
from .families import Family, family_of
from .schema import SchemaTooLargeError, reduce_schema
from .thinking import plan_thinking, thinks
from .tools import NAMES, choose, declarations

Payload = JSONObject

CONFIG_NAMES = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
SENT = frozenset(CONFIG_NAMES) | {
    *(
        "messages",
        "tools",
        "tool_choice",
        "functions",
        "function_call",
        "response_format",
        "stop",
        "n",
        "seed",
    ),
    *("logprobs", "top_logprobs", "max_tokens", "max_completion_tokens", "reasoning_effort"),
}
# Gemini's seed has 32 bits, OpenAI's 64: the same seed still gives the same one.
SEED_MASK = 0x7FFFFFFF


def build_chat(request: ChatRequest, offer: Offer) -> UpstreamRequest:
    """POST {base_url}/models/{model}:generateContent, or :streamGenerateContent for a stream.

    Raises UpstreamError(REFUSED) for what this wire cannot say.
    """
    body = {name: value for name, value in request.body.items() if name not in offer.preset.drops}
    modernise_functions(body)
    fit_name = fitter(NAMES).naming(request.body)
    system, contents = build_contents(as_list(body.get("messages")), offer.model, fit_name)
    payload: Payload = {"contents": contents}
    if system:
        payload["systemInstruction"] = {"parts": [{"text": system}]}
    _add_tools(payload, body, offer, fit_name)
    config = _generation_config(body, request, offer)
    if config:
        payload["generationConfig"] = config
    action = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
    return UpstreamRequest(
        url=f"{offer.base_url.rstrip('/')}/models/{quote(offer.model, safe='')}:{action}",
        headers=google_headers(offer),
        body=encoded(payload, "messages"),
        stream=request.stream,
    )


def dropped(request: ChatRequest, offer: Offer) -> tuple[str, ...]:
    """Fields of the request that do not reach Gemini, in the request's order; `stop` where some of its sequences
    do not, a cap where it is cut. Values that say nothing do not count."""
    return tuple(
        name
        for name, value in request.body.items()
        if is_cut(name, value, request, offer)
        or (not says_nothing(name, value) and _is_lost(name, value, offer))
    )


def _is_lost(name: str, value: Any, offer: Offer) -> bool:
    if name not in SENT or name in offer.preset.drops:
        return True
    if name == "reasoning_effort":
        return not thinks(offer)
    return name == "stop" and isinstance(value, list) and len(value) > offer.preset.stop_max


def _add_tools(payload: Payload, body: JSONObject, offer: Offer, fit_name: Naming) -> None:
    tools = as_list(body.get("tools"))
    if not tools:
        return
    family = family_of(offer.model)
    if family is Family.GEMMA_3:
        raise cannot_say(f"{offer.model} takes no tools", "tools")
    if family is Family.GEMINI_2 and _wants_json(body):
        raise cannot_say(f"{offer.model} takes no response_format together with tools", "response_format")
    declared, calling = choose(declarations(tools, fit_name), body.get("tool_choice"), fit_name)
    if declared:
        payload["tools"] = [{"functionDeclarations": declared}]
        if calling is not None:
            payload["toolConfig"] = {"functionCallingConfig": calling}


def _generation_config(body: JSONObject, request: ChatRequest, offer: Offer) -> Payload:
    config = {
        theirs: body[name] for name, theirs in CONFIG_NAMES.items() if body.get(name) is not None
    } | _response_format(body, offer)
    if isinstance(temperature := config.get("temperature"), int | float):
        config["temperature"] = min(temperature, offer.preset.temperature_max)
    if isinstance(seed := body.get("seed"), int):
        config["seed"] = seed & SEED_MASK
    if stops := _stops(body.get("stop"), offer.preset.stop_max):
        config["stopSequences"] = stops
    if isinstance(count := body.get("n"), int) and count > 1:
        config["candidateCount"] = count
    if body.get("logprobs"):
        config |= {"responseLogprobs": True, "logprobs": body.get("top_logprobs") or 0}
    return config | _output_limit(body.get("reasoning_effort"), answer_cap(request, offer), offer)


def _output_limit(effort: Any, cap: int | None, offer: Offer) -> Payload:
    """maxOutputTokens and thinkingConfig, which share the answer's length: see `thinking`."""
    thinking = plan_thinking(effort, cap, offer)
    config: Payload = {"thinkingConfig": thinking.config} if thinking.config else {}
    if cap is not None:
        limit = cap + thinking.headroom
        config["maxOutputTokens"] = min(limit, offer.max_output_tokens or limit)
    return config


def _stops(stop: Any, most: int) -> list[str]:
    stops = [stop] if isinstance(stop, str) else as_list(stop)
    return [text for text in stops if isinstance(text, str) and text][:most]


def _wants_json(body: JSONObject) -> bool:
    return as_dict(body.get("response_format")).get("type") in ("json_object", "json_schema")


def _response_format(body: JSONObject, offer: Offer) -> Payload:
    if not _wants_json(body):
        return {}
    if family_of(offer.model) is Family.GEMMA_3:
        raise cannot_say(f"{offer.model} has no JSON mode", "response_format")
    config: Payload = {"responseMimeType": "application/json"}
    schema = as_dict(as_dict(body["response_format"]).get("json_schema")).get("schema")
    if not isinstance(schema, dict):
        return config
    try:
        return config | {"responseSchema": reduce_schema(schema)}
    except SchemaTooLargeError as exc:
        raise cannot_say(str(exc), "response_format.json_schema.schema") from exc
