"""Requests of real clients for what is no chat, as they were recorded: each is served on every wire, and what goes upstream is what its
strict fake takes."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.asgi import Answer
from tests.gateway import test_images, test_moderations, test_rerank, test_speech
from tests.gateway.conftest import RAW_KEY, Gateway

FIXTURES: dict[str, dict[str, Any]] = {
    path.stem: orjson.loads(path.read_bytes())
    for path in sorted((Path(__file__).parent / "fixtures").glob("*.json"))
}
NO_MP3 = {"groq", "gemini"}
BY_NAME = {"rerank": {"cloudflare"}, "image": {"cloudflare", "huggingface"}}
"""Where what a model does is told by its name alone, so that the recorded one is nobody's."""


async def sent(gateway: Gateway, name: str) -> Answer:
    """The answer to a fixture. What reached the upstream was taken there."""
    fixture = FIXTURES[name]
    gateway.client.key = ""
    headers = fixture["headers"] | {"authorization": f"Bearer {RAW_KEY}"}

    answer = await gateway.client.request(
        fixture["method"], fixture["path"], orjson.dumps(fixture["body"]), headers
    )

    assert answer.status == 200, answer.body
    assert {request.status for request in gateway.fake.journal} == {200}
    assert {event.outcome for event in gateway.events()} == {"success"}
    return answer


@pytest.mark.parametrize("name", ["cohere-rerank-plain", "jina-rerank-objects"])
@pytest.mark.parametrize("provider", sorted(set(test_rerank.PRESETS) - BY_NAME["rerank"]))
async def test_documents_are_ranked(gateway: Gateway, provider: str, name: str):
    asked = FIXTURES[name]["body"]
    test_rerank.add(gateway, provider, asked["model"])

    ranked = test_rerank.pairs(await sent(gateway, name))

    assert len(ranked) == asked["top_n"]
    assert ranked == sorted(ranked, key=lambda pair: -pair[1])


@pytest.mark.parametrize("provider", test_speech.MODELS)
async def test_a_text_is_spoken(gateway: Gateway, provider: str):
    test_speech.add(gateway, provider)
    if provider in NO_MP3:
        test_speech.add(gateway, "openai")

    answer = await sent(gateway, "aisdk-speech-plain")

    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["x-freeai-provider"] == ("openai" if provider in NO_MP3 else provider)


@pytest.mark.parametrize("provider", sorted(set(test_images.MODELS) - BY_NAME["image"]))
async def test_a_picture_is_drawn(gateway: Gateway, provider: str):
    test_images.add(gateway, provider, FIXTURES["openwebui-images-generation"]["body"]["model"])

    assert len(test_images.pictures(await sent(gateway, "openwebui-images-generation"))) == 1


@pytest.mark.parametrize("provider", ["openai", "mistral", "groq"])
async def test_a_text_is_judged(gateway: Gateway, provider: str):
    test_moderations.add(gateway, provider)

    (result,) = test_moderations.results(await sent(gateway, "openai-moderations-parts"))

    assert result["flagged"] is False
