"""One rule of `allowed_models` and `allowed_strategies` on every endpoint, and in the list of models."""

import orjson
import pytest

from apps.strategies.definition import parse_definition
from apps.strategies.library import STRATEGIES, LoadedStrategy
from tests.asgi import Answer
from tests.gateway.audio import transcribe
from tests.gateway.conftest import Gateway, use_key

GPT = "openai/gpt-oss-20b"


def allow(*models: str, strategies: tuple[str, ...] = ()) -> None:
    use_key(allowed_models=frozenset(models), allowed_strategies=frozenset(strategies))


def add_pool(gateway: Gateway) -> None:
    gateway.add("together", GPT, family="openai")
    gateway.add("groq", GPT, "llama-x", family="openai")
    STRATEGIES.value = {**STRATEGIES.value, "mine": LoadedStrategy("mine", "", parse_definition({}))}


# allowed, what is asked, who may answer; nobody: 403.
MODELS = [
    ((GPT,), {"model": GPT}, {"together", "groq"}),
    ((GPT,), {"model": f"together/{GPT}"}, {"together"}),
    ((GPT,), {"model": "llama-x"}, set()),
    ((GPT,), {"model": "groq/llama-x"}, set()),
    ((f"together/{GPT}",), {"model": GPT}, {"together"}),
    ((f"together/{GPT}",), {"model": f"together/{GPT}"}, {"together"}),
    ((f"together/{GPT}",), {"model": f"groq/{GPT}"}, set()),
    ((GPT, "llama-x"), {"model": "freeai-auto"}, set()),
    ((GPT, "llama-x"), {"model": "freeai-fast"}, set()),
    ((GPT, "llama-x"), {}, set()),
    ((GPT, "llama-x"), {"strategy": "fastest"}, set()),
    ((GPT,), {"model": GPT, "strategy": "cheapest"}, {"together", "groq"}),
    (("freeai-fast",), {"model": "freeai-fast"}, {"together", "groq"}),
    (("freeai-fast",), {"model": "freeai-fastest"}, {"together", "groq"}),
    (("freeai-fast",), {"model": "freeai-auto", "strategy": "fastest"}, {"together", "groq"}),
    (("freeai-fast",), {"strategy": "fastest"}, {"together", "groq"}),
    (("freeai-fast",), {"strategy": "cheapest"}, set()),
    (("freeai-fast",), {"model": "freeai-auto"}, set()),
    (("freeai-fast",), {}, set()),
    (("freeai-fast",), {"model": "freeai-cheap", "strategy": "fastest"}, set()),
    (("freeai-fast",), {"model": GPT}, set()),
    (("freeai-auto",), {}, {"together", "groq"}),
    (("freeai-auto",), {"model": "freeai-auto"}, {"together", "groq"}),
    (("freeai-auto",), {"model": "freeai-auto", "strategy": "fastest"}, {"together", "groq"}),
    (("freeai-auto",), {"model": "freeai-fast"}, set()),
    (("freeai-mine",), {"model": "freeai-mine"}, {"together", "groq"}),
    (("freeai-mine",), {"strategy": "mine"}, {"together", "groq"}),
    (("freeai-fast", GPT), {"model": f"groq/{GPT}"}, {"groq"}),
    ((), {"model": "llama-x"}, {"groq"}),
]


@pytest.mark.parametrize(("allowed", "asked", "providers"), MODELS)
async def test_chat(gateway: Gateway, allowed: tuple[str, ...], asked: dict[str, str], providers: set[str]):
    add_pool(gateway)
    allow(*allowed)

    answer = await gateway.client.chat(**asked)

    check(answer, providers)
    if providers:
        assert answer.json["provider"] in providers


