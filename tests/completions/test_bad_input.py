"""Hostile and broken requests: a 4xx in OpenAI's shape that names the field, and never a 500."""

from typing import Any

import orjson
import pytest

from apps.gateway.endpoints.completions.wire import request as completion_request
from apps.gateway.wire.errors import ApiError
from tests.completions.conftest import PATH, ask
from tests.gateway.conftest import Gateway
from tests.shapes import misshapen

GAP = "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>"
BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"prompt": ...}, "prompt"),
    ({"prompt": None}, "prompt"),
    ({"prompt": ""}, "prompt"),
    ({"prompt": 5}, "prompt"),
    ({"prompt": {}}, "prompt"),
    ({"prompt": []}, "prompt"),
    ({"prompt": [1, 2, 3]}, "prompt"),
    ({"prompt": [[1, 2], [3]]}, "prompt"),
    ({"prompt": ["a", ""]}, "prompt[1]"),
    ({"prompt": ["a", {}]}, "prompt[1]"),
    ({"prompt": ["a", True]}, "prompt[1]"),
    ({"prompt": ["a"] * 21}, "prompt"),
    ({"prompt": ["a", "b"], "stream": True}, "prompt"),
    ({"prompt": "<|fim_prefix|>a<|fim_suffix|>b"}, "prompt"),
    ({"prompt": ["a", "<|fim_prefix|>a<|fim_suffix|>b"]}, "prompt[1]"),
    ({"prompt": GAP, "suffix": "c"}, "suffix"),
    ({"suffix": 5}, "suffix"),
    ({"n": 0}, "n"),
    ({"best_of": 2}, "best_of"),
    ({"n": 2, "best_of": 3}, "best_of"),
    ({"echo": "yes"}, "echo"),
    ({"echo": True, "logprobs": 1}, "echo"),
    ({"logprobs": True}, "logprobs"),
    ({"logprobs": 6}, "logprobs"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"stop": ["x"] * 17}, "stop"),
    ({"temperature": "hot"}, "temperature"),
    ({"stream_options": []}, "stream_options"),
    ({"strategy": "no-such"}, "strategy"),
    ({"preferred_provider": "no-such"}, "preferred_provider"),
]
WHOLE: dict[str, Any] = {
    "model": "freeai-auto",
    "prompt": ["One", "Two"],
    "suffix": None,
    "max_tokens": 16,
    "temperature": 0.5,
    "top_p": 0.9,
    "n": 1,
    "best_of": 1,
    "echo": False,
    "logprobs": 2,
    "stop": ["x"],
    "seed": 1,
    "logit_bias": {"5": 1},
    "stream": False,
    "stream_options": {"include_usage": True},
    "user": "ada",
    "strategy": "auto",
    "preferred_provider": None,
    "fallback": True,
    "strange": {"x": [1]},
}


@pytest.mark.parametrize(("fields", "param"), BAD_FIELDS, ids=[str(fields)[:60] for fields, _ in BAD_FIELDS])
async def test_bad_field_is_named(gateway: Gateway, fields: dict[str, Any], param: str):
    gateway.add("groq")

    answer = await ask(gateway, **fields)

    assert (answer.status, answer.error["type"], answer.error["param"]) == (
        400,
        "invalid_request_error",
        param,
    )
    assert gateway.fake.journal == []
    assert gateway.events() == []


@pytest.mark.parametrize("whole", [WHOLE, {**WHOLE, "prompt": GAP}, {**WHOLE, "prompt": "a", "suffix": "b"}])
def test_a_request_of_the_wrong_shape_is_refused_or_read(whole: dict[str, Any]):
    read, refused = 0, set()
    for made in misshapen(whole, mixed=200):
        try:
            asked = completion_request.parse(orjson.dumps(made))
        except ApiError as error:
            refused.add(error.status)
        else:
            read += 1
            assert len(asked.chats) == len(asked.prompts) > 0
    assert read
    assert refused <= {400, 413}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"prompt": "\\ud800"}', b'{"prompt": ' + b"[" * 300 + b"]" * 300 + b"}"]
)
async def test_what_is_no_request_is_a_400(gateway: Gateway, body: bytes):
    gateway.add("groq")

    assert (await gateway.client.request("POST", PATH, body)).status == 400


async def test_other_methods_and_paths_are_refused_in_openais_shape(gateway: Gateway):
    assert (await gateway.client.get(PATH)).status == 405
    assert (await gateway.client.request("POST", f"{PATH}/x")).error["code"] == "unknown_path"
