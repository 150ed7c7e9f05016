"""Parameters that change an answer: n, stop, seed and the form of the output."""

from collections.abc import Callable
from typing import Any

import orjson

from apps.providers.types import ChatWire
from fakes.answers import PIECES_OF_OK, words
from tests.contract.candidates import Candidate, able
from tests.contract.served import ask, both_ways, sent, sent_text
from tests.gateway.conftest import Gateway

STOPS: dict[ChatWire, Callable[[Any], Any]] = {
    "openai": lambda body: body["stop"],
    "gemini": lambda body: body["generationConfig"]["stopSequences"],
    "cohere": lambda body: body["stop_sequences"],
}
BORN = '{"birthplace": "Rome"}'
SCHEMA = {
    "type": "object",
    "properties": {"birthplace": {"type": "string"}},
    "required": ["birthplace"],
    "additionalProperties": False,
}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "born", "strict": True, "schema": SCHEMA}}


@both_ways
@able("n")
async def test_n_gives_so_many_choices(gateway: Gateway, candidate: Candidate, stream: bool):
    served = await ask(gateway, candidate, "ok", stream=stream, n=2)

    assert [choice.content for choice in served.choices] == [
        "".join(words(seed, PIECES_OF_OK)) for seed in range(2)
    ]
    assert [choice.finish for choice in served.choices] == ["stop", "stop"]


@both_ways
@able(when=lambda candidate: candidate.sends("stop"))
async def test_stop_reaches_the_provider(gateway: Gateway, candidate: Candidate, stream: bool):
    await ask(gateway, candidate, "ok", stream=stream, stop="END")

    assert STOPS[candidate.preset.wire](sent(gateway)) in ("END", ["END"])


@both_ways
@able(when=lambda candidate: candidate.sends("seed"))
async def test_a_seed_decides_the_answer(gateway: Gateway, candidate: Candidate, stream: bool):
    first, again, other = [
        (await ask(gateway, candidate, "ok", stream=stream, seed=seed)).only.content for seed in (7, 7, 8)
    ]

    assert first == again == "".join(words(7, PIECES_OF_OK))
    assert other == "".join(words(8, PIECES_OF_OK))


@both_ways
@able("json_schema")
async def test_a_schema_reaches_the_provider_and_json_comes_back(
    gateway: Gateway, candidate: Candidate, stream: bool
):
    question = {"role": "user", "content": BORN}

    served = await ask(
        gateway, candidate, "echo", stream=stream, messages=[question], response_format=JSON_SCHEMA
    )

    assert orjson.loads(served.only.content) == orjson.loads(BORN)
    body = sent(gateway)
    told = {name: value for name, value in body.items() if name not in ("messages", "contents")}
    assert "birthplace" in orjson.dumps(told).decode(), sent_text(gateway)
