"""No request waits for, or fails because of, a spool that takes nothing any more."""

import pytest
from prometheus_client import REGISTRY

from apps.analytics import backlog
from tests.gateway.conftest import Gateway


@pytest.mark.parametrize("stream", [False, True])
async def test_answers_go_on_and_what_has_no_room_is_counted(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, stream: bool
):
    monkeypatch.setattr(backlog, "MOST_BYTES", 1_500)
    monkeypatch.setattr(gateway.runtime.spool, "_most_bytes", 0)
    before = REGISTRY.get_sample_value("freeai_usage_events_lost_total") or 0.0
    gateway.add("groq", "error_500")
    gateway.add("mistral")

    answers = [await gateway.client.chat(stream=stream) for _ in range(5)]
    refused = await gateway.client.chat(model="no/such")

    assert [answer.status for answer in answers] == [200] * 5
    assert refused.status == 404
    lost = (REGISTRY.get_sample_value("freeai_usage_events_lost_total") or 0.0) - before
    assert lost + gateway.runtime.spool.depth() == 3 + 5 + 1  # the breaker opens after three
    assert lost > 0
    assert await gateway.open_grants() == 0
