"""POST /moderations in OpenAI's dialect."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.posts import fitted, json_post
from apps.providers.adapters.shared.usage import prompt_usage
from apps.providers.adapters.shared.verdicts import read_verdicts
from apps.providers.demands.moderation import Moderation, ModerationRequest
from apps.providers.types import Offer, UpstreamRequest


def build(request: ModerationRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.moderation
    asked: JSONObject = {**request.extra, "input": request.inputs}
    if request.images:
        texts = [{"type": "text", "text": text} for text in request.inputs if text]
        asked["input"] = [*texts, *request.images]
    payload = {"model": offer.model, **fitted(asked, {}, wire.drops)}
    return json_post(offer, wire.base_url, "moderations", payload)


def parse(body: bytes, request: ModerationRequest, offer: Offer) -> Moderation:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    return Moderation(
        verdicts=read_verdicts(payload.get("results"), len(request.inputs)),
        usage=prompt_usage(payload, offer),
    )


def sends(name: str) -> bool:
    return True


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
