"""Images in the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from apps.gateway.endpoints.images.wire import ImageBody
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


OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/images/generations"): Operation(
        summary="Pictures of a prompt",
        body=ImageBody,
        answer=Pictures,
        errors=ATTEMPTED,
        sent={"prompt": "a lighthouse in the rain", "n": 1},
        example={
            "created": 1790000000,
            "data": [{"b64_json": "/9j/4AAQSkZJRg=="}],
            "output_format": "jpeg",
            "model": "@cf/black-forest-labs/flux-1-schnell",
            "provider": "cloudflare",
            "fallback_position": 1,
        },
    )
}
