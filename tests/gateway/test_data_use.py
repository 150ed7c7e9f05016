"""A key with `no_training` reaches nobody who may train on what is sent, on every endpoint, pinned included; and a key's endpoints."""

import pytest

from tests.asgi import chat_body
from tests.gateway.conftest import Gateway, use_key
from tests.gateway.test_allowed_models import ask

WHY = "Prompts may be used for training. (2026-10-08)"
ABILITIES = {"dimensions", "segments", "words", "tools"}


def add(gateway: Gateway, task: str = "chat") -> None:
    """In this order of preference: one that trains, one of whom nothing is known, one that does not."""
    gateway.add("groq", "ok", family="openai", task=task, capabilities=ABILITIES, trains=WHY)
    gateway.add("mistral", "ok", family="openai", task=task, capabilities=ABILITIES)
    gateway.add("together", "ok", "other", family="openai", task=task, capabilities=ABILITIES, trains="")


async def send(gateway: Gateway, task: str, model: str | None):
    return await (gateway.client.chat(model=model) if task == "chat" else ask(gateway, task, model))


@pytest.mark.parametrize("task", ["chat", "embedding", "transcription"])
@pytest.mark.parametrize(
    ("model", "status"),
    [
        (None, 200),
        ("ok", 200),
        ("together/ok", 200),
        ("together/other", 200),
        ("groq/ok", 403),
        ("mistral/ok", 403),
    ],
)
async def test_only_what_does_not_train_is_asked(gateway: Gateway, task: str, model: str | None, status: int):
    add(gateway, task)
    use_key(no_training=True)

    answer = await send(gateway, task, model)

    assert answer.status == status
    assert {event.provider for event in gateway.events()} == ({"together"} if status == 200 else set())
    if status == 403:
        assert (answer.error["type"], answer.error["code"]) == ("permission_error", "training_not_allowed")
        assert (
            model is not None
            and f"Not asked, because the client key has `data_use` no_training: {model}"
            in (answer.error["message"])
        )


async def test_the_error_says_what_is_known_of_each(gateway: Gateway):
    gateway.add("groq", trains=WHY)
    gateway.add("mistral")
    use_key(no_training=True)

    message = (await gateway.client.chat(model="freeai-auto")).error["message"]

    assert f"`groq`: {WHY}" in message
    assert "`mistral`: Nobody has said that it does not train on what it is sent." in message


async def test_a_fallback_never_leaves_them(gateway: Gateway):
    add(gateway)
    gateway.add("cohere", "error_500", family="openai", trains="", weight=1000.0)
    use_key(no_training=True)

    answer = await gateway.client.chat()

    assert answer.json["fallback_chain"] == ["cohere", "together"]


async def test_an_unlisted_model_of_a_provider_that_trains_is_not_asked_for(gateway: Gateway):
    add(gateway, "embedding")
    use_key(no_training=True)

    answer = await ask(gateway, "embedding", "groq/nobody-lists-it")

    assert answer.error["code"] == "training_not_allowed"
    assert gateway.events() == []


async def test_other_keys_are_not_held_back(gateway: Gateway):
    add(gateway)

    assert (await gateway.client.chat(model="groq/ok")).status == 200


async def test_explain_says_who_was_barred_and_why(gateway: Gateway):
    add(gateway)
    use_key(no_training=True)

    asked = {"x-freeai-explain": "1"}
    answer = await gateway.client.request(
        "POST", "/v1/chat/completions", chat_body(model="freeai-fast"), asked
    )

    rows = {row["provider"]: row["excluded"] for row in answer.json["explain"]["candidates"]}
    assert rows["together"] is None
    assert (rows["groq"]["reason"], rows["mistral"]["reason"]) == ("training", "training")
    assert rows["groq"]["detail"] == f"{WHY}: the client key has `data_use` no_training"


async def test_what_money_alone_would_open_is_told_beside_what_trains(gateway: Gateway):
    gateway.add("groq", trains=WHY)
    gateway.add("mistral", access="prepaid", trains="")
    use_key(no_training=True)

    error = (await gateway.client.chat(model="freeai-auto")).error

    assert error["code"] == "only_paid_models"
    assert "mistral/ok" in error["message"] and "groq/ok" in error["message"]


async def test_the_list_shows_only_what_the_key_may_ask_for(gateway: Gateway):
    add(gateway)
    use_key(no_training=True)

    listed = (await gateway.client.get("/v1/models?all=true")).json["data"]

    assert {model["owned_by"] for model in listed} == {"freeai", "together"}


@pytest.mark.parametrize(
    ("allowed", "task", "may"),
    [
        (("chat",), "chat", True),
        (("embeddings", "transcriptions"), "chat", False),
        (("embeddings",), "embedding", True),
        (("chat",), "embedding", False),
        (("transcriptions",), "transcription", True),
        (("chat", "embeddings"), "transcription", False),
        ((), "chat", True),
    ],
)
async def test_a_key_may_use_its_endpoints_only(
    gateway: Gateway, allowed: tuple[str, ...], task: str, may: bool
):
    add(gateway, task)
    use_key(allowed_endpoints=frozenset(allowed))

    answer = await send(gateway, task, None)
    listed = await gateway.client.get("/v1/models?all=true")

    assert answer.status == (200 if may else 403)
    assert may or (answer.error["code"], gateway.events()) == ("endpoint_not_allowed", [])
    assert bool(listed.json["data"]) is ("chat" in allowed or not allowed)
