"""NVIDIA's visual models: POST …/v1/genai/{model}, answered in `artifacts`. On a host of its own."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.pictures import of_list, on_grid
from apps.providers.adapters.shared.posts import fitted, json_post
from apps.providers.adapters.shared.urls import model_path
from apps.providers.adapters.shared.values import as_dict, as_list
from apps.providers.demands.image import ImageRequest, Pictures
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.types import Offer, UpstreamRequest

FIELDS = frozenset({"steps", "seed", "cfg_scale", "mode"})
FILTERED = "CONTENT_FILTERED"


def build(request: ImageRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.images
    asked: JSONObject = {
        **{name: value for name, value in request.extra.items() if name in FIELDS},
        **(on_grid(request.size)._asdict() if request.size else {}),
        "prompt": request.prompt,
    }
    return json_post(offer, wire.base_url, model_path(offer.model), fitted(asked, wire.renames, wire.drops))


def parse(body: bytes, request: ImageRequest, offer: Offer) -> Pictures:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    artifacts = [as_dict(item) for item in as_list(payload.get("artifacts"))]
    if any(item.get("finishReason") == FILTERED for item in artifacts):
        raise UpstreamError(ErrorKind.CONTENT_FILTERED, "The provider's filter refused the picture.")
    return Pictures(pictures=of_list([{"b64_json": item.get("base64")} for item in artifacts], request))


def sends(name: str) -> bool:
    return name in FIELDS or name == "size"


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
