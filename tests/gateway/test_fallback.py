"""Two upstreams, the first in each state of the policy table: who answers, what is recorded, what is left open."""

import prometheus_client
import pytest

from apps.core import clock
from apps.providers.types import Preset
from tests.gateway.conftest import Gateway, Limit

FALLS_BACK = [
    ("error_401", "auth", 401),
    ("error_403", "refused", 403),
    ("error_429_minute", "rate_limited", 429),
    ("error_429_day", "rate_limited", 429),
    ("error_429_plain", "rate_limited", 429),
    ("error_402", "payment_required", 402),
    ("error_403_plan", "not_in_plan", 403),
    ("error_403_region", "unsupported_region", 403),
    ("error_410", "model_gone", 410),
    ("error_404", "model_gone", 404),
    ("unsupported_param", "refused", 400),
    ("error_500", "server_error", 500),
    ("error_502", "server_error", 502),
    ("error_503", "server_error", 503),
    ("error_529", "server_error", 529),
    ("error_in_200", "server_error", 200),
    ("html_200", "parsing", 200),
    ("reset", "network", None),
    ("cut_before_content", "network", None),
    ("empty", "empty_response", 200),
    ("filtered", "content_filtered", 200),
    ("stall_headers", "network", None),
]
STREAM_ONLY = [
    ("stall", "network", None),
    ("error_frame_first", "refused", 200),  # Groq's tool_use_failed: another model may well manage
    ("garbage_frames", "parsing", 200),
]


def calls(provider: str, outcome: str) -> float:
    return (
        prometheus_client.REGISTRY.get_sample_value(
            "freeai_provider_calls_total", {"provider": provider, "outcome": outcome}
        )
        or 0.0
    )


async def check_fallback(
    gateway: Gateway, behaviour: str, kind: str, status: int | None, *, stream: bool
) -> None:
    if "stall" in behaviour:  # nobody else is to be in time on a busy machine
        gateway.configure(stream_idle_timeout_s=0.4, response_timeout_s=0.4)
    gateway.add("groq", behaviour)
    gateway.add("mistral", "ok")
    failed_before, answered_before = calls("groq", kind), calls("mistral", "success")

    answer = await gateway.client.chat(model="freeai-auto", stream=stream)

    assert answer.status == 200, answer.body
    if stream:
        last = [event for event in answer.events if event != "[DONE]"][-1]
        assert answer.text
    else:
        last = answer.json
    assert last["provider"] == "mistral"
    assert last["fallback_chain"] == ["groq", "mistral"]
    first, second = gateway.events()
    assert (first.provider, first.outcome, first.error_kind) == ("groq", "error", kind)
    assert (first.fallback_position, second.fallback_position) == (1, 2)
    assert (second.provider, second.outcome) == ("mistral", "success")
    if status is not None:
        assert first.upstream_status == status
    assert calls("groq", kind) == failed_before + 1
    assert calls("mistral", "success") == answered_before + 1
    assert await gateway.open_grants() == 0


@pytest.mark.parametrize(("behaviour", "kind", "status"), FALLS_BACK)
async def test_whole_answer_comes_from_the_second(
    gateway: Gateway, behaviour: str, kind: str, status: int | None
):
    await check_fallback(gateway, behaviour, kind, status, stream=False)


@pytest.mark.parametrize(("behaviour", "kind", "status"), FALLS_BACK + STREAM_ONLY)
async def test_streamed_answer_comes_from_the_second(
    gateway: Gateway, behaviour: str, kind: str, status: int | None
):
    await check_fallback(gateway, behaviour, kind, status, stream=True)


async def test_fallback_false_tries_one_candidate_only(gateway: Gateway):
    gateway.add("groq", "error_500")
    gateway.add("mistral", "ok")

    answer = await gateway.client.chat(fallback=False)

    assert (answer.status, answer.error["provider"]) == (502, "groq")
    assert [event.provider for event in gateway.events()] == ["groq"]


async def test_client_error_stops_because_any_provider_would_refuse(gateway: Gateway):
    gateway.add("groq", "error_400")
    gateway.add("mistral", "ok")

    answer = await gateway.client.chat()

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert len(gateway.events()) == 1


async def test_retries_in_place_before_falling_back(gateway: Gateway):
    gateway.add("groq", "flaky_1", max_retries=1)
    gateway.add("mistral", "ok")

    answer = await gateway.client.chat()

    assert (answer.json["provider"], answer.json["fallback_chain"]) == ("groq", ["groq"])
    assert [event.outcome for event in gateway.events()] == ["error", "success"]
    assert [event.fallback_position for event in gateway.events()] == [1, 1]


