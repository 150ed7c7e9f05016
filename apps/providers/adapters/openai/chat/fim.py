"""A text with a gap in OpenAI's dialect: a prompt and a suffix, where models that fill gaps are asked. Answers are read as a chat's."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.refusals.unsayable import cannot_say
from apps.providers.adapters.shared.headers import bearer_headers
from apps.providers.adapters.shared.payloads import encoded
from apps.providers.types import ChatRequest, Offer, UpstreamRequest

from .quirks import Quirks

OWN = frozenset({"messages", "suffix"})
ALWAYS_SENT = frozenset({"model", "stream", "stream_options"})


def fills_gap(request: ChatRequest) -> bool:
    """Whether the request is one: its only message is the prompt, and `suffix` stands beside it."""
    return "fim" in request.needs


def build_fim(request: ChatRequest, offer: Offer) -> UpstreamRequest:
    """POST {base_url}/{path}. Raises UpstreamError(REFUSED) where there is none, and as `build_chat`."""
    wire = offer.preset.fim
    if wire is None:
        raise cannot_say("this provider fills no gaps", "suffix")
    body: JSONObject = {name: value for name, value in request.body.items() if name not in OWN}
    body["model"] = offer.model
    if request.stream:
        body["stream"] = True
        if offer.preset.stream_usage:
            body["stream_options"] = {"include_usage": True}
    offer.preset.compiled(Quirks).fit(body, request, offer)
    kept = {name: value for name, value in body.items() if takes(name, offer) or name in ALWAYS_SENT}
    kept |= {"prompt": request.body["messages"][-1]["content"], "suffix": request.body["suffix"]}
    return UpstreamRequest(
        url=f"{offer.base_url.rstrip('/')}/{wire.path}",
        headers=bearer_headers(offer),
        body=encoded(kept),
        stream=request.stream,
    )


def takes(name: str, offer: Offer) -> bool:
    """Whether the endpoint has a place for the upstream's field of this name."""
    wire = offer.preset.fim
    return wire is None or not wire.fields or name in wire.fields
