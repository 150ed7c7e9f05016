"""Explain and preview: the decision that a request would meet, in words, without a call."""

from typing import Any

import orjson
import pytest
from django.test import RequestFactory

from apps.core import clock
from apps.core.state.contract import Block, BreakerPolicy, Completion, Grant
from apps.core.state.keys import credential_key
from apps.gateway.answering.explained import asked_for
from apps.gateway.attempts import decision as decisions
from apps.gateway.attempts import dispatch
from apps.gateway.attempts.calls import RequestIds
from apps.gateway.attempts.planning import plan_chat
from apps.gateway.endpoints.chat import explain
from apps.gateway.endpoints.chat.wire import request as chat_request
from apps.gateway.wire.errors import ApiError
from apps.providers.claims import amounts
from apps.providers.limits import Limit
from apps.providers.offers import CATALOGUE
from apps.providers.types import Offer
from apps.strategies.definition import parse_definition
from tests.asgi import chat_body
from tests.factories import make_claim
from tests.gateway.conftest import USER, Gateway, principal


async def decide(gateway: Gateway, **fields: Any) -> dict[str, Any]:
    decision = await explain.explain_body(gateway.runtime.store, principal(), chat_body(**fields))
    return decision.as_json()


def by_provider(decision: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["provider"]: row for row in decision["candidates"]}


async def serve(gateway: Gateway, provider: str, **completion: Any) -> None:
    """One settled attempt at the provider's only model."""
    (offer,) = [offer for offer in offers() if offer.provider == provider]
    grant = await gateway.runtime.store.acquire(make_claim(offer.subject, 100), clock.now())
    assert isinstance(grant, Grant)
    fields: dict[str, Any] = {"health": "success", "latency_ms": 400.0}
    settled = Completion(**(fields | completion))
    await gateway.runtime.store.complete(grant, settled, BreakerPolicy(), clock.now())


def offers() -> tuple[Offer, ...]:
    return CATALOGUE.value.offers_for(USER)


async def test_rows_have_the_documented_members_and_say_where_the_score_comes_from(gateway: Gateway):
    gateway.add("groq", "llama-x", weight=1.5, tags=["fast"])

    decision = await decide(gateway, model="freeai-fast")

    assert list(decision) == ["strategy", "features", "candidates", "warnings"]
    assert decision["strategy"] == "fastest"
    assert decision["features"]["prompt_tokens"] > 0
    (row,) = decision["candidates"]
    assert (row["provider"], row["model"], row["rank"], row["excluded"]) == ("groq", "llama-x", 1, None)
    assert row["parts"] == {
        "weight": 1.5,
        "default": 1.0,
        "headroom": 1.0,
        "scarcity": 0.0,
        "latency": 1.0,
        "reliability": 1.0,
        "load": 0.0,
        "preferred": 0.0,
        "sticky": 0.0,
        "prefer[2]": 8.0,
    }
    assert row["score"] == sum(row["parts"].values())


async def test_order_is_that_of_the_attempt_loop(gateway: Gateway):
    for name, weight in (("groq", 1.0), ("mistral", 3.0), ("cerebras", 2.0)):
        gateway.add(name, "a", "b", weight=weight)
    await occupy(gateway, "mistral")
    call = plan_chat(RequestIds("r", "r"), principal(), chat_request.parse(chat_body(model="freeai-cheap")))

    decision = (await decisions.explain(gateway.runtime.store, call)).as_json()

    served = await dispatch.candidates(gateway.runtime, call)
    assert [(row["provider"], row["model"]) for row in decision["candidates"]] == [
        (item.offer.provider, item.offer.model) for item in served.candidates
    ]
    assert [row["rank"] for row in decision["candidates"]] == [1, 2, 3, 4, 5, 6]


async def occupy(gateway: Gateway, provider: str) -> None:
    for offer in offers():
        if offer.provider == provider:
            for _ in range(12):
                await gateway.runtime.store.acquire(make_claim(offer.subject, 1), clock.now())


