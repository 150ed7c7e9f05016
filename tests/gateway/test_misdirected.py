"""A base URL that misses `/v1` is told so, in the shape that the client's library shows."""

import pytest

from apps.gateway.edge.misdirected import hint
from apps.gateway.endpoints import views
from apps.gateway.urls import is_lean
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
    ],
)
async def test_a_wrong_base_url_gets_a_hint(gateway: Gateway, path: str):
    answer = await gateway.client.request("POST", path, chat_body())

    assert is_lean(path)
    assert answer.status == 404
    assert answer.error["code"] == "unknown_path"
    assert "http://127.0.0.1:8000/v1" in answer.error["message"]


async def test_a_slash_too_many_is_told(gateway: Gateway):
    answer = await gateway.client.request("POST", "/v1/chat/completions/", chat_body())

    assert answer.status == 404
    assert "slash at its end" in answer.error["message"]


def test_every_endpoint_that_is_served_is_known_to_the_hint():
    served = [str(pattern.pattern) for view in views() for pattern in view.urlpatterns]

    assert [path for path in served if "<" not in path and not hint(f"/{path}")] == []


@pytest.mark.parametrize(
    "path", ["/", "/admin/", "/api/providers/groq/models", "/chat", "/v2/things", "/models.html"]
)
def test_other_paths_are_left_to_the_site(path: str):
    assert not is_lean(path)


async def test_an_unknown_path_of_v1_gets_no_guess(gateway: Gateway):
    answer = await gateway.client.get("/v1/nowhere")

    assert answer.error["message"] == "Unknown path: /v1/nowhere."
