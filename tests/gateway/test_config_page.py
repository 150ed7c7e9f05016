"""The configuration's form in the admin site."""

from apps.gateway.admin import GROUPS
from apps.gateway.models import AppConfig


def test_every_column_has_its_place():
    columns = {field.name for field in AppConfig._meta.concrete_fields if not field.primary_key}

    assert {name for names in GROUPS.values() for name in names} == columns
