"""What every endpoint of a task beside chat owes, whatever it is: hostile bodies and broken upstreams end as they do for chat."""

from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from apps.core.json_bounds import MAX_DEPTH
from apps.providers.types import Preset, Task
from tests.asgi import Answer
from tests.gateway.conftest import Gateway
from tests.gateway.upstream_pages import Pages
from tests.shapes import misshapen

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """An endpoint of which every request is JSON: a right request, and who serves it."""

    task: Task
    path: str
    right: dict[str, Any]
    provider: str
    model: str = "ok"
    capabilities: frozenset[str] = field(default=frozenset())

    def add(self, gateway: Gateway, name: str = "", **overrides: Any) -> None:
        """Somebody who serves it: the provider's own fake, or whoever is at `base_url` and speaks as OpenAI does."""
        gateway.add(
            name or self.provider,
            self.model,
            task=self.task,
            family=overrides.pop("family", self.provider),
            capabilities=self.capabilities,
            **overrides,
        )


SURFACES = (
    Surface(
        task="rerank",
        path="/v1/rerank",
        right={
            "model": "ok",
            "query": "one",
            "documents": ["one", {"text": "two", "id": 5}],
            "top_n": 2,
            "return_documents": True,
            "rank_fields": ["text"],
            "max_tokens_per_doc": 100,
            "fallback": True,
        },
        provider="jina",
    ),
    Surface(
        task="moderation",
        path="/v1/moderations",
        right={
            "model": "ok",
            "input": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}],
            "user": "u",
            "preferred_provider": None,
            "fallback": True,
        },
        provider="openai",
    ),
    Surface(
        task="image",
        path="/v1/images/generations",
        right={
            "model": "ok",
            "prompt": "one",
            "n": 1,
            "size": "512x512",
            "response_format": "b64_json",
            "output_format": "png",
            "quality": "low",
            "stream": False,
        },
        provider="openai",
    ),
    Surface(
        task="speech",
        path="/v1/audio/speech",
        right={
            "model": "ok",
            "input": "One. Two.",
            "voice": {"id": "alloy"},
            "response_format": "mp3",
            "speed": 1.5,
            "instructions": "Softly.",
            "stream_format": "audio",
        },
        provider="openai",
    ),
)
each_surface = pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.path)
UNREADABLE = (
    *(
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\x00",
        b"\xff\xfe{}",
        b'{"model": NaN}',
        b"[" * 5000 + b"]" * 5000,
    ),
    b'{"x": ' + b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1) + b"}",
    b"model=x&input=y",
)
BROKEN = {
    "nothing": b"",
    "white": b" \n ",
    "half": b'{"results": [{"index": 0, "relev',
    "html": b"<html>Just a moment</html>",
    "text": b'"ok"',
    "null": b"null",
    "list": b"[]",
    "empty": b"{}",
    "other": b'{"choices": [{"message": {"content": "hi"}}]}',
    "error": b'{"error": {"message": "Internal server error"}}',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "values": b'{"results": [' + b"1," * 1_100_000 + b"1]}",
    "63 MiB": b'{"results": "' + b"x" * (63 * MIB) + b'"}',
}


async def ask(gateway: Gateway, surface: Surface, **fields: Any) -> Answer:
    return await gateway.client.request("POST", surface.path, orjson.dumps(surface.right | fields))


@each_surface
async def test_the_right_request_is_served(gateway: Gateway, surface: Surface):
    surface.add(gateway)

    answer = await ask(gateway, surface)

    assert answer.status == 200, answer.body
    (event,) = gateway.events()
    assert (event.provider, event.outcome) == (surface.provider, "success")
    assert answer.headers["x-freeai-provider"] == surface.provider
    assert await gateway.open_grants() == 0


@each_surface
@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
async def test_unreadable_body_is_a_400(gateway: Gateway, surface: Surface, body: bytes):
    surface.add(gateway)

    answer = await gateway.client.request("POST", surface.path, body)

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert gateway.fake.journal == []


@each_surface
async def test_too_much_is_a_413(gateway: Gateway, surface: Surface):
    large = orjson.dumps({"x": "x" * (30 * MIB)})
    many = orjson.dumps({"x": [0] * 200_000})

    answers = [await gateway.client.request("POST", surface.path, body) for body in (large, many)]

    assert [(answer.status, answer.error["code"]) for answer in answers] == [(413, "request_too_large")] * 2


@each_surface
async def test_a_wrong_shape_is_served_or_blamed_on_its_field(gateway: Gateway, surface: Surface):
    surface.add(gateway)
    served = refused = 0

    for case in misshapen(surface.right, mixed=150):
        answer = await gateway.client.request("POST", surface.path, orjson.dumps(case))
        if answer.status == 200:
            served += 1
            continue
        assert answer.status == 400, (case, answer.body)
        assert answer.error["type"] == "invalid_request_error"
        assert answer.error["param"] or answer.error.get("provider") or answer.error["code"], (
            case,
            answer.body,
        )
        refused += 1

    assert served > 10
    assert refused > 50


@each_surface
@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_upstream_is_left_for_the_next(
    gateway: Gateway, upstream: Pages, surface: Surface, name: str
):
    upstream.answer(200, BROKEN[name])
    surface.add(gateway, "broken", base_url=upstream.url, preset=Preset())
    surface.add(gateway, weight=1.0)

    answer = await ask(gateway, surface)

    assert answer.status == 200, answer.body
    assert [event.outcome for event in gateway.events()] == ["error", "success"]
    assert answer.headers["x-freeai-provider"] == surface.provider
    assert await gateway.open_grants() == 0


@each_surface
@pytest.mark.parametrize("behaviour", ["cut", "reset", "html_200", "error_in_200", "error_429_day"])
async def test_a_fake_that_fails_is_left_for_the_next(gateway: Gateway, surface: Surface, behaviour: str):
    surface.add(gateway, "first")
    surface.add(gateway, "second", weight=1.0)
    gateway.fake.script(surface.provider, [behaviour])

    answer = await ask(gateway, surface)

    assert answer.status == 200, answer.body
    assert [event.outcome for event in gateway.events()] == ["error", "success"]


@each_surface
async def test_who_leaves_ends_the_call(gateway: Gateway, surface: Surface):
    surface.add(gateway)
    gateway.fake.script(surface.provider, ["stall"])
    exchange = gateway.client.begin("POST", surface.path, orjson.dumps(surface.right))

    await exchange.leave()

    assert {event.outcome for event in gateway.events()} <= {"cancelled"}
    assert await gateway.open_grants() == 0


@each_surface
async def test_nobody_who_serves_it_is_a_400(gateway: Gateway, surface: Surface):
    gateway.add("groq")

    answer = await ask(gateway, surface, model=None)

    assert (answer.status, answer.error["code"]) == (400, "no_provider_configured")
