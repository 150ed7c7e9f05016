"""What a newcomer types first, and mistypes: the root, unknown paths of `/api`, misspelt names."""

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from apps.providers.models import Provider
from apps.strategies.library import install_builtins

pytestmark = pytest.mark.django_db


@pytest.fixture
def api():
    """A client of `/api`, as an administrator, with two providers and the built-in strategies."""
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("root"))
    for name in ("groq", "mistral"):
        Provider.objects.create(name=name, display_name=name, base_url="https://upstream.test/v1")
    install_builtins()
    return client


def test_the_root_leads_to_the_admin(client):
    answer = client.get("/")

    assert (answer.status_code, answer["location"]) == (302, "/admin/")


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
@pytest.mark.parametrize(
    "path", ["/api/", "/api/nowhere", "/api/clients/", "/api/me/providers/a/b/c", "/api/Clients"]
)
def test_unknown_paths_of_the_api_answer_json(client, method, path):
    answer = getattr(client, method)(path)

    assert answer.status_code == 404
    assert answer.json() == {"detail": f"Unknown path: {path}."}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/me/providers/grok"),
        ("patch", "/api/me/providers/grok"),
        ("delete", "/api/me/providers/grok"),
        ("post", "/api/me/providers/grok/test"),
        ("get", "/api/providers/grok"),
        ("patch", "/api/providers/grok"),
    ],
)
def test_a_misspelt_provider_is_told_the_known_ones(api, method, path):
    answer = getattr(api, method)(path, None if method == "delete" else {})

    assert answer.status_code == 404
    assert answer.json() == {"detail": "Unknown provider `grok`. Did you mean `groq`? Known: groq, mistral."}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/api/strategies/fastes"),
        ("patch", "/api/strategies/fastes"),
        ("delete", "/api/strategies/fastes"),
        ("post", "/api/strategies/fastes/reset"),
    ],
)
def test_a_misspelt_strategy_is_told_the_known_ones(api, method, path):
    answer = getattr(api, method)(path, None if method == "delete" else {})

    assert answer.status_code == 404
    assert "Did you mean `fastest`?" in answer.json()["detail"]
    assert "long_context" in answer.json()["detail"]
