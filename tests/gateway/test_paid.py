"""What costs money: asked only where the client pins it, or where operator and user both allow it; and what is said where nothing else
is left."""

import asyncio

import pytest
from msgspec.structs import replace

from apps.providers.limits import Limit
from apps.providers.offers import CATALOGUE, Catalogue
from apps.providers.types import Price
from tests.gateway.conftest import USER, Gateway
from tests.gateway.test_embeddings import embed
from tests.gateway.test_explain import by_provider, decide

ENDED = "Old ended on 2026-07-30: the service was closed."


def add_both(gateway: Gateway, *, use_paid: bool = False) -> None:
    """A paid provider that would be asked first, and a free one."""
    gateway.add("costly", "ok", family="openai", access="prepaid", use_paid=use_paid)
    gateway.add("gratis", "ok", family="openai")


@pytest.mark.parametrize("operator", [False, True])
@pytest.mark.parametrize("user", [False, True])
@pytest.mark.parametrize(
    ("model", "always"),
    [("freeai-auto", False), ("ok", False), ("costly/ok", True)],
    ids=["virtual", "bare", "pinned"],
)
async def test_a_paid_model_is_asked_where_it_is_allowed_or_pinned(
    gateway: Gateway, operator: bool, user: bool, model: str, always: bool
):
    add_both(gateway, use_paid=user)
    gateway.configure(use_paid=operator)

    answer = await gateway.client.chat(model=model)

    assert answer.status == 200
    (event,) = gateway.events()
    assert event.provider == ("costly" if always or (operator and user) else "gratis")


@pytest.mark.parametrize(("cap_microusd", "served_by"), [(10_000, "costly"), (100, "gratis")])
async def test_paid_models_are_asked_until_the_cap_of_the_month(
    gateway: Gateway, cap_microusd: int, served_by: str
):
    """A usual answer is expected to have about a thousand tokens, at a micro-dollar each."""
    gateway.add(
        "costly",
        "ok",
        family="openai",
        access="prepaid",
        use_paid=True,
        price=Price(1_000_000, 1_000_000),
        spend_cap_microusd=cap_microusd,
    )
    gateway.add("gratis", "ok", family="openai")
    gateway.configure(use_paid=True)

    answer = await gateway.client.chat(model="freeai-auto")

    assert answer.status == 200
    assert [event.provider for event in gateway.events()] == [served_by]


@pytest.mark.parametrize(("cap_microusd", "served"), [(1, 1), (3, 3)])
async def test_calls_that_cost_less_than_a_micro_dollar_are_held_to_the_cap(
    gateway: Gateway, cap_microusd: int, served: int
):
    """Each counts as a whole one: a million of them cost something."""
    gateway.add(
        "costly",
        "ok",
        family="openai",
        access="prepaid",
        use_paid=True,
        task="embedding",
        price=Price(20_000, 0),
        spend_cap_microusd=cap_microusd,
    )
    gateway.configure(use_paid=True)

    answers = [await embed(gateway, input="Hello") for _ in range(served + 2)]

    assert [answer.status for answer in answers] == [200] * served + [429] * 2


COSTLY = {
    "family": "openai",
    "access": "prepaid",
    "use_paid": True,
    "price": Price(1_000_000, 1_000_000),
}
"""A micro-dollar a token."""


@pytest.mark.parametrize(
    ("fields", "max_output_tokens", "most"),
    [
        ({"max_tokens": 50_000}, 60_000, 50_000),
        ({"max_tokens": 50_000}, None, 50_000),
        ({"max_tokens": 50_000}, 20_000, 20_000),
        ({}, 20_000, 20_000),
        ({}, None, 8_192),
        ({"max_tokens": 10_000, "n": 3}, 60_000, 30_000),
    ],
    ids=["asked", "asked, unknown most", "cut", "most", "unknown", "several"],
)
async def test_the_cap_holds_for_the_longest_answer_that_may_come(
    gateway: Gateway, fields: dict[str, int], max_output_tokens: int | None, most: int
):
    """Those of requests that come together as well."""
    gateway.add(
        "costly",
        "ok",
        **COSTLY,
        capabilities={"n"},
        spend_cap_microusd=2 * most - 1,
        max_output_tokens=max_output_tokens,
    )
    gateway.configure(use_paid=True)
    gateway.fake.script("openai", ["slow"] * 2)

    together = await asyncio.gather(*(gateway.client.chat(model="costly/ok", **fields) for _ in range(2)))

    assert sorted(answer.status for answer in together) == [200, 429]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_a_call_that_never_answered_may_cost_stays_spent(gateway: Gateway, stream: bool):
    """Its upstream may have thought on, and takes money for that."""
    gateway.add("costly", "ok", **COSTLY, spend_cap_microusd=10_000, limits=[Limit("money", "day", 10**6)])
    gateway.configure(use_paid=True, first_content_timeout_s=0.2, total_timeout_s=0.2)
    gateway.fake.script("openai", ["stall"])

    await gateway.client.chat(model="costly/ok", max_tokens=1_000, stream=stream)

    [event] = gateway.events()
    assert event.outcome == "error"
    assert event.charged["money"] == 1_000 + event.prompt_tokens


