"""POST /v1/embeddings: order, batches, encodings, and a fallback that never leaves the model that was named."""

import sys
from array import array
from base64 import b64decode
from typing import Any

import httpx
import msgspec
import orjson
import pytest
from openai import AsyncOpenAI
from openai.types import CreateEmbeddingResponse

from apps.gateway.attempts import dispatch
from apps.gateway.edge.asgi import LeanHandler
from apps.providers.wires import EmbeddingWire
from fakes.families.embeddings import vector_of
from tests.asgi import Answer
from tests.edges import BOTH
from tests.gateway.conftest import RAW_KEY, SHIPPED, Gateway, Limit, use_key
from tests.gateway.upstream_pages import Pages

pytestmark = BOTH


async def embed(gateway: Gateway, value: Any = "hello", **fields: Any) -> Answer:
    return await gateway.client.request("POST", "/v1/embeddings", orjson.dumps({"input": value, **fields}))


def vectors(answer: Answer) -> list[list[float]]:
    assert answer.status == 200, answer.body
    return [item["embedding"] for item in answer.json["data"]]


def add(gateway: Gateway, name: str, *models: str, **overrides: Any) -> None:
    overrides.setdefault("capabilities", {"dimensions"})
    gateway.add(name, *models, task="embedding", **overrides)


async def test_answer_has_the_shape_of_the_reference(gateway: Gateway):
    add(gateway, "mistral", "mistral-embed")

    answer = await embed(gateway, ["first doc", "second doc"], model="mistral-embed")

    body = answer.json
    assert body.keys() == {"object", "data", "model", "provider", "usage", "fallback_position"}
    assert (body["object"], body["model"], body["provider"]) == ("list", "mistral-embed", "mistral")
    assert [(item["object"], item["index"]) for item in body["data"]] == [("embedding", 0), ("embedding", 1)]
    assert vectors(answer) == [pytest.approx(vector_of(text, 1024)) for text in ("first doc", "second doc")]
    assert body["usage"]["prompt_tokens"] == body["usage"]["total_tokens"] > 0
    assert body["fallback_position"] == 1
    assert answer.headers["x-freeai-provider"] == "mistral"
    CreateEmbeddingResponse.model_validate(body)


async def test_attempt_is_recorded_as_an_embedding(gateway: Gateway):
    add(gateway, "mistral", "mistral-embed")

    answer = await embed(gateway)

    (event,) = gateway.events()
    assert (event.strategy, event.endpoint, event.outcome) == ("embedding", "embeddings", "success")
    assert (event.model, event.completion_tokens) == ("mistral-embed", 0)
    assert event.prompt_tokens == answer.json["usage"]["prompt_tokens"]
    assert await gateway.open_grants() == 0


@pytest.mark.parametrize("provider", ["openai", "mistral", "gemini", "cohere", "huggingface", "cloudflare"])
async def test_every_wire_keeps_the_order_of_the_inputs(gateway: Gateway, provider: str):
    add(gateway, provider, "ok")
    texts = [f"text {number}" for number in range(250)]

    answer = await embed(gateway, texts)

    assert vectors(answer) == [pytest.approx(vector_of(text, 16)) for text in texts]
    assert answer.json["provider"] == provider


