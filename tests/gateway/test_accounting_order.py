"""What only watches (metrics, log lines) never comes between an answer and its settlement."""

import pytest

from apps.analytics import metrics
from tests.gateway.conftest import Gateway


class Broken(dict):
    def __missing__(self, key):
        raise RuntimeError("a metric that cannot count")


@pytest.fixture
def broken_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_calls", "_requests", "_trips", "_fallbacks", "_call_seconds"):
        monkeypatch.setattr(metrics, name, Broken())


async def test_metrics_that_fail_change_no_answer(gateway: Gateway, broken_metrics):
    gateway.add("groq", "error_500")
    gateway.add("mistral", "ok")

    answers = [await gateway.client.chat() for _ in range(3)]
    stream = await gateway.client.chat(stream=True)

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert stream.status == 200
    outcomes = [event.outcome for event in gateway.events()]
    assert (outcomes.count("success"), outcomes.count("error")) == (4, 3)  # then the breaker is open
    assert await gateway.open_grants() == 0
