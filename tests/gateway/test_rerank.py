"""POST /v1/rerank and its aliases: one answer for two kinds of clients, whatever the upstream's form, and never another model's scores."""

from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from apps.gateway.wire.surfaces import ALIASES
from apps.providers.types import Preset
from apps.providers.wires import RerankWire
from fakes.families.rerank import relevance_of
from tests.asgi import Answer
from tests.gateway.conftest import SHIPPED, Gateway, Limit, use_key
from tests.gateway.upstream_pages import Pages

QUERY = "how tall is the tower"
DOCUMENTS = [
    "The tower weighs a lot.",
    "Lunch is at noon.",
    "So tall is the tower: 330 m.",
    "Lunch is at noon.",
]
PRESETS: dict[str, Preset] = {
    **{name: SHIPPED[name] for name in ("cohere", "jina", "voyage", "cloudflare")},
    "nvidia": replace(SHIPPED["nvidia"], rerank=replace(SHIPPED["nvidia"].rerank, base_url="retrieval")),
    "huggingface": Preset(rerank=RerankWire(wire="huggingface", most=32)),
}


async def rerank(gateway: Gateway, path: str = "/v1/rerank", **fields: Any) -> Answer:
    asked = {"query": QUERY, "documents": DOCUMENTS} | fields
    return await gateway.client.request("POST", path, orjson.dumps(asked))


def add(gateway: Gateway, name: str, *models: str, **overrides: Any) -> None:
    overrides.setdefault("preset", PRESETS.get(overrides.get("family", name), Preset()))
    models = models or (("@cf/baai/bge-reranker-base",) if name == "cloudflare" else ("ok",))
    gateway.add(name, *models, task="rerank", **overrides)


def pairs(answer: Answer) -> list[tuple[int, float]]:
    assert answer.status == 200, answer.body
    return [(result["index"], result["relevance_score"]) for result in answer.json["results"]]


def expected(documents: list[str] = DOCUMENTS) -> list[tuple[int, float]]:
    scored = [(at, relevance_of(QUERY, text)) for at, text in enumerate(documents)]
    return [
        (at, pytest.approx(score, abs=1e-4))
        for at, score in sorted(scored, key=lambda one: (-one[1], one[0]))
    ]


