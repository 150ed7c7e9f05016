"""`/api/explain`, `/api/strategies/preview` and `manage.py explain`."""

import json
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connections
from rest_framework.test import APIClient

from apps.core import clock
from apps.core.snapshot import SECTIONS
from apps.gateway.process import setup
from apps.providers.limits import Limit
from apps.providers.offers import CATALOGUE
from apps.strategies.models import Strategy
from tests.asgi import chat_body
from tests.factories import make_claim
from tests.gateway.conftest import USER, Gateway


@pytest.fixture
def admin(db):
    return get_user_model().objects.create_superuser("root", password="not-a-real-password", pk=USER)


async def post(user: Any, path: str, body: Any) -> Any:
    """Over the whole `/api`, as a web process does it: the view in a thread, its coroutine on this loop."""

    def send() -> Any:
        client = APIClient()
        client.force_authenticate(user)
        try:
            return client.post(path, body)
        finally:
            connections.close_all()  # this thread's: an open one would keep the test database from going

    return await sync_to_async(send)()


@pytest.mark.django_db(transaction=True)
async def test_api_explain_answers_from_the_running_gateway(gateway: Gateway, admin):
    gateway.add("groq", limits=[Limit("requests", "day", 50)])
    (offer,) = CATALOGUE.value.offers_for(USER)
    await gateway.runtime.store.acquire(make_claim(offer.subject, 100), clock.now())

    answer = await post(admin, "/api/explain", orjson.loads(chat_body(model="freeai-fast")))

    assert answer.status_code == 200
    (row,) = answer.json()["candidates"]
    assert row["quota"]["requests/day"] == {"limit": 50, "used": 1}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"messages": [], "model": "freeai-fast"}, 400, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, 400, "messages"),
        ({"model": "gone", "messages": [{"role": "user", "content": "Hi"}]}, 404, "model"),
        ([], 400, "must be a JSON object"),
    ],
)
async def test_api_explain_refuses_in_the_shape_of_the_api(gateway: Gateway, admin, body, status, detail):
    gateway.add("groq")

    answer = await post(admin, "/api/explain", body)

    assert answer.status_code == status
    assert list(answer.json()) == ["detail"]
    assert detail in str(answer.json()["detail"])


@pytest.mark.django_db(transaction=True)
async def test_api_preview_saves_nothing_and_needs_no_request(gateway: Gateway, admin):
    gateway.add("groq", tags=["fast"])
    before = await Strategy.objects.acount()

    answer = await post(
        admin,
        "/api/strategies/preview",
        {"definition": {"prefer": [{"when": "'fsat' in tags", "weight": 9}]}},
    )

    assert answer.status_code == 200
    assert answer.json()["strategy"] == "preview"
    assert answer.json()["warnings"][0]["clause"] == "prefer[0].when"
    assert await Strategy.objects.acount() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({}, 400, ["definition"]),
        ({"definition": {}, "sample": {}}, 400, ["sample"]),
        ({"definition": {}, "request": 5}, 400, ["request"]),
        ({"definition": {}, "request": {}}, 400, ["request.messages"]),
        ({"definition": {"prefer": 5}}, 422, ["clause", "position", "message", "allowed"]),
    ],
)
async def test_api_preview_refuses_and_names_it(gateway: Gateway, admin, body, status, named):
    gateway.add("groq")

    answer = await post(admin, "/api/strategies/preview", body)

    assert answer.status_code == status
    assert list(answer.json()["detail"]) == named


@pytest.fixture
def installed(admin):
    """A database with the catalogue and the strategies, no key stored: the sandbox answers."""
    setup.run(lambda _: None)
    yield
    for section in SECTIONS.values():
        section.unload()


def test_command_prints_the_decision_as_json_and_says_what_it_cannot_know(installed, capsys):
    call_command("explain", "--prompt", "Hello", "--model", "freeai-fast", "--json")

    out, err = capsys.readouterr()
    decision = json.loads(out)
    assert (decision["strategy"], decision["candidates"][0]["provider"]) == ("fastest", "sandbox")
    assert "No gateway runs in this process" in err


def test_command_reads_a_body_from_a_file_for_a_named_user(installed, tmp_path, capsys):
    path = tmp_path / "request.json"
    path.write_bytes(chat_body(model="freeai-quality"))

    call_command("explain", "--file", str(path), "--user", "root")

    out = capsys.readouterr().out
    assert out.startswith("strategy best_quality\n")
    assert "  1 sandbox/ok: " in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--prompt", "Hello", "--user", "nobody"],
        ["--prompt", "Hello", "--model", "gone"],
        ["--file", "no-such-file.json"],
    ],
)
def test_command_refuses_with_exit_code_2(installed, arguments):
    with pytest.raises(CommandError) as caught:
        call_command("explain", *arguments)

    assert caught.value.returncode == 2


def test_command_exits_1_when_nobody_would_serve(installed, tmp_path):
    path = tmp_path / "request.json"
    path.write_bytes(chat_body(messages=[{"role": "user", "content": "word " * 1_000_000}]))

    with pytest.raises(SystemExit) as caught:
        call_command("explain", "--file", str(path))

    assert caught.value.code == 1
