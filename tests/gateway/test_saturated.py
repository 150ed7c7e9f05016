"""A provider whose every window is full all the time: nothing of what it offers is left, and it hardly ever has to refuse.

The clock of gateway and upstream is the test's; the upstream enforces its windows by a count of its own.
"""

import asyncio

import pytest

from apps.core import clock
from apps.providers.limits import Limit
from fakes import Limits
from fakes.quotas import Quotas, Window
from tests.gateway.conftest import Gateway

START = 1_785_585_600.0
MINUTE_S, DAY_S = 60, 86_400
MODELS = ("openai/gpt-oss-120b", "openai/gpt-oss-20b", "openai/gpt-oss-safeguard-20b", "qwen/qwen3.8-27b")
WINDOWS = (
    Window("requests", 30, MINUTE_S, "bucket"),
    Window("requests", 1_000, DAY_S, "bucket"),
    Window("tokens", 8_000, MINUTE_S, "bucket"),
    Window("tokens", 200_000, DAY_S, "rolling"),
)
DECLARED = (
    Limit("requests", "minute", 30, kind="bucket", each=True),
    Limit("requests", "day", 1_000, kind="bucket", each=True),
    Limit("tokens", "minute", 8_000, kind="bucket", each=True),
    Limit("tokens", "day", 200_000, kind="rolling", each=True),
)


class Time:
    """The clock of a test: it stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(clock, "now", made)
    gateway.fake.clock = made
    return made


@pytest.fixture
def groq(gateway: Gateway, time: Time) -> Quotas:
    gateway.add("groq", *MODELS, limits=DECLARED)
    gateway.configure(attempts_per_credential=10)
    gateway.fake.limit("groq", Limits(requests_per_day=1_000, tokens_per_minute=8_000))
    return gateway.fake.enforce("groq", *WINDOWS)


def offered(seconds: float, tokens: int) -> float:
    """How many requests of so many tokens the windows of all models admit from START on."""
    by_window = (
        window.limit
        * (1.0 if window.kind == "rolling" else 1.0 + seconds / window.length_s)
        / (tokens if window.metric == "tokens" else 1)
        for window in WINDOWS
    )
    return len(MODELS) * int(min(by_window))


async def saturate(gateway: Gateway, time: Time, seconds: int, at_a_time: int, **fields: object) -> int:
    """Ask as often as anything is served, every second anew; returns how many were served."""
    served = 0
    for _ in range(seconds + 1):
        while True:
            answers = await asyncio.gather(*(gateway.client.chat(**fields) for _ in range(at_a_time)))
            got = sum(answer.status == 200 for answer in answers)
            served += got
            if got < at_a_time:
                break
        time.now += 1
    return served


@pytest.mark.parametrize("at_a_time", [1, 6])
async def test_groq_alone_serves_what_its_models_offer_of_requests(
    gateway: Gateway, time: Time, groq: Quotas, at_a_time: int
) -> None:
    served = await saturate(gateway, time, 120, at_a_time, max_tokens=16)

    assert served >= 0.97 * offered(120, 24)
    assert groq.served == served
    assert groq.refused <= 0.01 * served


async def test_groq_alone_serves_what_its_models_offer_of_tokens(
    gateway: Gateway, time: Time, groq: Quotas
) -> None:
    long = [{"role": "user", "content": "word " * 400}]
    usage = (await gateway.client.chat(messages=long)).json["usage"]
    tokens, cap = (
        usage["total_tokens"],
        usage["completion_tokens"],
    )  # it admits by the answer that it will give

    served = 1 + await saturate(gateway, time, 300, 1, messages=long, max_tokens=cap)

    assert tokens > 8_000 / 30
    assert served >= 0.97 * offered(300, tokens)
    assert groq.refused <= 0.01 * served
