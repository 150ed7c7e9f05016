"""States of accounts and models over simulated hours: what is asked how often, what is said of it, what ends it, a restart in between."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest
from msgspec import structs

from apps.core import clock
from apps.core.state.contract import PastUsage
from apps.core.state.journal import Journal
from apps.core.state.keys import credential_key
from apps.core.state.memory import MemoryStore
from apps.gateway.attempts.shortlist import Shortlists
from apps.providers.offers import CATALOGUE, Catalogue
from apps.providers.types import Preset
from tests.gateway.conftest import SHIPPED, USER, Gateway

NOON = 1_795_780_800.0
MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0


class Time:
    """The clock of the gateway."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOON
        monkeypatch.setattr(clock, "now", lambda: self.now)

    @property
    def hours(self) -> float:
        return round((self.now - NOON) / HOUR_S, 2)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


async def nothing(_now: float) -> list[PastUsage]:
    return []


async def restart(gateway: Gateway, path: Path) -> None:
    """Go on with what the journal at `path` knows, as another process would."""
    await gateway.runtime.store.aclose()
    gateway.runtime.store = MemoryStore(Journal(path))
    gateway.runtime.shortlists = Shortlists(gateway.runtime.store)
    await gateway.runtime.store.restore(nothing, clock.now())


def asked(gateway: Gateway) -> Counter[str]:
    """How often each model was called."""
    return Counter(received.body["model"] for received in gateway.fake.journal)


async def pass_time(
    gateway: Gateway, time: Time, hours: float, *, every_s: float = 5 * MINUTE_S, model: str | None = None
) -> list[float]:
    """Requests at this pace; returns at which hours the first provider was called."""
    calls = []
    end = time.now + hours * HOUR_S
    while time.now < end:
        before = len(gateway.fake.journal)
        await gateway.client.chat(model=model or "freeai-auto")
        calls += [time.hours] * (len(gateway.fake.journal) - before)
        time.now += every_s
    return calls


async def reason(gateway: Gateway, provider: str, model: str) -> tuple[str | None, str]:
    (offer,) = CATALOGUE.value.pinned(USER, provider, model)
    (standing,) = await gateway.runtime.store.view([offer.subject], clock.now())
    return standing.reason, standing.detail


async def test_an_account_without_credit_is_asked_at_growing_intervals_through_a_restart(
    gateway: Gateway, time: Time, tmp_path: Path
):
    gateway.add("sambanova", "a/error_402", "b/error_402", "c/error_402")
    await restart(gateway, tmp_path / "blocks")

    calls = await pass_time(gateway, time, 8)
    await restart(gateway, tmp_path / "blocks")
    calls += await pass_time(gateway, time, 40)

    assert calls == [0.0, 1.0, 3.0, 8.0, 17.0, 34.0]  # when all have been refused, a little longer
    assert {event.error_kind for event in gateway.events()} == {"payment_required"}


async def test_a_retired_model_and_one_of_another_plan_close_themselves_only(gateway: Gateway, time: Time):
    gateway.add("groq", "x/error_404", "x/error_403_plan", "ok")

    await pass_time(gateway, time, 6)

    assert asked(gateway)["x/error_404"] == asked(gateway)["x/error_403_plan"] == 3
    assert asked(gateway)["ok"] == 72
    assert (await reason(gateway, "groq", "x/error_403_plan"))[0] == "not_in_plan"
    assert (await reason(gateway, "groq", "x/error_404"))[0] == "model_gone"


async def test_a_model_that_costs_leaves_the_free_ones_of_its_account_open(gateway: Gateway, time: Time):
    """The account is closed for an hour, until a free model has shown what it is about."""
    gateway.add("openrouter", "paid/error_402", "also/error_402", "free/ok")

    await pass_time(gateway, time, 3)
    opened = asked(gateway)["free/ok"]
    await pass_time(gateway, time, 24)

    counts = asked(gateway)
    assert counts["free/ok"] - opened > 270
    assert counts["paid/error_402"] + counts["also/error_402"] <= 12
    assert (await reason(gateway, "openrouter", "free/ok")) == (None, "")


