"""The admin site takes of a provider and of a provider key what `/api` takes of them."""

import json

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from apps.providers.credentials import set_key
from apps.providers.models import Provider, ProviderModel

pytestmark = pytest.mark.django_db
ADD = "/admin/providers/provider/add/"
SOUND = {
    "name": "mine",
    "display_name": "Mine",
    "base_url": "http://mine.test/v1",
    "wire": "{}",
    "weight": "1",
    "tags": "[]",
    "access": "free",
    "terms": "[]",
    "key_env": "[]",
    "limits": "[]",
}
TRAINING = {
    "about": "training",
    "text": "It does not.",
    "seen": "2026-11-27",
    "may": False,
    "source": "https://x",
}
REFUSED = [
    {"name": "Mine"},
    {"name": "find-local"},
    {"name": "-mine"},
    {"base_url": "http://ada:secret@mine.test/v1"},
    {"base_url": "http://mi ne.test/v1"},
    {"base_url": "http://mine.test/v1?key=secret"},
    {"base_url": "ftp://mine.test/v1"},
    {"base_url": "http://mine.test/{account}/v1"},
    {"base_url": "http://169.254.169.254/latest"},
    {"base_url": "http://2852039166/latest"},
    {"base_url": "http://[::ffff:a9fe:a9fe]/v1"},
    {"base_url": "http://[fe80::1]/v1"},
    {"base_url": "http://metadata.google.internal/v1"},
    {"base_url": "http://mine..test/v1"},
    {"wire": '{"embeddings": {"base_url": "http://169.254.169.254/v1"}}'},
    {"wire": '{"probe": {"url": "http://ada:secret@mine.test/v1"}}'},
    {"wire": '{"listing": {"url": "//metadata.google.internal/v1"}}'},
    {"tags": '{"fast": true}'},
    {"tags": '["two words"]'},
    {"tags": "[1]"},
    {"terms": '"none"'},
    {"terms": json.dumps([TRAINING | {"may": "no"}])},
    {"terms": '[{"about": "training", "may": false}]'},
    {"key_env": '["not a name"]'},
    {"key_env": '"GROQ_API_KEY"'},
    {"display_name": "right\u202eleft"},
    {"default_model": "right\u202eleft"},
]


@pytest.fixture
def user():
    return get_user_model().objects.create_superuser("admin", password="horse")


@pytest.fixture
def site(client, user):
    client.force_login(user)
    return client


@pytest.fixture
def groq():
    provider = Provider.objects.create(name="groq", display_name="Groq", base_url="https://groq.test/v1")
    ProviderModel.objects.create(provider=provider, name="large")
    return provider


def form_of(page):
    return page.context["adminform"].form


@pytest.mark.parametrize("fields", REFUSED, ids=lambda fields: json.dumps(fields)[:50])
def test_a_provider_that_api_would_refuse(site, fields):
    page = site.post(ADD, SOUND | fields)

    assert list(form_of(page).errors) == list(fields)
    assert not Provider.objects.exists()


def test_a_provider_that_it_would_take(site):
    fields = {
        "tags": '["fast", "fast", "cheap"]',
        "terms": json.dumps([TRAINING]),
        "key_env": '["MINE_API_KEY"]',
    }

    answer = site.post(ADD, SOUND | fields)

    assert answer.status_code == 302, form_of(answer).errors
    row = Provider.objects.get()
    assert (row.tags, row.terms, row.key_env) == (["fast", "cheap"], [TRAINING], ["MINE_API_KEY"])


def test_what_the_catalogue_brought_stays_as_it_is(site):
    row = Provider.objects.create(
        name="Old", display_name="Old", base_url="sandbox://local/v1", tags={"odd": 1}
    )

    answer = site.post(
        f"/admin/providers/provider/{row.pk}/change/",
        SOUND
        | {"name": "Old", "display_name": "New", "base_url": "sandbox://local/v1", "tags": '{"odd": 1}'},
    )

    assert answer.status_code == 302, form_of(answer).errors
    assert Provider.objects.get().display_name == "New"


@pytest.mark.parametrize(
    "fields",
    [
        {"default_model": "nope"},
        {"settings": '{"account_id": "x"}'},
        {"settings": "[1]"},
        {"settings": '"x"'},
    ],
    ids=json.dumps,
)
def test_a_key_whose_provider_lacks_it(site, user, groq, fields):
    row = set_key(user, groq, "gsk_test_canary_0123456789abcdef")

    page = site.post(
        f"/admin/providers/credential/{row.pk}/change/",
        {"enabled": "on", "limits": "{}", "settings": "{}"} | fields,
    )

    assert page.status_code == 200 and list(form_of(page).errors) == list(fields)


def test_a_key_whose_provider_has_it(site, user, groq):
    row = set_key(user, groq, "gsk_test_canary_0123456789abcdef")

    answer = site.post(
        f"/admin/providers/credential/{row.pk}/change/",
        {"enabled": "on", "limits": "{}", "settings": "{}", "default_model": "large"},
    )

    assert answer.status_code == 302, form_of(answer).errors


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "find-local"},
        {"name": "custom"},
        {"display_name": "right\u202eleft"},
        {"display_name": "bell\x07"},
        {"default_model": "right\u202eleft"},
        {"base_url": "http://mi ne.test/v1"},
    ],
    ids=json.dumps,
)
def test_api_refuses_names_that_cannot_be_read_or_reached(user, fields):
    client = APIClient()
    client.force_authenticate(user)

    answer = client.post("/api/providers", {"name": "mine", "base_url": "http://mine.test/v1"} | fields)

    assert (answer.status_code, list(answer.json()["detail"])) == (400, list(fields))


def test_api_keeps_each_tag_once(user, groq):
    client = APIClient()
    client.force_authenticate(user)

    assert client.patch("/api/providers/groq", {"tags": ["fast", "fast"]}).json()["tags"] == ["fast"]
