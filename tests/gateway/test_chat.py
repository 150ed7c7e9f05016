"""Whole chat completions: the answer's shape, routing by model, what the ledger holds."""

import pytest

from tests.edges import BOTH
from tests.gateway.conftest import Gateway, use_key

pytestmark = BOTH


async def test_answer_has_openai_and_own_fields(gateway: Gateway):
    gateway.add("groq", "llama-x")

    answer = await gateway.client.chat(model="freeai-fast")

    assert answer.status == 200
    body = answer.json
    assert body["object"] == "chat.completion"
    assert body["model"] == "freeai-fast"
    assert body["real_model"] == "llama-x"
    assert body["provider"] == "groq"
    assert body["strategy_used"] == "fastest"
    assert body["fallback_chain"] == ["groq"]
    assert isinstance(body["latency_ms"], int)
    assert body["choices"][0]["message"]["role"] == "assistant"
    assert body["choices"][0]["message"]["content"]
    assert (
        body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    )
    assert answer.headers["x-freeai-provider"] == "groq"
    assert answer.headers["x-freeai-model"] == "llama-x"
    assert answer.headers["x-freeai-strategy"] == "fastest"
    assert answer.headers["x-freeai-fallbacks"] == "0"


async def test_real_model_is_echoed_as_the_upstream_names_it(gateway: Gateway):
    gateway.add("groq", "llama-x")
    gateway.add("mistral", "small")

    answer = await gateway.client.chat(model="small")

    assert (answer.json["model"], answer.json["provider"]) == ("small", "mistral")


async def test_provider_and_model_pin_the_provider(gateway: Gateway):
    gateway.add("groq", "shared")
    gateway.add("mistral", "shared")

    answer = await gateway.client.chat(model="mistral/shared")

    assert answer.json["provider"] == "mistral"


async def test_model_name_with_a_slash_is_found_before_it_is_split(gateway: Gateway):
    gateway.add("groq", "openai/gpt-oss-120b")

    answer = await gateway.client.chat(model="openai/gpt-oss-120b")
    pinned = await gateway.client.chat(model="groq/openai/gpt-oss-120b")

    assert answer.json["real_model"] == pinned.json["real_model"] == "openai/gpt-oss-120b"


async def test_absent_model_uses_strategy_field(gateway: Gateway):
    gateway.add("groq")

    answer = await gateway.client.chat(strategy="cheapest")

    assert answer.json["strategy_used"] == "cheapest"


async def test_virtual_model_wins_over_strategy_but_freeai_auto_yields(gateway: Gateway):
    gateway.add("groq")

    named = await gateway.client.chat(model="freeai-code", strategy="cheapest")
    auto = await gateway.client.chat(model="freeai-auto", strategy="cheapest")

    assert named.json["strategy_used"] == "coding"
    assert auto.json["strategy_used"] == "cheapest"


async def test_preferred_provider_comes_first(gateway: Gateway):
    gateway.add("groq")
    gateway.add("mistral")

    answer = await gateway.client.chat(preferred_provider="mistral")

    assert answer.json["provider"] == "mistral"


async def test_attempt_is_recorded_once_with_its_tokens(gateway: Gateway):
    gateway.add("groq", "llama-x")

    answer = await gateway.client.chat(model="freeai-fast")

    (event,) = gateway.events()
    usage = answer.json["usage"]
    assert (event.outcome, event.provider, event.model) == ("success", "groq", "llama-x")
    assert (event.prompt_tokens, event.completion_tokens) == (
        usage["prompt_tokens"],
        usage["completion_tokens"],
    )
    assert (event.strategy, event.virtual_model, event.fallback_position) == ("fastest", "freeai-fast", 1)
    assert event.client_id == 7
    assert event.upstream_status == 200
    assert event.latency_ms
    assert await gateway.open_grants() == 0


async def test_missing_usage_is_estimated_and_says_so(gateway: Gateway):
    gateway.add("groq", "no_usage")

    answer = await gateway.client.chat(model="freeai-fast")

    assert answer.json["usage"]["estimated"] is True
    assert answer.json["usage"]["completion_tokens"] > 0
    assert gateway.events()[0].estimated


async def test_wrong_key_is_refused_before_the_body_is_read(gateway: Gateway):
    gateway.client.key = "fai_" + "x" * 43

    answer = await gateway.client.request("POST", "/v1/chat/completions", b"{not json")

    assert answer.status == 401
    assert (answer.error["type"], answer.error["code"]) == ("authentication_error", "invalid_api_key")


async def test_key_that_may_not_use_the_model_is_refused(gateway: Gateway):
    gateway.add("groq")
    use_key(allowed_models=frozenset({"freeai-fast"}))

    refused = await gateway.client.chat(model="freeai-code")
    allowed = await gateway.client.chat(model="freeai-fast")

    assert (refused.status, refused.error["type"]) == (403, "permission_error")
    assert allowed.status == 200


async def test_sane_request_id_is_echoed_and_a_hostile_one_replaced(gateway: Gateway):
    gateway.add("groq")

    sane = await gateway.client.get("/v1/models", **{"x-request-id": "abc-123"})
    hostile = await gateway.client.get("/v1/models", **{"x-request-id": "a b<script>"})

    assert sane.headers["x-request-id"] == "abc-123"
    assert hostile.headers["x-request-id"] not in ("", "a b<script>")


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"x-client-request-id": "turn-1"}, "turn-1"),
        ({"x-client-request-id": "turn-1", "x-request-id": "mine"}, "mine"),
        ({"x-client-request-id": "turn-1", "x-request-id": "a b<script>"}, "turn-1"),
    ],
)
async def test_request_id_is_also_what_agents_call_it(gateway: Gateway, sent: dict[str, str], told: str):
    """Codex names its requests so, and nothing else of them is the same in its log and in ours."""
    assert (await gateway.client.get("/v1/models", **sent)).headers["x-request-id"] == told


async def test_models_are_public_and_exactly_the_virtual_ones(gateway: Gateway):
    gateway.client.key = ""

    answer = await gateway.client.get("/v1/models")

    assert [model["id"] for model in answer.json["data"]] == [
        "freeai-auto",
        "freeai-fast",
        "freeai-quality",
        "freeai-code",
        "freeai-reasoning",
        "freeai-cheap",
        "freeai-vision",
        "freeai-long",
    ]
    assert all(model["object"] == "model" and model["owned_by"] == "freeai" for model in answer.json["data"])


async def test_all_models_need_a_key_and_show_what_is_reachable(gateway: Gateway):
    gateway.add("groq", "llama-x")

    listed = await gateway.client.get("/v1/models?all=true")
    single = await gateway.client.get("/v1/models/groq/llama-x")
    gateway.client.key = ""
    anonymous = await gateway.client.get("/v1/models?all=true")
    hidden = await gateway.client.get("/v1/models/groq/llama-x")

    assert "groq/llama-x" in [model["id"] for model in listed.json["data"]]
    assert single.json["id"] == "groq/llama-x"
    assert anonymous.status == 401
    assert (hidden.status, hidden.error["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("value", ["", "1", "True", "yes"])
async def test_a_flag_of_the_query_that_is_neither_true_nor_false_is_named(gateway: Gateway, value: str):
    answer = await gateway.client.get(f"/v1/models?all={value}")

    assert (answer.status, answer.error["param"]) == (400, "all")
    assert (await gateway.client.get("/v1/models?all=false")).status == 200
