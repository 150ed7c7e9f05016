"""Messages to build histories of, and their way through the adapter past the strict fake's rules."""

import copy
from base64 import b64encode
from typing import Any

import orjson
import pytest

from apps.providers.adapters.gemini.chat import CODEC
from apps.providers.errors import ErrorKind, UpstreamError
from fakes.answers import Asked
from fakes.families.gemini import SIGNATURE_PREFIX, canonical
from fakes.upstreams.gemini_rules import check_chat
from tests.factories import make_offer, make_request

GEMINI_3, GEMINI_25, GEMMA_3 = "gemini-3-flash-preview", "gemini-2.5-flash", "gemma-3-27b-it"
SIGNATURE = b64encode(f"{SIGNATURE_PREFIX}?>~ and more".encode()).decode()
PIXEL = "iVBORw0KGgo="


def send(messages, model=GEMINI_3, **body) -> dict[str, Any]:
    """The payload for `messages`, which the strict fake has let pass."""
    request = make_request(body={"messages": messages, **body})
    payload = orjson.loads(CODEC.build(request, make_offer(provider="gemini", model=model)).body)
    check_chat(Asked(family="chat", model=model, digest="", body=canonical(copy.deepcopy(payload))))
    return payload


def user(content):
    return {"role": "user", "content": content}


def assistant(content=None, **fields):
    return {"role": "assistant", "content": content, **fields}


def call(call_id, name="get_weather", arguments='{"city":"Rome"}'):
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(call_id, content):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def refused(messages, model=GEMINI_3):
    with pytest.raises(UpstreamError) as caught:
        send(messages, model)
    assert caught.value.kind is ErrorKind.REFUSED
    return caught.value
