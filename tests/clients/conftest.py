import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from apps.clients import keys


@pytest.fixture
def alice(db):
    return get_user_model().objects.create_user("alice")


@pytest.fixture
def bob(db):
    return get_user_model().objects.create_user("bob")


@pytest.fixture
def root(db):
    return get_user_model().objects.create_superuser("root", password="not-a-real-password")


@pytest.fixture
def loaded(db):
    """The key section of a process that has started; forgotten again after the test."""
    keys.CLIENTS.refresh()
    yield keys.CLIENTS
    keys.CLIENTS.unload()


@pytest.fixture
def api(settings):
    """A client of an `/api` that holds only the client keys."""
    settings.ROOT_URLCONF = "tests.clients.urls"
    settings.REST_FRAMEWORK = {
        **settings.REST_FRAMEWORK,
        "EXCEPTION_HANDLER": "apps.core.api.exception_handler",
    }
    return APIClient()
