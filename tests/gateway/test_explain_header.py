"""`x-freeai-explain: 1` on chat completions."""

from tests.asgi import chat_body
from tests.gateway.conftest import Gateway, use_key

PATH = "/v1/chat/completions"
ASK = {"x-freeai-explain": "1"}


async def test_whole_answer_explains_its_own_route_to_admins(gateway: Gateway):
    gateway.add("groq")
    gateway.add("mistral")

    asked = await gateway.client.request("POST", PATH, chat_body(model="freeai-fast"), ASK)
    plain = await gateway.client.chat(model="freeai-fast")

    assert asked.json["explain"]["candidates"][0]["provider"] == asked.json["provider"] == "groq"
    assert "explain" not in plain.json


async def test_stream_explains_in_its_last_data_frame_only(gateway: Gateway):
    gateway.add("groq")

    answer = await gateway.client.request("POST", PATH, chat_body(stream=True), ASK)

    frames = [event for event in answer.events if isinstance(event, dict)]
    assert [("explain" in frame) for frame in frames] == [False] * (len(frames) - 1) + [True]


async def test_other_keys_are_refused_before_anything_is_sent(gateway: Gateway):
    gateway.add("groq")
    use_key(is_admin=False)

    answer = await gateway.client.request("POST", PATH, chat_body(), ASK)

    assert (answer.status, answer.error["type"]) == (403, "permission_error")
    assert gateway.events() == []
