"""The gateway stops while a response is under way: it has failed, in the same order of events as any other."""

import pytest

from apps.core import clock
from apps.gateway.answering import stream as streaming
from tests.gateway.conftest import Gateway
from tests.gateway.test_shutdown import stopped
from tests.responses.conftest import PATH, body
from tests.responses.events import Reader


@pytest.mark.parametrize(("behaviour", "texts"), [("frames_500_10", 1), ("stall", 0)])
async def test_a_stream_has_failed_and_says_when_to_come_back(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, behaviour: str, texts: int
):
    monkeypatch.setattr(streaming, "QUIET_S", 0.0)
    gateway.add("groq", behaviour)
    exchange = gateway.client.begin("POST", PATH, body(stream=True))
    async for part in exchange.parts():
        if not texts or b"output_text.delta" in part:
            break

    reader = Reader().read((await stopped(gateway, exchange)).body)

    error = reader.response["error"]
    assert (error["code"], len(reader.response["output"])) == ("server_error", texts)
    assert "Please try again in 5s." in error["message"]
    assert await gateway.runtime.kept_answers.size(clock.now()) == 0
    assert await gateway.open_grants() == 0
