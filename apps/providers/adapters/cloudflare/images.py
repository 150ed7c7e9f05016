"""Cloudflare Workers AI: POST …/ai/run/{model}. Some models answer base64 in the envelope, others the picture itself;
sizes are the model's."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.pictures import of_bytes, of_list, picture_format
from apps.providers.adapters.shared.posts import fitted, json_post
from apps.providers.adapters.shared.urls import model_path
from apps.providers.adapters.shared.values import as_dict
from apps.providers.demands.image import ImageRequest, Pictures
from apps.providers.types import Offer, UpstreamRequest

FIELDS = frozenset({"steps", "seed"})


def build(request: ImageRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.images
    asked: JSONObject = {
        **{name: value for name, value in request.extra.items() if sends(name)},
        "prompt": request.prompt,
    }
    payload = fitted(asked, wire.renames, wire.drops)
    return json_post(offer, wire.base_url, f"run/{model_path(offer.model)}", payload)


def parse(body: bytes, request: ImageRequest, offer: Offer) -> Pictures:
    if picture_format(body) is not None:
        return of_bytes(body)
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    data = as_dict(payload.get("result")).get("image")
    return Pictures(pictures=of_list([{"b64_json": data}], request))


def sends(name: str) -> bool:
    return name in FIELDS


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