async def test_five_thousand_inputs_are_split_and_rejoined_in_order(gateway: Gateway):
    add(gateway, "gemini", "ok")
    texts = [f"document {number}" for number in range(5_000)]

    answer = await embed(gateway, texts, encoding_format="base64")

    assert [item["index"] for item in answer.json["data"]] == list(range(5_000))
    for at in (0, 99, 100, 101, 2_500, 4_999):
        assert list(unpacked(answer.json["data"][at]["embedding"])) == pytest.approx(vector_of(texts[at], 16))
    events = gateway.events()
    assert len(events) == len(gateway.fake.journal) == 50
    assert {(event.provider, event.outcome, event.fallback_position) for event in events} == {
        ("gemini", "success", 1)
    }
    tokens = sum(len(text) // 4 for text in texts)
    assert sum(event.prompt_tokens for event in events) == answer.json["usage"]["prompt_tokens"] == tokens
    assert await gateway.open_grants() == 0


async def test_batches_respect_the_upstreams_tokens(gateway: Gateway):
    add(gateway, "mistral", "mistral-embed")
    texts = ["long " * 2_000] * 12  # 2,500 tokens each

    answer = await embed(gateway, texts)

    assert answer.status == 200, answer.body
    assert [len(request.body["input"]) for request in gateway.fake.journal] == [4, 4, 4]


async def test_a_failing_batch_fails_the_candidate_and_nothing_is_mixed(gateway: Gateway):
    add(gateway, "mistral", "ok", preset=batches_of("mistral", 2))
    add(gateway, "gemini", "ok")
    gateway.fake.script("mistral", ["ok", "error_500"])
    texts = ["a", "b", "c", "d"]

    answer = await embed(gateway, texts)

    assert (answer.json["provider"], answer.json["fallback_position"]) == ("gemini", 2)
    assert vectors(answer) == [pytest.approx(vector_of(text, 16)) for text in texts]
    assert [(event.provider, event.outcome) for event in gateway.events()] == [
        ("mistral", "success"),
        ("mistral", "error"),
        ("gemini", "success"),
    ]
    assert await gateway.open_grants() == 0


async def test_a_failing_batch_is_retried_alone(gateway: Gateway):
    add(gateway, "mistral", "ok", preset=batches_of("mistral", 2), max_retries=1)
    gateway.fake.script("mistral", ["ok", "error_500", "ok"])

    answer = await embed(gateway, ["a", "b", "c", "d"])

    assert answer.json["fallback_position"] == 1
    assert [event.outcome for event in gateway.events()] == ["success", "error", "success"]


async def test_later_batches_wait_for_the_accounts_second(gateway: Gateway):
    limits = [Limit("requests", "second", 1)]
    add(gateway, "mistral", "ok", preset=batches_of("mistral", 1), limits=limits)

    answer = await embed(gateway, ["a", "b"])

    assert vectors(answer) == [pytest.approx(vector_of(text, 16)) for text in "ab"]
    first, second = gateway.events()
    assert int(second.at) > int(first.at)


async def test_batches_do_not_wait_for_tomorrow(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dispatch, "MAX_QUOTA_WAIT_S", 0.0)
    limits = [Limit("requests", "day", 1)]
    add(gateway, "mistral", "ok", preset=batches_of("mistral", 1), limits=limits)

    answer = await embed(gateway, ["a", "b"])

    assert (answer.status, answer.error["code"]) == (429, "quota_exhausted")
    assert len(gateway.fake.journal) == 1


async def test_mistral_comes_first_and_gemini_second_without_a_model(gateway: Gateway):
    add(gateway, "gemini", "gemini-embedding-001", weight=1.0)
    add(gateway, "mistral", "error_503", weight=1.0)
    add(gateway, "cohere", "embed-v4.0", weight=1.0)

    answer = await embed(gateway)

    assert (answer.json["provider"], answer.json["model"]) == ("gemini", "gemini-embedding-001")
    assert answer.json["fallback_position"] == 2
    assert [event.provider for event in gateway.events()] == ["mistral", "gemini"]


async def test_without_a_model_only_defaults_are_used(gateway: Gateway):
    add(gateway, "mistral", "error_500", "codestral-embed")

    answer = await embed(gateway)

    assert answer.status == 502
    assert [event.model for event in gateway.events()] == ["error_500"]


async def test_a_named_model_is_never_left(gateway: Gateway):
    add(gateway, "mistral", "error_500")
    add(gateway, "gemini", "gemini-embedding-001")

    answer = await embed(gateway, model="error_500")

    assert (answer.status, answer.error["provider"]) == (502, "mistral")
    assert {event.model for event in gateway.events()} == {"error_500"}


async def test_another_provider_of_the_same_model_takes_over(gateway: Gateway):
    add(gateway, "mistral", "ok")
    add(gateway, "gemini", "ok")
    gateway.fake.script("mistral", ["error_503"])

    answer = await embed(gateway, model="ok")

    assert (answer.json["provider"], answer.json["model"]) == ("gemini", "ok")


async def test_pinned_provider_without_fallback_is_the_only_one(gateway: Gateway):
    add(gateway, "mistral", "ok", limits=[Limit("requests", "day", 1)])
    add(gateway, "gemini", "ok")
    pinned = {"preferred_provider": "mistral", "fallback": False}

    first = await embed(gateway, **pinned)
    second = await embed(gateway, **pinned)

    assert first.json["provider"] == "mistral"
    assert (second.status, second.error["code"]) == (429, "quota_exhausted")


async def test_preferred_provider_comes_first(gateway: Gateway):
    add(gateway, "mistral", "ok")
    add(gateway, "gemini", "ok")

    answer = await embed(gateway, preferred_provider="gemini")

    assert answer.json["provider"] == "gemini"


@pytest.mark.parametrize("provider", ["mistral", "gemini"])
async def test_foreign_name_goes_verbatim_and_the_refusal_is_a_400(gateway: Gateway, provider: str):
    add(gateway, provider, "ok")

    answer = await embed(gateway, model="text-embedding-3-small")

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert answer.error["provider"] == provider
    assert [event.model for event in gateway.events()] == ["text-embedding-3-small"]


async def test_foreign_name_goes_to_the_preferred_provider_only(gateway: Gateway):
    add(gateway, "mistral", "mistral-embed")
    add(gateway, "openai", "ok")

    answer = await embed(gateway, model="text-embedding-3-small", preferred_provider="openai")

    assert (answer.json["provider"], answer.json["model"]) == ("openai", "text-embedding-3-small")
    assert len(gateway.fake.journal) == 1


async def test_provider_and_model_pin_the_provider(gateway: Gateway):
    add(gateway, "mistral", "ok")
    add(gateway, "gemini", "ok")

    listed = await embed(gateway, model="gemini/ok")
    unlisted = await embed(gateway, model="mistral/codestral-embed")

    assert (listed.json["provider"], listed.json["model"]) == ("gemini", "ok")
    assert (unlisted.json["provider"], unlisted.json["model"]) == ("mistral", "codestral-embed")


async def test_base64_is_what_the_openai_sdk_unpacks(gateway: Gateway):
    add(gateway, "gemini", "ok")

    plain = await embed(gateway, "hello")
    packed = await embed(gateway, "hello", encoding_format="base64")

    text = packed.json["data"][0]["embedding"]
    assert list(unpacked(text)) == pytest.approx(vectors(plain)[0], rel=1e-6)


@pytest.mark.parametrize("encoding", ["float", "base64"])
async def test_numbers_that_have_no_place_in_32_bits_are_no_infinities(
    gateway: Gateway, upstream: Pages, encoding: str
):
    gateway.add("large", "m", task="embedding", base_url=upstream.url, family="openrouter")
    upstream.answer(
        200, b'{"data":[{"index":0,"embedding":[1e300,0.5]}],"usage":{"prompt_tokens":1,"total_tokens":1}}'
    )

    answer = await embed(gateway, "hello", encoding_format=encoding)

    if encoding == "float":
        assert answer.json["data"][0]["embedding"] == [1e300, 0.5]
    else:
        assert (answer.status, answer.json["error"]["kind"]) == (502, "parsing")


def unpacked(text: str) -> "array[float]":
    values = array("f", b64decode(text))
    if sys.byteorder == "big":
        values.byteswap()
    return values


async def test_openai_sdk_gets_floats_though_it_asks_for_base64(gateway: Gateway):
    add(gateway, "gemini", "ok")
    app: Any = LeanHandler()
    http: Any = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    async with http:
        sdk = AsyncOpenAI(base_url="http://gateway.test/v1", api_key=RAW_KEY, http_client=http)

        answer = await sdk.embeddings.create(model="ok", input=["hello", "world"])

    assert [item.embedding for item in answer.data] == [
        pytest.approx(vector_of(text, 16), rel=1e-5) for text in ("hello", "world")
    ]


async def test_dimensions_reach_those_that_can(gateway: Gateway):
    add(gateway, "mistral", "mistral-embed", capabilities=set())
    add(gateway, "gemini", "gemini-embedding-001")

    answer = await embed(gateway, dimensions=256)

    (vector,) = vectors(answer)
    assert answer.json["provider"] == "gemini"
    assert len(vector) == 256
    assert sum(value * value for value in vector) == pytest.approx(1.0)


async def test_dimensions_that_nobody_can_are_a_400(gateway: Gateway):
    add(gateway, "mistral", "mistral-embed", capabilities=set())

    answer = await embed(gateway, dimensions=256)

    assert (answer.status, answer.error["code"]) == (400, "no_capable_provider")
    assert "dimensions" in answer.error["message"]


async def test_token_lists_go_where_they_are_taken(gateway: Gateway):
    add(gateway, "mistral", "ok")
    add(gateway, "openai", "ok")

    one = await embed(gateway, [1, 2, 3])
    several = await embed(gateway, [[1, 2, 3], [4]])

    assert (one.json["provider"], len(one.json["data"])) == ("openai", 1)
    assert len(several.json["data"]) == 2
    assert gateway.fake.journal[-1].body["input"] == [[1, 2, 3], [4]]


async def test_token_lists_that_nobody_takes_are_a_400(gateway: Gateway):
    add(gateway, "mistral", "ok")

    answer = await embed(gateway, [1, 2, 3])

    assert (answer.status, answer.error["code"]) == (400, "no_capable_provider")
    assert "token lists" in answer.error["message"]
    assert "send `input` as text" in answer.error["message"]


async def test_window_is_for_the_longest_input_not_for_all(gateway: Gateway):
    add(gateway, "mistral", "ok", context_window=100)

    many = await embed(gateway, ["short text"] * 200)
    long = await embed(gateway, ["short", "x" * 1_000])

    assert many.status == 200
    assert (long.status, long.error["code"], long.error["param"]) == (400, "context_length_exceeded", "input")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": ""}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": ["a", 1]}, "input"),
        ({"input": ["a", [1]]}, "input"),
        ({"input": {"text": "a"}}, "input"),
        ({"input": [[1, "a"]]}, "input"),
        ({"input": [1, -1]}, "input[1]"),
        ({"input": ["a"] * 10_001}, "input"),
        ({"input": "a", "dimensions": 0}, "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "a", "model": 7}, "model"),
        ({"input": "a", "fallback": "yes"}, "fallback"),
        ({"input": "a", "preferred_provider": "nobody"}, "preferred_provider"),
    ],
)
async def test_bad_fields_are_named(gateway: Gateway, body: dict[str, Any], param: str):
    add(gateway, "mistral", "ok")

    answer = await gateway.client.request("POST", "/v1/embeddings", orjson.dumps(body))

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert (answer.error["param"] or "").startswith(param)
    assert gateway.fake.journal == []


