"""Retries in place and the quota that they take: they never wait for it, only the later calls of a split answer may."""

import asyncio
from typing import Any

import msgspec
import orjson
import pytest

from tests.asgi import Answer
from tests.gateway.conftest import SHIPPED, Gateway, Limit

ONE_A_MINUTE = [Limit("requests", "minute", 1, kind="rolling")]
AT_ONCE_S = 5.0


def one_by_one(provider: str) -> Any:
    """The provider's preset with an upstream call for each input."""
    preset = SHIPPED[provider]
    return msgspec.structs.replace(preset, embeddings=msgspec.structs.replace(preset.embeddings, batch=1))


async def embed(gateway: Gateway, *inputs: str) -> Answer:
    return await gateway.client.request("POST", "/v1/embeddings", orjson.dumps({"input": inputs}))


@pytest.mark.parametrize("stream", [False, True])
async def test_retry_without_quota_leaves_the_answer_to_the_next_candidate(gateway: Gateway, stream: bool):
    gateway.add("groq", "error_500", max_retries=1, limits=ONE_A_MINUTE)
    gateway.add("mistral", "ok")

    async with asyncio.timeout(AT_ONCE_S):
        answer = await gateway.client.chat(stream=stream)

    assert answer.status == 200
    assert [(event.provider, event.outcome) for event in gateway.events()] == [
        ("groq", "error"),
        ("mistral", "success"),
    ]
    assert [event.fallback_position for event in gateway.events()] == [1, 2]
    assert await gateway.open_grants() == 0


async def test_retry_without_quota_and_without_another_candidate_is_the_failure_itself(gateway: Gateway):
    gateway.add("groq", "error_500", max_retries=1, limits=ONE_A_MINUTE)

    async with asyncio.timeout(AT_ONCE_S):
        answer = await gateway.client.chat()

    assert (answer.status, answer.error["code"]) == (502, "upstream_failed")
    assert len(gateway.events()) == 1


async def test_first_batch_of_a_split_answer_does_not_wait_either(gateway: Gateway):
    gateway.add(
        "mistral",
        "error_500",
        task="embedding",
        max_retries=1,
        limits=ONE_A_MINUTE,
        preset=one_by_one("mistral"),
    )
    gateway.add("gemini", "ok", task="embedding", preset=one_by_one("gemini"))

    async with asyncio.timeout(AT_ONCE_S):
        answer = await embed(gateway, "a", "b")

    assert answer.json["provider"] == "gemini"


async def test_retry_of_a_later_batch_may_wait_as_the_batch_itself(gateway: Gateway):
    limits = [Limit("requests", "second", 1)]
    gateway.add("mistral", "ok", task="embedding", max_retries=1, limits=limits, preset=one_by_one("mistral"))
    gateway.fake.script("mistral", ["ok", "error_500", "ok"])

    answer = await embed(gateway, "a", "b")

    assert answer.status == 200
    assert [event.outcome for event in gateway.events()] == ["success", "error", "success"]
    assert [event.fallback_position for event in gateway.events()] == [1, 1, 1]
