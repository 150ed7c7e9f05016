"""Responses through a gateway in the test's own loop; and what requests of real clients look like."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.asgi import Answer
from tests.gateway.conftest import Gateway, edge, gateway, upstream
from tests.responses.events import Reader

FIXTURES = {
    path.stem: orjson.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent / "fixtures").glob("*.json"))
}
PATH = "/v1/responses"
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
TOOL = {"type": "function", "name": "get_weather", "description": "Of a city.", "parameters": PARAMETERS}
FORECAST = TOOL | {"name": "get_forecast"}
SEALED = "reasoning.encrypted_content"


def body(**fields: Any) -> bytes:
    """A request with one line of input unless `input` is given; `...` takes a field out."""
    made = {"model": "freeai-auto", "input": "Hello", **fields}
    return orjson.dumps({name: value for name, value in made.items() if value is not ...})


async def ask(gateway: Gateway, path: str = PATH, **fields: Any) -> Answer:
    """POST with these fields."""
    return await gateway.client.request("POST", path, body(**fields))


async def response_of(gateway: Gateway, *, stream: bool, **fields: Any) -> dict[str, Any]:
    """The response object, the last one if it was streamed; what comes is checked event by event."""
    answer = await ask(gateway, stream=stream, **fields)
    assert answer.status == 200, answer.body
    return Reader().read(answer.body).response if stream else answer.json


def sent(gateway: Gateway) -> dict[str, Any]:
    """What went upstream last."""
    return gateway.fake.journal[-1].body


def kinds(response: dict[str, Any]) -> list[str]:
    return [item["type"] for item in response["output"]]


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


__all__ = ["edge", "gateway", "upstream"]
