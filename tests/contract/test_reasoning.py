"""Reasoning: apart from the answer, wherever the provider puts it."""

from fakes.answers import words
from tests.contract.candidates import Candidate, able
from tests.contract.served import ask, both_ways
from tests.gateway.conftest import Gateway

THOUGHT = "".join(words(1, 5))
TEXT = "".join(words(0, 5))


@both_ways
@able("reasoning")
async def test_reasoning_is_told_apart_from_the_answer(gateway: Gateway, candidate: Candidate, stream: bool):
    served = await ask(gateway, candidate, "reasoning", stream=stream, reasoning_effort="medium")

    assert served.only.reasoning == THOUGHT
    assert served.only.content == TEXT
    assert served.only.finish == "stop"


@able("reasoning", when=lambda candidate: candidate.counts_streams)
async def test_usage_with_reasoning_is_the_same_streamed_or_whole(gateway: Gateway, candidate: Candidate):
    whole = await ask(gateway, candidate, "reasoning", stream=False, reasoning_effort="medium")
    streamed = await ask(gateway, candidate, "reasoning", stream=True, reasoning_effort="medium")

    assert whole.usage == streamed.usage


@both_ways
@able("reasoning", when=lambda candidate: candidate.preset.wire == "openai")
async def test_think_tags_are_reasoning(gateway: Gateway, candidate: Candidate, stream: bool):
    served = await ask(gateway, candidate, "think_tags", stream=stream)

    assert served.only.reasoning.strip() == THOUGHT.strip()
    assert served.only.content.strip() == TEXT.strip()
