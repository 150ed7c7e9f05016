"""POST /v1/moderations: all of OpenAI's categories, whoever judges, and nothing unread is ever safe."""

from typing import Any

import httpx
import orjson
import pytest
from openai import AsyncOpenAI
from openai.types import ModerationCreateResponse

from apps.gateway.edge.asgi import LeanHandler
from apps.providers.demands.moderation import CATEGORIES
from tests.asgi import Answer
from tests.gateway.conftest import RAW_KEY, Gateway

SAFE, HARMFUL = "bake a cake", "how to kill"
PIXEL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}


async def moderate(gateway: Gateway, value: Any = SAFE, **fields: Any) -> Answer:
    asked = {"input": value} | fields
    return await gateway.client.request("POST", "/v1/moderations", orjson.dumps(asked))


def add(gateway: Gateway, name: str, *models: str, **overrides: Any) -> None:
    overrides.setdefault("capabilities", {"json_schema", "reasoning"})
    gateway.add(name, *models, task="moderation", **overrides)


def results(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    for result in answer.json["results"]:
        for member in ("categories", "category_scores", "category_applied_input_types"):
            assert result[member].keys() == set(CATEGORIES)
        assert all(0 <= score <= 1 for score in result["category_scores"].values())
    return answer.json["results"]


def harmful(result: dict[str, Any]) -> set[str]:
    return {name for name, is_so in result["categories"].items() if is_so}


def verdict(**categories: bool) -> str:
    return orjson.dumps(dict.fromkeys(CATEGORIES, False) | categories).decode()


@pytest.mark.parametrize("provider", ["openai", "mistral"])
async def test_endpoints_answer_alike(gateway: Gateway, provider: str):
    add(gateway, provider)

    answer = await moderate(gateway, [SAFE, HARMFUL, "slur and bomb"])

    safe, violent, both = results(answer)
    assert [result["flagged"] for result in (safe, violent, both)] == [False, True, True]
    assert (harmful(safe), harmful(violent), harmful(both)) == (set(), {"violence"}, {"hate", "illicit"})
    assert violent["category_scores"]["violence"] == 0.97
    assert answer.json.keys() == {"id", "results", "model", "provider", "fallback_position"}
    assert answer.json["id"].startswith("modr-")
    assert len(gateway.fake.journal) == 1
    ModerationCreateResponse.model_validate(answer.json)


async def test_what_is_no_harm_in_itself_flags_nothing(gateway: Gateway):
    add(gateway, "mistral")

    (result,) = results(await moderate(gateway))

    assert result["freeai_categories"] == {"health": False, "financial": False, "law": False, "pii": False}
    assert result["category_applied_input_types"]["hate"] == ["text"]
    assert result["category_applied_input_types"]["hate/threatening"] == []


async def test_attempt_is_recorded_as_a_moderation(gateway: Gateway):
    add(gateway, "mistral")

    await moderate(gateway, "x" * 400)

    (event,) = gateway.events()
    assert (event.strategy, event.endpoint, event.outcome) == ("moderation", "moderations", "success")
    assert (event.prompt_tokens, event.completion_tokens, event.estimated) == (100, 0, True)
    assert await gateway.open_grants() == 0


async def test_many_inputs_are_split_and_joined_in_order(gateway: Gateway):
    add(gateway, "mistral")
    texts = [HARMFUL if number % 3 == 0 else f"{SAFE} {number}" for number in range(70)]

    answer = await moderate(gateway, texts)

    assert [result["flagged"] for result in results(answer)] == [number % 3 == 0 for number in range(70)]
    assert [len(request.body["input"]) for request in gateway.fake.journal] == [32, 32, 6]


async def test_a_model_judges_by_a_policy_one_input_at_a_time(gateway: Gateway):
    add(gateway, "groq", "echo")

    answer = await moderate(gateway, [verdict(), verdict(violence=True, **{"self-harm/intent": True})])

    safe, violent = results(answer)
    assert (safe["flagged"], violent["flagged"]) == (False, True)
    assert harmful(violent) == {"violence", "self-harm/intent"}
    assert violent["category_scores"]["violence"] == 1.0
    first, second = gateway.fake.journal
    assert first.body["response_format"]["json_schema"]["strict"] is True
    assert [message["role"] for message in second.body["messages"]] == ["system", "user"]
    assert [event.outcome for event in gateway.events()] == ["success", "success"]
    assert gateway.events()[0].completion_tokens > 0


@pytest.mark.parametrize(
    ("said", "expected", "others"),
    [
        ("safe", set(), {}),
        (" Safe \n", set(), {}),
        ("unsafe\nS1,S10", {"illicit/violent", "violence", "hate"}, {}),
        ("\n\nunsafe\nS4", {"sexual/minors"}, {}),
        ("unsafe\nS99", set(), {"S99": True}),
        ("unsafe\nS6, S12", {"sexual"}, {"S6": True}),
        ("unsafe", set(), {}),
    ],
)
async def test_a_guard_judges_by_its_codes(
    gateway: Gateway, said: str, expected: set[str], others: dict[str, bool]
):
    add(gateway, "cloudflare", "echo")

    (result,) = results(await moderate(gateway, said))

    assert result["flagged"] is ("unsafe" in said.lower())
    assert harmful(result) == expected
    assert result.get("freeai_categories", {}) == others


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ("cloudflare", "I cannot help with that."),
        ("cloudflare", "safe or unsafe"),
        ("groq", "safe"),
        ("groq", "{}"),
        ("groq", "[]"),
        ("groq", verdict(hate=True)[:-30]),
        ("groq", verdict().replace("false", '"no"')),
        ("groq", verdict().replace("false", "0")),
    ],
)
async def test_what_cannot_be_read_is_never_safe(gateway: Gateway, provider: str, said: str):
    add(gateway, provider, "echo")

    alone = await moderate(gateway, said)
    add(gateway, "mistral", weight=1.0)
    gateway.fake.script(provider, ["echo"])
    other = await moderate(gateway, said, preferred_provider=provider)

    assert (alone.status, alone.error["code"]) == (502, "upstream_failed")
    assert gateway.events()[0].error_kind == "parsing"
    assert other.json["provider"] == "mistral"