async def test_answer_has_the_shape_of_the_reference(gateway: Gateway):
    add(gateway, "cohere", "rerank-v3.5")

    answer = await rerank(gateway, model="rerank-v3.5", top_n=2)

    body = answer.json
    assert body.keys() == {
        "id", "object", "results", "meta", "usage", "model", "provider", "fallback_position",
    }  # fmt: skip
    assert (body["object"], body["model"], body["provider"]) == ("rerank", "rerank-v3.5", "cohere")
    assert body["meta"] == {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    assert body["usage"]["total_tokens"] > 0
    assert [result.keys() for result in body["results"]] == [{"index", "relevance_score"}] * 2
    assert pairs(answer) == expected()[:2]


@pytest.mark.parametrize("provider", PRESETS)
async def test_every_wire_ranks_alike(gateway: Gateway, provider: str):
    add(gateway, provider)

    answer = await rerank(gateway)

    assert pairs(answer) == expected()
    assert answer.json["provider"] == provider
    assert all(0 <= score <= 1 for _, score in pairs(answer))


@pytest.mark.parametrize("provider", PRESETS)
@pytest.mark.parametrize("word", ["top_n", "top_k"])
async def test_the_best_so_many_whether_the_upstream_cuts_or_not(gateway: Gateway, provider: str, word: str):
    add(gateway, provider)

    fields: dict[str, Any] = {word: 2}
    answer = await rerank(gateway, **fields)

    assert pairs(answer) == expected()[:2]


async def test_more_than_there_are_are_all(gateway: Gateway):
    add(gateway, "jina")

    assert len(pairs(await rerank(gateway, top_n=100))) == len(DOCUMENTS)


async def test_attempt_is_recorded_as_a_rerank(gateway: Gateway):
    add(gateway, "jina")

    answer = await rerank(gateway)

    (event,) = gateway.events()
    assert (event.strategy, event.endpoint, event.outcome) == ("rerank", "rerank", "success")
    assert event.completion_tokens == 0
    assert event.prompt_tokens == answer.json["usage"]["total_tokens"]
    assert "estimated" not in answer.json["usage"]
    assert await gateway.open_grants() == 0


async def test_missing_usage_is_estimated_by_the_query_with_each_document(gateway: Gateway):
    add(gateway, "jina", "no_usage")

    answer = await rerank(gateway, query="x" * 40, documents=["y" * 80, "z" * 80])

    assert answer.json["usage"] == {"prompt_tokens": 60, "total_tokens": 60, "estimated": True}


async def test_a_thousand_documents_are_ten_units(gateway: Gateway):
    add(gateway, "jina")

    answer = await rerank(gateway, documents=[f"document {number}" for number in range(1_000)])

    assert len(answer.json["results"]) == 1_000
    assert answer.json["meta"]["billed_units"] == {"search_units": 10}


async def test_documents_come_back_as_they_were_sent_only_if_asked_for(gateway: Gateway):
    add(gateway, "jina")
    documents: list[Any] = ["plain", {"text": "tower", "source": 7}]

    without = await rerank(gateway, documents=documents)
    back = await rerank(gateway, documents=documents, return_documents=True)

    assert all("document" not in result for result in without.json["results"])
    assert {result["index"]: result["document"] for result in back.json["results"]} == {
        0: {"text": "plain"},
        1: documents[1],
    }
    assert gateway.fake.journal[-1].body["documents"] == ["plain", "tower"]


async def test_fields_that_are_named_are_what_is_ranked(gateway: Gateway):
    add(gateway, "cohere")

    await rerank(gateway, documents=[{"title": "Tower", "body": "tall"}], rank_fields=["title", "body"])

    assert gateway.fake.journal[0].body["documents"] == ["title: Tower\nbody: tall"]


async def test_a_named_model_is_never_left(gateway: Gateway):
    add(gateway, "jina", "error_500")
    add(gateway, "cohere", "rerank-v3.5")

    answer = await rerank(gateway, model="error_500")

    assert (answer.status, answer.error["provider"]) == (502, "jina")
    assert {event.model for event in gateway.events()} == {"error_500"}


async def test_without_a_model_the_next_provider_ranks(gateway: Gateway):
    add(gateway, "jina", "error_500", weight=1.0)
    add(gateway, "cohere", "error_503", weight=1.0)
    add(gateway, "voyage", "ok", weight=1.0)

    answer = await rerank(gateway)

    assert [event.provider for event in gateway.events()] == ["cohere", "voyage"]
    assert (answer.json["provider"], answer.json["model"], answer.json["fallback_position"]) == (
        "voyage",
        "ok",
        2,
    )
    assert pairs(answer) == expected()


async def test_what_the_account_has_left_counts(gateway: Gateway):
    add(gateway, "cohere", limits=[Limit("requests", "day", 1)])

    first, second = await rerank(gateway), await rerank(gateway)

    assert first.status == 200
    assert (second.status, second.error["code"]) == (429, "quota_exhausted")


async def test_a_small_batch_is_left_to_others(gateway: Gateway):
    add(gateway, "huggingface")
    many = [f"document {number}" for number in range(33)]

    alone = await rerank(gateway, documents=many)
    add(gateway, "jina")
    other = await rerank(gateway, documents=many)

    assert (alone.status, alone.error["code"]) == (400, "no_capable_provider")
    assert "at most 32 documents" in alone.error["message"]
    assert other.json["provider"] == "jina"


async def test_what_is_lost_on_the_way_is_said(gateway: Gateway):
    add(gateway, "cohere")

    answer = await rerank(gateway, max_tokens_per_doc=100, truncation=True)

    assert answer.headers["x-freeai-dropped"] == "truncation"
    assert gateway.fake.journal[0].body["max_tokens_per_doc"] == 100


@pytest.mark.parametrize("path", [f"/{alias}" for alias in sorted(ALIASES)])
async def test_aliases_answer_the_same_and_refuse_in_the_same_shape(gateway: Gateway, path: str):
    add(gateway, "jina")

    right, wrong = await rerank(gateway, path), await rerank(gateway, path, query=5)
    got = await gateway.client.request("GET", path)
    use_key(closed="revoked")
    unknown = await rerank(gateway, path)

    assert pairs(right) == expected()
    assert (wrong.status, wrong.error["param"]) == (400, "query")
    assert (got.status, got.error["type"]) == (405, "invalid_request_error")
    assert (unknown.status, unknown.error["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"query": ...}, "query"),
        ({"query": ""}, "query"),
        ({"query": ["x"]}, "query"),
        ({"documents": ...}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": "x"}, "documents"),
        ({"documents": ["x"] * 1_001}, "documents"),
        ({"documents": ["x", ""]}, "documents[1]"),
        ({"documents": ["x", 5]}, "documents[1]"),
        ({"documents": ["x", {}]}, "documents[1].text"),
        ({"documents": [{"text": 5}]}, "documents[0].text"),
        ({"documents": [{"text": "x"}], "rank_fields": ["title"]}, "documents[0].title"),
        ({"top_n": 0}, "top_n"),
        ({"top_k": "2"}, "top_k"),
        ({"return_documents": "yes"}, "return_documents"),
        ({"rank_fields": [1]}, "rank_fields[0]"),
        ({"model": 7}, "model"),
        ({"fallback": "no"}, "fallback"),
        ({"preferred_provider": "nobody"}, "preferred_provider"),
    ],
)
async def test_bad_fields_are_named(gateway: Gateway, fields: dict[str, Any], param: str):
    add(gateway, "jina")
    asked = {"query": QUERY, "documents": DOCUMENTS} | fields
    asked = {name: value for name, value in asked.items() if value is not ...}

    answer = await gateway.client.request("POST", "/v1/rerank", orjson.dumps(asked))

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert answer.error["param"] == param
    assert gateway.fake.journal == []


@pytest.mark.parametrize(
    "results",
    [
        None,
        [],
        {},
        ["x"],
        [{"index": 0}],
        [{"index": 4, "relevance_score": 0.5}],
        [{"index": -1, "relevance_score": 0.5}],
        [{"index": True, "relevance_score": 0.5}],
        [{"index": 0, "relevance_score": "high"}],
        [{"index": 0, "relevance_score": True}],
        [{"index": 0, "relevance_score": 10**400}],
        [{"index": 0, "relevance_score": 0.5}] * 2,
        [{"index": at, "relevance_score": 0.5} for at in range(5)],
    ],
)
async def test_nonsense_is_left_to_the_next(gateway: Gateway, upstream: Pages, results: Any):
    upstream.answer(200, orjson.dumps({"results": results}) if _fits(results) else BIG)
    add(gateway, "custom", base_url=upstream.url, family="openai")
    add(gateway, "jina", weight=1.0)

    answer = await rerank(gateway)

    assert answer.json["provider"] == "jina"
    assert gateway.events()[0].error_kind == "parsing"


BIG = b'{"results": [{"index": 0, "relevance_score": 1' + b"0" * 400 + b"}]}"


def _fits(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


@pytest.mark.parametrize(
    ("scores", "read"),
    [
        ([8.0, -8.0, 800.0, -800.0], [1.0, pytest.approx(0.99966, abs=1e-4), pytest.approx(0.00033, abs=1e-4), 0.0]),
        ([1.0000001, 0.5, 0.25, 0], [1.0, 0.5, 0.25, 0.0]),
    ],
    ids=["logits", "rounded"],
)  # fmt: skip
async def test_scores_become_probabilities(
    gateway: Gateway, upstream: Pages, scores: list[float], read: list[float]
):
    results = [{"index": at, "relevance_score": score} for at, score in enumerate(scores)]
    upstream.answer(200, orjson.dumps({"results": results, "usage": {"total_tokens": 10**18}}))
    add(gateway, "custom", base_url=upstream.url, family="openai")

    answer = await rerank(gateway)

    assert [score for _, score in pairs(answer)] == read
    assert answer.json["usage"]["estimated"] is True
