"""The lists of models in the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from apps.gateway.wire.reference import Operation, Route


class Model(Struct):
    """What can be asked for."""

    id: str
    object: str
    created: int
    owned_by: str
    description: str
    context_length: int


class Models(Struct):
    """All of them."""

    object: str
    data: list[Model]


FAST: Final = {
    "id": "freeai-fast",
    "object": "model",
    "created": 1767225600,
    "owned_by": "freeai",
    "description": "Lowest observed latency",
    "context_length": 131072,
}
OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("GET", "/v1/models"): Operation(
        summary="The models that can be asked for",
        answer=Models,
        is_open=True,
        flags=("all",),
        example={"object": "list", "data": [FAST]},
    ),
    ("GET", "/v1/models/{model}"): Operation(
        summary="One of them", answer=Model, is_open=True, errors=(404,), example=FAST
    ),
}