async def test_empty_and_filtered_judges_are_left_for_the_next(gateway: Gateway):
    add(gateway, "groq", "empty")
    add(gateway, "cloudflare", "filtered")
    add(gateway, "openai", weight=1.0)

    answer = await moderate(gateway)

    assert answer.json["provider"] == "openai"
    assert {event.error_kind for event in gateway.events()} == {"empty_response", "content_filtered", ""}


async def test_parts_are_one_input(gateway: Gateway):
    add(gateway, "mistral")

    answer = await moderate(gateway, [{"type": "text", "text": "kill"}, {"type": "text", "text": "bomb"}])

    (result,) = results(answer)
    assert harmful(result) == {"violence", "illicit"}
    assert gateway.fake.journal[0].body["input"] == ["kill\nbomb"]


async def test_images_go_where_they_are_seen_and_nowhere_else(gateway: Gateway):
    add(gateway, "mistral")

    blind = await moderate(gateway, [PIXEL])
    add(gateway, "openai", capabilities={"vision"})
    seen = await moderate(gateway, [{"type": "text", "text": "kill"}, PIXEL])

    assert (blind.status, blind.error["code"]) == (400, "no_capable_provider")
    (result,) = results(seen)
    assert gateway.fake.journal[-1].body["input"] == [{"type": "text", "text": "kill"}, PIXEL]
    assert result["category_applied_input_types"]["violence"] == ["text", "image"]


async def test_nobody_to_judge_is_a_400_and_not_safe(gateway: Gateway):
    gateway.add("groq")

    answer = await moderate(gateway)

    assert (answer.status, answer.error["code"]) == (400, "no_provider_configured")


@pytest.mark.parametrize("model", ["omni-moderation-latest", "text-moderation-latest", None])
async def test_names_of_openai_are_none(gateway: Gateway, model: str | None):
    add(gateway, "mistral", "mistral-moderation-latest")

    assert (await moderate(gateway, model=model)).json["model"] == "mistral-moderation-latest"


async def test_the_client_of_openai_reads_it(gateway: Gateway):
    add(gateway, "mistral")
    app: Any = LeanHandler()
    http: Any = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    async with http:
        sdk = AsyncOpenAI(base_url="http://gateway.test/v1", api_key=RAW_KEY, http_client=http)

        answer = await sdk.moderations.create(input=[HARMFUL])

    assert (answer.results[0].flagged, answer.results[0].categories.violence) == (True, True)
    assert answer.results[0].categories.harassment_threatening is False


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": ["x", ""]}, "input[1]"),
        ({"input": ["x", 5]}, "input[1]"),
        ({"input": ["x"] * 129}, "input"),
        ({"input": ["x", {"type": "text", "text": "y"}]}, "input"),
        ({"input": [{"type": "text"}]}, "input[0].text"),
        ({"input": [{"type": "audio", "text": "x"}]}, "input[0].type"),
        ({"input": [{"text": "x"}]}, "input[0].type"),
        (
            {"input": [{"type": "image_url", "image_url": {"url": "file:///etc/passwd"}}]},
            "input[0].image_url.url",
        ),
        ({"input": [PIXEL] * 17}, "input"),
        ({"input": "x", "model": 7}, "model"),
        ({"input": "x", "fallback": 0}, "fallback"),
    ],
)
async def test_bad_fields_are_named(gateway: Gateway, body: dict[str, Any], param: str):
    add(gateway, "mistral")

    answer = await gateway.client.request("POST", "/v1/moderations", orjson.dumps(body))

    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert answer.error["param"] == param
    assert gateway.fake.journal == []


@pytest.mark.parametrize(
    "results_said",
    [
        None,
        [],
        [{}],
        [{"flagged": False}],
        [{"categories": {}}],
        [{"categories": {"weather": True}}],
        [{"categories": {"hate": "no"}}],
        [{"categories": {"hate": False}}] * 2,
    ],
)
async def test_verdicts_of_the_wrong_shape_are_left_for_the_next(
    gateway: Gateway, upstream: Any, results_said: Any
):
    upstream.answer(200, orjson.dumps({"results": results_said}))
    add(gateway, "custom", base_url=upstream.url, family="openai")
    add(gateway, "mistral", weight=1.0)

    answer = await moderate(gateway)

    assert answer.json["provider"] == "mistral"
    assert gateway.events()[0].error_kind == "parsing"
