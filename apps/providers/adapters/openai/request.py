"""Chat requests in OpenAI's dialect, with an upstream's quirks taken from its preset."""

from typing import Any

import orjson

from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import ChatRequest, Offer, Preset, Secret, UpstreamRequest

from .messages import MessageRewriter

MAX_PLANS = 1024
OPENAI_TEMPERATURE_MAX = 2.0
CAPS = ("max_completion_tokens", "max_tokens")
LEGACY = ("functions", "function_call")
TOOL_FIELDS = ("tools", "tool_choice", "parallel_tool_calls")
# Values that say nothing: leaving them out changes no answer, so they do not count as dropped.
NEUTRAL: dict[str, Any] = {
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "store": False,
    "parallel_tool_calls": True,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "logit_bias": {},
    "metadata": {},
    "modalities": ["text"],
    "service_tier": "auto",
}


class Plan:
    """One preset, compiled: what to look for in a body, so that a body without quirks costs one set test."""

    def __init__(self, preset: Preset) -> None:
        self.preset = preset
        self.messages = MessageRewriter(preset)
        self.renames = tuple(preset.renames.items())
        self._touched = frozenset(preset.drops) | frozenset(preset.renames) | {"stop", *TOOL_FIELDS, *LEGACY}
        if preset.temperature_max < OPENAI_TEMPERATURE_MAX:
            self._touched |= {"temperature"}
        self._headers = {"content-type": "application/json", "accept-encoding": "identity", **preset.headers}

    def fit(self, body: dict[str, Any], offer: Offer) -> None:
        """Apply the preset to `body`: a copy of the client's, whose nested values stay as they are."""
        if isinstance(messages := body.get("messages"), list):
            body["messages"] = self.messages.rewrite(messages)
        if self.preset.default_max_tokens is not None:
            self._cap(body, offer.max_output_tokens)
        if not self._touched.isdisjoint(body):
            self._apply(body)

    def headers(self, api_key: str) -> dict[str, str]:
        """Headers of a call. The authorization is a Secret, so that a logged request does not show it."""
        if not api_key:
            return self._headers.copy()
        return {"authorization": Secret(f"Bearer {api_key}"), **self._headers}

    def _cap(self, body: dict[str, Any], limit: int | None) -> None:
        default = self.preset.default_max_tokens
        if default is not None and all(body.get(name) is None for name in CAPS):
            body["max_tokens"] = default if limit is None else min(default, limit)

    def _apply(self, body: dict[str, Any]) -> None:
        preset = self.preset
        modernise_functions(body)
        for name in preset.drops:
            body.pop(name, None)
        if not body.get("tools"):
            _forget_tools(body)
        stop = body.get("stop")
        if isinstance(stop, list) and len(stop) > preset.stop_max:
            body["stop"] = stop[: preset.stop_max]
        temperature = body.get("temperature")
        if isinstance(temperature, int | float) and temperature > preset.temperature_max:
            body["temperature"] = preset.temperature_max
        for name, theirs in self.renames:
            if name in body and (value := body.pop(name)) is not None:
                body[theirs] = value


def _forget_tools(body: dict[str, Any]) -> None:
    """Without tools, what is said about them is refused by strict upstreams, as is the empty list itself."""
    for name in TOOL_FIELDS:
        body.pop(name, None)


def modernise_functions(body: dict[str, Any]) -> None:
    """Rewrite the legacy `functions` and `function_call` as `tools` and `tool_choice`, unless the body has
    those too."""
    functions = body.pop("functions", None)
    choice = body.pop("function_call", None)
    if isinstance(functions, list) and "tools" not in body:
        body["tools"] = [{"type": "function", "function": function} for function in functions]
        if isinstance(choice, str):
            body["tool_choice"] = choice
        elif isinstance(choice, dict):
            body["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}


_plans: dict[int, Plan] = {}


def plan_for(preset: Preset) -> Plan:
    """The compiled `preset`. Kept by identity: presets live as long as the catalogue that they were loaded
    with."""
    plan = _plans.get(id(preset))
    if plan is None or plan.preset is not preset:
        if len(_plans) >= MAX_PLANS:
            _plans.clear()
        plan = _plans[id(preset)] = Plan(preset)
    return plan


def build_chat(request: ChatRequest, offer: Offer) -> UpstreamRequest:
    """POST {base_url}/chat/completions. Raises UpstreamError(CLIENT_ERROR) for values that JSON cannot
    say."""
    plan = plan_for(offer.preset)
    body = request.body.copy()
    body["model"] = offer.model
    plan.fit(body, offer)
    if request.stream:
        body["stream"] = True
        if plan.preset.stream_usage:
            body["stream_options"] = {"include_usage": True}
    try:
        content = orjson.dumps(body)
    except TypeError as exc:
        message = f"the request cannot be sent as JSON: {exc}"
        raise UpstreamError(ErrorKind.CLIENT_ERROR, message, candidate_only=True) from exc
    return UpstreamRequest(
        url=f"{offer.base_url.rstrip('/')}/chat/completions",
        headers=plan.headers(offer.api_key),
        body=content,
        stream=request.stream,
    )


def dropped(request: ChatRequest, offer: Offer) -> tuple[str, ...]:
    """Fields of the request that do not reach the upstream, in the request's order; `stop` where some of its
    sequences do not."""
    preset = offer.preset
    names = []
    for name, value in request.body.items():
        if name in preset.drops:
            lost = value is not None and value != NEUTRAL.get(name)
        else:
            lost = name == "stop" and isinstance(value, list) and len(value) > preset.stop_max
        if lost:
            names.append(name)
    return tuple(names)
