"""Google's API through a gateway in the test's own loop, and a reader of its streams that trusts nothing."""

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
HELLO: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": "Hello"}]}]
CITY: dict[str, Any] = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
WEATHER: dict[str, Any] = {"name": "get_weather", "description": "Of a city.", "parameters": CITY}
TOOLS = [{"functionDeclarations": [WEATHER, WEATHER | {"name": "get_forecast"}]}]
WAYS = {
    "whole": "generateContent",
    "events": "streamGenerateContent?alt=sse",
    "array": "streamGenerateContent",
}


def body(**fields: Any) -> bytes:
    """A request with a one-line conversation unless `contents` is given; `...` takes a field out."""
    made = {"contents": HELLO, **fields}
    return orjson.dumps({name: value for name, value in made.items() if value is not ...})


async def ask(
    gateway: Gateway, method: str = "generateContent", *, model: str = "freeai-auto", **fields: Any
) -> Answer:
    """POST with these fields."""
    return await gateway.client.request("POST", f"/v1beta/models/{model}:{method}", body(**fields))


def frames(answer: Answer) -> list[dict[str, Any]]:
    """The objects of a stream, however it travels: of events nothing but data with Google's line ends."""
    if answer.headers["content-type"] == "application/json":
        return answer.json
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, rest = answer.body.split(b"\r\n\r\n")
    assert rest == b""
    assert all(event.startswith(b"data: {") and b"\n" not in event for event in events), events
    return [orjson.loads(event.removeprefix(b"data: ")) for event in events]


def joined(answer: Answer) -> dict[str, Any]:
    """One object of all frames: parts joined, texts of one kind into one; the last has the usage and every reason, and nobody else has."""
    *begun, last = frames(answer)
    assert all("usageMetadata" not in frame for frame in begun)
    whole: dict[int, dict[str, Any]] = {}
    for frame in [*begun, last]:
        for candidate in frame["candidates"]:
            held = whole.setdefault(candidate["index"], {"content": {"role": "model", "parts": []}})
            assert "finishReason" not in held
            held |= {name: value for name, value in candidate.items() if name != "content"}
            for part in candidate["content"]["parts"]:
                _join(held["content"]["parts"], part)
    assert all(candidate["finishReason"] for candidate in whole.values())
    return last | {"candidates": [whole[index] for index in sorted(whole)]}


def _join(parts: list[dict[str, Any]], part: dict[str, Any]) -> None:
    if part == {"text": ""}:
        return
    if parts and "text" in part and "text" in parts[-1] and part.get("thought") == parts[-1].get("thought"):
        parts[-1] = part | {"text": parts[-1]["text"] + part["text"]}
    else:
        parts.append(part)


async def answer_of(gateway: Gateway, way: str, **fields: Any) -> dict[str, Any]:
    """The object, put together if it was streamed."""
    answer = await ask(gateway, WAYS[way], **fields)
    assert answer.status == 200, answer.body
    return answer.json if way == "whole" else joined(answer)


@pytest.fixture(params=sorted(WAYS))
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


__all__ = ["gateway", "upstream"]
