"""What upstreams refuse: who is asked instead, what the client sees if all refuse, and what stays closed afterwards."""

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import msgspec
import orjson
import pytest
import structlog

from apps.core import clock
from apps.providers.offers import CATALOGUE, Catalogue
from apps.providers.types import Preset, Secret
from tests.asgi import Answer
from tests.gateway.conftest import SHIPPED, Gateway, Limit
from tests.gateway.upstream_pages import Pages, pages

HOUR_S = 3600
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


@pytest.fixture
async def upstream() -> AsyncIterator[Pages]:
    async with pages() as made:
        yield made


@pytest.fixture
async def other() -> AsyncIterator[Pages]:
    async with pages() as made:
        yield made


def add(gateway: Gateway, name: str, upstream: Pages, *models: str, **overrides: Any) -> None:
    gateway.add(name, *models, base_url=upstream.url, family="openrouter", **overrides)


def refuse(upstream: Pages, status: int, said: object) -> None:
    upstream.answer(status, said if isinstance(said, bytes) else orjson.dumps(said))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, AZURE),
        (400, THROUGH_OPENROUTER),
        *((status, b"") for status in (302, 307, 308, 409, 418, 423, 424, 451)),
        (403, {"error": {"message": "Country, region, or territory not supported"}}),
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


GONE_FOR_NOW = "first does not offer one to this key (status 404). It is asked again later."


class TestModelGone:
    async def test_is_left_alone_for_hours_that_double_and_its_siblings_go_on(
        self, gateway: Gateway, upstream: Pages, monkeypatch
    ):
        add(gateway, "first", upstream, "one")
        gateway.add("mistral", "ok")
        refuse(upstream, 404, {"error": {"message": "The model `one` does not exist"}})
        start = now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now)
        asked = []

        for minute in range(0, 12 * 60, 10):
            now = start + minute * 60 + 1
            before = len(upstream.calls)
            await gateway.client.chat()
            if len(upstream.calls) > before:
                asked.append(minute)

        assert [later - earlier for earlier, later in pairwise(asked)] == [60, 120, 240]

    async def test_is_open_again_after_it_has_answered(self, gateway: Gateway, upstream: Pages, monkeypatch):
        add(gateway, "first", upstream, "one")
        start = now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now)
        gone, there = (404, b""), (200, orjson.dumps(ANSWER))

        for hours, (status, body), asked in (
            (0, gone, 1),
            (1, there, 2),
            (1, gone, 3),
            (2, there, 4),
        ):
            now = start + hours * HOUR_S + 5
            upstream.answer(status, body)
            await gateway.client.chat()
            assert len(upstream.calls) == asked, hours

    async def test_request_is_refunded(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream, "one", "two", limits=[Limit("requests", "day", 5)])
        refuse(upstream, 404, b"")

        await gateway.client.chat()

        subject = CATALOGUE.value.offers_for(1)[0].subject
        (seen,) = await gateway.runtime.store.view([subject], clock.now())
        assert set(seen.used) == {0}

    async def test_who_named_it_is_told_so_both_times(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream, "one")
        refuse(upstream, 404, {"error": {"message": "no such model", "code": "model_not_found"}})

        first = await gateway.client.chat(model="first/one")
        second = await gateway.client.chat(model="first/one")

        for answer in (first, second):
            assert (answer.status, answer.error["code"]) == (404, "model_not_found")
            assert answer.error["message"] in ("first: no such model", GONE_FOR_NOW)
        assert len(upstream.calls) == 1

    async def test_virtual_model_never_answers_404(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream, "one")
        refuse(upstream, 404, b"")

        statuses = [(await gateway.client.chat(model="freeai-auto")).status for _ in range(2)]

        assert statuses == [502, 503]

    async def test_misspelt_embedding_model_closes_nothing(self, gateway: Gateway, upstream: Pages):
        preset = SHIPPED["mistral"]
        gateway.add("mistral", "mistral-embed", task="embedding", base_url=upstream.url, preset=preset)
        refuse(upstream, 404, b"")

        for _ in range(2):
            body = orjson.dumps({"input": "hello", "model": "mistral/no-such-model"})
            await gateway.client.request("POST", "/v1/embeddings", body)

        assert len(upstream.calls) == 2


ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


