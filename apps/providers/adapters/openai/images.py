"""POST /images/generations, and /images/edits as a form, in OpenAI's dialect: Together, Z.ai, LM-style servers. Some answer
`images` instead of `data`."""

from apps.core.json_types import JSONObject
from apps.providers.adapters.contract import TaskCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.forms import File, encoded_form
from apps.providers.adapters.shared.headers import bearer_headers
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.pictures import of_list, on_grid, picture_format
from apps.providers.adapters.shared.posts import fitted, json_post
from apps.providers.adapters.shared.urls import resolve_base
from apps.providers.demands.image import ImageRequest, Pictures
from apps.providers.types import Offer, UpstreamRequest


def build(request: ImageRequest, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.images
    asked: JSONObject = {
        **request.extra,
        **_size(request, sides=wire.sides),
        "prompt": request.prompt,
        "n": request.n,
        "response_format": wire.inline or None,
    }
    payload = {"model": offer.model, **fitted(asked, wire.renames, wire.drops)}
    if request.sources:
        return _edit(request, offer, payload)
    return json_post(offer, wire.base_url, "images/generations", payload)


def _edit(request: ImageRequest, offer: Offer, payload: JSONObject) -> UpstreamRequest:
    fields = [(name, str(value)) for name, value in payload.items()]
    named = "image" if len(request.sources) == 1 else "image[]"
    files = [_file(named, source) for source in request.sources]
    if request.mask is not None:
        files.append(_file("mask", request.mask))
    headers = bearer_headers(offer)
    headers["content-type"], body = encoded_form(fields, files)
    url = f"{resolve_base(offer.base_url, offer.preset.images.base_url)}/images/edits"
    return UpstreamRequest(url=url, headers=headers, body=body)


def _file(field: str, picture: bytes) -> File:
    kind = picture_format(picture)
    return File(field, f"picture.{kind}", f"image/{kind}", picture)


def _size(request: ImageRequest, *, sides: bool) -> JSONObject:
    if request.size is None:
        return {}
    if sides:
        return on_grid(request.size)._asdict()
    return {"size": f"{request.size.width}x{request.size.height}"}


def parse(body: bytes, request: ImageRequest, offer: Offer) -> Pictures:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    values = payload.get("data") if "data" in payload else payload.get("images")
    return Pictures(pictures=of_list(values, request))


def sends(name: str) -> bool:
    return True


CODEC = TaskCodec(build=build, parse=parse, sends=sends)
