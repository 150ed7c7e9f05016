"""A request that is refused before any attempt has a row of its own; where nobody or nothing was understood, there is none."""

import asyncio
from typing import Any

import orjson
import pytest
from prometheus_client import REGISTRY

from apps.core import clock
from apps.core.ids import uuid7
from apps.gateway.answering import stream as streaming
from apps.providers.offers import CATALOGUE
from apps.providers.types import Task
from tests.asgi import Answer, chat_body
from tests.edges import BOTH
from tests.gateway.audio import transcribe
from tests.gateway.conftest import USER, Gateway, Limit, until, use_key
from tests.gateway.test_embeddings import embed
from tests.gateway.test_key_tokens import LONG, limited

pytestmark = BOTH

ONE_A_DAY = [Limit("requests", "day", 1)]


async def add_spent(gateway: Gateway, provider: str, *models: str, **fields: Any) -> None:
    """A provider of whose day nothing is left."""
    gateway.add(provider, *models, limits=ONE_A_DAY, **fields)
    task: Task = fields.get("task", "chat")
    for offer in CATALOGUE.value.offers_for(USER, task):
        if offer.provider == provider:
            await gateway.runtime.store.take(offer.subject.windows, {"requests": 1}, clock.now())


def only(gateway: Gateway, answer: Answer) -> tuple[str, str, str]:
    """Endpoint, model and kind of the one row of `answer`, whose kind is the error's code."""
    assert gateway.events() == []
    [row] = gateway.refusals()
    assert row.error_kind == answer.error["code"] or answer.error["code"] is None
    assert (row.provider, row.outcome, row.upstream_status) == ("", "refused", None)
    assert (row.is_last, row.stands_for, row.user_id, row.client_id) == (True, 1, 1, 7)
    assert (row.cost_microusd, row.saved_microusd) == (0, 0)
    assert row.request_uuid == row.request_id == answer.headers["x-request-id"]
    assert row.latency_ms is not None
    assert row.latency_ms >= 0
    return row.endpoint, row.model, row.error_kind


@pytest.mark.parametrize("stream", [False, True])
async def test_with_everything_out_of_quota(gateway: Gateway, stream: bool):
    await add_spent(gateway, "groq")

    answer = await gateway.client.chat(model="freeai-auto", stream=stream)

    assert answer.status == 429
    assert only(gateway, answer) == ("chat", "freeai-auto", "quota_exhausted")
    [row] = gateway.refusals()
    assert (row.virtual_model, row.strategy, row.stream) == ("freeai-auto", "auto", stream)


async def test_in_a_stream_that_has_begun(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    """The refusal comes behind the first comment."""
    monkeypatch.setattr(streaming, "QUIET_S", 0.0)
    await add_spent(gateway, "groq")

    await gateway.client.chat(stream=True)

    assert [row.error_kind for row in gateway.refusals()] == ["quota_exhausted"]


async def test_without_a_model_that_can(gateway: Gateway):
    gateway.add("groq", capabilities={"tools"})
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}

    answer = await gateway.client.chat(messages=[{"role": "user", "content": [picture]}])

    assert answer.status == 400
    assert only(gateway, answer) == ("chat", "", "no_capable_provider")


async def test_without_a_healthy_provider(gateway: Gateway):
    gateway.add("groq", "error_401")
    await gateway.client.chat()
    [first] = gateway.events()

    answer = await gateway.client.chat()

    assert answer.status == 503
    [row] = gateway.refusals()
    assert row.error_kind == "no_healthy_provider"
    assert [event.id for event in gateway.events()] == [first.id]


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"model": "no/such"}, "model_not_found"),
        ({"strategy": "no-such"}, "invalid_strategy"),
        ({"preferred_provider": "no-such"}, "invalid_preferred_provider"),
    ],
)
async def test_with_a_name_that_nothing_bears(gateway: Gateway, fields: dict[str, str], kind: str):
    gateway.add("groq")

    answer = await gateway.client.chat(**fields)

    assert only(gateway, answer) == ("chat", fields.get("model", ""), kind)


async def test_by_the_keys_own_limit_of_requests(gateway: Gateway):
    """Its body is not even read."""
    gateway.add("groq", weight=1.0)
    limited(rpm_limit=1)
    await gateway.client.chat()

    answers = [
        await gateway.client.chat(),
        await embed(gateway, input="Hello"),
        await transcribe(gateway.client),
        await gateway.client.get("/v1/models?all=true"),
    ]

    assert [answer.status for answer in answers] == [429] * 4
    assert [(row.endpoint, row.model, row.error_kind) for row in gateway.refusals()] == [
        ("chat", "", "rate_limit_exceeded"),
        ("embeddings", "", "rate_limit_exceeded"),
        ("transcriptions", "", "rate_limit_exceeded"),
    ]


