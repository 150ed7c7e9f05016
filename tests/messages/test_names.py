"""What clients call models: the operator's table, aliases, and lists in Anthropic's shape; and counting tokens."""

import pytest
from django.core.exceptions import ValidationError

from apps.gateway.config import Config
from apps.gateway.model_names import TableError, meant, rows
from apps.gateway.models import AppConfig
from tests.gateway.conftest import RAW_KEY, USER, Gateway
from tests.gateway.test_key_tokens import limited
from tests.messages.conftest import FIXTURES, HELLO, TOOL, ask

VERSION = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("claude-haiku-4-5-20251001", "freeai-fast"),
        ("claude-3-5-haiku-latest", "freeai-fast"),
        ("claude-opus-4-8", "freeai-quality"),
        ("claude-opus-4-8[1m]", "freeai-quality"),
        ("claude-sonnet-5", "freeai-code"),
        ("Claude-Fable-1", "freeai-code"),
        ("claude-freeai-long", "freeai-long"),
        ("Claude-FreeAI-Code[1m]", "freeai-code"),
        ("freeai-auto", "freeai-auto"),
        ("freeai-auto[1m]", "freeai-auto"),
        ("groq/openai/gpt-oss-120b", "groq/openai/gpt-oss-120b"),
        ("gpt-5", "gpt-5"),
        (None, None),
    ],
)
async def test_names_as_shipped(gateway: Gateway, name: str | None, ours: str | None):
    gateway.add("groq")

    assert meant(name, USER) == ours


async def test_a_name_that_is_offered_means_that_model(gateway: Gateway):
    gateway.add("groq", "claude-sonnet-5")

    assert meant("claude-sonnet-5", USER) == "claude-sonnet-5"
    assert meant("claude-sonnet-5", USER + 1) == "freeai-code"


async def test_an_operators_table_is_followed(gateway: Gateway):
    gateway.add("groq", "ok")
    gateway.configure(model_names="gpt-* = groq/ok\n\n claude-opus* = freeai-long ")

    named = await ask(gateway, model="gpt-5")
    unmapped = await ask(gateway, model="claude-sonnet-5")

    assert (named.status, named.json["model"], named.json["real_model"]) == (200, "gpt-5", "ok")
    assert (unmapped.status, unmapped.error["type"]) == (404, "not_found_error")


@pytest.mark.parametrize(
    "table", ["claude", "= x", "a =", "a = b c", "*a*b*c*d*e = x", "x" * 201 + " = y", "a = b\n" * 101]
)
def test_a_table_that_is_none(table: str):
    with pytest.raises(TableError):
        rows(table)


@pytest.mark.django_db
def test_an_operators_table_is_checked():
    row = AppConfig(model_names="claude* = freeai-nothing")

    with pytest.raises(ValidationError) as caught:
        row.full_clean()

    assert "no strategy has that name" in caught.value.message_dict["model_names"][0]
    assert AppConfig().model_names == Config().model_names


async def test_the_list_that_claude_code_asks_for(gateway: Gateway):
    fixture = FIXTURES["claudecode-models-discovery"]

    answer = await gateway.client.request("GET", fixture["path"], headers=VERSION)

    listed = answer.json
    assert (listed["has_more"], listed["first_id"]) == (False, listed["data"][0]["id"])
    kept = [model for model in listed["data"] if model["id"].startswith("claude")]
    assert "claude-freeai-code" in [model["id"] for model in kept]
    assert {model["type"] for model in listed["data"]} == {"model"}
    assert listed["data"][0].keys() == {"type", "id", "display_name", "created_at", "lifecycle"}


async def test_pages_of_the_list(gateway: Gateway):
    first = (await gateway.client.request("GET", "/v1/models?limit=5", headers=VERSION)).json
    second = (
        await gateway.client.request(
            "GET", f"/v1/models?limit=5&after_id={first['last_id']}", headers=VERSION
        )
    ).json
    back = (
        await gateway.client.request(
            "GET", f"/v1/models?limit=5&before_id={second['first_id']}", headers=VERSION
        )
    ).json
    wrong = await gateway.client.request("GET", "/v1/models?limit=0", headers=VERSION)

    assert (first["has_more"], len(first["data"])) == (True, 5)
    assert not {model["id"] for model in first["data"]} & {model["id"] for model in second["data"]}
    assert back["data"] == first["data"]
    assert (wrong.status, wrong.json["type"], wrong.error["param"]) == (400, "error", "limit")


@pytest.mark.parametrize("name", ["claude-sonnet-5", "claude-freeai-fast", "freeai-fast"])
async def test_one_of_them(gateway: Gateway, name: str):
    answer = await gateway.client.request("GET", f"/v1/models/{name}", headers=VERSION)

    assert (answer.status, answer.json["id"], answer.json["type"]) == (200, name, "model")


async def test_none_of_them(gateway: Gateway):
    answer = await gateway.client.request("GET", "/v1/models/gpt-5", headers=VERSION)

    assert (answer.status, answer.json["type"], answer.error["type"]) == (404, "error", "not_found_error")


async def test_without_the_header_lists_are_openais(gateway: Gateway):
    assert (await gateway.client.get("/v1/models")).json["object"] == "list"


async def test_all_models_of_a_key_that_came_as_x_api_key(gateway: Gateway):
    gateway.add("groq", "ok")
    gateway.client.key = ""

    answer = await gateway.client.request(
        "GET", "/v1/models?all=true", headers=VERSION | {"x-api-key": RAW_KEY}
    )

    assert "groq/ok" in [model["id"] for model in answer.json["data"]]


async def test_tokens_are_counted_without_a_provider_and_beyond_the_keys_limit(gateway: Gateway):
    """Agents ask for eighteen at once."""
    limited(rpm_limit=1)
    fixture = FIXTURES["claudecode-counttokens-tools"]
    fields = fixture["body"]

    counted = [await ask(gateway, fixture["path"], max_tokens=..., **fields) for _ in range(18)]

    assert {answer.status for answer in counted} == {200}
    assert counted[0].json["input_tokens"] > 50


async def test_more_counts_as_more(gateway: Gateway):
    path = "/v1/messages/count_tokens"
    short = await ask(gateway, path, max_tokens=...)
    tools = await ask(gateway, path, max_tokens=..., tools=[TOOL])
    long = await ask(gateway, path, max_tokens=..., system="word " * 1000, messages=HELLO)

    assert short.json["input_tokens"] < tools.json["input_tokens"] < long.json["input_tokens"]
    assert long.json["input_tokens"] > 1250 * 1.1


async def test_counting_needs_a_key(gateway: Gateway):
    gateway.client.key = ""

    answer = await ask(gateway, "/v1/messages/count_tokens")

    assert (answer.status, answer.error["type"]) == (401, "authentication_error")