@pytest.mark.parametrize(
    ("strategies", "asked", "may"),
    [
        (("fastest",), {"model": "freeai-fast"}, True),
        (("fastest",), {"strategy": "fastest"}, True),
        (("fastest",), {"model": "freeai-auto"}, False),
        (("fastest",), {"model": "llama-x", "strategy": "fastest"}, True),
        (("fastest",), {"model": "llama-x"}, False),
        (("fastest", "auto"), {"model": "llama-x"}, True),
    ],
)
async def test_strategies_on_chat(
    gateway: Gateway, strategies: tuple[str, ...], asked: dict[str, str], may: bool
):
    add_pool(gateway)
    allow(strategies=strategies)

    answer = await gateway.client.chat(**asked)

    check(answer, {"groq"} if may else set())
    assert may or answer.error["param"] == "strategy"


TASKS = [
    ((GPT,), GPT, {"together", "groq"}),
    ((GPT,), f"together/{GPT}", {"together"}),
    ((f"together/{GPT}",), GPT, {"together"}),
    ((f"together/{GPT}",), f"groq/{GPT}", set()),
    ((GPT,), "llama-x", set()),
    ((GPT,), None, {"together", "groq"}),
    ((f"groq/{GPT}",), None, {"groq"}),
    (("freeai-fast",), None, set()),
    (("freeai-fast",), GPT, set()),
]


@pytest.mark.parametrize("task", ["embedding", "transcription"])
@pytest.mark.parametrize(("allowed", "model", "providers"), TASKS)
async def test_tasks(
    gateway: Gateway, task: str, allowed: tuple[str, ...], model: str | None, providers: set[str]
):
    abilities = {"dimensions", "segments", "words"}
    gateway.add("together", GPT, family="openai", task=task, capabilities=abilities)
    gateway.add("groq", GPT, "llama-x", family="openai", task=task, capabilities=abilities)
    # Strategies are chat's: a key's say nothing of tasks that have none.
    allow(*allowed, strategies=("fastest",))

    answer = await ask(gateway, task, model)

    check(answer, providers)
    if providers:
        assert answer.json["provider"] in providers


async def ask(gateway: Gateway, task: str, model: str | None) -> Answer:
    if task == "embedding":
        body = orjson.dumps({"input": "a", "model": model})
        return await gateway.client.request("POST", "/v1/embeddings", body)
    return await transcribe(gateway.client, *([("model", model)] if model else []))


@pytest.mark.parametrize(
    ("allowed", "strategies", "listed"),
    [
        ((GPT,), (), {f"together/{GPT}", f"groq/{GPT}"}),
        ((f"groq/{GPT}", "llama-x"), (), {f"groq/{GPT}", "groq/llama-x"}),
        (("freeai-fast",), (), {"freeai-fast"}),
        (("freeai-fastest",), (), {"freeai-fast"}),
        (("freeai-mine", "llama-x"), (), {"freeai-mine", "groq/llama-x"}),
        (("freeai-fast", "freeai-mine"), ("mine",), {"freeai-mine"}),
        (("nothing",), (), set()),
    ],
)
async def test_list_shows_what_the_key_may_ask_for(
    gateway: Gateway, allowed: tuple[str, ...], strategies: tuple[str, ...], listed: set[str]
):
    add_pool(gateway)
    allow(*allowed, strategies=strategies)

    answer = await gateway.client.get("/v1/models?all=true")

    assert {model["id"] for model in answer.json["data"]} == listed


async def test_virtual_models_are_public_and_others_are_shown_to_keys_that_may_use_them(gateway: Gateway):
    add_pool(gateway)
    allow("llama-x")

    paths = ["freeai-code", "llama-x", "groq/llama-x", GPT, f"together/{GPT}", "freeai-mine"]
    statuses = {path: (await gateway.client.get(f"/v1/models/{path}")).status for path in paths}

    assert statuses == {
        "freeai-code": 200,
        "llama-x": 200,
        "groq/llama-x": 200,
        GPT: 404,
        f"together/{GPT}": 404,
        "freeai-mine": 404,
    }


def check(answer: Answer, providers: set[str]) -> None:
    """Answered where anybody may, else refused."""
    if providers:
        assert answer.status == 200, answer.body
    else:
        assert (answer.status, answer.error["type"], answer.error["code"]) == (
            403,
            "permission_error",
            "model_not_allowed",
        )
