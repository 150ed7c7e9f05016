"""Answers that are too much: cut off before they are decoded, the next candidate asked, and nothing of them kept."""

import asyncio
import gc
import tracemalloc
import types

import orjson
import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.refusing import ANSWER, add
from tests.gateway.upstream_pages import Pages

MIB = 1024 * 1024
MANY = b"[" + b"[]," * 1_100_000 + b"[]]"
DEEP = orjson.dumps(ANSWER)[:-1] + b',"system_fingerprint":' + b"[" * 300 + b"]" * 300 + b"}"
EVENTS = "text/event-stream"
GOOD_EVENTS = (
    b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


def padded(size: int) -> bytes:
    """A good answer of that size."""
    return orjson.dumps(ANSWER | {"system_fingerprint": "a" * size})


@pytest.fixture
def both(gateway: Gateway, upstream: Pages, other: Pages) -> Pages:
    """The first of two upstreams; the second answers well."""
    add(gateway, "first", upstream)
    add(gateway, "second", other)
    other.answer(200, orjson.dumps(ANSWER))
    return upstream


def choices_from(first: int) -> bytes:
    """A frame with a thousand choices that say nothing yet."""
    entries = (b'{"index":%d,"delta":{"role":"assistant"}}' % index for index in range(first, first + 1_000))
    return b'data: {"choices":[' + b",".join(entries) + b"]}\n\n"


class TestWhole:
    @pytest.mark.parametrize(
        "body",
        [padded(9 * MIB), b'{"choices":' + MANY + b"}", MANY, DEEP],
        ids=["large", "many values", "a list", "nested deeper than orjson writes"],
    )
    async def test_the_next_candidate_is_asked(self, gateway: Gateway, both: Pages, body):
        both.answer(200, body)

        answer = await gateway.client.chat()

        assert (answer.status, answer.headers["x-freeai-provider"]) == (200, "second")
        assert [event.error_kind for event in gateway.events()] == ["parsing", ""]

    async def test_many_values_are_not_decoded_to_see_whether_they_are_all(
        self, gateway: Gateway, both: Pages
    ):
        """The end of the body does not come, as some upstreams leave it out."""
        both.answer(200, b"[" + b"{}," * 2_500_000 + b"{}]", cut=True, stays=True)
        tracemalloc.start()

        answer = await gateway.client.chat()

        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answer.headers["x-freeai-provider"] == "second"
        assert most < 64 * MIB

    async def test_the_largest_allowed_is_served(self, gateway: Gateway, both: Pages):
        both.answer(200, padded(8 * MIB - 10_000))

        assert (await gateway.client.chat()).headers["x-freeai-provider"] == "first"

    async def test_how_large_is_the_operators_to_say(self, gateway: Gateway, both: Pages, settings):
        settings.FREEAI_MAX_ANSWER_BYTES = 2_000
        both.answer(200, padded(2_000))

        assert (await gateway.client.chat()).headers["x-freeai-provider"] == "second"


class TestStreamed:
    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            (EVENTS, b'data: {"choices":[],"x":[' + b"[]," * 150_000 + b"[]]}\n\n" + GOOD_EVENTS),
            (EVENTS, (b": comment " + b"a" * 4_000 + b"\n\n") * 1_100 + GOOD_EVENTS),
            (
                EVENTS,
                b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n' * 10_100
                + GOOD_EVENTS,
            ),
            (EVENTS, b"".join(map(choices_from, range(0, 12_000, 1_000))) + GOOD_EVENTS),
            ("application/json", MANY),
            ("application/json", padded(9 * MIB)),
        ],
        ids=[
            "values of a frame",
            "comments",
            "usage",
            "choices",
            "values of a whole",
            "a large whole",
        ],
    )
    async def test_too_much_before_any_content(self, gateway: Gateway, both: Pages, other: Pages, kind, body):
        both.answer(200, body, kind=kind)
        other.answer(200, GOOD_EVENTS, kind=EVENTS)

        answer = await gateway.client.chat(stream=True)

        assert (answer.status, answer.headers["x-freeai-provider"]) == (200, "second")
        assert [event.error_kind for event in gateway.events()] == ["parsing", ""]

    async def test_a_whole_answer_in_place_of_a_stream_is_still_served(self, gateway: Gateway, both: Pages):
        both.answer(200, padded(3 * MIB))

        answer = await gateway.client.chat(stream=True)

        assert answer.headers["x-freeai-provider"] == "first"
        assert answer.text == "Hello"


