"""Moderation in the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from apps.gateway.endpoints.moderations.wire import ModerationBody
from apps.gateway.wire.reference import ATTEMPTED, Operation, Route
from apps.providers.demands.moderation import CATEGORIES


class Judged(Struct, omit_defaults=True):
    """What is said of one input. `freeai_categories`: what the provider judges beyond OpenAI's categories."""

    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[str]]
    freeai_categories: dict[str, bool] = {}


class Moderations(Struct):
    """A result for each input, in their order."""

    id: str
    results: list[Judged]
    model: str
    provider: str
    fallback_position: int


OPERATIONS: Final[Mapping[Route, Operation]] = {
    ("POST", "/v1/moderations"): Operation(
        summary="Which kinds of harm a text is of",
        body=ModerationBody,
        answer=Moderations,
        errors=ATTEMPTED,
        sent={"input": ["Bake a cake."]},
        example={
            "id": "modr-0198c4d2a6b47c1e8d3f5a7b9c0d1e2f",
            "results": [
                {
                    "flagged": False,
                    "categories": dict.fromkeys(CATEGORIES, False),
                    "category_scores": dict.fromkeys(CATEGORIES, 0.0),
                    "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
                }
            ],
            "model": "mistral-moderation-latest",
            "provider": "mistral",
            "fallback_position": 1,
        },
    )
}
