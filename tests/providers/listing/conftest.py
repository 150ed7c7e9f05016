"""One user's key of a router whose list the fake tells, and a clock that goes on when it is told to."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model

from apps.core import clock
from tests.providers.listings import credential, days, provider

START = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()


class Now:
    """The clock of a test."""

    seconds = START

    def pass_days(self, number):
        self.seconds += days(number).total_seconds()


@pytest.fixture
def now(monkeypatch):
    moment = Now()
    monkeypatch.setattr(clock, "now", lambda: moment.seconds)
    return moment


@pytest.fixture
def user(db):
    return get_user_model().objects.create_user("ada")


@pytest.fixture
def router(fake, db):
    return provider(fake)


@pytest.fixture
def own(user, router):
    return credential(user, router)
