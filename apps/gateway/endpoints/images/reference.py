"""Images in the OpenAPI document."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from apps.gateway.endpoints.images.wire import FIELD_NAME, MAX_PICTURES, MAX_PROMPT_CHARS, SIZE, ImageBody
from apps.gateway.wire.multipart import MAX_FIELD_CHARS
from apps.gateway.wire.names import MODEL_SCHEMA
from apps.gateway.wire.reference import ATTEMPTED, Operation, Route


class Picture(Struct, omit_defaults=True):
    """One picture, by `response_format` as base64 or at an address, which may be a data: URL."""

    b64_json: str = ""
    url: str = ""
    revised_prompt: str = ""


class Pictures(Struct, omit_defaults=True):
    """The pictures that were made: as many as asked for, or fewer. `output_format`: what their bytes are."""

    created: int
    data: list[Picture]
    model: str
    provider: str
    fallback_position: int
    output_format: str = ""


TEXT: Final = {"type": "string", "maxLength": MAX_FIELD_CHARS}
FILE: Final = {"type": "string", "contentMediaType": "application/octet-stream"}
FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["image", "prompt"],
    "properties": {
        "image": FILE,
        "mask": FILE,
        "prompt": {"type": "string", "minLength": 1, "maxLength": MAX_PROMPT_CHARS},
        "model": {"type": "string", **MODEL_SCHEMA},
        "n": {"type": "integer", "minimum": 1, "maximum": MAX_PICTURES},
        "size": {"type": "string", "pattern": SIZE},
        "response_format": {"type": "string", "enum": ["b64_json", "url"]},
        "output_format": {"type": "string", "enum": ["png", "jpeg", "webp"]},
        "stream": {"type": "string", "enum": ["false"]},
        "preferred_provider": TEXT,
        "fallback": {"type": "string", "enum": ["true", "false"]},
    },
    "propertyNames": {"pattern": f"^{FIELD_NAME.pattern}$"},
    "additionalProperties": TEXT,
}
EXAMPLE: Final = {
    "created": 1790000000,
    "data": [{"b64_json": "/9j/4AAQSkZJRg=="}],
    "output_format": "jpeg",
    "model": "@cf/black-forest-labs/flux-1-schnell",
    "provider": "cloudflare",
    "fallback_position": 1,
}
OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/images/generations"): Operation(
        summary="Pictures of a prompt",
        body=ImageBody,
        answer=Pictures,
        errors=ATTEMPTED,
        sent={"prompt": "a lighthouse in the rain", "n": 1},
        example=EXAMPLE,
    ),
    ("POST", "/v1/images/edits"): Operation(
        summary="Pictures that are changed as a prompt says",
        form=FORM,
        answer=Pictures,
        errors=ATTEMPTED,
        example=EXAMPLE | {"model": "own-images", "provider": "own-server"},
    ),
}
