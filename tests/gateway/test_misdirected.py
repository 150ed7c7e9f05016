"""A base URL that misses `/v1` is told so, in the shape that the client's library shows."""

import pytest

from apps.gateway.edge.misdirected import hint
from apps.gateway.endpoints import served as served_patterns
from apps.gateway.urls import is_lean
from apps.gateway.wire.surfaces import V1
from tests.asgi import chat_body
from tests.gateway.conftest import Gateway


@pytest.mark.parametrize(
    "path",
    [
        "/chat/completions",
        "/embeddings",
        "/models",
        "/audio/transcriptions",
        "/responses",
        "/messages",
        "/v1/v1/chat/completions",
        "/api/v1/chat/completions",
        "/openai/v1/models",
        "/openai/chat/completions",
        "/v1beta/openai/chat/completions",
        "/openai/deployments/x/chat/completions",
        "/openai/deployments/x/embeddings/",
        "/v1/engines/x/completions",
        "/api/paas/v4/chat/completions",
        "//chat/completions",
        "/Chat/Completions",
        "/models/ok",
        "/v1",
        "/v1/",
        "/V1",
        "/v1/v1",
    ],
)
async def test_a_wrong_base_url_gets_a_hint(gateway: Gateway, path: str):
    answer = await gateway.client.request("POST", path, chat_body())

    assert is_lean(path)
    assert answer.status == 404
    assert answer.error["code"] == "unknown_path"
    assert "http://127.0.0.1:8000/v1" in answer.error["message"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1//chat/completions", "Slashes are single: /v1/chat/completions."),
        ("//v1/models", "Slashes are single: /v1/models."),
        ("//v1//models//", "Slashes are single: /v1/models."),
        ("/V1/models", "Paths are written small: /v1/models."),
        ("/v1/Chat/Completions/", "Paths are written small: /v1/chat/completions."),
    ],
)
async def test_a_path_that_is_nearly_right_is_told_the_right_one(gateway: Gateway, path: str, words: str):
    answer = await gateway.client.request("POST", path, chat_body())

    assert is_lean(path)
    assert (answer.status, answer.error["code"]) == (404, "unknown_path")
    assert words in answer.error["message"]


async def test_a_slash_too_many_is_told(gateway: Gateway):
    answer = await gateway.client.request("POST", "/v1/chat/completions/", chat_body())

    assert answer.status == 404
    assert "slash at its end" in answer.error["message"]


def test_every_endpoint_that_is_served_is_known_to_the_hint():
    served = [
        str(route.pattern) for prefix, patterns in served_patterns() if prefix == V1 for route in patterns
    ]

    assert [path for path in served if "<" not in path and not hint(f"/{path}")] == []
    assert [path for path in served if hint(f"/v1/{path}")] == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/admin/",
        "/admin/embeddings",
        "/api/providers/groq/models",
        "/chat",
        "/v2/things",
        "/models.html",
        "/" * 501 + "v1/models",
    ],
)
def test_other_paths_are_left_to_the_site(path: str):
    assert not is_lean(path)


async def test_an_unknown_path_of_v1_gets_no_guess(gateway: Gateway):
    answer = await gateway.client.get("/v1/nowhere")

    assert answer.error["message"] == "Unknown path: /v1/nowhere."


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Groq/ok", "groq/ok"),
        (" groq/ok", "groq/ok"),
        ("groq/OK ", "groq/ok"),
        ("groq:ok", "groq/ok"),
        ("/ok", "ok"),
        ("OK", "ok"),
        ("openai/ok", "ok"),
        ("FreeAI-Auto", "freeai-auto"),
        ("openai/freeai-fast", "freeai-fast"),
        ("groq/freeai-auto", "freeai-auto"),
        ("freeai-atuo", "freeai-auto"),
        ("FreeAI_Auto", "freeai-auto"),
        ("freeai-faster", "freeai-fast"),
    ],
)
async def test_a_model_that_is_named_nearly_right_is_told_the_right_name(
    gateway: Gateway, name: str, meant: str
):
    gateway.add("groq")

    answer = await gateway.client.chat(model=name)

    assert answer.status in (400, 404)
    assert answer.error["param"] == "model"
    assert f"Did you mean `{meant}`?" in answer.error["message"]
    assert (await gateway.client.chat(model=meant)).status == 200


@pytest.mark.parametrize("name", ["gpt-9", "groq/none", "::", "/", "a\x00b", "/" * 200])
async def test_a_model_that_is_like_none_is_told_where_the_names_are(gateway: Gateway, name: str):
    gateway.add("groq")

    answer = await gateway.client.chat(model=name)

    assert "Did you mean" not in answer.error["message"]
    assert "/v1/models?all=true" in answer.error["message"]
