"""What upstreams refuse: who is asked instead, and what the client sees if all refuse."""

import orjson
import pytest

from apps.core import clock
from apps.providers.types import Preset
from tests.gateway.conftest import Gateway
from tests.gateway.refusing import add, refuse
from tests.gateway.upstream_pages import Pages

AZURE = {
    "error": {
        "message": "Invalid schema for function 'f': 'x' is not valid under any of the given schemas.",
        "type": "invalid_request_error",
        "param": "tools[0].function.parameters",
        "code": "invalid_function_parameters",
    }
}
THROUGH_OPENROUTER = {
    "error": {
        "message": "Provider returned error",
        "code": 400,
        "metadata": {"raw": orjson.dumps(AZURE).decode(), "provider_name": "Azure"},
    }
}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, AZURE),
        (400, THROUGH_OPENROUTER),
        *((status, b"") for status in (302, 307, 308, 409, 418, 423, 424, 451)),
        (422, {"detail": [{"loc": ["body", "service_tier"], "msg": "nope", "type": "enum"}]}),
    ],
)
async def test_what_one_provider_refuses_another_is_asked_and_nothing_is_held_against_the_first(
    gateway: Gateway, upstream: Pages, status: int, said: object
):
    gateway.configure(circuit_breaker_threshold=1)
    add(gateway, "first", upstream)
    gateway.add("mistral", "ok")
    refuse(upstream, status, said)

    chains = [(await gateway.client.chat()).json["fallback_chain"] for _ in range(4)]

    assert chains == [["first", "mistral"]] * 4
    assert {event.error_kind for event in gateway.events() if event.provider == "first"} == {"refused"}


@pytest.mark.parametrize(("status", "shown"), [(400, 400), (418, 400), (422, 422), (423, 400), (451, 400)])
@pytest.mark.parametrize("stream", [False, True])
async def test_if_all_refuse_the_client_sees_the_first_refusal(
    gateway: Gateway, upstream: Pages, other: Pages, status: int, shown: int, stream: bool
):
    add(gateway, "first", upstream)
    add(gateway, "second", other)
    refuse(upstream, status, {"error": {"message": "no such colour", "param": "colour", "code": "odd"}})
    refuse(other, 409, {"error": {"message": "something else"}})

    answer = await gateway.client.chat(stream=stream)

    error = answer.error
    assert (answer.status, error["type"]) == (shown, "invalid_request_error")
    assert (error["provider"], error["kind"], error["param"], error["code"]) == (
        "first",
        "refused",
        "colour",
        "odd",
    )
    assert error["message"] == "first: no such colour"
    assert [attempt["provider"] for attempt in error["attempts"]] == ["first", "second"]


async def test_a_refusal_is_shown_before_a_bad_key_but_not_before_a_failure_that_may_pass(
    gateway: Gateway, upstream: Pages, other: Pages
):
    add(gateway, "first", upstream)
    add(gateway, "second", other)
    refuse(upstream, 409, {"error": {"message": "no such colour"}})
    refuse(other, 401, b"")
    with_bad_key = await gateway.client.chat()
    await gateway.runtime.store.reset("1:second", clock.now())
    refuse(other, 500, b"")

    with_failure = await gateway.client.chat()

    assert (with_bad_key.status, with_bad_key.error["provider"]) == (400, "first")
    assert (with_failure.status, with_failure.error["code"]) == (502, "upstream_failed")


async def test_redirects_say_nothing_of_the_request_and_are_not_followed(gateway: Gateway, upstream: Pages):
    add(gateway, "first", upstream)
    upstream.answer(307, headers={"location": f"{upstream.url}/elsewhere"})

    answer = await gateway.client.chat()

    assert (answer.status, answer.error["code"]) == (502, "upstream_failed")
    assert len(upstream.calls) == 1


async def test_error_body_that_never_ends_is_not_waited_for(gateway: Gateway, upstream: Pages, monkeypatch):
    monkeypatch.setattr("apps.gateway.attempts.answers.MAX_ERROR_BYTES", 100)
    gateway.add("first", base_url=upstream.url, family="openrouter", preset=Preset())
    upstream.answer(404, b"x" * 1_000_000)

    await gateway.client.chat()

    (event,) = gateway.events()
    assert event.error_kind == "model_gone"
