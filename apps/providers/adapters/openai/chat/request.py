"""Chat requests in OpenAI's dialect, with an upstream's quirks taken from its preset."""

from typing import Any

from apps.providers.adapters.shared.caps import is_cut
from apps.providers.adapters.shared.headers import bearer_headers
from apps.providers.adapters.shared.neutral import says_nothing
from apps.providers.adapters.shared.payloads import encoded
from apps.providers.adapters.shared.tools import LEGACY
from apps.providers.types import ChatRequest, Offer, Preset, UpstreamRequest

from .fim import OWN, build_fim, fills_gap, takes
from .quirks import EFFORT, Quirks, said_effort


def build_chat(request: ChatRequest, offer: Offer) -> UpstreamRequest:
    """POST {base_url}/chat/completions. Raises UpstreamError(REFUSED) for values that JSON cannot
    say, and for what this upstream does not take."""
    if fills_gap(request):
        return build_fim(request, offer)
    quirks = offer.preset.compiled(Quirks)
    body = request.body.copy()
    body["model"] = offer.model
    if request.stream:
        body["stream"] = True
        if offer.preset.stream_usage:
            body["stream_options"] = {"include_usage": True}
    quirks.fit(body, request, offer)
    return UpstreamRequest(
        url=f"{offer.base_url.rstrip('/')}/chat/completions",
        headers=bearer_headers(offer),
        body=encoded(body),
        stream=request.stream,
    )


def dropped(request: ChatRequest, offer: Offer) -> tuple[str, ...]:
    """Fields of the request that do not reach the upstream, in the request's order; `stop` where some of its
    sequences do not, a cap where it is cut."""
    return tuple(
        name
        for name, value in request.body.items()
        if is_cut(name, value, request, offer)
        or _is_lost(name, value, offer)
        or (fills_gap(request) and not takes(offer.preset.renames.get(name, name), offer))
        if not (fills_gap(request) and name in OWN)
    )


def _is_lost(name: str, value: Any, offer: Offer) -> bool:
    preset = offer.preset
    if name in LEGACY or name == "messages" or says_nothing(name, value):
        return False
    if name == "stop" and isinstance(value, list) and len(value) > preset.stop_max:
        return True
    if name in preset.drops:
        return True
    if name == EFFORT:
        return said_effort(preset, value, offer) is None
    return bool(preset.fields) and not _is_sent(name, preset)


def _is_sent(name: str, preset: Preset) -> bool:
    return preset.renames.get(name, name) in preset.fields
