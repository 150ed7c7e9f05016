"""Ollama's API through a gateway in the test's own loop, and a reader of its lines."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.asgi import Answer
from tests.gateway.conftest import Gateway, gateway, upstream

FIXTURES = {
    path.stem: orjson.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent / "fixtures").glob("*.json"))
}
HELLO: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]
CITY: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [
    {"type": "function", "function": {"name": name, "description": "Of a city.", "parameters": CITY}}
    for name in ("get_weather", "get_forecast")
]


def body(**fields: Any) -> bytes:
    """A request to the virtual model, one line long unless it says more; `...` takes a field out."""
    made = {"model": "freeai-auto", **fields}
    return orjson.dumps({name: value for name, value in made.items() if value is not ...})


async def ask(gateway: Gateway, way: str = "chat", **fields: Any) -> Answer:
    """POST with these fields."""
    said = {"messages": HELLO} if way == "chat" else {"prompt": "Hello"} if way == "generate" else {}
    return await gateway.client.request("POST", f"/ollama/api/{way}", body(**{**said, **fields}))


def lines(answer: Answer) -> list[dict[str, Any]]:
    """The objects of a stream: nothing but JSON, one a line, the last one done."""
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.body.endswith(b"\n")
    return [orjson.loads(line) for line in answer.body.splitlines()]


def joined(answer: Answer) -> dict[str, Any]:
    """One object of all lines."""
    *begun, last = lines(answer)
    assert last["done"] is True
    assert all(line["done"] is False for line in begun)
    if "message" not in last:
        return last | {"response": "".join(line["response"] for line in [*begun, last])}
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    for line in [*begun, last]:
        for name, value in line["message"].items():
            message[name] = value if name == "role" else message.get(name, type(value)()) + value
    return last | {"message": message}


async def answer_of(gateway: Gateway, way: str = "chat", *, stream: bool, **fields: Any) -> dict[str, Any]:
    """The object, put together if it was streamed."""
    answer = await ask(gateway, way, stream=stream, **fields)
    assert answer.status == 200, answer.body
    return joined(answer) if stream else answer.json


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


__all__ = ["gateway", "upstream"]