async def test_explaining_reserves_nothing_and_calls_nobody(gateway: Gateway):
    gateway.add("groq", limits=[Limit("requests", "day", 1)])

    first = await decide(gateway)
    second = await decide(gateway)

    assert first["candidates"] == second["candidates"]
    assert second["candidates"][0]["quota"]["requests/day"] == {"limit": 1, "used": 0}
    assert await gateway.open_grants() == 0
    assert gateway.events() == []


async def test_excluded_come_last_with_every_reason(gateway: Gateway):
    gateway.add("blind", capabilities={"tools"}, family="groq", weight=50)
    gateway.add("small", context_window=10, family="groq", weight=40)
    gateway.add("spent", limits=[Limit("requests", "minute", 1)], family="groq", weight=30)
    gateway.add("open", family="groq", weight=1)
    await serve(gateway, "spent")
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}

    decision = await decide(gateway, model="freeai-vision", messages=[{"role": "user", "content": [image]}])

    assert decision["candidates"][0]["provider"] == "open"
    rows = by_provider(decision)
    assert all(rows[name]["rank"] is rows[name]["score"] is None for name in ("blind", "small", "spent"))
    assert rows["blind"]["excluded"] == {"reason": "incapable", "detail": "lacks vision", "retry_in_s": None}
    assert rows["small"]["excluded"]["reason"] == "context_window"
    assert "context window has 10" in rows["small"]["excluded"]["detail"]
    assert rows["spent"]["excluded"]["reason"] == "quota"
    assert 0 < rows["spent"]["excluded"]["retry_in_s"] <= 60


async def test_a_requirement_that_excludes_is_named(gateway: Gateway):
    gateway.add("groq", capabilities={"tools"})
    gateway.add("mistral")

    decision = await decide(gateway, model="freeai-vision")

    excluded = by_provider(decision)["groq"]["excluded"]
    assert (excluded["reason"], excluded["detail"]) == ("requirement", "require[0].when: vision")


async def test_a_blocked_account_shows_reason_and_seconds(gateway: Gateway):
    gateway.add("groq")
    account = credential_key(USER, "groq")
    block = Block(account, clock.now() + 90.0, "quarantine")
    await serve(gateway, "groq", health="neutral", blocks=(block,))

    (row,) = (await decide(gateway))["candidates"]

    assert row["excluded"]["reason"] == "quarantine"
    assert row["excluded"]["detail"].startswith("for another ")
    assert 88 < row["excluded"]["retry_in_s"] <= 90
    assert (row["health"]["reason"], row["rank"]) == ("quarantine", None)


async def test_quota_and_health_are_those_of_the_store(gateway: Gateway):
    gateway.add("groq", "m", limits=[Limit("requests", "day", 50)])
    await serve(gateway, "groq", spent=amounts(70))

    (row,) = (await decide(gateway))["candidates"]

    assert row["quota"]["requests/day"] == {"limit": 50, "used": 1}
    assert row["quota"]["tokens/day"] == {"limit": None, "used": 70}
    assert row["health"]["latency_ema_ms"] == 400.0
    assert row["health"]["success_rate"] == 1.0
    assert row["parts"]["headroom"] == 0.98


async def test_windows_of_a_model_carry_its_name(gateway: Gateway):
    gateway.add("groq", "m", model_limits=[Limit("tokens", "minute", 6000)])

    (row,) = (await decide(gateway))["candidates"]

    assert row["quota"]["m tokens/minute"] == {"limit": 6000, "used": 0}


async def test_auto_shows_what_it_saw_and_chose(gateway: Gateway):
    gateway.add("groq")
    code = "```python\ndef f(x):\n    return x\n```\nFix this function, it raises a TypeError in pytest."

    decision = await decide(gateway, model="freeai-auto", messages=[{"role": "user", "content": code}])

    assert decision["strategy"] == "auto"
    assert decision["features"]["auto"]["strategy"] == "coding"


async def test_nobody_capable_is_an_answer_not_an_error(gateway: Gateway):
    gateway.add("groq", context_window=10)

    (row,) = (await decide(gateway, messages=[{"role": "user", "content": "word " * 50}]))["candidates"]

    assert row["excluded"]["reason"] == "context_window"


