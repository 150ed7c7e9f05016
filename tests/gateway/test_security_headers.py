"""What every answer of the lean handler tells caches and browsers."""

import orjson
import pytest

MESSAGES = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [
        ("POST", "/v1/chat/completions", {"messages": MESSAGES}),
        ("POST", "/v1/chat/completions", {"messages": MESSAGES, "stream": True}),
        ("POST", "/v1/chat/completions", {"messages": 5}),
        ("POST", "/v1/responses", {"input": "Hello"}),
        ("POST", "/v1/responses", {"input": "Hello", "stream": True}),
        ("POST", "/v1/messages", {"messages": MESSAGES, "max_tokens": 9}),
        ("POST", "/v1/messages/count_tokens", {"messages": MESSAGES}),
        ("GET", "/v1/models", None),
        ("GET", "/v1/nowhere", None),
        ("PUT", "/v1/models", None),
        ("GET", "/livez", None),
    ],
)
async def test_nobody_keeps_or_passes_on(gateway, method, path, fields):
    answer = await gateway.client.request(method, path, orjson.dumps(fields) if fields else b"")

    assert answer.status != 500
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
