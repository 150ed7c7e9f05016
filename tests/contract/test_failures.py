"""Every kind of failure, in the words of every provider: what is recorded of it, and who answers in its place."""

import pytest

from fakes.answers import PIECES_OF_OK, words
from tests.asgi import Answer
from tests.contract.candidates import Candidate, each_provider
from tests.contract.served import both_ways, install, streamed, whole
from tests.gateway.conftest import Gateway

SECOND = "second"
LARGER = 1_000_000
# What a 403 means is in the providers' words: the key is wrong, or this model, the plan for it or this text is, or nothing.
FORBIDDEN = {
    "gemini": "auth",
    "nvidia": "auth",
    "ollama_cloud": "not_in_plan",
    "openrouter": "content_filtered",
}
# Their words for a bad request do not prove that others would refuse it too.
PROVES_NOTHING = frozenset({"cloudflare", "gemini", "mistral", "nvidia", "openrouter", "zai"})
FALLS_BACK = [
    ("error_401", "auth"),
    ("error_403", None),
    ("error_429_minute", "rate_limited"),
    ("error_429_tokens", "rate_limited"),
    ("error_429_day", "rate_limited"),
    ("error_429_plain", "rate_limited"),
    ("error_404", "model_gone"),
    ("error_410", "model_gone"),
    ("error_403_plan", "not_in_plan"),
    ("unsupported_param", "refused"),
    ("context_length", "context_length"),
    ("error_500", "server_error"),
    ("error_503", "server_error"),
    ("error_in_200", "server_error"),
    ("reset", "network"),
    ("cut_before_content", "network"),
    ("html_200", "parsing"),
    ("garbage_frames", "parsing"),
    ("empty", "empty_response"),
    ("filtered", "content_filtered"),
]


def add_second(gateway: Gateway) -> None:
    """A provider that answers, and that is asked only if the first one fails."""
    gateway.add(SECOND, "ok", family="openai", context_window=LARGER)


async def chat(gateway: Gateway, candidate: Candidate, behaviour: str, *, stream: bool) -> Answer:
    install(gateway, candidate)
    add_second(gateway)
    gateway.fake.script(candidate.provider, [behaviour])
    return await gateway.client.chat(model="freeai-auto", stream=stream, stream_options=_options(stream))


def _options(stream: bool) -> dict[str, bool] | None:
    return {"include_usage": True} if stream else None


@both_ways
@pytest.mark.parametrize(("behaviour", "kind"), FALLS_BACK, ids=[behaviour for behaviour, _ in FALLS_BACK])
@each_provider()
async def test_another_provider_answers(
    gateway: Gateway, candidate: Candidate, behaviour: str, kind: str | None, stream: bool
):
    answer = await chat(gateway, candidate, behaviour, stream=stream)

    failed, answered = gateway.events()
    expected = kind or FORBIDDEN.get(candidate.provider, "refused")
    assert (failed.provider, failed.outcome, failed.error_kind) == (candidate.provider, "error", expected)
    assert (answered.provider, answered.outcome, answered.fallback_position) == (SECOND, "success", 2)
    assert answer.status == 200
    served = streamed(answer) if stream else whole(answer)
    assert served.only.content == "".join(words(0, PIECES_OF_OK))
    assert await gateway.open_grants() == 0


@both_ways
@each_provider()
async def test_a_request_stays_where_it_was_refused_only_if_nobody_would_take_it(
    gateway: Gateway, candidate: Candidate, stream: bool
):
    only_here = candidate.provider in PROVES_NOTHING

    answer = await chat(gateway, candidate, "error_400", stream=stream)

    assert answer.status == (200 if only_here else 400)
    assert [(event.provider, event.error_kind) for event in gateway.events()] == [
        (candidate.provider, "refused" if only_here else "client_error"),
        *([(SECOND, "")] if only_here else []),
    ]


@each_provider()
async def test_a_stream_that_breaks_off_after_content_is_not_begun_again(
    gateway: Gateway, candidate: Candidate
):
    answer = await chat(gateway, candidate, "cut", stream=True)

    assert answer.text
    assert any("error" in event for event in answer.events if event != "[DONE]")
    (event,) = gateway.events()
    assert (event.provider, event.outcome, event.error_kind) == (candidate.provider, "error", "network")


@each_provider()
async def test_a_client_that_leaves_ends_the_call_and_nobody_else_is_asked(
    gateway: Gateway, candidate: Candidate
):
    install(gateway, candidate)
    add_second(gateway)
    gateway.fake.script(candidate.provider, ["stall_after_content"])
    exchange = gateway.client.begin_chat(model="freeai-auto", stream=True)
    async for _ in exchange.parts():
        break

    await exchange.leave()

    (event,) = gateway.events()
    assert (event.provider, event.outcome, event.error_kind) == (candidate.provider, "cancelled", "cancelled")
    assert await gateway.open_grants() == 0
