"""What is stored and cannot be used, and what is missing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User

from apps.gateway.models import AppConfig
from apps.providers.catalogue_sync import sync
from apps.providers.credentials import set_key
from apps.providers.models import Credential, Provider, ProviderModel
from apps.strategies.library import install_builtins
from tests.doctor.conftest import Examine

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    install_builtins()
    AppConfig.objects.get_or_create(pk=1)
    sync()
    return User.objects.create_superuser("ada", "", "correct horse battery")


def bad(found: list) -> list[tuple[str, str]]:
    return [(each.level, each.text) for each in found if each.level in ("warning", "error")]


def test_what_set_up_made_is_well(ada: User, examine: Examine):
    for name in ("administrators", "master_keys", "provider_keys", "catalogue", "notices"):
        assert bad(examine(name)) == [], name


def test_nobody_can_sign_in(ada: User, examine: Examine, settings: Any):
    User.objects.update(is_active=False)

    assert examine("administrators")[0].remedy == "manage.py createsuperuser"
    settings.FREEAI_FIRST_ADMIN = "code"
    assert "set-up code" in examine("administrators")[0].remedy


def test_a_lost_master_key_and_an_unfinished_rotation(ada: User, examine: Examine, settings: Any):
    set_key(ada, Provider.objects.get(name="groq"), "gsk_" + "a" * 40)
    old, new = settings.FREEAI_MASTER_KEYS, Fernet.generate_key().decode()

    settings.FREEAI_MASTER_KEYS = [new, *old]
    unfinished = bad(examine("master_keys"))
    settings.FREEAI_MASTER_KEYS = [new]
    lost = bad(examine("master_keys"))

    assert unfinished[0][0] == "warning" and "another master key" in unfinished[0][1]
    assert lost[0][0] == "error" and "1 of 1 stored provider keys cannot be decrypted" in lost[0][1]


def test_a_catalogue_of_another_version(ada: User, examine: Examine):
    ProviderModel.objects.filter(provider__name="groq")[:1].get().delete()

    assert "1 entries are new" in bad(examine("catalogue"))[0][1]


def test_a_list_that_nobody_could_read_for_long(ada: User, examine: Examine):
    set_key(ada, Provider.objects.get(name="groq"), "gsk_" + "a" * 40)
    Credential.objects.update(listed_at=datetime.now(UTC) - timedelta(days=20))

    assert "list of models of groq" in bad(examine("provider_keys"))[0][1]


def test_notices_that_cannot_be_sent(ada: User, examine: Examine):
    AppConfig.objects.update(notice_url="https://hooks.example.com/x", notice_mail="ada@example.com")

    assert [level for level, _ in bad(examine("notices"))] == ["error", "error"]
