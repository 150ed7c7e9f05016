"""Requests of real clients, as they were recorded: each is served on every wire, and what goes upstream is what its strict fake takes."""

from typing import Any

import orjson
import pytest

from tests.gateway.conftest import Gateway
from tests.responses.conftest import FIXTURES, PATH, ask, body, response_of
from tests.responses.events import Reader

WIRES = [
    ("groq", "openai/gpt-oss-120b"),
    ("gemini", "gemini-2.5-flash"),
    ("cohere", "command-a-03-2025"),
    ("mistral", "mistral-small-latest"),
]
EVERYTHING = {"tools", "forced_tools", "vision", "json_object", "json_schema", "files", "reasoning"}
# What the provider itself does not take together, or at all, whoever asks for it: another candidate serves it.
NOT_TAKEN = {
    ("cohere", "aisdk-responses-history-files"): "it reads no files",
    ("cohere", "codex-responses-image-schema"): "a schema excludes tools",
    ("gemini", "codex-responses-image-schema"): "a schema excludes tools",
    ("groq", "codex-responses-image-schema"): "a schema excludes tools in a stream",
}
OWN_FIELDS = {
    "input",
    "include",
    "client_metadata",
    "store",
    "text",
    "namespace",
    "instructions",
    "reasoning",
}
SECRETS = ("installation", "codex_exec", "b3BhcXVl", "thread_id", "encrypted_content", "item_reference")


@pytest.mark.parametrize("name", sorted(FIXTURES))
@pytest.mark.parametrize(("provider", "model"), WIRES, ids=[provider for provider, _ in WIRES])
async def test_each_is_served_on_every_wire(
    gateway: Gateway, name: str, provider: str, model: str, stream: bool
):
    gateway.add(provider, model, capabilities=EVERYTHING)
    gateway.configure(model_names="gpt-* = freeai-code")
    reason = NOT_TAKEN.get((provider, name))
    if reason:
        gateway.add("mistral", "mistral-small-latest", capabilities=EVERYTHING, weight=1)
    fixture = FIXTURES[name]
    asked = await with_what_it_refers_to(gateway, provider, fixture["body"])
    gateway.fake.script(provider, ["ok"])
    headers = {key: value for key, value in fixture["headers"].items() if key != "authorization"}

    answer = await gateway.client.request("POST", PATH, orjson.dumps(asked | {"stream": stream}), headers)

    assert answer.status == 200, answer.body
    request = gateway.fake.journal[-1]
    assert request.status == 200
    response = Reader().read(answer.body).response if stream else answer.json
    assert (response["model"], response["status"]) == (fixture["body"]["model"], "completed")
    assert [item["type"] for item in response["output"]] == ["message"]
    assert response["output"][0]["content"][0]["text"]
    assert response["tools"] == fixture["body"].get("tools", [])
    assert response["provider"] == provider or reason
    event = gateway.events()[-1]
    assert (event.outcome, event.endpoint, event.stream) == ("success", "responses", stream)
    assert not OWN_FIELDS & request.body.keys()
    assert not [secret for secret in SECRETS if secret in orjson.dumps(request.body).decode()]


async def with_what_it_refers_to(gateway: Gateway, provider: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The request, its references led to an answer of this gateway's with a text and a call."""
    text = orjson.dumps(asked).decode()
    if "item_reference" not in text and "previous_response_id" not in asked:
        return asked
    gateway.fake.script(provider, ["text_and_tool"])
    earlier = await response_of(gateway, stream=False, tools=asked["tools"], input="Weather?")
    said, called = earlier["output"]
    text = text.replace('"msg_1"', orjson.dumps(said["id"]).decode())
    text = text.replace("resp_1", earlier["id"]).replace("call_1", called["call_id"])
    return orjson.loads(text)


@pytest.mark.parametrize("provider", ["groq", "gemini"])
async def test_a_request_as_large_as_an_agents(gateway: Gateway, provider: str, stream: bool):
    gateway.add(provider, context_window=1_000_000)
    asked = FIXTURES["codex-responses-tool-replay"]["body"]
    tools = [asked["tools"][0] | {"name": f"tool_{at}", "description": "x" * 2000} for at in range(30)]
    asked = asked | {"tools": [*asked["tools"], *tools], "instructions": "y" * 40_000, "stream": stream}

    response = await response_of(gateway, **asked | {"max_output_tokens": 32_000})

    assert len(body(**asked)) > 100_000
    assert response["status"] == "completed"


@pytest.mark.parametrize("name", ["codex-responses-first-turn", "codex-responses-compaction"])
async def test_its_tokens_are_counted_without_a_provider(gateway: Gateway, name: str):
    answer = await ask(gateway, f"{PATH}/input_tokens", **FIXTURES[name]["body"])

    assert answer.status == 200
    assert answer.json["object"] == "response.input_tokens"
    assert answer.json["input_tokens"] > 30
