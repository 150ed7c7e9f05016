"""A gateway before upstreams that refuse."""

from typing import Any

import orjson

from tests.gateway.conftest import Gateway
from tests.gateway.upstream_pages import Pages

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def add(gateway: Gateway, name: str, upstream: Pages, *models: str, **overrides: Any) -> None:
    gateway.add(name, *models, base_url=upstream.url, family="openrouter", **overrides)


def refuse(upstream: Pages, status: int, said: object) -> None:
    upstream.answer(status, said if isinstance(said, bytes) else orjson.dumps(said))