async def test_unknown_tags_of_the_strategy_are_warnings(gateway: Gateway):
    gateway.add("groq", tags=["fast"])

    decision = await decide(gateway, model="freeai-quality")

    assert {item["clause"] for item in decision["warnings"]} == {
        "prefer[0].when",
        "prefer[1].when",
        "prefer[2].when",
    }


async def test_what_v1_refuses_explain_refuses_alike(gateway: Gateway):
    gateway.add("groq")

    with pytest.raises(ApiError) as caught:
        await decide(gateway, temperature=9)

    assert (caught.value.status, caught.value.param) == (400, "temperature")


async def test_preview_ranks_by_the_definition_that_was_given(gateway: Gateway):
    gateway.add("groq")
    gateway.add("mistral")
    definition = parse_definition(
        {"prefer": [{"when": "name == 'mistral' && request.language == 'fr'", "weight": 500}]}
    )
    body = chat_body(messages=[{"role": "user", "content": "Bonjour, pouvez-vous m'aider avec la lettre ?"}])

    decision = await explain.preview(gateway.runtime.store, principal(), definition, body)

    assert decision.strategy == "preview"
    assert decision.features["language"] == "fr"
    assert [row.provider for row in decision.candidates] == ["mistral", "groq"]
    assert decision.candidates[0].parts["prefer[0]"] == 500


def asking(value: str = "1") -> Any:
    return RequestFactory().post("/v1/chat/completions", HTTP_X_FREEAI_EXPLAIN=value)


async def test_the_header_brings_the_decision_to_admins(gateway: Gateway):
    gateway.add("groq")
    call = plan_chat(RequestIds("r", "r"), principal(), chat_request.parse(chat_body()))

    member = await asked_for(asking(), call)

    assert member["explain"]["candidates"][0]["provider"] == "groq"
    assert orjson.dumps(member)
    assert await asked_for(asking("0"), call) == {}


async def test_the_header_is_refused_to_other_keys(gateway: Gateway):
    gateway.add("groq")
    call = plan_chat(RequestIds("r", "r"), principal(is_admin=False), chat_request.parse(chat_body()))

    with pytest.raises(ApiError) as caught:
        await asked_for(asking(), call)

    assert (caught.value.status, caught.value.type) == (403, "permission_error")
    assert await asked_for(RequestFactory().post("/"), call) == {}


async def test_windows_of_groups_and_models_are_told_apart(gateway: Gateway):
    shared = Limit("requests", "day", 50, models=("ok*",), group="free models")
    each = Limit("requests", "day", 20, each=True)
    refilling = Limit("tokens", "day", 9_000_000, kind="bucket")
    gateway.add("groq", "ok", limits=[shared, each, refilling])

    [row] = (await decide(gateway))["candidates"]

    limits = {name: use["limit"] for name, use in row["quota"].items() if use["limit"]}
    assert limits == {
        "free models requests/day": 50,
        "ok requests/day": 20,
        "all models tokens/day": 9_000_000,
    }


async def test_a_limit_that_refusals_taught_is_shown_with_its_evidence(gateway: Gateway):
    gateway.add("groq", "ok", limits=[Limit("requests", "day", 50, each=True)])
    [offer] = offers()
    (window,) = [each for each in offer.subject.windows if each.limit]
    for _ in range(8):
        await gateway.runtime.store.acquire(make_claim(offer.subject), clock.now())
    grant = await gateway.runtime.store.acquire(make_claim(offer.subject), clock.now())
    assert isinstance(grant, Grant)
    refused = Completion(health="neutral", refused=(window.key,), named=True)
    await gateway.runtime.store.complete(grant, refused, BreakerPolicy(), clock.now())

    [row] = (await decide(gateway))["candidates"]

    use = row["quota"]["ok requests/day"]
    assert (use["limit"], use["used"], row["requests_left"]) == (8, 8, 42)
    assert (use["learnt"]["declared"], use["learnt"]["from"], use["learnt"]["used"]) == (50, "refused", 8)
    assert use["learnt"]["more_asked_in_s"] > 0
