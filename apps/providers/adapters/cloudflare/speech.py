"""Cloudflare Workers AI: POST …/ai/run/{model}. Some models answer base64 in the envelope, others the sound itself; what the text is called
differs between them, too."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.posts import fitted, json_post
from apps.providers.adapters.shared.spoken import decoded, spoken
from apps.providers.adapters.shared.urls import model_path
from apps.providers.adapters.shared.values import as_dict
from apps.providers.demands.speech import Speech, SpeechRequest
from apps.providers.types import Offer, UpstreamRequest

FIELDS = frozenset({"lang"})


def build(request: SpeechRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.speech
    asked: JSONObject = {
        **{name: value for name, value in request.extra.items() if sends(name)},
        "input": request.text,
        "voice": wire.voices.get(request.voice, request.voice),
    }
    payload = fitted(asked, wire.renames, wire.drops)
    return json_post(offer, wire.base_url, f"run/{model_path(offer.model)}", payload)


def parse(body: bytes, request: SpeechRequest, offer: Offer) -> Speech:
    if body.lstrip()[:1] != b"{":
        return spoken(body, request, offer)
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    return spoken(decoded(as_dict(payload.get("result")).get("audio")), request, offer)


def sends(name: str) -> bool:
    return name in FIELDS


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
