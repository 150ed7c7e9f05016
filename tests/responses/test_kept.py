"""Answers that are referred to later: previous_response_id, item_reference and the routes of a kept answer."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from apps.clients.windows import SPANS, windows_of
from apps.core import clock
from apps.gateway.kept_answers import KEPT_S
from apps.gateway.kept_in_redis import KeptInRedis
from tests.asgi import Answer
from tests.gateway.conftest import USER, Gateway, use_key
from tests.redis_server import REDIS_URL, forget, needs_redis, new_prefix
from tests.responses.conftest import PATH, SEALED, TOOL, ask, response_of, sent

KEY, OTHER_KEY = 7, 8


@pytest.fixture(
    autouse=True, params=["memory", pytest.param("redis", marks=[pytest.mark.redis, needs_redis])]
)
async def where(request: pytest.FixtureRequest, gateway: Gateway) -> AsyncIterator[str]:
    """Answers are kept."""
    if request.param == "memory":
        yield request.param
        return
    kept = KeptInRedis(REDIS_URL, prefix=new_prefix())
    gateway.runtime.kept_answers = kept
    yield request.param
    await kept.aclose()
    forget()


async def get(gateway: Gateway, path: str, method: str = "GET") -> Answer:
    return await gateway.client.request(method, f"{PATH}/{path}")


async def kept_bytes(gateway: Gateway) -> int:
    return await gateway.runtime.kept_answers.size(clock.now())


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + seconds)


def text_of(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] for part in item.get("content", ()))


async def test_a_conversation_goes_on_behind_an_answer(gateway: Gateway, stream: bool):
    gateway.add("groq")
    gateway.fake.script("groq", ["ok", "tool_call", "ok"])

    first = await response_of(gateway, stream=stream, input="One?", instructions="Be brief.")
    second = await response_of(
        gateway, stream=stream, input="Two?", previous_response_id=first["id"], tools=[TOOL]
    )
    call = second["output"][0]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
    third = await response_of(
        gateway, stream=stream, input=[result], previous_response_id=second["id"], tools=[TOOL]
    )

    told = sent(gateway)["messages"]
    assert [each["role"] for each in told] == ["user", "assistant", "user", "assistant", "tool"]
    assert (told[0]["content"], told[1]["content"], told[2]["content"]) == ("One?", text_of(first), "Two?")
    assert told[4]["content"] == "sunny"
    assert (third["previous_response_id"], third["store"]) == (second["id"], True)


async def test_an_item_is_what_it_refers_to_and_a_lost_thought_is_left_out(gateway: Gateway, stream: bool):
    gateway.add("groq", "reasoning")
    first = await response_of(gateway, stream=stream, input="One?")
    thought, said = first["output"]
    references = [{"type": "item_reference", "id": name} for name in (thought["id"], said["id"], "rs_lost")]

    answer = await ask(gateway, input=[{"role": "user", "content": "One?"}, *references])
    unknown = await ask(gateway, input=[{"type": "item_reference", "id": f"{said['id']}9"}])

    assert answer.status == 200
    assert sent(gateway)["messages"][1]["content"] == text_of(first)
    assert (unknown.status, unknown.error["param"]) == (400, "input[0].id")
    assert "`store`" in unknown.error["message"]


async def test_a_thought_comes_back_by_its_id_where_it_was_not_sealed(gateway: Gateway):
    gateway.add("groq", "reasoning")
    first = await response_of(gateway, stream=False, input="One?", reasoning={"summary": "auto"})

    second = await response_of(
        gateway,
        stream=False,
        input=[{"role": "user", "content": "One?"}, *first["output"], {"role": "user", "content": "Two?"}],
    )

    items = (await get(gateway, f"{second['id']}/input_items?order=asc")).json["data"]
    assert [each["id"] for each in items[1:-1]] == [each["id"] for each in first["output"]]
    (kept,) = await gateway.runtime.kept_answers.get(KEY, [(second["id"], 1)], clock.now())
    asked = orjson.loads(kept or b"")
    assert asked[1]["encrypted_content"].startswith("freeai1.")


async def test_the_routes_of_a_kept_answer(gateway: Gateway, stream: bool):
    gateway.add("groq", "reasoning")
    made = await response_of(
        gateway, stream=stream, input=[{"role": "user", "content": word} for word in ("a", "b", "c")]
    )

    got = await get(gateway, made["id"])
    sealed = await get(gateway, f"{made['id']}?include[]={SEALED}")
    cancelled = await get(gateway, f"{made['id']}/cancel", "POST")
    deleted = await get(gateway, made["id"], "DELETE")
    gone = [await get(gateway, made["id"], method) for method in ("GET", "DELETE")]

    assert (got.status, got.json) == (200, made)
    assert sealed.json["output"][0]["encrypted_content"].startswith("freeai1.")
    assert (cancelled.status, cancelled.error["type"]) == (400, "invalid_request_error")
    assert deleted.json == {"id": made["id"], "object": "response", "deleted": True}
    assert [answer.status for answer in gone] == [404, 404]


async def test_pages_of_what_it_was_asked_with(gateway: Gateway):
    gateway.add("groq")
    made = await response_of(
        gateway, stream=False, input=[{"role": "user", "content": word} for word in "abcde"]
    )
    path = f"{made['id']}/input_items"

    first = (await get(gateway, f"{path}?limit=2")).json
    second = (await get(gateway, f"{path}?limit=2&after={first['last_id']}")).json
    forward = (await get(gateway, f"{path}?order=asc&limit=100")).json
    wrong = await get(gateway, f"{path}?after=item_x")

    assert [item["content"] for item in first["data"]] == ["e", "d"]
    assert [item["content"] for item in second["data"]] == ["c", "b"]
    assert [item["content"] for item in forward["data"]] == list("abcde")
    assert (first["has_more"], second["has_more"], forward["has_more"]) == (True, True, False)
    assert {item["type"] for item in forward["data"]} == {"message"}
    assert (wrong.status, wrong.error["param"]) == (400, "after")


async def test_what_is_kept_is_for_its_own_key(gateway: Gateway):
    gateway.add("groq")
    made = await response_of(gateway, stream=False)
    item = made["output"][0]["id"]
    use_key(client_id=OTHER_KEY)

    got = [await get(gateway, made["id"], method) for method in ("GET", "DELETE")]
    went_on = await ask(gateway, previous_response_id=made["id"])
    referred = await ask(gateway, input=[{"type": "item_reference", "id": item}])

    assert [answer.status for answer in got] == [404, 404]
    assert (went_on.status, went_on.error["code"]) == (400, "previous_response_not_found")
    assert went_on.error["message"] == f"Previous response with id '{made['id']}' not found."
    assert referred.status == 400


async def test_after_an_hour_it_is_gone(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    gateway.add("groq")
    made = await response_of(gateway, stream=False)

    later(monkeypatch, KEPT_S + 1)

    assert (await get(gateway, made["id"], "DELETE")).status == 404
    assert (await get(gateway, made["id"])).status == 404
    assert await kept_bytes(gateway) == 0


@pytest.mark.parametrize(("store", "is_on"), [(False, True), (True, False), (None, False)])
async def test_nothing_is_kept_where_it_is_not_to_be(
    gateway: Gateway, settings: Any, stream: bool, store: bool | None, is_on: bool
):
    settings.FREEAI_RESPONSE_STORE = is_on
    gateway.add("groq")

    made = await response_of(gateway, stream=stream, store=store)

    assert made["store"] is False
    assert await kept_bytes(gateway) == 0
    assert (await get(gateway, made["id"])).status == 404
    assert (await ask(gateway, previous_response_id=made["id"])).status == 400


async def test_what_is_too_large_is_said_not_to_be_kept(
    gateway: Gateway, stream: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gateway.runtime.kept_answers, "fits", lambda _parts: False)
    gateway.add("groq")

    assert (await response_of(gateway, stream=stream))["store"] is False


async def test_an_answer_that_failed_is_not_kept(gateway: Gateway):
    gateway.add("groq", "cut")

    await ask(gateway, stream=True)

    assert await kept_bytes(gateway) == 0


async def test_references_come_to_no_more_than_a_request_may_hold(gateway: Gateway, settings: Any):
    gateway.add("groq")
    made = await response_of(gateway, stream=False, input="x" * 2000)
    reference = {"type": "item_reference", "id": made["output"][0]["id"]}

    settings.FREEAI_MAX_BODY_BYTES = 1500
    repeated = await ask(gateway, input=[reference] * 20)
    went_on = await ask(gateway, previous_response_id=made["id"])
    settings.FREEAI_MAX_JSON_VALUES = 12
    values = await ask(gateway, previous_response_id=made["id"])

    assert [answer.status for answer in (repeated, went_on, values)] == [413, 413, 413]
    assert went_on.error["code"] == "request_too_large"
    assert len(gateway.fake.journal) == 1


async def test_to_read_what_is_kept_is_a_request_of_the_key(gateway: Gateway):
    gateway.add("groq")
    use_key(windows=windows_of(USER, 7, {SPANS["rpm_limit"]: 3}))
    made = await response_of(gateway, stream=False)

    first = await get(gateway, made["id"])
    second = await get(gateway, f"{made['id']}/input_items")
    spent = [await get(gateway, made["id"]), await ask(gateway, f"{PATH}/input_tokens")]

    assert [answer.status for answer in (first, second, *spent)] == [200, 200, 429, 429]
    assert first.headers["x-ratelimit-remaining-requests"] == "1"


async def test_tokens_of_what_it_refers_to_count(gateway: Gateway):
    gateway.add("groq")
    made = await response_of(gateway, stream=False, input="word " * 1000)

    counted = await ask(gateway, f"{PATH}/input_tokens", previous_response_id=made["id"], input=...)

    assert counted.json["input_tokens"] > 1250
