"""Messages through a gateway in the test's own loop; and what requests of real clients look like."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.asgi import Answer
from tests.gateway.conftest import Gateway, edge, gateway, upstream
from tests.messages.events import Reader

FIXTURES = {
    path.stem: orjson.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent / "fixtures").glob("*.json"))
}
REQUESTS = {name: it["body"] for name, it in FIXTURES.items() if it["path"].startswith("/v1/messages?")}
REQUESTS |= {name: it["body"] for name, it in FIXTURES.items() if it["path"] == "/v1/messages"}
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]
TOOL = {
    "name": "get_weather",
    "description": "Of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
FORECAST = TOOL | {"name": "get_forecast"}


def body(**fields: Any) -> bytes:
    """A request with a one-line conversation unless `messages` is given; `...` takes a field out."""
    made = {"model": "freeai-auto", "max_tokens": 1000, "messages": HELLO, **fields}
    return orjson.dumps({name: value for name, value in made.items() if value is not ...})


async def ask(gateway: Gateway, path: str = "/v1/messages", **fields: Any) -> Answer:
    """POST with these fields."""
    return await gateway.client.request("POST", path, body(**fields))


async def message_of(gateway: Gateway, *, stream: bool, **fields: Any) -> dict[str, Any]:
    """The message, put together if it was streamed; what comes is checked event by event."""
    answer = await ask(gateway, stream=stream, **fields)
    assert answer.status == 200, answer.body
    return Reader().read(answer.body).message if stream else answer.json


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


__all__ = ["edge", "gateway", "upstream"]