class TestQuarantine:
    async def test_says_why_and_what_to_do_in_the_answer_and_in_the_log(
        self, gateway: Gateway, upstream: Pages
    ):
        add(gateway, "first", upstream)
        refuse(upstream, 401, {"error": {"message": "User not found."}})

        with structlog.testing.capture_logs() as logs:
            await gateway.client.chat()
        answer = await gateway.client.chat()

        assert (answer.status, answer.error["code"]) == (503, "no_healthy_provider")
        for word in (
            "status 401",
            "PATCH /api/me/providers/first",
            "POST /api/me/providers/first/test",
        ):
            assert word in answer.error["message"]
        (line,) = [log for log in logs if log["event"] == "credential.quarantined"]
        assert (line["provider"], line["status"]) == ("first", 401)
        assert "PATCH /api/me/providers/first" in line["detail"]
        assert "User not found." not in line["detail"]  # such texts may repeat the prompt

    @pytest.mark.parametrize(
        "said",
        [
            b"<html><title>Just a moment...</title></html>",
            {"error": {"message": "You have no access to the model `m`."}},
            {"error": {"message": "This feature is not for you.", "type": "permission_error"}},
            b"",
        ],
    )
    async def test_needs_proof_that_the_key_is_bad(self, gateway: Gateway, upstream: Pages, said: object):
        add(gateway, "first", upstream, "m", "other")
        refuse(upstream, 403, said)
        await gateway.client.chat(model="first/m")
        upstream.answer(200, orjson.dumps(ANSWER))

        answer = await gateway.client.chat(model="first/other")

        assert answer.status == 200

    @pytest.mark.parametrize("status", [401, 500])
    @pytest.mark.parametrize(
        "change", [{"secret": Secret("new")}, {"trusted_since": 1.0}], ids=["stored", "tested"]
    )
    async def test_new_key_and_good_test_end_it_and_the_breaker_in_the_very_next_request(
        self, gateway: Gateway, upstream: Pages, status: int, change: dict[str, Any]
    ):
        gateway.configure(circuit_breaker_threshold=1)
        add(gateway, "first", upstream)
        refuse(upstream, status, b"")
        await gateway.client.chat()
        closed = await gateway.client.chat()
        upstream.answer(200, orjson.dumps(ANSWER))

        account = msgspec.structs.replace(
            gateway.accounts[0], sealed=repr(change), **{"trusted_since": 2.0} | change
        )
        CATALOGUE.value = Catalogue(gateway.providers, [account], frozenset({1}))
        answer = await gateway.client.chat()

        assert (closed.status, answer.status) == (503, 200)


class TestAttemptsOnOneAccount:
    MODELS = [f"model-{number}" for number in range(21)]

    async def test_generic_429_closes_the_account_after_one_call(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream, *self.MODELS)
        refuse(upstream, 429, {"error": {"message": "Too Many Requests"}})

        answer = await gateway.client.chat()

        assert (answer.status, answer.error["code"]) == (429, "quota_exhausted")
        assert len(upstream.calls) == 1

    async def test_429_that_names_its_model_leaves_the_others_open(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream, "model-1", "model-2")
        refuse(upstream, 429, {"error": {"message": "Rate limit reached for model-1 on requests per day"}})
        await gateway.client.chat(model="first/model-1")
        upstream.answer(200, orjson.dumps(ANSWER))

        assert (await gateway.client.chat(model="first/model-2")).status == 200

    @pytest.mark.parametrize("status", [404, 418, 500])
    @pytest.mark.parametrize("allowed", [1, 3, 7])
    async def test_are_bounded_whatever_the_reason(
        self, gateway: Gateway, upstream: Pages, status: int, allowed: int
    ):
        gateway.configure(attempts_per_credential=allowed, circuit_breaker_threshold=100)
        add(gateway, "first", upstream, *self.MODELS)
        refuse(upstream, status, b"")

        await gateway.client.chat()

        assert len(upstream.calls) == allowed

    async def test_retries_in_place_count(self, gateway: Gateway, upstream: Pages):
        gateway.configure(attempts_per_credential=2, circuit_breaker_threshold=100)
        add(gateway, "first", upstream, *self.MODELS, max_retries=5)
        refuse(upstream, 500, b"")

        await gateway.client.chat()

        assert len(upstream.calls) == 2

    async def test_are_counted_for_each_request_and_account(self, gateway: Gateway, upstream: Pages):
        gateway.configure(circuit_breaker_threshold=100)
        for name in ("first", "second"):
            add(gateway, name, upstream, *self.MODELS)
        refuse(upstream, 500, b"")

        for _ in range(2):
            await gateway.client.chat()

        assert len(upstream.calls) == 2 * 2 * 3