@pytest.mark.parametrize(("fault", "why"), [("error_403_region", "region"), ("error_401", "key")])
async def test_a_region_and_a_refused_key_are_asked_once_a_day(
    gateway: Gateway, time: Time, fault: str, why: str
):
    gateway.add("groq", f"a/{fault}", f"b/{fault}")

    calls = await pass_time(gateway, time, 50, every_s=30 * MINUTE_S)

    assert calls == [0.0, 24.0, 48.0]
    assert why in (await reason(gateway, "groq", f"a/{fault}"))[1]


async def test_a_service_that_ended_is_closed_for_everybody_and_asked_once_a_day(
    gateway: Gateway, time: Time
):
    other = credential_key(USER + 1, "github")
    preset = structs.replace(
        SHIPPED.get("github", Preset()),
        errors={"service_retired": frozenset({"github_models_retirement_brownout"})},
    )
    gateway.add("github", "a/error_410_service", "b/error_410_service", preset=preset)
    theirs = [structs.replace(account, user_id=USER + 1, key=other) for account in gateway.accounts]
    CATALOGUE.value = Catalogue(gateway.providers, [*gateway.accounts, *theirs], frozenset({USER, USER + 1}))

    calls = await pass_time(gateway, time, 50, every_s=30 * MINUTE_S)

    assert calls == [0.0, 24.0, 48.0]
    offer = next(CATALOGUE.value.offers_at(USER + 1, "github"))
    (standing,) = await gateway.runtime.store.view([offer.subject], clock.now())
    assert standing.reason == "service_retired"


async def test_every_model_gone_for_good_closes_the_service(gateway: Gateway, time: Time):
    gateway.add("nvidia", "a/error_410", "b/error_410")

    calls = await pass_time(gateway, time, 20)

    assert len(calls) == 2
    assert (await reason(gateway, "nvidia", "a/error_410"))[0] in ("service_retired", "model_gone")


async def test_an_account_without_allowance_is_not_asked_every_minute(
    gateway: Gateway, time: Time, tmp_path: Path
):
    gateway.add("mistral", "a/error_429_minute", "b/error_429_minute")
    await restart(gateway, tmp_path / "blocks")

    first = await pass_time(gateway, time, 2, every_s=MINUTE_S)
    await restart(gateway, tmp_path / "blocks")
    later = await pass_time(gateway, time, 22)
    refusal = await gateway.client.chat()

    assert len(first) <= 65
    assert len(later) <= 8
    assert (refusal.status, refusal.error["code"]) == (429, "quota_exhausted")
    assert "no allowance" in refusal.error["message"]


async def test_a_new_key_or_a_good_test_ends_it_at_once(gateway: Gateway, time: Time):
    gateway.add("sambanova", "a/error_402")
    await pass_time(gateway, time, 0.5)

    trusted = [structs.replace(account, trusted_since=time.now) for account in gateway.accounts]
    CATALOGUE.value = Catalogue(gateway.providers, trusted, frozenset({USER}))
    calls = await pass_time(gateway, time, 1.5)

    assert len(calls) == 2


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("error_402", "payment_required", "the account needs credit"),
        ("error_403_region", "unsupported_region", "does not serve the region"),
    ],
)
async def test_the_client_is_told_why_and_what_to_do_both_times(
    gateway: Gateway, time: Time, fault: str, kind: str, said: str
):
    gateway.add("sambanova", f"a/{fault}")

    first = await gateway.client.chat()
    second = await gateway.client.chat()

    for answer in (first, second):
        assert (answer.status, answer.error["code"]) == (503, "no_healthy_provider")
        assert said in answer.error["message"]
        assert "POST /api/me/providers/sambanova/test" in answer.error["message"]
        assert int(answer.headers["retry-after"]) >= HOUR_S
    (attempt,) = first.error["attempts"]
    assert (attempt["kind"], said in attempt["advice"]) == (kind, True)
    assert kind in second.error["message"]


async def test_one_request_tries_while_the_others_are_served_elsewhere(gateway: Gateway, time: Time):
    gateway.add("sambanova", "a/error_402", "b/error_402")
    gateway.add("mistral", "ok")
    await gateway.client.chat()
    time.now += HOUR_S

    answers = await asyncio.gather(*(gateway.client.chat() for _ in range(8)))

    assert {answer.status for answer in answers} == {200}
    assert asked(gateway)["a/error_402"] + asked(gateway)["b/error_402"] == 2