async def test_by_the_keys_own_limit_of_tokens(gateway: Gateway):
    gateway.add("groq")
    limited(tpm_limit=500)

    answer = await gateway.client.chat(**LONG)

    assert only(gateway, answer) == ("chat", "", "token_limit_exceeded")


@pytest.mark.parametrize(
    ("rights", "kind"),
    [
        ({"allowed_models": frozenset({"other"})}, "model_not_allowed"),
        ({"allowed_endpoints": frozenset({"embeddings"})}, "endpoint_not_allowed"),
        ({"no_training": True}, "training_not_allowed"),
    ],
)
async def test_without_the_right_to_the_model(gateway: Gateway, rights: dict[str, Any], kind: str):
    gateway.add("groq")
    use_key(**rights)

    answer = await gateway.client.chat(model="groq/ok")

    assert answer.status == 403
    assert only(gateway, answer) == ("chat", "groq/ok", kind)


async def test_where_the_explanation_is_not_allowed(gateway: Gateway):
    gateway.add("groq")
    use_key(is_admin=False)

    answer = await gateway.client.request(
        "POST", "/v1/chat/completions", chat_body(), {"x-freeai-explain": "1"}
    )

    assert only(gateway, answer) == ("chat", "", "explain_not_allowed")


async def test_on_the_other_endpoints(gateway: Gateway):
    await add_spent(gateway, "mistral", "ok", task="embedding")
    gateway.add("groq", "ok", task="transcription", limits=[Limit("requests", "day", 1)])
    await transcribe(gateway.client, ("model", "groq/ok"))

    await embed(gateway, input="Hello to you and all the others", model="mistral/ok")
    await transcribe(gateway.client, ("model", "groq/ok"))

    assert [(row.endpoint, row.model, row.error_kind) for row in gateway.refusals()] == [
        ("embeddings", "mistral/ok", "quota_exhausted"),
        ("transcriptions", "groq/ok", "quota_exhausted"),
    ]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("m" * 5_000, "m" * 200),
        ("a\x00b\x1bc", "a b c"),
        ("sk-live-0123456789abcdef", "***"),
        ("groq/näm€", "groq/näm€"),
    ],
)
async def test_the_model_is_told_as_far_as_it_can_be_written_down(gateway: Gateway, asked: str, told: str):
    gateway.add("groq")

    answer = await gateway.client.chat(model=asked)

    assert answer.status in {400, 404}
    assert [row.model for row in gateway.refusals() if row.model] in ([told], [])


async def test_a_request_that_had_an_attempt_is_not_turned_away(gateway: Gateway):
    gateway.add("groq", "error_500")
    await add_spent(gateway, "mistral")

    assert (await gateway.client.chat()).status == 502

    assert [event.is_last for event in gateway.events()] == [True]
    assert gateway.refusals() == []


BAD = [
    ("POST", "/v1/chat/completions", b"{"),
    ("POST", "/v1/chat/completions", orjson.dumps({"messages": 5})),
    ("POST", "/v1/chat/completions", orjson.dumps({"messages": [], "strategy": 7})),
    ("POST", "/v1/embeddings", orjson.dumps({"input": []})),
    ("POST", "/v1/audio/transcriptions", b"no form"),
    ("GET", "/v1/chat/completions", b""),
    ("POST", "/v1/no/such", b""),
]


@pytest.mark.parametrize(("method", "path", "body"), BAD)
async def test_what_cannot_be_understood_is_no_request(gateway: Gateway, method: str, path: str, body: bytes):
    gateway.add("groq")

    answer = await gateway.client.request(method, path, body)

    assert 400 <= answer.status < 500
    assert gateway.refusals() == []


async def test_a_request_without_a_valid_key_is_nobodys(gateway: Gateway):
    gateway.client.key = "fai_" + "x" * 43

    assert (await gateway.client.chat(model="no/such")).status == 401

    assert gateway.refusals() == []


async def test_a_client_that_leaves_before_any_attempt_was_not_refused(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
):
    gateway.add("groq")
    reached: list[int] = []

    async def forever() -> None:
        reached.append(1)
        await asyncio.Event().wait()

    monkeypatch.setattr(gateway.runtime, "follow_keys", forever)
    exchange = gateway.client.begin_chat()
    await until(lambda: reached)

    await exchange.leave()

    assert gateway.refusals() == []


async def test_a_flood_is_counted_and_takes_a_few_rows(gateway: Gateway):
    await add_spent(gateway, "groq")
    labels = {"kind": "quota_exhausted"}
    before = REGISTRY.get_sample_value("freeai_requests_turned_away_total", labels) or 0.0

    for _ in range(300):
        await gateway.client.chat()
    gateway.runtime.refusals.flush()

    rows = gateway.refusals()
    assert len(rows) <= 10
    assert sum(row.stands_for for row in rows) == 300
    assert REGISTRY.get_sample_value("freeai_requests_turned_away_total", labels) == before + 300
    assert len({row.request_uuid for row in rows}) == len(rows)
    assert uuid7() > rows[-1].id
