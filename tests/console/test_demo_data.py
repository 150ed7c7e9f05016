"""manage.py demo_data."""

import pytest
from django.core.management import CommandError, call_command

from apps.analytics.models import UsageEventRow
from apps.clients.models import ClientKey
from apps.console import demo_traffic
from apps.providers.catalogue_sync import sync
from apps.providers.models import Credential, Provider
from tests.console.conftest import signed_in, usage_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def small(monkeypatch):
    """A few requests an hour."""
    monkeypatch.setattr(demo_traffic, "REQUESTS_A_DAY", 100)


@pytest.fixture
def catalogue(db):
    sync()


def test_fills_an_empty_instance(small, catalogue, capsys):
    call_command("demo_data", "--password", "demo 4711", "--days", "2")

    assert Credential.objects.exclude(encrypted_key="").count() > 5
    assert UsageEventRow.objects.filter(outcome="success").count() > 50
    assert UsageEventRow.objects.filter(fallback_position=2).exists()
    assert ClientKey.objects.exclude(revoked_at=None).count() == 1
    assert "demo 4711" in capsys.readouterr().out
    admin = Credential.objects.filter(user__username=demo_traffic.ADMIN)[0].user
    assert signed_in(admin).get("/admin/pool/").status_code == 200


def test_touches_no_instance_that_is_used(small, catalogue, alice):
    usage_event(alice)

    with pytest.raises(CommandError, match="--anyway"):
        call_command("demo_data")
    assert UsageEventRow.objects.count() == 1

    call_command("demo_data", "--anyway", "--days", "2")
    assert UsageEventRow.objects.count() > 50


def test_needs_a_catalogue(db):
    with pytest.raises(CommandError, match="setup"):
        call_command("demo_data")


@pytest.mark.parametrize("pair", ["acme", "=http://x", "acme=", "acme=ftp://x"])
def test_an_address_is_a_pair(catalogue, pair):
    with pytest.raises(CommandError, match="PROVIDER=URL"):
        call_command("demo_data", "--at", pair)


def test_a_providers_address_can_be_another(small, catalogue):
    name = Provider.objects.filter(access="free", requires_key=True).exclude(default_model="")[0].name

    call_command("demo_data", "--days", "1", "--at", f"{name}=http://127.0.0.1:9/v1")

    assert Provider.objects.get(name=name).base_url == "http://127.0.0.1:9/v1"
