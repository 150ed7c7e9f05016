"""Text, short and long: all of it, its end and its price, streamed or whole."""

import pytest

from fakes.answers import PIECES_OF_OK, words
from tests.contract.candidates import Candidate, able
from tests.contract.served import ask, both_ways
from tests.gateway.conftest import Gateway

LONG = 500


@both_ways
@pytest.mark.parametrize(
    ("behaviour", "pieces", "finish"),
    [
        ("ok", PIECES_OF_OK, "stop"),
        ("length", PIECES_OF_OK, "length"),
        (f"long_{LONG}", LONG, "stop"),
    ],
)
@able()
async def test_text_arrives_complete(
    gateway: Gateway, candidate: Candidate, behaviour: str, pieces: int, finish: str, stream: bool
):
    served = await ask(gateway, candidate, behaviour, stream=stream)

    assert served.only.content == "".join(words(0, pieces))
    assert served.only.finish == finish
    assert not served.only.calls


@able(when=lambda candidate: candidate.counts_streams)
async def test_usage_is_the_same_for_the_client_and_the_ledger_streamed_or_whole(
    gateway: Gateway, candidate: Candidate
):
    whole = await ask(gateway, candidate, "ok", stream=False)
    streamed = await ask(gateway, candidate, "ok", stream=True)

    assert whole.usage["prompt_tokens"] > 0
    assert whole.usage["completion_tokens"] > 0
    assert whole.usage["total_tokens"] == whole.usage["prompt_tokens"] + whole.usage["completion_tokens"]
    assert streamed.usage == whole.usage
    recorded = [(event.prompt_tokens, event.completion_tokens) for event in gateway.events()]
    assert recorded == [(whole.usage["prompt_tokens"], whole.usage["completion_tokens"])] * 2
    assert not any(event.estimated for event in gateway.events())


@able(when=lambda candidate: not candidate.counts_streams)
async def test_usage_that_cannot_be_asked_for_is_told_or_marked_as_an_estimate(
    gateway: Gateway, candidate: Candidate
):
    whole = await ask(gateway, candidate, "ok", stream=False)
    streamed = await ask(gateway, candidate, "ok", stream=True)

    *_, event = gateway.events()
    assert streamed.usage["prompt_tokens"] > 0
    assert streamed.usage["completion_tokens"] > 0
    assert streamed.usage == whole.usage or event.estimated
    recorded = (event.prompt_tokens, event.completion_tokens)
    assert recorded == (streamed.usage["prompt_tokens"], streamed.usage["completion_tokens"])


@able()
async def test_a_stream_tells_its_usage_only_to_those_who_ask(gateway: Gateway, candidate: Candidate):
    await ask(gateway, candidate, "ok", stream=True)

    answer = await gateway.client.chat(stream=True)

    *frames, _ = answer.events
    assert all(frame["choices"] and "usage" not in frame for frame in frames)
    assert gateway.events()[-1].completion_tokens == gateway.events()[0].completion_tokens
