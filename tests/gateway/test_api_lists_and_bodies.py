"""What holds on every route of `/api`: pages of lists, no needless body, and what GET shows sent back by PATCH."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from apps.clients import keys
from apps.core import snapshot
from apps.providers.models import Provider, ProviderModel
from apps.strategies.library import install_builtins
from apps.strategies.models import Strategy

LISTS = (
    "/api/providers",
    "/api/me/providers",
    "/api/providers/one/models",
    "/api/me/providers/one/models",
    "/api/clients",
    "/api/strategies",
    "/api/users",
    "/api/tags",
    "/api/pricing",
)


@pytest.fixture
def root(db):
    return get_user_model().objects.create_superuser("root")


@pytest.fixture
def api(root):
    """A superuser's client, with three rows at least in every list."""
    install_builtins()
    for name in ("one", "two", "three"):
        get_user_model().objects.create_user(name)
        keys.issue(root, name)
        Provider.objects.create(name=name, base_url="https://upstream.test/v1", tags=[name])
    for name in ("a", "b", "c"):
        ProviderModel.objects.create(provider=Provider.objects.get(name="one"), name=name)
    snapshot.load_all()
    client = Client()
    client.force_login(root)
    yield client
    for section in snapshot.SECTIONS.values():
        section.unload()


def test_a_list_is_paged_and_tells_the_total(api):
    for url in LISTS:
        everything = api.get(url)
        page = api.get(url, {"limit": "1", "offset": "1"})

        assert everything.status_code == 200, url
        assert int(everything["X-Total-Count"]) == len(everything.json()) >= 3, url
        assert (page.json(), page["X-Total-Count"]) == (everything.json()[1:2], everything["X-Total-Count"])


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "x"), ("limit", "1001"), ("offset", "-1"), ("offset", "")]
)
def test_a_bad_page_is_refused_by_name(api, name, value):
    for url in LISTS:
        answer = api.get(url, {name: value})

        assert (answer.status_code, list(answer.json()["detail"])) == (400, [name]), url


def test_a_parameter_that_nothing_reads_is_refused_by_name(api):
    for url in LISTS:
        unknown = api.get(url, {"user": "ada", "limit": "1"})
        twice = api.get(f"{url}?limit=1&limit=2")

        assert (unknown.status_code, unknown.json()) == (400, {"detail": {"user": ["Unknown parameter."]}}), (
            url
        )
        assert (twice.status_code, twice.json()) == (400, {"detail": {"limit": ["Must be there once."]}}), url


def test_everybodys_keys_are_a_parameter_of_keys_alone(api):
    statuses = {url: api.get(url, {"all": "true"}).status_code for url in LISTS}

    assert statuses == dict.fromkeys(LISTS, 400) | {"/api/clients": 200}


@pytest.mark.parametrize(
    ("method", "urls"),
    [
        ("GET", (*LISTS, "/api/config", "/api/auth/me", "/api/providers/one")),
        ("OPTIONS", (*LISTS, "/api/config", "/api/explain")),
        (
            "DELETE",
            ("/api/me/providers/one", "/api/strategies/fastest", "/api/users/1", "/api/pricing/one/a"),
        ),
    ],
)
def test_a_request_that_says_nothing_takes_no_body(api, method, urls):
    for url in urls:
        answer = api.generic(method, url, "{}", content_type="application/json")

        assert (answer.status_code, answer.json()) == (400, {"detail": f"{method} takes no body here."}), url


@pytest.mark.parametrize(
    ("method", "url", "allowed"),
    [
        ("DELETE", "/api/clients", "GET, POST, HEAD, OPTIONS"),
        ("DELETE", "/api/providers", "GET, POST, HEAD, OPTIONS"),
        ("GET", "/api/explain", "POST, OPTIONS"),
        ("GET", "/api/strategies/fastest/reset", "POST, OPTIONS"),
    ],
)
def test_a_method_that_is_not_served_is_told_so_whatever_it_brings(api, method, url, allowed):
    answer = api.generic(method, url, "{}", content_type="application/json")

    assert (answer.status_code, answer["Allow"]) == (405, allowed)


def test_an_unknown_path_is_told_so_whatever_is_sent_there(api):
    assert api.generic("GET", "/api/nothing", "{}", content_type="application/json").status_code == 404


@pytest.mark.parametrize(
    "url", ["/api/strategies/fastest/reset", "/api/providers/one/sync", "/api/me/providers/one/test"]
)
def test_a_post_without_fields_refuses_any(api, url):
    answer = api.post(url, {"what": 1}, "application/json")

    assert (answer.status_code, list(answer.json()["detail"])) == (400, ["what"])


def patch(api, url, body):
    answer = api.generic("PATCH", url, json.dumps(body), content_type="application/json")
    return answer.status_code, answer.json()


def rows(root):
    return {
        f"/api/users/{root.pk}": ("id", "last_login", "role"),
        f"/api/clients/{keys.issue(root, 'app').row.key_hash}": ("key_hash", "created_at", "last_used_at"),
        "/api/strategies/mine": ("name", "is_builtin"),
        "/api/providers/one": ("name", "healthy", "requests_today", "models_read_at", "terms"),
        "/api/me/providers/one": ("provider_name", "has_key", "tags", "key_preview", "account"),
    }


def test_what_get_shows_and_nobody_may_set_can_be_sent_back_as_it_is(api, root):
    Strategy.objects.create(name="mine", definition={})
    for url, names in rows(root).items():
        shown = api.get(url).json()

        assert patch(api, url, {name: shown[name] for name in names})[0] == 200, url


def test_but_not_changed(api, root):
    Strategy.objects.create(name="mine", definition={})
    for url, names in rows(root).items():
        for name in names:
            status, body = patch(api, url, {name: "another"})

            assert (status, body) == (400, {"detail": {name: ["This field cannot be set."]}}), url


def test_true_is_not_one(api):
    status, body = patch(api, "/api/providers/one", {"requests_today": False})

    assert (status, list(body["detail"])) == (400, ["requests_today"])


@pytest.mark.parametrize("form", ["xml", "csv", "json", ""])
def test_a_format_is_a_parameter_like_any_other(api, form):
    """It is no way to say that a list is not there: where nothing reads it, it is refused by name."""
    for url in (*LISTS, "/api/usage-events"):
        answer = api.get(url, {"format": form})

        assert (answer.status_code, list(answer.json()["detail"])) == (400, ["format"]), url


def test_where_no_parameter_is_read_a_format_changes_nothing(api):
    for url in ("/api/config", "/api/providers/one", "/api/auth/me"):
        assert api.get(url, {"format": "xml"}).json() == api.get(url).json(), url