class TestRetryAfter:
    async def test_is_true_for_a_spent_day_from_the_first_answer_on(
        self, gateway: Gateway, upstream: Pages, monkeypatch
    ):
        now = 1_785_542_400.0 + 915.25  # a quarter past midnight, UTC
        monkeypatch.setattr(clock, "now", lambda: now)
        add(gateway, "first", upstream)
        refuse(upstream, 429, {"error": {"message": "Rate limit exceeded: requests per day"}})

        answers = [await gateway.client.chat() for _ in range(2)]

        assert [answer.headers["retry-after"] for answer in answers] == ["85485", "85485"]
        now += 85_485
        upstream.answer(200, orjson.dumps(ANSWER))
        assert (await gateway.client.chat()).status == 200

    async def test_is_the_first_that_opens_of_several(self, gateway: Gateway, upstream: Pages, other: Pages):
        add(gateway, "first", upstream)
        add(gateway, "second", other)
        refuse(upstream, 429, {"error": {"message": "Rate limit exceeded: requests per day"}})
        upstream.headers = {}
        other.answer(429, b"{}", headers={"retry-after": "7"})

        assert (await gateway.client.chat()).headers["retry-after"] == "7"

    @pytest.mark.parametrize("phase", [0.0, 0.001, 0.5, 0.999])
    @pytest.mark.parametrize("rolling", [False, True])
    async def test_of_a_minute_is_no_more_than_that_and_enough(
        self, gateway: Gateway, monkeypatch, phase: float, rolling: bool
    ):
        now = 1_785_585_600.0 + phase
        monkeypatch.setattr(clock, "now", lambda: now)
        gateway.add("groq", "ok", limits=[Limit("requests", "minute", 2, rolling=rolling)])
        for _ in range(2):
            assert (await gateway.client.chat()).status == 200

        wait = int((await gateway.client.chat()).headers["retry-after"])
        now += wait

        assert 59 <= wait <= 60
        assert (await gateway.client.chat()).status == 200

    async def test_is_when_there_are_as_many_tokens_as_the_request_needs(self, gateway: Gateway, monkeypatch):
        start = now = 1_785_585_600.0
        monkeypatch.setattr(clock, "now", lambda: now)
        gateway.add("groq", "ok", limits=[Limit("tokens", "minute", 300, rolling=True)])
        windows = CATALOGUE.value.offers_for(1)[0].subject.windows
        for second in (0, 10, 20):
            await gateway.runtime.store.take(windows, {"tokens": 100}, start + second)

        answers = []
        for second in (30, 69, 70):
            now = start + second
            answers.append(await say(gateway, "a" * 400, max_tokens=60))  # about 100 tokens, and 60

        assert [answer.status for answer in answers] == [429, 429, 200]
        assert [answer.headers["retry-after"] for answer in answers[:2]] == ["40", "1"]


async def say(gateway: Gateway, text: str, max_tokens: int) -> Answer:
    return await gateway.client.chat(messages=[{"role": "user", "content": text}], max_tokens=max_tokens)


class TestUpstreamStatus:
    async def test_is_what_came(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream)
        for status, body in ((201, orjson.dumps(ANSWER)), (200, orjson.dumps(ANSWER)), (202, b"<html>")):
            upstream.answer(status, body)
            await gateway.client.chat()
        upstream.answer(200, b'{"error": {"message": "out of memory"}}')
        await gateway.client.chat()

        assert [event.upstream_status for event in gateway.events()] == [201, 200, 202, 200]

    async def test_of_a_cut_refusal_is_its_own(self, gateway: Gateway, upstream: Pages):
        add(gateway, "first", upstream)
        upstream.answer(429, b'{"error', cut=True)

        await gateway.client.chat()

        (event,) = gateway.events()
        assert (event.error_kind, event.upstream_status) == ("rate_limited", 429)


async def test_empty_answer_is_asked_for_once_more(gateway: Gateway, upstream: Pages):
    add(gateway, "first", upstream, max_retries=1)
    empty = msgspec.json.decode(msgspec.json.encode(ANSWER))
    empty["choices"][0]["message"]["content"] = ""
    upstream.answer(200, orjson.dumps(empty))

    answer = await gateway.client.chat()

    assert answer.status == 502
    assert [event.error_kind for event in gateway.events()] == ["empty_response"] * 2


@pytest.mark.parametrize("back_s", [60, 3600, 86_400])
async def test_clock_that_is_put_back_shuts_nothing_for_longer_than_a_window(
    gateway: Gateway, monkeypatch, back_s: int
):
    now = 1_785_585_630.0
    monkeypatch.setattr(clock, "now", lambda: now)
    gateway.add("groq", "ok", limits=[Limit("requests", "minute", 1)])
    assert (await gateway.client.chat()).status == 200
    now -= back_s

    with structlog.testing.capture_logs() as logs:
        refused = await gateway.client.chat()
    now += int(refused.headers["retry-after"])
    answer = await gateway.client.chat()

    assert (refused.status, answer.status) == (429, 200)
    assert int(refused.headers["retry-after"]) <= 60
    assert [line["seconds"] for line in logs if line["event"] == "clock.went_back"] == [back_s]


async def test_error_body_that_never_ends_is_not_waited_for(gateway: Gateway, upstream: Pages, monkeypatch):
    monkeypatch.setattr("apps.gateway.attempts.dispatch.MAX_ERROR_BYTES", 100)
    gateway.add("first", base_url=upstream.url, family="openrouter", preset=Preset())
    upstream.answer(404, b"x" * 1_000_000)

    await gateway.client.chat()

    (event,) = gateway.events()
    assert event.error_kind == "model_gone"
