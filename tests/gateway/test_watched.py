"""A request that somebody watches: its frames, and every step of its attempts between them."""

import asyncio
from contextlib import aclosing

import orjson

from apps.core import ids
from apps.gateway.attempts.calls import RequestIds
from apps.gateway.attempts.planning import plan_chat
from apps.gateway.endpoints.chat.watched import Watched
from apps.gateway.endpoints.chat.wire import request as chat_request
from tests.gateway.conftest import principal, until


def call(**fields):
    body = {"model": "freeai-fast", "messages": [{"role": "user", "content": "Hi"}], **fields}
    own = ids.uuid7()
    return plan_chat(RequestIds(own, own), principal(), chat_request.parse(orjson.dumps(body)))


def events(parts):
    """(name, data) of every frame."""
    found = []
    for block in b"".join(parts).split(b"\n\n"):
        fields = dict(
            line.split(b": ", 1) for line in block.splitlines() if line and not line.startswith(b":")
        )
        if fields:
            data = fields[b"data"]
            found.append(
                (fields.get(b"event", b"message").decode(), data if data == b"[DONE]" else orjson.loads(data))
            )
    return found


async def watch(gateway, made):
    watched = Watched(gateway.runtime, made)
    try:
        return events([part async for part in watched.parts()])
    finally:
        await watched.aclose()


async def test_a_stream_tells_of_each_attempt_before_its_first_words(gateway):
    gateway.add("groq", "error_500")
    gateway.add("mistral", "ok")

    told = await watch(gateway, call(stream=True))

    names = [name for name, _ in told]
    requests = [data for name, data in told if name == "request"]
    first_words = next(place for place, (name, data) in enumerate(told) if name == "message")
    assert requests[0]["hops"][0]["outcome"] in ("running", "error")
    assert "request" in names[:first_words] and "head" in names[:first_words]
    last = requests[-1]
    assert (last["state"], [(hop["provider"], hop["outcome"]) for hop in last["hops"]]) == (
        "ok",
        [("groq", "error"), ("mistral", "success")],
    )
    assert last["ttft_ms"] is not None and last["took_ms"] >= last["ttft_ms"]
    assert told[-2][1] == b"[DONE]" or told[-1][1] == b"[DONE]"
    assert next(data for name, data in told if name == "head")["headers"]["x-freeai-provider"] == "mistral"


async def test_it_is_counted_like_any_other(gateway):
    gateway.add("groq", "ok")

    await watch(gateway, call(stream=True))

    (event,) = gateway.events()
    assert (event.outcome, event.provider, event.user_id) == ("success", "groq", 1)
    assert await gateway.open_grants() == 0


async def test_a_whole_answer_is_one_frame(gateway):
    gateway.add("groq", "ok")

    told = dict(await watch(gateway, call()))

    assert told["whole"]["provider"] == "groq"
    assert told["request"]["state"] == "ok"


async def test_what_nobody_answers_is_an_error_with_its_status(gateway):
    gateway.add("groq", "error_500")

    told = await watch(gateway, call(stream=True))

    by_name = dict(told[:-1])
    assert by_name["head"]["status"] in (502, 503)
    assert by_name["message"]["error"]["message"]
    assert by_name["request"]["state"] == "failed"


async def test_who_stops_closes_the_call_and_listens_no_more(gateway):
    gateway.add("groq", "frames_200_50")
    watched = Watched(gateway.runtime, call(stream=True))

    async with aclosing(watched.parts()) as parts:
        async for part in parts:
            if part.startswith(b"data: "):
                break
    await watched.aclose()

    await until(lambda: gateway.events())
    assert gateway.events()[0].outcome == "cancelled"
    assert gateway.runtime.feed.listeners == ()


async def test_who_stops_before_the_first_word_does_too(gateway):
    gateway.add("groq", "slow_5")
    watched = Watched(gateway.runtime, call(stream=True))
    parts = watched.parts()

    await anext(parts)
    await parts.aclose()
    await watched.aclose()

    await until(lambda: gateway.events() and gateway.events()[0].outcome == "cancelled")
    assert gateway.runtime.feed.listeners == ()


async def test_of_others_nothing_is_told(gateway):
    gateway.add("groq", "ok")

    told, _ = await asyncio.gather(watch(gateway, call(stream=True)), watch(gateway, call(stream=True)))

    assert {len(data["hops"]) for name, data in told if name == "request"} == {1}
