"""Bounds of Django's own, on all sides: the right status in the shape of that side."""

import pytest
from django.test import Client

from tests.gateway.conftest import Gateway

MANY = "&".join(f"a{number}=1" for number in range(1001))


async def test_parameters_without_end_on_v1(gateway: Gateway):
    answer = await gateway.client.request("GET", f"/v1/models?{MANY}")

    assert answer.status == 400
    assert "1000 parameters" in answer.error["message"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/clients", "/api/usage-events", "/api/analytics", "/api/me/providers"])
def test_on_api(path, admin_client: Client):
    answer = admin_client.get(f"{path}?{MANY}")

    assert answer.status_code == 400
    assert "1000 parameters" in answer.json()["detail"]


@pytest.mark.django_db
def test_an_unknown_host_on_api(client: Client):
    answer = client.get("/api/config", headers={"host": "evil.example.com"})

    assert answer.status_code == 400
    assert "FREEAI_ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.django_db
def test_what_nobody_foresaw_on_api(client: Client, monkeypatch):
    client.raise_request_exception = False
    monkeypatch.setattr("apps.core.bodies.RefuseNeedlessBodies.process_view", lambda *_: 1 / 0)

    answer = client.get("/api/config")

    assert answer.status_code == 500
    assert answer.json() == {"detail": "FreeAI could not process the request. The fault is its own."}
