"""POST /v1/images/generations: bytes -> ImageRequest; /v1/images/edits: a form -> the same; pictures -> OpenAI's list."""

import re
from base64 import b64decode
from typing import Annotated, Any, Final, Literal

import orjson
from msgspec import Meta
from msgspec.structs import replace

from apps.core.json_types import JSONObject, JSONValue
from apps.gateway.wire.body import decode, validate
from apps.gateway.wire.errors import bad_request
from apps.gateway.wire.multipart import Form
from apps.gateway.wire.tasks import TaskBody, further
from apps.providers.adapters.shared.pictures import picture_format
from apps.providers.demands.image import ImageRequest, Picture, PictureForm, Pictures, Sides
from apps.providers.types import Capability

MAX_PROMPT_CHARS: Final = 32_000
MAX_PICTURES: Final = 10
AUTO: Final = "auto"
SIZE: Final = r"^(auto|[1-9][0-9]{1,3}x[1-9][0-9]{1,3})$"
IGNORED_MODELS: Final = frozenset({"dall-e-2", "dall-e-3"})
"""What clients send that cannot leave the model out; nobody serves them any more."""
HEAD_CHARS: Final = 64
MAX_SOURCES: Final = 16
MAX_DIGITS: Final = 9
SOURCE: Final = re.compile(r"image(\[\d+\])?")
FIELD_NAME: Final = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")
BOOLEANS: Final[dict[str, bool | None]] = {"true": True, "1": True, "false": False, "0": False, "": None}
EDITS: Final[frozenset[Capability]] = frozenset({"image_edits"})


class ImageBody(TaskBody, kw_only=True):
    """The known fields."""

    prompt: Annotated[str, Meta(min_length=1, max_length=MAX_PROMPT_CHARS)]
    n: Annotated[int, Meta(ge=1, le=MAX_PICTURES)] | None = None
    size: Annotated[str, Meta(pattern=SIZE)] | None = None
    response_format: PictureForm | None = None
    output_format: Literal["png", "jpeg", "webp"] | None = None
    stream: bool | None = None


def parse(body: bytes) -> ImageRequest:
    """The validated request. Raises ApiError(400)."""
    return _request(decode(body))


def parse_edit(form: Form) -> ImageRequest:
    """The validated request to change pictures. Raises ApiError(400)."""
    raw: JSONObject = {}
    for name, value in form.fields:
        if not FIELD_NAME.fullmatch(name):
            raise bad_request("A form field has a name with other than letters, digits and `_.-[]`.")
        raw[name] = _typed(name, value)
    request = _request(raw)
    sources = [_picture(name, form.files[name]) for name in form.files if SOURCE.fullmatch(name)]
    if unknown := [name for name in form.files if name != "mask" and not SOURCE.fullmatch(name)]:
        name = unknown[0][:100]
        raise bad_request(f"`{name}`: files are taken as `image`, `image[]` and `mask`.", param=name)
    if not 1 <= len(sources) <= MAX_SOURCES:
        raise bad_request(f"`image`: 1 to {MAX_SOURCES} files are needed.", param="image")
    mask = _picture("mask", form.files["mask"]) if "mask" in form.files else None
    return replace(request, sources=tuple(sources), mask=mask, needs=EDITS)


def _typed(name: str, text: str) -> JSONValue:
    """What a field of a form says, as JSON would."""
    if name == "n" and text.isascii() and text.isdigit():
        return int(text[:MAX_DIGITS])
    if name in ("stream", "fallback"):
        return BOOLEANS.get(text.lower(), text)
    return text


def _picture(name: str, data: bytes) -> bytes:
    if picture_format(data) is None:
        raise bad_request(f"`{name}`: is no PNG, JPEG or WebP picture.", param=name)
    return data


def _request(raw: JSONObject) -> ImageRequest:
    """Raises ApiError(400)."""
    known = validate(raw, ImageBody)
    if known.stream:
        raise bad_request("`stream`: images are not streamed.", param="stream")
    routing: dict[str, Any] = known.routing()
    if routing["model"] in IGNORED_MODELS:
        routing["model"] = None
    extra = further(raw, ImageBody)
    if known.output_format:
        extra["output_format"] = known.output_format
    return ImageRequest(
        **routing,
        prompt=known.prompt,
        n=known.n or 1,
        size=_size(known.size),
        form=known.response_format or "b64_json",
        extra=extra,
    )


def _size(text: str | None) -> Sides | None:
    if text is None or text == AUTO:
        return None
    width, _, height = text.partition("x")
    return Sides(int(width), int(height))


def render(pictures: Pictures, form: PictureForm, created: int, members: JSONObject) -> bytes:
    """The list. `created`: epoch seconds; `members`: model and FreeAI's own fields."""
    body: JSONObject = {
        "created": created,
        "data": [_shown(picture, form) for picture in pictures.pictures],
        **members,
    }
    if (kind := format_of(pictures.pictures[0])) is not None:
        body["output_format"] = kind
    return orjson.dumps(body)


def _shown(picture: Picture, form: PictureForm) -> JSONObject:
    """Nothing is hosted here: the address of what came as bytes is a data: URL."""
    if form == "b64_json":
        shown: JSONObject = {"b64_json": picture.data}
    else:
        shown = {"url": picture.url or f"data:image/{format_of(picture)};base64,{picture.data}"}
    return shown | ({"revised_prompt": picture.revised_prompt} if picture.revised_prompt else {})


def format_of(picture: Picture) -> str | None:
    """What kind of picture the bytes are; None for an address."""
    return picture_format(b64decode(picture.data[:HEAD_CHARS])) if picture.data else None
