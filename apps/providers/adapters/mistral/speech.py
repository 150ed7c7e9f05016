"""Mistral's POST /audio/speech: JSON with the sound in base64 (Mistral SDK, 2026-11)."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.posts import fitted, json_post
from apps.providers.adapters.shared.spoken import decoded, spoken, wanted
from apps.providers.adapters.shared.usage import prompt_usage
from apps.providers.demands.speech import Speech, SpeechRequest
from apps.providers.types import Offer, UpstreamRequest

FIELDS = frozenset({"ref_audio"})


def build(request: SpeechRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.speech
    asked: JSONObject = {
        **{name: value for name, value in request.extra.items() if sends(name)},
        "input": request.text,
        "voice_id": wire.voices.get(request.voice, request.voice),
        "response_format": wanted(request, offer),
    }
    payload = {"model": offer.model, **fitted(asked, wire.renames, wire.drops)}
    return json_post(offer, wire.base_url, "audio/speech", payload)


def parse(body: bytes, request: SpeechRequest, offer: Offer) -> Speech:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    return spoken(decoded(payload.get("audio_data")), request, offer, prompt_usage(payload, offer))


def sends(name: str) -> bool:
    return name in FIELDS


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
