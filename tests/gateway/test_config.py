"""`app_config`: one set of defaults, whether there is a row or not."""

import pytest

from apps.gateway import config
from apps.gateway.config import COLUMNS, Config
from apps.gateway.models import AppConfig


@pytest.mark.django_db
def test_the_tables_defaults_are_those_without_a_row():
    assert config._load(None) == Config()

    AppConfig.objects.create()

    assert config._load(None) == Config()


def test_every_column_is_read():
    columns = {field.name for field in AppConfig._meta.concrete_fields if not field.primary_key}

    assert columns == set(COLUMNS)


@pytest.mark.django_db
def test_an_operators_values_reach_the_breaker():
    AppConfig.objects.create(circuit_breaker_threshold=7, circuit_breaker_max_s=90)

    read = config._load(None)

    assert (read.breaker.threshold, read.breaker.max_s) == (7, 90.0)