@pytest.mark.parametrize("behaviour", ["error_402", "error_429", "error_404"])
async def test_what_an_upstream_refused_costs_nothing(gateway: Gateway, behaviour: str):
    gateway.add("costly", "ok", **COSTLY, spend_cap_microusd=10_000)
    gateway.configure(use_paid=True)
    gateway.fake.script("openai", [behaviour])

    await gateway.client.chat(model="costly/ok")

    assert [event.charged for event in gateway.events()] == [{}]


@pytest.mark.parametrize("access", ["card", "prepaid"])
@pytest.mark.parametrize("model", ["freeai-auto", "ok", None])
async def test_where_only_paid_models_are_left_the_answer_says_so_and_what_to_do(
    gateway: Gateway, access: str, model: str | None
):
    gateway.add("costly", "ok", family="openai", access=access)

    answer = await gateway.client.chat(**({} if model is None else {"model": model}))

    assert (answer.status, answer.error["code"]) == (400, "only_paid_models")
    assert "costly/ok" in answer.error["message"]
    assert "the operator turn on `use_paid`" in answer.error["message"]
    assert "`spend_cap_usd`" in answer.error["message"]
    assert gateway.events() == []


async def test_the_operator_is_not_named_where_the_switch_is_on(gateway: Gateway):
    gateway.add("costly", "ok", family="openai", access="card")
    gateway.configure(use_paid=True)

    answer = await gateway.client.chat(model="freeai-auto")

    assert "operator" not in answer.error["message"]
    assert "`use_paid` and `spend_cap_usd` with PATCH /api/me/providers/{name}" in answer.error["message"]


async def test_where_the_free_models_are_gone_the_answer_names_them_and_the_paid_ones(gateway: Gateway):
    add_both(gateway)
    gateway.fake.script("openai", ["error_404"])

    gone = await gateway.client.chat(model="freeai-auto")
    closed = await gateway.client.chat(model="freeai-auto")

    for answer in (gone, closed):
        assert (answer.status, answer.error["code"]) == (503, "no_healthy_provider")
        assert "gratis" in answer.error["message"]
        assert "costly/ok" in answer.error["message"]


@pytest.mark.parametrize(
    ("fields", "served_by"),
    [
        ({"model": "ok"}, "gratis"),
        ({}, "gratis"),
        ({"model": "unlisted"}, "gratis"),
        ({"model": "unlisted", "preferred_provider": "costly"}, None),
        ({"model": "costly/ok"}, "costly"),
        ({"model": "costly/unlisted"}, "costly"),
    ],
)
async def test_embeddings_follow_the_same_rule(
    gateway: Gateway, fields: dict[str, str], served_by: str | None
):
    gateway.add("costly", "ok", family="openai", access="prepaid", task="embedding")
    gateway.add("gratis", "ok", family="openai", task="embedding")

    answer = await embed(gateway, **fields)

    assert [event.provider for event in gateway.events()] == ([served_by] if served_by else [])
    assert served_by or answer.error["code"] == "only_paid_models"


async def test_explain_shows_what_costs_money_and_how_to_allow_it(gateway: Gateway):
    add_both(gateway)

    decision = await decide(gateway)

    row = by_provider(decision)["costly"]
    assert row["rank"] is None
    assert row["excluded"]["reason"] == "paid"
    assert "use_paid" in row["excluded"]["detail"]


async def test_paid_models_are_listed_since_their_names_pin_them(gateway: Gateway):
    add_both(gateway)

    answer = await gateway.client.get("/v1/models?all=true")

    assert {"costly/ok", "gratis/ok"} <= {model["id"] for model in answer.json["data"]}


@pytest.mark.parametrize(
    ("model", "status"), [("freeai-auto", 400), ("old/ok", 404), ("other/ok", 404)], ids=str
)
async def test_a_provider_that_has_ended_is_not_asked_and_the_answer_says_so(
    gateway: Gateway, model: str, status: int
):
    gateway.add("old", "ok", family="openai")
    facts = replace(gateway.providers["old"], ended=ENDED)
    CATALOGUE.value = Catalogue({"old": facts}, [], frozenset({USER}), {USER: (facts.ended,)})

    answer = await gateway.client.chat(model=model)

    assert answer.status == status
    assert (ENDED in answer.error["message"]) is (model != "other/ok")
