"""The lists of models in the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from apps.core.json_types import JSONObject
from apps.gateway.wire.reference import GOOGLE_ERROR, Operation, Route


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


class GoogleModel(Struct):
    """The same, as Google's clients read it."""

    name: str
    version: str
    displayName: str  # noqa: N815 - as it is written
    description: str
    inputTokenLimit: int  # noqa: N815
    outputTokenLimit: int  # noqa: N815
    supportedGenerationMethods: list[str]  # noqa: N815


class GoogleModels(Struct, kw_only=True):
    """A page of them; `nextPageToken` where there is another one."""

    models: list[GoogleModel]
    nextPageToken: str = ""  # noqa: N815 - as it is written


WHOLE: Final[JSONObject] = {"type": "string", "pattern": "^[0-9]{1,6}$"}
GOOGLES: Final = {
    "name": "models/freeai-fast",
    "version": "1",
    "displayName": "freeai-fast",
    "description": "Lowest observed latency",
    "inputTokenLimit": 131072,
    "outputTokenLimit": 65536,
    "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
}
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
    ("GET", "/v1beta/models"): Operation(
        summary="The models that can be asked for, as Google's API for Gemini lists them",
        answer=GoogleModels,
        is_open=True,
        flags=("all",),
        query={"pageSize": WHOLE, "pageToken": WHOLE},
        error=GOOGLE_ERROR,
        example={"models": [GOOGLES]},
    ),
    ("GET", "/v1beta/models/{model}"): Operation(
        summary="One of them",
        answer=GoogleModel,
        is_open=True,
        errors=(404,),
        error=GOOGLE_ERROR,
        example=GOOGLES,
    ),
}
