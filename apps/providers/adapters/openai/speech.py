"""POST /audio/speech in OpenAI's dialect: the answer is the sound itself."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.posts import fitted, json_post
from apps.providers.adapters.shared.spoken import spoken, unreadable, wanted
from apps.providers.demands.speech import PLAIN_SPEED, Speech, SpeechRequest
from apps.providers.types import Offer, UpstreamRequest


def build(request: SpeechRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.speech
    asked: JSONObject = {
        **request.extra,
        "input": request.text,
        "voice": wire.voices.get(request.voice, request.voice),
        "response_format": wanted(request, offer),
        "speed": None if request.speed == PLAIN_SPEED else request.speed,
        "instructions": request.instructions or None,
    }
    payload = {"model": offer.model, **fitted(asked, wire.renames, wire.drops)}
    return json_post(offer, wire.base_url, "audio/speech", payload)


def parse(body: bytes, request: SpeechRequest, offer: Offer) -> Speech:
    if body.lstrip()[:1] == b"{":
        payload = load_payload(body, offer)
        raise wrapped_error(payload, offer) or unreadable("the upstream sent JSON instead of sound")
    return spoken(body, request, offer)


def sends(name: str) -> bool:
    return True


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
