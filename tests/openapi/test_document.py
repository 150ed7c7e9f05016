"""The OpenAPI document: valid, complete, and open to all."""

import re

import pytest
from django.conf import settings
from django.urls import URLPattern
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from apps.gateway import urls as lean
from apps.gateway.api import urls as api
from apps.gateway.api.openapi.views import document
from apps.gateway.api.rights import EVERYBODY, SIGNED_IN, declared, written
from apps.gateway.wire.surfaces import ALIASES, is_served
from tests.accounts.routes import ROWS
from tests.accounts.test_routes import served

METHODS = {"get", "post", "put", "patch", "delete"}
NOT_OF_THE_TABLE = ("/api/health", "/api/schema/", "/api/docs/")
SAMPLES = {"id": "7", "key_hash": "0" * 64}


def described() -> dict[tuple[str, str], dict]:
    return {
        (method.upper(), path): operation
        for path, item in document()["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_the_document_is_valid_openapi_3_1_and_raises_no_warning():
    document.cache_clear()
    with GENERATOR_STATS.silence():
        made = document()
        warnings = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]

    validate_schema(made)
    assert made["openapi"].startswith("3.1.")
    assert warnings == []


def test_every_route_of_api_is_described_and_nothing_else():
    routes = set(served([each for each in api.urlpatterns if _is_described(each)], "/api/"))
    matched = {
        (method, path): [
            route
            for route in routes
            if route[0] == method
            and re.fullmatch(route[1], re.sub(r"{(\w+)}", lambda name: SAMPLES.get(name[1], "x"), path))
        ]
        for method, path in described()
        if path.startswith("/api/") and path != "/api/health"
    }

    assert [row for row, found in matched.items() if not found] == []
    assert routes - {route for found in matched.values() for route in found} == set()


def _is_described(pattern):
    """All but the document itself and its pages."""
    return str(pattern.pattern) not in ("schema/", "docs/")


def test_every_route_of_v1_is_described():
    routes = {
        f"/{resolver.pattern}" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        for resolver in lean.urlpatterns
        if not isinstance(resolver, URLPattern)
        for pattern in resolver.url_patterns
    }

    aliases = {f"/{alias}" for alias in ALIASES}
    assert {path for _, path in described() if is_served(path)} == routes - aliases


def test_every_operation_tells_summary_answers_errors_and_who_may():
    for (method, path), operation in described().items():
        statuses = set(operation["responses"])
        assert operation["summary"], path
        assert any(status.startswith("2") for status in statuses), path
        assert "security" in operation or "For everybody." in operation["description"], path
        if method in ("POST", "PUT", "PATCH"):
            assert {"400", "413"} <= statuses, path
            assert "requestBody" in operation or path.endswith("/cancel"), path
        if "{" in path:
            assert "404" in statuses, path


def test_examples_fit_their_schemas():
    made = document()
    count = 0
    for (_, path), operation in described().items():
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in [each for body in bodies for each in body.get("content", {}).values()]:
            for example in content.get("examples", {}).values():
                whole = {**content["schema"], "components": made["components"]}
                problems = [
                    error.message for error in Draft202012Validator(whole).iter_errors(example["value"])
                ]
                assert problems == [], path
                count += 1
    assert count > 30


@pytest.fixture
def served_static(settings):
    """The static files too, as in production."""
    settings.SERVESTATIC_USE_FINDERS = True


@pytest.mark.django_db
@pytest.mark.usefixtures("served_static")
def test_the_document_and_its_pages_are_served_to_everybody_and_need_no_other_server(client):
    schema = client.get("/api/schema/")
    page = client.get("/api/docs/")
    text = page.content.decode()

    assert (schema.status_code, schema["content-type"], schema.json()) == (
        200,
        "application/json",
        document(),
    )
    assert (page.status_code, page["content-type"]) == (200, "text/html; charset=utf-8")
    assert re.findall(r"(?:src|href|data-schema)=\"(?!/)", text) == []
    assert "<style" not in text and not re.search(r"<script>|<script [^>]*>[^<]", text)
    for link in re.findall(r'(?:src|href)="/?([^"]+)"', text):
        assert client.get(f"/{link}").status_code == 200, link


def test_the_table_of_rights_says_what_the_views_declare():
    text = (settings.BASE_DIR / "docs" / "ADMIN_API.md").read_text(encoding="utf-8")

    assert written(text) == text


def test_the_roles_tests_read_the_rights_that_the_views_declare():
    patterns = {
        (method, path): re.compile(re.sub(r"{\w+}", "(?:{[^/]+}|.+)" if "model" in path else "[^/]+", path))
        for method, path in declared()
    }
    rights = declared()
    for (method, path), row in ROWS.items():
        if "?" in path or path in NOT_OF_THE_TABLE:
            continue
        exact = [route for route in rights if route == (method, path)]
        matching = exact or [
            route for route, shape in patterns.items() if route[0] == method and shape.fullmatch(path)
        ]
        expected = f"{row.model.partition('.')[0]}.{row.action}_{row.model.partition('.')[2]}"
        who = EVERYBODY if row.public else expected if row.model else SIGNED_IN
        assert [rights[route] for route in matching] == [who], path
