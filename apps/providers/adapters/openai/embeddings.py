"""POST /embeddings in OpenAI's dialect.

`encoding_format` is left to the gateway: every imitator sends floats unasked.
"""

from apps.core.json_types import JSONArray, JSONObject
from apps.providers.adapters.contract import EmbeddingCodec
from apps.providers.adapters.refusals.answers import wrapped_error
from apps.providers.adapters.shared.headers import bearer_headers
from apps.providers.adapters.shared.payloads import load_payload
from apps.providers.adapters.shared.posts import fitted
from apps.providers.adapters.shared.usage import usage_of
from apps.providers.adapters.shared.values import as_dict, as_index, as_list
from apps.providers.adapters.shared.vectors import Batch, json_call, read_vectors, unreadable
from apps.providers.demands.embedding import EmbeddingRequest, EmbeddingResult
from apps.providers.types import Offer, UpstreamRequest


def build(request: EmbeddingRequest, batch: Batch, offer: Offer) -> UpstreamRequest:
    wire = offer.preset.embeddings
    asked: JSONObject = {
        **wire.defaults,
        **request.extra,
        "input": batch.inputs,
        "dimensions": request.dimensions,
    }
    payload = {"model": offer.model, **fitted(asked, wire.renames, wire.drops)}
    return json_call(offer, "embeddings", payload, bearer_headers(offer))


def sends(name: str) -> bool:
    return True


def parse(body: bytes, count: int, offer: Offer) -> EmbeddingResult:
    payload = load_payload(body, offer)
    if (error := wrapped_error(payload, offer)) is not None:
        raise error
    items = [as_dict(item) for item in as_list(payload.get("data"))]
    return EmbeddingResult(read_vectors(_in_order(items), count), usage_of(payload, offer))


def _in_order(items: list[JSONObject]) -> JSONArray:
    """The vectors by their `index`; without any, in the order in which they came. Raises UpstreamError(PARSING)."""
    given = [as_index(item.get("index", at)) for at, item in enumerate(items)]
    indexes = [index for index in given if index is not None]
    if len(indexes) < len(items) or set(indexes) != set(range(len(items))):
        raise unreadable("the upstream's vectors are not numbered from 0 on")
    ordered: JSONArray = [None] * len(items)
    for index, item in zip(indexes, items, strict=True):
        ordered[index] = item.get("embedding")
    return ordered


CODEC = EmbeddingCodec(build=build, parse=parse, sends=sends)