async def test_too_long_prompt_goes_to_larger_windows_only(gateway: Gateway):
    gateway.add("groq", "context_length", context_window=8_000)
    gateway.add("mistral", "ok", context_window=8_000)
    gateway.add("cerebras", "ok", context_window=64_000)

    answer = await gateway.client.chat()

    assert answer.json["fallback_chain"] == ["groq", "cerebras"]


@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [
        ("error_500", 502, "upstream_failed"),
        ("reset", 504, "upstream_timeout"),
        ("stall_headers", 504, "upstream_timeout"),
        ("error_401", 502, "upstream_failed"),
        ("error_429_minute", 429, "quota_exhausted"),
        ("filtered", 400, "content_filter"),
        ("context_length", 400, "context_length_exceeded"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_all_failed_has_the_status_of_the_table(
    gateway: Gateway, behaviour: str, status: int, code: str, stream: bool
):
    gateway.configure(stream_idle_timeout_s=0.3, response_timeout_s=0.3)
    gateway.add("groq", behaviour)
    gateway.add("mistral", behaviour)

    answer = await gateway.client.chat(stream=stream)

    assert (answer.status, answer.error["code"]) == (status, code)
    expected = 1 if behaviour == "context_length" else 2
    assert [attempt["provider"] for attempt in answer.error["attempts"]] == ["groq", "mistral"][:expected]
    assert len(gateway.events()) == expected
    assert await gateway.open_grants() == 0
    if status == 429:
        assert 1 <= int(answer.headers["retry-after"]) <= 60


async def test_breaker_opens_after_three_failures_and_the_provider_is_left_alone(gateway: Gateway):
    gateway.configure(circuit_breaker_threshold=3, circuit_breaker_window_s=300, circuit_breaker_base_s=30)
    gateway.add("groq", "error_500")
    gateway.add("mistral", "ok")

    chains = [(await gateway.client.chat()).json["fallback_chain"] for _ in range(5)]

    assert chains == [["groq", "mistral"]] * 3 + [["mistral"]] * 2


async def test_refused_key_is_quarantined_at_once(gateway: Gateway):
    gateway.add("groq", "ok", api_key="bad-key-0123456789abcdef")
    gateway.add("mistral", "ok")

    chains = [(await gateway.client.chat()).json["fallback_chain"] for _ in range(2)]

    assert chains == [["groq", "mistral"], ["mistral"]]


async def test_all_quarantined_is_503_and_never_401(gateway: Gateway):
    gateway.add("groq", "ok", api_key="bad-key-0123456789abcdef")

    first = await gateway.client.chat()
    second = await gateway.client.chat()

    assert first.status == 502
    assert (second.status, second.error["code"]) == (503, "no_healthy_provider")
    assert int(second.headers["retry-after"]) > 80_000


async def test_spent_day_is_left_alone_until_its_reset_not_the_short_delay(gateway: Gateway):
    gateway.add(
        "gemini", "error_429_day", limits=[Limit("requests", "day", 1000, zone="America/Los_Angeles")]
    )

    await gateway.client.chat()
    again = await gateway.client.chat()

    assert (again.status, again.error["code"]) == (429, "quota_exhausted")
    assert int(again.headers["retry-after"]) > 60
    assert len(gateway.events()) == 1


async def test_own_quota_is_never_exceeded_and_answers_429_with_a_true_retry_after(gateway: Gateway):
    gateway.add("groq", "ok", limits=[Limit("requests", "minute", 2, kind="rolling")])

    began = clock.now()
    statuses = [(await gateway.client.chat()).status for _ in range(3)]
    refused = await gateway.client.chat()

    assert statuses == [200, 200, 429]
    assert 55 <= int(refused.headers["retry-after"]) + clock.now() - began <= 65
    assert len(gateway.fake.journal) == 2


async def test_nothing_capable_names_what_was_missing(gateway: Gateway):
    gateway.add("groq", "ok", capabilities={"tools"})

    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    answer = await gateway.client.chat(messages=[{"role": "user", "content": [image]}])

    assert (answer.status, answer.error["code"]) == (400, "no_capable_provider")
    assert "vision" in answer.error["message"]
    assert gateway.fake.journal == []


async def test_no_provider_configured_is_a_400(gateway: Gateway):
    answer = await gateway.client.chat()

    assert (answer.status, answer.error["code"]) == (400, "no_provider_configured")


async def test_gemini_answers_in_openai_shape(gateway: Gateway):
    gateway.add("gemini", "ok", preset=Preset(wire="gemini"))

    whole = await gateway.client.chat()
    streamed = await gateway.client.chat(stream=True)

    assert whole.json["choices"][0]["message"]["content"] == streamed.text
    assert whole.json["usage"]["completion_tokens"] > 0
