"""A 404 is proof that a model is gone, unless it speaks of something else that is not there: on every wire."""

from typing import Any, get_args

import orjson
import pytest

from apps.providers.adapters import WIRES
from apps.providers.errors import ErrorKind
from apps.providers.types import Preset
from tests.factories import make_offer

SHAPES: dict[str, Any] = {
    "openai": lambda text: {"error": {"message": text}},
    "gemini": lambda text: {"error": {"code": 404, "message": text, "status": "NOT_FOUND"}},
    "cohere": lambda text: {"message": text},
    "mistral": lambda text: {"object": "error", "message": text},
    "cloudflare": lambda text: {"success": False, "errors": [{"code": 1, "message": text}]},
    "huggingface": lambda text: {"error": text},
    "nvidia": lambda text: {"detail": text},
    "policy": lambda text: {"error": {"message": text}},
    "guard": lambda text: {"error": {"message": text}},
}


def kind(wire: Any, text: str, status: int = 404) -> ErrorKind:
    offer = make_offer(model="m-1", preset=Preset(wire=wire))
    return WIRES[wire].parse_error(status, {}, orjson.dumps(SHAPES[wire](text)), offer).kind


def test_every_wire_is_here():
    assert set(SHAPES) == set(WIRES) >= set(get_args(Preset.__annotations__.get("wire")))


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "text",
    [
        "tool not found",
        "Tool 'get_weather' not found",
        "The function `f` does not exist.",
        "File files/abc is not found.",
        "CachedContent not found (or permission denied)",
        "Previous response with id 'resp_1' not found.",
        "No such file: a.pdf",
        "Could not find the image",
        "The conversation has expired",
    ],
)
def test_what_else_is_missing_says_nothing_of_the_model(wire: str, text: str, status: int):
    assert kind(wire, text, status) is ErrorKind.REFUSED


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(
    "text",
    [
        "The model `m-1` does not exist",
        "models/m-1 is not found for API version v1beta, or is not supported for generateContent.",
        "Requested entity was not found.",
        "Not Found",
        "No such model: tool-user",
        "models/image-gen is not found",
        "",
    ],
)
def test_a_missing_model_is_gone(wire: str, text: str):
    assert kind(wire, text) is ErrorKind.MODEL_GONE
