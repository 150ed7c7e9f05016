"""Rankings that are a moment old: spread, freshness, and no quota lost over them."""

import asyncio

import pytest

from apps.core import clock
from apps.gateway.attempts import shortlist
from apps.strategies.definition import parse_definition
from apps.strategies.library import STRATEGIES, LoadedStrategy
from tests.gateway.conftest import Gateway, Limit

PROVIDERS = [f"pool{number:02}" for number in range(12)]


def add_pool(gateway: Gateway, **overrides) -> None:
    for name in PROVIDERS:
        gateway.add(name, "ok", family="openai", weight=1.0, **overrides)


async def test_concurrent_requests_spread_over_equal_candidates(gateway: Gateway):
    add_pool(gateway)
    await gateway.client.chat()

    answers = await asyncio.gather(*(gateway.client.chat() for _ in range(24)))

    assert len({answer.json["provider"] for answer in answers}) >= shortlist.LIVE


async def test_candidate_that_fails_now_is_not_first_for_the_next_request(gateway: Gateway):
    add_pool(gateway)
    first = (await gateway.client.chat()).json["provider"]
    gateway.fake.script("openai", ["error_429_minute"])

    burnt = (await gateway.client.chat()).json["fallback_chain"]
    after = (await gateway.client.chat()).json["fallback_chain"]

    assert len(burnt) == 2
    assert burnt[0] not in after
    assert len(after) == 1
    assert first in PROVIDERS


async def test_limits_hold_although_the_ranking_is_old(gateway: Gateway):
    add_pool(gateway, limits=[Limit("requests", "minute", 3)])

    answers = await asyncio.gather(*(gateway.client.chat() for _ in range(60)))

    statuses = [answer.status for answer in answers]
    assert statuses.count(200) == 3 * len(PROVIDERS)
    assert statuses.count(429) == 60 - 3 * len(PROVIDERS)
    assert len(gateway.fake.journal) == 3 * len(PROVIDERS)


async def test_the_first_few_are_ranked_by_what_is_measured_where_the_rules_read_it(
    gateway: Gateway, monkeypatch
):
    definition = parse_definition({"require": [{"when": "requests_this_minute < 1"}]})
    STRATEGIES.value = {**STRATEGIES.value, "once": LoadedStrategy("once", "", definition)}
    add_pool(gateway, limits=[Limit("requests", "minute", 100)])
    monkeypatch.setattr(clock, "now", lambda: 1_800_000_000.0)

    answers = [await gateway.client.chat(strategy="once") for _ in range(shortlist.LIVE)]

    assert len({answer.json["provider"] for answer in answers}) == shortlist.LIVE


async def test_full_ranking_is_made_anew_after_its_time(gateway: Gateway, monkeypatch):
    add_pool(gateway)
    made: list[int] = []
    rank_all = gateway.runtime.shortlists.rank_all

    async def counted(able, rules, now):
        made.append(len(able))
        return await rank_all(able, rules, now)

    monkeypatch.setattr(gateway.runtime.shortlists, "rank_all", counted)
    start = 1_800_000_000.0
    for seconds in (0.0, 0.05, 0.11):
        monkeypatch.setattr(clock, "now", lambda at=start + seconds: at)
        await gateway.client.chat()

    assert made == [len(PROVIDERS), len(PROVIDERS)]


@pytest.mark.parametrize(
    "when",
    [
        "request.prompt_tokens > 8000",
        "context_window > 2 * request.prompt_tokens",
        "request.prompt_tokens in [1, 2]",
    ],
)
async def test_lengths_that_make_no_difference_to_a_rule_share_a_ranking(gateway: Gateway, monkeypatch, when):
    definition = parse_definition({"prefer": [{"when": when, "weight": 1}]})
    STRATEGIES.value = {**STRATEGIES.value, "long": LoadedStrategy("long", "", definition)}
    add_pool(gateway)
    made: list[int] = []
    rank_all = gateway.runtime.shortlists.rank_all

    async def counted(able, rules, now):
        made.append(len(able))
        return await rank_all(able, rules, now)

    monkeypatch.setattr(gateway.runtime.shortlists, "rank_all", counted)
    monkeypatch.setattr(clock, "now", lambda: 1_800_000_000.0)
    for characters in range(1000, 1400, 20):
        text = [{"role": "user", "content": "a" * characters}]
        assert (await gateway.client.chat(strategy="long", messages=text)).status == 200

    assert made.count(len(PROVIDERS)) == 1


async def test_requests_of_another_kind_are_ranked_for_themselves(gateway: Gateway):
    add_pool(gateway)
    await gateway.client.chat()

    preferred = await gateway.client.chat(preferred_provider="pool11")

    assert preferred.json["provider"] == "pool11"
