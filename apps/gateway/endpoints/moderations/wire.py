"""POST /v1/moderations: bytes -> ModerationRequest, verdicts -> OpenAI's results with all of its categories."""

from typing import Annotated, Any, Final

import orjson
from msgspec import Meta, Struct

from apps.core.json_types import JSONArray, JSONObject
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import bad_request
from apps.gateway.wire.tasks import NonEmpty, TaskBody, further
from apps.providers.demands.moderation import CATEGORIES, ModerationRequest, Verdict
from apps.providers.estimates import text_tokens

MAX_INPUTS: Final = 128
MAX_IMAGES: Final = 16
IGNORED_MODELS: Final = frozenset(
    {"omni-moderation-latest", "text-moderation-latest", "text-moderation-stable"}
)
"""What clients send that cannot leave the model out."""
IMAGE_URL: Final = r"^(https?://|data:image/)"


class ImageAddress(Struct):
    """Where an image is."""

    url: Annotated[str, Meta(pattern=IMAGE_URL)]


class TextToJudge(Struct, tag_field="type", tag="text"):
    """A part that is text."""

    text: NonEmpty


class ImageToJudge(Struct, tag_field="type", tag="image_url"):
    """A part that is an image."""

    image_url: ImageAddress


Part = TextToJudge | ImageToJudge
Inputs = Annotated[list[NonEmpty | Part], Meta(min_length=1, max_length=MAX_INPUTS)]


class ModerationBody(TaskBody, kw_only=True):
    """The known fields."""

    input: NonEmpty | Inputs


def parse(body: bytes) -> ModerationRequest:
    """The validated request. Raises ApiError(400)."""
    raw = decode(body)
    known = validate(raw, ModerationBody)
    routing: dict[str, Any] = known.routing()
    if routing["model"] in IGNORED_MODELS:
        routing["model"] = None
    inputs, images = _inputs(known.input)
    return ModerationRequest(
        **routing,
        inputs=inputs,
        tokens=tuple(max(text_tokens(text), 1) for text in inputs),
        images=images,
        extra=further(raw, ModerationBody),
        needs=frozenset({"vision"} if images else ()),
    )


def _inputs(value: str | list[str | Part]) -> tuple[tuple[str, ...], tuple[JSONObject, ...]]:
    """The texts to judge, each by itself, and images that belong to the only one: parts are one input. Raises ApiError(400)."""
    items = [value] if isinstance(value, str) else value
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) == len(items):
        return tuple(texts), ()
    if texts:
        raise bad_request("`input`: must be texts, or parts of one input.", param="input")
    images = tuple(_part(item) for item in items if isinstance(item, ImageToJudge))
    if len(images) > MAX_IMAGES:
        raise bad_request(f"`input`: has more than {MAX_IMAGES} images.", param="input")
    return ("\n".join(item.text for item in items if isinstance(item, TextToJudge)),), images


def _part(image: ImageToJudge) -> JSONObject:
    return {"type": "image_url", "image_url": {"url": image.image_url.url}}


def render(
    request_id: str, request: ModerationRequest, verdicts: tuple[Verdict, ...], members: JSONObject
) -> bytes:
    """The answer. `members`: model and FreeAI's own fields."""
    judged = ["text"] * bool(request.inputs[0]) + ["image"] * bool(request.images)
    results = [_result(verdict, judged) for verdict in verdicts]
    return orjson.dumps({"id": f"modr-{request_id}", "results": results, **members})


def _result(verdict: Verdict, judged: JSONArray) -> JSONObject:
    """Clients expect every category: of one that was not judged there is nothing to say, which is no harm."""
    result: JSONObject = {
        "flagged": verdict.flagged,
        "categories": {name: verdict.categories.get(name, False) for name in CATEGORIES},
        "category_scores": {name: verdict.scores.get(name, 0.0) for name in CATEGORIES},
        "category_applied_input_types": {
            name: judged if name in verdict.categories else [] for name in CATEGORIES
        },
    }
    return result | {"freeai_categories": verdict.others} if verdict.others else result
