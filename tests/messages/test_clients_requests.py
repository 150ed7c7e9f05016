"""Requests of real clients, as they were recorded: each is served on every wire, and what goes upstream is what its strict fake takes."""

from typing import Any

import orjson
import pytest

from tests.gateway.conftest import RAW_KEY, Gateway
from tests.messages.conftest import FIXTURES, REQUESTS
from tests.messages.events import Reader

WIRES = [
    ("groq", "openai/gpt-oss-120b"),
    ("gemini", "gemini-2.5-flash"),
    ("cohere", "command-a-03-2025"),
    ("mistral", "mistral-small-latest"),
]
EVERYTHING = {"tools", "forced_tools", "vision", "json_object", "json_schema", "files", "reasoning"}
SECRETS = (
    "cc_version",
    "device_id",
    "user_id",
    "claude-cli",
    "context_management",
    "cache_control",
    "ephemeral",
)


def served(body: dict[str, Any], stream: bool) -> bytes:
    """Without the link to a site that is not there."""
    text = orjson.dumps(body | {"stream": stream})
    inline = body_image()
    return text.replace(b'{"type":"url","url":"https://example.com/a.png"}', inline)


def body_image() -> bytes:
    block = FIXTURES["anthropic-messages-all-blocks"]["body"]["messages"][0]["content"][0]
    return orjson.dumps(block["source"])


@pytest.mark.parametrize("name", sorted(REQUESTS))
@pytest.mark.parametrize(("provider", "model"), WIRES, ids=[provider for provider, _ in WIRES])
async def test_each_is_served_on_every_wire(
    gateway: Gateway, name: str, provider: str, model: str, stream: bool
):
    gateway.add(provider, model, capabilities=EVERYTHING)
    gateway.fake.script(provider, ["ok"])
    fixture = FIXTURES[name]
    headers = {key: value for key, value in fixture["headers"].items() if key not in ("authorization",)}
    if "x-api-key" in headers:
        headers |= {"x-api-key": RAW_KEY}

    answer = await gateway.client.request("POST", fixture["path"], served(fixture["body"], stream), headers)

    assert answer.status == 200, answer.body
    (request,) = gateway.fake.journal
    assert request.status == 200
    message = Reader().read(answer.body).message if stream else answer.json
    assert message["model"] == fixture["body"]["model"]
    assert message["stop_reason"] == "end_turn"
    assert [block["type"] for block in message["content"]] == ["text"]
    assert message["content"][0]["text"]
    (event,) = gateway.events()
    assert (event.outcome, event.endpoint, event.stream) == ("success", "messages", stream)
    sent = orjson.dumps(request.body).decode()
    assert not [secret for secret in SECRETS if secret in sent]
