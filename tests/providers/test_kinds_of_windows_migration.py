"""Rows of the version before say in today's words how their windows run."""

from importlib import import_module

import pytest
from django.apps import apps

from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_sync import sync
from apps.providers.limits import parse_limits
from apps.providers.models import Provider, ProviderModel

migration = import_module("apps.providers.migrations.0007_kinds_of_windows")

pytestmark = pytest.mark.django_db
ROLLING = {"metric": "requests", "unit": "minute", "limit": 30, "rolling": True}
FIXED = {"metric": "requests", "unit": "day", "limit": 50, "zone": "America/Los_Angeles"}


def test_of_operators_and_of_the_catalogue_alike():
    provider = Provider.objects.create(name="acme", limits=[ROLLING, FIXED], shipped={"limits": [ROLLING]})
    model = ProviderModel.objects.create(
        provider=provider, name="m", limits=[ROLLING | {"zone": "UTC"}], shipped={"tags": []}
    )

    migration.forwards(apps, None)

    provider.refresh_from_db()
    model.refresh_from_db()
    rolling = {"metric": "requests", "unit": "minute", "limit": 30, "kind": "rolling"}
    assert (provider.limits, provider.shipped) == ([rolling, FIXED], {"limits": [rolling]})
    assert (model.limits, model.shipped) == ([rolling], {"tags": []})
    assert parse_limits(provider.limits) == parse_limits([ROLLING, FIXED])


@pytest.mark.parametrize("broken", [None, {}, "x", [7], [{"rolling": 1}]])
def test_what_cannot_be_read_does_not_stop_it(broken):
    Provider.objects.create(
        name="acme", limits=broken if broken is not None else [], shipped={"limits": broken}
    )

    migration.forwards(apps, None)


def test_leaves_nothing_that_looks_edited():
    former = [ROLLING]
    sync(read_catalogue())
    row = Provider.objects.get(name="nvidia")
    row.limits, row.shipped = former, row.shipped | {"limits": former}
    row.save()

    migration.forwards(apps, None)

    assert sync(read_catalogue()).kept == []


def test_goes_back():
    provider = Provider.objects.create(name="acme", limits=[ROLLING, FIXED], shipped={"limits": [ROLLING]})
    migration.forwards(apps, None)

    migration.backwards(apps, None)

    provider.refresh_from_db()
    assert (provider.limits, provider.shipped) == ([ROLLING, FIXED], {"limits": [ROLLING]})
