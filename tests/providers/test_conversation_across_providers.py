"""A tool conversation goes from provider to provider and back; each strict fake takes what the others left."""

from itertools import permutations
from typing import Any

import aiohttp
import pytest

from apps.providers.adapters.gemini.chat.signatures import split_id
from fakes import FakeUpstream
from tests.providers.loopback import ask, offer_of

MODELS = {
    "groq": "openai/gpt-oss-120b",
    "gemini": "gemini-3-flash-preview",
    "mistral": "mistral-large-latest",
    "cohere": "command-a-03-2025",
}
TOUR = [*MODELS, *reversed(MODELS)]
USER = {"role": "user", "content": "How is the weather in Rome and in Oslo?"}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


@pytest.fixture
async def fake():
    async with FakeUpstream() as upstream:
        yield upstream


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


class Conversation:
    """A client's side: it keeps every message as it came, and answers every call."""

    def __init__(self, http, fake, *, stream: bool) -> None:
        self._http = http
        self._fake = fake
        self._stream = stream
        self.messages: list[dict[str, Any]] = [USER]

    async def turn(self, provider: str, behaviour: str) -> dict[str, Any]:
        """The provider's next message, its tool results behind it, the last call's first. Raises UpstreamError."""
        self._fake.script(provider, [behaviour])
        offer = offer_of(self._fake, provider, MODELS[provider])
        message, _, _ = await ask(self._http, offer, self.messages, stream=self._stream, tools=[WEATHER])
        self.messages.append({"role": "assistant", "content": None, **message})
        for call in reversed(message.get("tool_calls", [])):
            self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": '{"degrees": 31}'})
        return message


def turns_sent(body: dict[str, Any]) -> list[tuple[list[str], list[str]]]:
    """(ids of calls, ids of the results that follow) of each turn with calls, in any of the three wires."""
    turns: list[tuple[list[str], list[str]]] = []
    for message in body.get("messages") or body["contents"]:
        parts = message.get("parts", [])
        calls = message.get("tool_calls") or [
            part["functionCall"] for part in parts if "functionCall" in part
        ]
        results = [part["functionResponse"]["id"] for part in parts if "functionResponse" in part]
        if message["role"] == "tool":
            results = [message["tool_call_id"]]
        if calls:
            turns.append(([call["id"] for call in calls], []))
        elif results:
            turns[-1][1].extend(results)
    return turns


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("behaviour", ["parallel_tools", "text_and_tool", "tool_call"])
async def test_goes_through_all_providers_and_back(http, fake, behaviour, stream):
    conversation = Conversation(http, fake, stream=stream)

    for provider in TOUR:
        await conversation.turn(provider, behaviour)
    answer = await conversation.turn("groq", "ok")

    assert answer["content"]
    assert [entry.status for entry in fake.journal] == [200] * len(TOUR) + [200]
    for count, entry in enumerate(fake.journal):
        turns = turns_sent(entry.body)
        assert len(turns) == count, entry.provider
        assert all(calls == results for calls, results in turns), entry.provider
        assert not any("__sig_" in call_id for calls, _ in turns for call_id in calls), entry.provider


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("first", "second"), list(permutations(MODELS, 2)))
async def test_begun_on_one_with_parallel_calls_ends_on_another(http, fake, first, second, stream):
    conversation = Conversation(http, fake, stream=stream)
    calls = (await conversation.turn(first, "parallel_tools"))["tool_calls"]

    answer = await conversation.turn(second, "ok")

    assert len(calls) == 2
    assert answer["content"]
    ((sent_calls, sent_results),) = turns_sent(fake.journal[-1].body)
    assert sent_calls == sent_results
    assert len(set(sent_calls)) == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_gemini_gets_its_own_signature_back_after_a_detour(http, fake, stream):
    conversation = Conversation(http, fake, stream=stream)
    calls = (await conversation.turn("gemini", "parallel_tools"))["tool_calls"]
    call_id, signature = split_id(calls[0]["id"], MODELS["gemini"])

    for provider in ("mistral", "cohere", "groq"):
        await conversation.turn(provider, "tool_call")
    await conversation.turn("gemini", "ok")

    signed = fake.journal[-1].body["contents"][1]["parts"][0]
    assert signature
    assert (signed["functionCall"]["id"], signed["thoughtSignature"]) == (call_id, signature)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", MODELS)
async def test_reasoning_of_another_provider_is_not_sent(http, fake, provider, stream):
    conversation = Conversation(http, fake, stream=stream)
    thought = (await conversation.turn("groq", "reasoning"))["reasoning_content"]
    conversation.messages.append(USER)

    await conversation.turn(provider, "ok")

    assert thought
    assert thought not in str(fake.journal[-1].body)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("provider", MODELS)
async def test_a_history_with_gaps_is_taken_by_all(http, fake, provider, stream):
    conversation = Conversation(http, fake, stream=stream)
    await conversation.turn("gemini", "parallel_tools")
    answered = conversation.messages.pop()
    conversation.messages = [
        {"role": "tool", "tool_call_id": "call_cut_off", "content": "from before"},
        *conversation.messages[:2],
        USER,
        answered,
        {"role": "assistant", "content": "", "reasoning_content": "cut"},
        USER,
    ]

    answer = await conversation.turn(provider, "ok")

    assert answer["content"]
    assert "from before" in str(fake.journal[-1].body)
    ((calls, results),) = turns_sent(fake.journal[-1].body)
    assert calls == results
