"""Good answers that repeat the provider's key: whose client asks need not be whose key it is."""

import orjson
import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.refusing import ANSWER, add
from tests.gateway.upstream_pages import Pages

EVENTS = "text/event-stream"
KEY = "a-key-of-a-provider-0123456789"


def repeating(key: str) -> dict:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": key}
    return ANSWER | {"id": key, "system_fingerprint": key, "service_tier": key, "choices": [choice], key: key}


@pytest.mark.parametrize("stream", [False, True])
async def test_it_is_not_passed_on(gateway: Gateway, upstream: Pages, stream):
    add(gateway, "only", upstream, api_key=KEY)
    whole = orjson.dumps(repeating(KEY))
    frames = b"data: " + whole.replace(b'"message"', b'"delta"') + b"\n\ndata: [DONE]\n\n"
    upstream.answer(200, frames if stream else whole, kind=EVENTS if stream else "application/json")

    answer = await gateway.client.chat(stream=stream)

    assert answer.status == 200
    assert KEY.encode() not in answer.body
    assert b"***" in answer.body
