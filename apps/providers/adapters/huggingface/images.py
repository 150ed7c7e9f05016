"""Hugging Face's inference host: POST models/{model}, answered by the picture itself."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.pictures import of_bytes, on_grid, picture_format, unreadable
from apps.providers.adapters.shared.posts import json_post
from apps.providers.adapters.shared.urls import model_path
from apps.providers.demands.image import ImageRequest, Pictures
from apps.providers.types import Offer, UpstreamRequest

FIELDS = frozenset({"seed", "num_inference_steps", "guidance_scale", "negative_prompt"})


def build(request: ImageRequest, offer: Offer) -> UpstreamRequest:
    options: JSONObject = {name: value for name, value in request.extra.items() if name in FIELDS}
    if request.size is not None:
        options |= on_grid(request.size)._asdict()
    payload = {"inputs": request.prompt, **({"parameters": options} if options else {})}
    return json_post(offer, offer.preset.images.base_url, f"models/{model_path(offer.model)}", payload)


def parse(body: bytes, request: ImageRequest, offer: Offer) -> Pictures:
    if picture_format(body) is not None:
        return of_bytes(body)
    payload = load_payload(body, offer)
    raise wrapped_error(payload, offer) or unreadable("the upstream's answer is no picture")


def sends(name: str) -> bool:
    return name in FIELDS or name == "size"


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
