"""Asking the gateway, whole or streamed, and what came of it in one form for both."""

from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from tests.asgi import Answer
from tests.contract.candidates import Candidate
from tests.gateway.conftest import Gateway

both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer, put together if it was streamed."""

    message: dict[str, Any]
    finish: str | None

    @property
    def content(self) -> str:
        return self.message.get("content") or ""

    @property
    def reasoning(self) -> str:
        return self.message.get("reasoning_content") or ""

    @property
    def calls(self) -> list[tuple[str, Any]]:
        """(name, arguments) of each tool call."""
        functions = [call["function"] for call in self.message.get("tool_calls") or ()]
        return [(function["name"], orjson.loads(function["arguments"])) for function in functions]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the client got."""

    choices: list[Choice]
    usage: dict[str, Any]

    @property
    def only(self) -> Choice:
        """The one choice there is."""
        (choice,) = self.choices
        return choice


def install(gateway: Gateway, candidate: Candidate) -> None:
    """Make the candidate the gateway's, with its shipped data."""
    gateway.add(candidate.provider, candidate.model, capabilities=candidate.capabilities)


async def ask(
    gateway: Gateway, candidate: Candidate, behaviour: str, *, stream: bool, **fields: Any
) -> Served:
    """The candidate's answer to a chat with these fields. It must be its own, to a request that its strict fake took."""
    if not gateway.providers:
        install(gateway, candidate)
    gateway.fake.script(candidate.provider, [behaviour])
    if stream:
        fields["stream_options"] = {"include_usage": True}

    answer = await gateway.client.chat(model="freeai-auto", stream=stream, **fields)

    assert answer.status == 200, answer.body
    assert gateway.fake.journal[-1].status == 200
    assert gateway.events()[-1].outcome == "success"
    return streamed(answer) if stream else whole(answer)


def sent(gateway: Gateway) -> Any:
    """The body of the last request that a fake got."""
    return gateway.fake.journal[-1].body


def sent_text(gateway: Gateway) -> str:
    """The same as JSON text, to look for something wherever the wire has it."""
    return orjson.dumps(sent(gateway)).decode()


def whole(answer: Answer) -> Served:
    """A chat.completion object."""
    choices = [
        Choice(message=choice["message"], finish=choice["finish_reason"]) for choice in answer.json["choices"]
    ]
    return Served(choices=choices, usage=answer.json["usage"])


def streamed(answer: Answer) -> Served:
    """chat.completion.chunk objects, joined as a client joins them."""
    *frames, done = answer.events
    assert done == "[DONE]"
    messages: dict[int, dict[str, Any]] = {}
    finishes: dict[int, str] = {}
    for choice in (choice for frame in frames for choice in frame["choices"]):
        index = choice["index"]
        _join(messages.setdefault(index, {}), choice["delta"])
        if choice["finish_reason"]:
            assert index not in finishes, "two finish reasons"
            finishes[index] = choice["finish_reason"]
    choices = [Choice(message=messages[index], finish=finishes[index]) for index in sorted(messages)]
    return Served(choices=choices, usage=frames[-1]["usage"])


def _join(message: dict[str, Any], delta: dict[str, Any]) -> None:
    message["role"] = "assistant"
    for name in ("content", "reasoning_content"):
        if delta.get(name):
            message[name] = message.get(name, "") + delta[name]
    for part in delta.get("tool_calls") or ():
        calls = message.setdefault("tool_calls", [])
        if part["index"] == len(calls):
            empty = {"name": part["function"]["name"], "arguments": ""}
            calls.append({"id": part["id"], "type": "function", "function": empty})
        calls[part["index"]]["function"]["arguments"] += part["function"].get("arguments") or ""
