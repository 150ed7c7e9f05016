"""The quota windows of providers and accounts, as `/api` shows and sets them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_sync import sync
from apps.providers.models import Credential, LimitEvidence, Provider, ProviderModel
from apps.providers.offers import CATALOGUE

pytestmark = pytest.mark.django_db
RPM = {"metric": "requests", "unit": "minute", "limit": 30}


@pytest.fixture
def api() -> Iterator[Client]:
    sync(read_catalogue())
    Provider.objects.filter(name="nvidia").update(limits=[], shipped={}, default_model="m")
    ProviderModel.objects.filter(provider__name="nvidia").delete()
    ProviderModel.objects.create(provider=Provider.objects.get(name="nvidia"), name="m")
    CATALOGUE.refresh()
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root", password="x"))
    yield client
    CATALOGUE.unload()


def declare(*limits: dict[str, Any], model: list[dict[str, Any]] | None = None) -> None:
    Provider.objects.filter(name="nvidia").update(limits=list(limits))
    if model is not None:
        ProviderModel.objects.filter(provider__name="nvidia").update(limits=model)
    CATALOGUE.refresh()


def patch(client: Client, url: str, body: Any) -> Any:
    answer = client.patch(url, body, content_type="application/json")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("url", ["/api/me/providers", "/api/providers"])
@pytest.mark.parametrize(
    ("declared", "model", "shown"),
    [
        ([], [], None),
        ([RPM], [], 30),
        ([RPM | {"each": True}], [], 30),
        ([RPM | {"each": True}], [RPM | {"limit": 5}], 5),
        ([RPM | {"models": ["m*"]}], [], 30),
        ([RPM | {"models": ["x*"]}], [], None),
        ([], [RPM | {"limit": 7}], 7),
    ],
)
def test_short_fields_show_the_default_models_where_models_are_counted(
    api: Client, url: str, declared: list[Any], model: list[Any], shown: int | None
) -> None:
    declare(*declared, model=model)

    one = api.get(f"{url}/nvidia").json()
    [listed] = [row for row in api.get(url).json() if row.get("name", row.get("provider_name")) == "nvidia"]

    assert one["rpm_limit"] == listed["rpm_limit"] == shown
    assert one["tpd_limit"] is None


def test_short_fields_show_what_the_provider_told(api: Client) -> None:
    declare(RPM | {"each": True})
    own = Credential.objects.create(
        user=get_user_model().objects.get(), provider=Provider.objects.get(name="nvidia")
    )
    LimitEvidence.objects.create(
        credential=own,
        model="m",
        metric="requests",
        period="minute",
        limit=44,
        source="header",
        at="2026-11-27T00:00Z",
    )

    assert api.get("/api/me/providers/nvidia").json()["rpm_limit"] == 44
    assert patch(api, "/api/me/providers/nvidia", {"rpm_limit": 12})[1]["rpm_limit"] == 12


def test_reads_take_as_many_queries_whatever_the_catalogue(
    api: Client, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(9):
        api.get("/api/me/providers")


def test_overrides_may_name_any_metric_and_length(api: Client) -> None:
    limits = {"audio_seconds": {"5hour": 9}, "requests": {"once": 3}, "concurrency": {"now": 1}}

    status, body = patch(api, "/api/me/providers/nvidia", {"limits": limits})

    assert status == 200
    assert body["limits"]["requests"] == {
        "second": None,
        "minute": None,
        "hour": None,
        "day": None,
        "month": None,
        "once": 3,
    }
    assert body["limits"]["audio_seconds"] == {"5hour": 9}
    assert body["limits"]["concurrency"] == {"now": 1}
    assert body["limits"]["tokens"].keys() == {"second", "minute", "hour", "day", "month"}


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"requests": {"fortnight": 3}}, "limits.requests.fortnight"),
        ({"calls": {"day": 3}}, "limits.calls"),
        ({"money": {"month": -1}}, "limits.money.month"),
        ({"concurrency": {"day": 1}}, "limits.concurrency.day"),
    ],
)
def test_overrides_that_are_wrong_are_named(api: Client, limits: Any, field: str) -> None:
    status, body = patch(api, "/api/me/providers/nvidia", {"limits": limits})

    assert status == 400
    assert field in str(body)


@pytest.mark.parametrize(
    ("declared", "number", "becomes"),
    [
        ([], 5, [RPM | {"limit": 5}]),
        ([RPM | {"kind": "bucket"}], 5, [RPM | {"kind": "bucket", "limit": 5}]),
        ([RPM | {"each": True}], 5, [RPM | {"each": True, "limit": 5}]),
        (
            [RPM | {"each": True, "models": ["a*"]}, RPM | {"models": ["b*"]}],
            5,
            [RPM | {"each": True, "models": ["a*"], "limit": 5}, RPM | {"models": ["b*"], "limit": 5}],
        ),
        ([RPM | {"each": True}], 0, []),
        (
            [RPM, {"metric": "concurrency", "limit": 2}],
            5,
            [{"metric": "concurrency", "limit": 2}, RPM | {"limit": 5}],
        ),
    ],
)
def test_an_operator_sets_the_number_of_every_window_of_a_span(
    api: Client, declared: list[Any], number: int, becomes: list[Any]
) -> None:
    declare(*declared)

    status, body = patch(api, "/api/providers/nvidia", {"limits": {"requests": {"minute": number}}})

    assert status == 200, body
    assert Provider.objects.get(name="nvidia").limits == becomes


def test_null_goes_back_to_what_was_shipped(api: Client) -> None:
    row = Provider.objects.get(name="nvidia")
    row.limits, row.shipped = (
        [RPM | {"limit": 5, "each": True}],
        row.shipped | {"limits": [RPM | {"each": True}]},
    )
    row.save()

    patch(api, "/api/providers/nvidia", {"limits": {"requests": {"minute": None}}})

    row.refresh_from_db()
    assert row.limits == [RPM | {"each": True}]