async def test_nothing_configured_is_a_400(gateway: Gateway):
    gateway.add("groq", "ok")

    answer = await embed(gateway)

    assert (answer.status, answer.error["code"]) == (400, "no_provider_configured")


async def test_key_may_use_its_models_only(gateway: Gateway):
    add(gateway, "mistral", "mistral-embed")
    add(gateway, "gemini", "gemini-embedding-001")
    use_key(allowed_models=frozenset({"gemini-embedding-001"}))

    routed = await embed(gateway)
    refused = await embed(gateway, model="mistral-embed")

    assert routed.json["provider"] == "gemini"
    assert (refused.status, refused.error["type"]) == (403, "permission_error")


async def test_what_is_lost_on_the_way_is_said(gateway: Gateway):
    add(gateway, "mistral", "ok")

    answer = await embed(gateway, user="ada")

    assert answer.headers["x-freeai-dropped"] == "user"
    assert gateway.fake.journal[0].body.keys() == {"model", "input"}


@pytest.mark.parametrize("model", ["a b", "a\r\nx-evil: 1", "é", "x" * 201])
async def test_names_that_no_header_can_hold_are_a_400(gateway: Gateway, model: str):
    add(gateway, "mistral", "ok")

    answer = await embed(gateway, model=model)

    assert (answer.status, answer.error["param"]) == (400, "model")


@pytest.mark.parametrize("model", ["../../v1/secrets", "a/../../b", "/etc", "a//b", "."])
async def test_a_name_cannot_lead_to_another_path_of_the_upstream(gateway: Gateway, model: str):
    add(gateway, "huggingface", "ok")

    answer = await embed(gateway, model=model)

    assert answer.status == 400
    assert gateway.fake.journal == []


async def test_html_in_a_200_falls_back(gateway: Gateway):
    add(gateway, "mistral", "html_200")
    add(gateway, "gemini", "ok")

    answer = await embed(gateway)

    assert answer.json["provider"] == "gemini"
    assert gateway.events()[0].error_kind == "parsing"


async def test_missing_usage_is_estimated_and_says_so(gateway: Gateway):
    add(gateway, "gemini", "ok")

    answer = await embed(gateway, "x" * 400)

    assert answer.json["usage"] == {"prompt_tokens": 100, "total_tokens": 100, "estimated": True}


def batches_of(provider: str, count: int) -> Any:
    """The provider's preset with small batches."""
    preset = SHIPPED[provider]
    wire: EmbeddingWire = msgspec.structs.replace(preset.embeddings, batch=count)
    return msgspec.structs.replace(preset, embeddings=wire)
