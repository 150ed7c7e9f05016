"""What no adapter foresaw ends the attempt as unreadable, before the first content and after it, and everything is settled."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from apps.gateway.answering import stream as streaming
from apps.gateway.answering.operation import ChatStreamed
from apps.providers.adapters import chat
from apps.providers.adapters.chat import codec_for
from apps.providers.adapters.contract import ChatCodec
from apps.providers.adapters.openai.chat.stream import OpenAIStream
from apps.providers.types import ChatChunk, Offer
from tests.edges import BOTH
from tests.gateway.conftest import Gateway, until

pytestmark = BOTH


class Trap(OpenAIStream):
    """The OpenAI wire's parser with a fault of its own. `where`: "feed" and "finish" raise KeyError there, "chunk" lets a malformed
    chunk through. `after`: so many reads are well."""

    def __init__(self, offer: Any, where: str, after: int) -> None:
        super().__init__(offer)
        self._where = where
        self._left = after

    def feed(self, data: bytes) -> list[ChatChunk]:
        self._left -= 1
        if self._left >= 0 or self._where == "finish":
            return super().feed(data)
        if self._where == "chunk":
            return [ChatChunk([{"delta": {}}])]
        raise KeyError("index")

    def finish(self) -> list[ChatChunk]:
        if self._where == "finish":
            raise KeyError("index")
        return super().finish()


def set_trap(monkeypatch: pytest.MonkeyPatch, where: str, after: int, provider: str = "groq") -> None:
    def trapped(offer: Offer) -> ChatCodec:
        codec = codec_for(offer)
        if offer.provider != provider:
            return codec
        return replace(codec, open_stream=lambda offer: Trap(offer, where, after))

    monkeypatch.setattr(chat, "codec_for", trapped)


@pytest.mark.parametrize("where", ["feed", "finish", "chunk"])
async def test_after_content_it_is_one_error_frame_and_an_attempt_that_failed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, where: str
):
    set_trap(monkeypatch, where, after=3)
    gateway.configure(circuit_breaker_threshold=1)
    gateway.add("groq", "frames_6_20")
    gateway.add("mistral", "ok")

    answer = await gateway.client.chat(stream=True)
    if where != "finish":  # a body that was read to its end leaves its connection in the pool
        await until(lambda: gateway.fake.open_connections == 0)
    after = await gateway.client.chat()

    (broken,) = [event for event in answer.events if "error" in event]
    assert (broken["error"]["provider"], broken["error"]["kind"]) == ("groq", "parsing")
    assert answer.events[-2:] == [broken, "[DONE]"]
    assert answer.text
    event = gateway.events()[0]
    assert (event.provider, event.outcome, event.error_kind) == ("groq", "error", "parsing")
    assert event.completion_tokens > 0
    assert after.json["fallback_chain"] == ["mistral"]
    assert await gateway.open_grants() == 0


async def test_before_content_the_next_candidate_answers(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    set_trap(monkeypatch, "feed", after=0)
    gateway.add("groq", "frames_6_20")
    gateway.add("mistral", "ok")

    answer = await gateway.client.chat(stream=True)

    frames = [event for event in answer.events if event != "[DONE]"]
    assert frames[-1].get("fallback_chain") == ["groq", "mistral"]
    assert [event.error_kind for event in gateway.events()] == ["parsing", ""]
    assert await gateway.open_grants() == 0


async def test_fault_between_the_first_content_and_the_headers_leaves_nothing_open(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
):
    def dropped(*_: Any) -> tuple[str, ...]:
        raise KeyError("name")

    monkeypatch.setattr(ChatStreamed, "dropped", dropped)
    gateway.add("groq", "frames_500_10")

    answer = await gateway.client.chat(stream=True)

    assert (answer.status, answer.error["code"]) == (500, "internal_error")
    await until(lambda: gateway.fake.open_connections == 0)
    assert [event.outcome for event in gateway.events()] == ["cancelled"]
    assert await gateway.open_grants() == 0


async def test_own_fault_behind_the_comments_is_an_error_frame_too(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
):
    async def acquire(*_: Any) -> None:
        await asyncio.sleep(0.2)
        raise RuntimeError("the store is broken")

    monkeypatch.setattr(streaming, "QUIET_S", 0.05)
    monkeypatch.setattr(gateway.runtime.store, "acquire", acquire)
    gateway.add("groq", "ok")

    answer = await gateway.client.chat(stream=True)

    assert answer.status == 200
    assert answer.events[0]["error"]["code"] == "internal_error"
    assert answer.events[-1] == "[DONE]"