@pytest.mark.parametrize("stream", [False, True])
async def test_nothing_of_a_failed_answer_is_left_to_the_collector(
    gateway: Gateway, both: Pages, other: Pages, stream
):
    both.answer(200, b'{"choices": 5}')
    other.answer(
        200, GOOD_EVENTS if stream else orjson.dumps(ANSWER), kind=EVENTS if stream else "application/json"
    )
    await gateway.client.chat(stream=stream)
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            assert (await gateway.client.chat(stream=stream)).status == 200
        left = [one for one in gc.get_objects() if isinstance(one, types.TracebackType)]
        held = {frame.tb_frame.f_code.co_name for frame in left} & {"receive", "whole", "_attempt", "_relay"}
    finally:
        gc.enable()

    assert not held


def frame(delta: dict, index: int = 0) -> bytes:
    return b"data: " + orjson.dumps({"choices": [{"index": index, "delta": delta}]}) + b"\n\n"


def called(arguments: str, index: int = 0, name: str | None = None) -> dict:
    call = {"index": index, "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [call | ({"id": f"call-{index}", "type": "function"} if name else {})]}


SAID = frame({"content": "Hi"})
LONG = "a" * 60_000
FLOODS = {
    "text": frame({"content": LONG}) * 160,
    "thoughts": frame({"reasoning_content": LONG}) * 160,
    "arguments": frame(called('{"a":"', name="f")) + frame(called(LONG)) * 160,
    "calls": b"".join(frame(called("{}", at, "f")) for at in range(1_200)),
    "choices": b"".join(frame({"content": "a"}, at) for at in range(200)),
    "refusals": frame({"refusal": LONG}) * 160,
    "thoughts beside texts": frame({"content": "a", "reasoning_content": LONG}) * 160,
    "texts for a custom tool": frame(
        {"tool_calls": [{"index": 0, "id": "c", "custom": {"name": "g", "input": LONG}}]}
    )
    * 160,
}
SURFACES: dict[str, tuple[str, dict]] = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
    "responses": ("/v1/responses", {"input": "Hi"}),
    "messages": ("/v1/messages", {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100}),
}


class TestWithoutEnd:
    """Behind its first content: nobody asked for so much, and some of it is remembered to the end."""

    @pytest.mark.parametrize("flood", FLOODS)
    @pytest.mark.parametrize("surface", SURFACES)
    async def test_it_ends_with_an_error(self, gateway: Gateway, upstream: Pages, surface, flood):
        add(gateway, "only", upstream)
        upstream.answer(200, SAID + FLOODS[flood] + GOOD_EVENTS, kind=EVENTS)
        path, body = SURFACES[surface]

        asked = orjson.dumps(body | {"model": "freeai-fastest", "stream": True})
        answer = await gateway.client.request("POST", path, asked)

        assert answer.status == 200
        assert b'"error"' in answer.body
        assert [(event.outcome, event.error_kind) for event in gateway.events()] == [("error", "parsing")]

    async def test_items_that_take_turns(self, gateway: Gateway, upstream: Pages):
        add(gateway, "only", upstream)
        turns = (frame({"reasoning_content": "a"}) + frame({"content": "a"})) * 6_000
        upstream.answer(200, SAID + turns + GOOD_EVENTS, kind=EVENTS)

        answer = await gateway.client.request(
            "POST", "/v1/responses", b'{"model":"freeai-fastest","stream":true,"input":"Hi"}'
        )

        assert b"too many items" in answer.body

    async def test_how_long_is_the_operators_to_say(self, gateway: Gateway, upstream: Pages, settings):
        settings.FREEAI_MAX_ANSWER_BYTES = 2_000
        add(gateway, "only", upstream)
        upstream.answer(200, frame({"content": "a" * 1_000}) * 3 + GOOD_EVENTS, kind=EVENTS)

        assert b"longer than 2000 characters" in (await gateway.client.chat(stream=True)).body


async def test_a_flood_of_lines_leaves_others_their_turn(gateway: Gateway, upstream: Pages):
    """Counted in turns of the event loop while so much is read at once, not in seconds."""
    add(gateway, "only", upstream)
    upstream.answer(200, SAID + frame({"content": "a"}) * 5_000 + GOOD_EVENTS, kind=EVENTS)
    turns = 0
    is_over = False

    async def others() -> None:
        nonlocal turns
        while not is_over:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(others())
    answer = await gateway.client.chat(stream=True)
    is_over = True
    await beside

    assert answer.text == "Hi" + "a" * 5_000 + "Hi"
    assert turns > 100
