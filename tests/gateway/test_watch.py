"""The loop that looks at the quotas, and what it is good for, with a whole gateway."""

import pytest

from apps.core import clock
from apps.core.state.contract import PastUsage
from apps.gateway.outlook import quotas
from apps.gateway.outlook.pace import INTERVAL_S
from apps.gateway.outlook.watch import Watch
from apps.providers.forecast import Forecast
from apps.providers.offers import CATALOGUE
from apps.providers.types import Price
from tests.gateway.conftest import USER, Gateway, Limit

NOON = 1_768_478_400.0  # 2026-01-15 12:00 UTC
HOUR_S = 3600.0


class Time:
    """The clock of a test."""

    def __init__(self) -> None:
        self.now = NOON

    async def minutes(self, gateway: Gateway, count: int, requests_each: int = 0) -> None:
        """Let minutes pass, with requests in the middle of each and a look at the end."""
        watch = Watch(gateway.runtime)
        for _ in range(count):
            self.now += INTERVAL_S / 2
            for _ in range(requests_each):
                assert (await gateway.client.chat()).status == 200
            self.now += INTERVAL_S / 2
            await watch.look()


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(clock, "now", lambda: made.now)
    return made


async def test_requests_make_the_pace_that_the_outlook_is_made_of(gateway: Gateway, time: Time):
    gateway.add("groq", limits=[Limit("requests", "day", 100), Limit("tokens", "day", 10**9)])
    await Watch(gateway.runtime).look()

    await time.minutes(gateway, 12, requests_each=2)
    (account,) = (await quotas.of_user(gateway.runtime, USER)).values()

    requests, tokens = account.shared
    # 24 of 100 in 12 minutes: the other 76 last for 38.
    assert (requests.reading.used, requests.forecast) == (24, Forecast("runs_out", NOON + 50 * 60))
    assert requests.source == "declared"
    assert tokens.forecast == Forecast("lasts")


async def test_before_ten_minutes_have_passed_nothing_is_forecast(gateway: Gateway, time: Time):
    gateway.add("groq", limits=[Limit("requests", "day", 100)])
    await Watch(gateway.runtime).look()

    await time.minutes(gateway, 9, requests_each=2)
    (account,) = (await quotas.of_user(gateway.runtime, USER)).values()

    assert account.shared[0].forecast == Forecast(None, why="too_little_data")


async def test_when_nobody_looked_for_minutes_the_outlook_says_so(gateway: Gateway, time: Time):
    gateway.add("groq", limits=[Limit("requests", "day", 100)])
    await Watch(gateway.runtime).look()
    await time.minutes(gateway, 12, requests_each=2)

    time.now += 4 * INTERVAL_S
    (account,) = (await quotas.of_user(gateway.runtime, USER)).values()

    assert account.shared[0].forecast == Forecast(None, why="stale_data")


async def test_windows_of_models_are_told_apart_from_the_accounts(gateway: Gateway, time: Time):
    limits = [
        Limit("requests", "day", 100),
        Limit("requests", "hour", 50, models=("ok",), group="some"),
        Limit("tokens", "day", 1000, each=True),
    ]
    gateway.add("groq", "ok", "cut", limits=limits)

    (account,) = (await quotas.of_user(gateway.runtime, USER)).values()

    assert [quota.window.key for quota in account.shared] == [
        "1:groq#requests/day",
        "1:groq&some#requests/hour",
    ]
    assert {model: [quota.window.key for quota in each] for model, each in account.models.items()} == {
        "ok": ["1:groq|ok#tokens/day"],
        "cut": ["1:groq|cut#tokens/day"],
    }
    assert [quota.window.key for quota in account.serving["ok"]] == [
        "1:groq&some#requests/hour",
        "1:groq|ok#tokens/day",
    ]


async def test_what_may_be_spent_is_the_users_own_word(gateway: Gateway, time: Time):
    gateway.add("groq", access="prepaid", use_paid=True, spend_cap_microusd=5_000_000, price=Price(1, 1))

    (account,) = (await quotas.of_user(gateway.runtime, USER)).values()

    (spending,) = account.shared
    assert (spending.window.metric, spending.window.limit) == ("money", 5_000_000)
    assert spending.source == "override"


async def test_all_windows_of_a_user_are_read_together(gateway: Gateway, time: Time, monkeypatch):
    for name in ("groq", "mistral", "gemini"):
        gateway.add(name, limits=[Limit("requests", "day", 100)])
    calls: list[int] = []
    read = gateway.runtime.store.read

    async def counted(windows, now):
        calls.append(len(windows))
        return await read(windows, now)

    monkeypatch.setattr(gateway.runtime.store, "read", counted)

    found = await quotas.of_user(gateway.runtime, USER)

    assert calls == [3]
    assert set(found) == {"groq", "mistral", "gemini"}


async def test_a_start_takes_the_last_hour_from_the_reading_that_restores_the_counters(
    gateway: Gateway, time: Time, monkeypatch
):
    gateway.add("groq", limits=[Limit("requests", "day", 100)])
    (window,) = (window for window in CATALOGUE.value.account_windows(USER, "groq") if window.limit == 100)
    used = [PastUsage((window,), NOON - 1500, {"requests": 60})]
    monkeypatch.setattr("apps.gateway.past.usage", lambda writer, now: used)

    await gateway.runtime.store.restore(gateway.runtime._past, NOON)
    await Watch(gateway.runtime).look()
    (account,) = (await quotas.of_user(gateway.runtime, USER)).values()

    assert account.shared[0].forecast == Forecast("runs_out", NOON + 40 * 60)
