"""`/api` asked by its OpenAPI document: no 500, no status and no answer that it does not tell of."""

import zlib

import pytest
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import override_settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase

from apps.clients import tokens
from tests.accounts.test_routes import world  # noqa: F401 - a fixture
from tests.openapi import fuzzing

ROUTES = [route for route in fuzzing.routes("/api/") if route[0] != "/api/health"]

CHAT_BODIES = ("/api/explain", "/api/strategies/preview")
"""They take the body of chat completions, whose bounds are asked there."""


@pytest.fixture
def reached(world):  # noqa: F811
    """Values of path parameters that lead to a row."""
    return {
        "id": str(world.target.pk),
        "key_hash": world.key.key_hash,
        "provider": "groq",
        "model": "openai/gpt-oss-120b",
    }


@pytest.fixture(autouse=True)
def _one_connection(db):
    """Requests do not close the connection that holds the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(scope="module")
def operations():
    """Asked without the middleware of static files: it alone is asynchronous, and makes every request twice as dear."""
    chain = [name for name in settings.MIDDLEWARE if "ServeStatic" not in name]
    with override_settings(MIDDLEWARE=chain):
        return fuzzing.operations(get_wsgi_application())


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_a_route_answers_as_it_is_described(operations, reached, path, method):
    names = reached | {"name": "custom" if "strategies" in path else "groq"}
    headers = {"X-Admin-Token": tokens.issue("fuzz").raw}

    def ask(case):
        if case.path_parameters and leads_somewhere(case):
            case.path_parameters = {name: names[name] for name in case.path_parameters}
        with transaction.atomic():
            response = case.call(headers=headers)
            fuzzing.judge(case, response, headers=headers)
            transaction.set_rollback(True)

    fuzzing.ask_all(operations[path, method], ask, bounds=path not in CHAT_BODIES)


def leads_somewhere(case):
    """Whether to ask for a row that there is: half of what is asked at random asks for whatever it says."""
    if not fuzzing.is_right_at(case, ParameterLocation.PATH):
        return False
    return case.meta.phase.name is not TestPhase.FUZZING or zlib.crc32(repr(case.body).encode()) % 2 == 0
