"""Requests of real clients, as they were recorded: each is served on every wire, and what goes upstream is what its strict fake takes."""

from typing import Any

import orjson
import pytest

from tests.asgi import Answer
from tests.gateway.conftest import RAW_KEY, Gateway
from tests.gemini.conftest import FIXTURES, joined

WIRES = [
    ("groq", "openai/gpt-oss-120b"),
    ("gemini", "gemini-2.5-flash"),
    ("cohere", "command-a-03-2025"),
    ("mistral", "mistral-small-latest"),
]
EVERYTHING = {"tools", "forced_tools", "vision", "json_object", "json_schema", "files", "reasoning"}


def padded(body: dict[str, Any]) -> dict[str, Any]:
    """As large as agents' first requests are: a hundred kilobytes, and thirty functions."""
    declared = body["tools"][0]["functionDeclarations"]
    many = [{**declared[0], "name": f"function_{at}"} for at in range(30)]
    system = {"role": "user", "parts": [{"text": "Be careful. " * 8500}]}
    return body | {"tools": [{"functionDeclarations": many}], "systemInstruction": system}


@pytest.mark.parametrize("size", ["as recorded", "as large as they are"])
@pytest.mark.parametrize("name", sorted(FIXTURES))
@pytest.mark.parametrize(("provider", "model"), WIRES, ids=[provider for provider, _ in WIRES])
async def test_each_is_served_on_every_wire(
    gateway: Gateway, name: str, provider: str, model: str, size: str
):
    gateway.add(provider, model, capabilities=EVERYTHING)
    gateway.configure(model_names="gemini-* = freeai-auto")
    gateway.fake.script(provider, ["tool_call"])
    gateway.client.key = ""
    fixture = FIXTURES[name]
    body = fixture["body"] if size == "as recorded" else padded(fixture["body"])
    headers = fixture["headers"] | {"x-goog-api-key": RAW_KEY}

    answer = await gateway.client.request("POST", fixture["path"], orjson.dumps(body), headers)

    assert answer.status == 200, answer.body
    (request,) = gateway.fake.journal
    assert request.status == 200
    (candidate,) = _whole(answer)["candidates"]
    assert candidate["finishReason"] == "STOP"
    assert [list(part)[0] for part in candidate["content"]["parts"]] == ["functionCall"]  # noqa: RUF015
    (event,) = gateway.events()
    assert (event.outcome, event.endpoint) == ("success", "generate_content")


def _whole(answer: Answer) -> dict[str, Any]:
    if answer.headers["content-type"].startswith("text/event-stream"):
        return joined(answer)
    return dict(answer.json)
