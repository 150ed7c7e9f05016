"""Completions through a gateway in the test's own loop; and what requests of real clients look like."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.asgi import Answer
from tests.gateway.conftest import Gateway, gateway
from tests.gateway.scripted import Scripted, scripted_upstream

FIXTURES = {
    path.stem: orjson.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent / "fixtures").glob("*.json"))
}
PATH = "/v1/completions"
CODER = "codestral-latest"


async def ask(gateway: Gateway, **fields: Any) -> Answer:
    """POST with these fields; a prompt unless one is given; `...` takes a field out."""
    made = {"prompt": "Once upon a time", **fields}
    body = orjson.dumps({name: value for name, value in made.items() if value is not ...})
    return await gateway.client.request("POST", PATH, body)


def read(answer: Answer, *, stream: bool) -> list[dict[str, Any]]:
    """The choices, put together if they were streamed: of each its text, index and finish reason."""
    assert answer.status == 200, answer.body
    if not stream:
        return [_told(choice) for choice in answer.json["choices"]]
    *frames, done = answer.events
    assert done == "[DONE]"
    joined: dict[int, dict[str, Any]] = {}
    for frame in frames:
        assert frame["object"] == "text_completion"
        for choice in frame["choices"]:
            known = joined.setdefault(
                choice["index"], {"index": choice["index"], "text": "", "finish_reason": None}
            )
            assert known["finish_reason"] is None, "text behind the end"
            known["text"] += choice["text"]
            known["finish_reason"] = choice["finish_reason"]
    return [joined[index] for index in sorted(joined)]


def _told(choice: dict[str, Any]) -> dict[str, Any]:
    return {name: choice[name] for name in ("index", "text", "finish_reason")}


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def upstream() -> AsyncIterator[Scripted]:
    async with scripted_upstream() as made:
        yield made


__all__ = ["gateway"]
