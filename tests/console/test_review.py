"""What providers' lists changed, taken over or left."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from apps.providers.listing.review import points
from apps.providers.models import LimitEvidence, ProviderModel
from tests.console.conftest import allow, signed_in

pytestmark = pytest.mark.django_db
PAGE = "/admin/review/"
HOSTILE = '"><script>alert(1)</script>'


def told(**changes):
    """A row of the catalogue as the last sync left it, and of which the list said so much."""
    plain = {"task": "chat", "context_window": 8192, "prompt_microusd": None}
    return plain | changes


@pytest.fixture
def models(acme):
    make = ProviderModel.objects.create
    return {
        "plain": make(
            provider=acme, name="plain", shipped=told(), listed={"context_window": 8192}, context_window=8192
        ),
        "new": make(provider=acme, name="new", listed={"context_window": 4096}, context_window=4096),
        "gone": make(
            provider=acme, name="gone", shipped=told(), vanished_at=datetime(2026, 11, 20, tzinfo=UTC)
        ),
        "moved": make(
            provider=acme,
            name="moved",
            shipped=told(),
            listed={"context_window": 32_768},
            context_window=32_768,
        ),
        "edited": make(
            provider=acme, name="edited", shipped=told(), listed={"context_window": 8192}, context_window=500
        ),
        "own": make(provider=acme, name="own", context_window=1),
    }


def open_points():
    return {(point.row.name, point.kind, point.column) for point in points(ProviderModel.objects.all())}


def post(user, *keys, act="leave", **more):
    return signed_in(user).post(PAGE, {"act": act, "point": list(keys), **more})


def test_what_a_list_changed_is_there_to_look_at(models):
    assert open_points() == {
        ("new", "appeared", ""),
        ("gone", "vanished", ""),
        ("moved", "changed", "context_window"),
        ("edited", "changed", "context_window"),
    }


def test_each_kind_is_shown_in_words(root, models):
    page = signed_in(root).get(PAGE, {"show": "changed"})

    lines = {
        line.point.row.name: (line.catalogue, line.told, line.now) for line in page.context["review"].lines
    }
    assert lines == {"moved": ("8,192", "32,768", "32,768"), "edited": ("8,192", "8,192", "500")}
    assert page.context["review"].counts == {"appeared": 1, "vanished": 1, "changed": 2}


def test_what_is_left_stays_as_it_is_and_is_not_shown_again(root, models):
    before = list(ProviderModel.objects.order_by("pk").values("enabled", "context_window", "vanished_at"))

    post(
        root,
        f"{models['new'].pk}:appeared:",
        f"{models['gone'].pk}:vanished:",
        f"{models['moved'].pk}:changed:context_window",
        f"{models['edited'].pk}:changed:context_window",
    )

    assert open_points() == set()
    assert (
        list(ProviderModel.objects.order_by("pk").values("enabled", "context_window", "vanished_at"))
        == before
    )


def test_what_the_list_says_anew_comes_back(root, models):
    post(root, f"{models['moved'].pk}:changed:context_window", f"{models['gone'].pk}:vanished:")
    ProviderModel.objects.filter(name="moved").update(
        listed={"context_window": 65_536}, context_window=65_536
    )
    ProviderModel.objects.filter(name="gone").update(vanished_at=timezone.now())

    assert {("moved", "changed", "context_window"), ("gone", "vanished", "")} <= open_points()


def test_an_edit_gives_way_to_the_list_and_a_list_to_the_catalogue(root, models):
    edited, moved = models["edited"], models["moved"]

    post(root, f"{edited.pk}:changed:context_window", f"{moved.pk}:changed:context_window", act="turn")

    edited.refresh_from_db()
    moved.refresh_from_db()
    assert (edited.context_window, moved.context_window) == (8192, 8192)
    assert not {name for name, _, _ in open_points()} & {"edited", "moved"}


def test_models_that_appeared_or_vanished_are_turned_off(root, models):
    post(root, f"{models['new'].pk}:appeared:", f"{models['gone'].pk}:vanished:", act="turn")

    assert set(ProviderModel.objects.filter(enabled=False).values_list("name", flat=True)) == {"new", "gone"}
    assert not {name for name, _, _ in open_points()} & {"new", "gone"}


@pytest.mark.parametrize("key", ["", "x:appeared:", "0:appeared:", "²:changed:", "1:rm:", "999999:vanished:"])
def test_what_is_not_there_changes_nothing(root, models, key):
    answer = post(root, key, act="turn")

    assert answer.status_code == 302 and len(open_points()) == 4
    assert not ProviderModel.objects.filter(enabled=False).exists()


def test_it_is_for_who_may_see_and_change_models(alice, staff, models):
    key = f"{models['new'].pk}:appeared:"
    assert signed_in(alice).get(PAGE).status_code == 403
    assert post(alice, key).status_code == 403
    allow(staff, "view_providermodel")
    assert signed_in(staff).get(PAGE).status_code == 200
    assert post(staff, key).status_code == 403
    assert len(open_points()) == 4


def test_limits_that_were_told_are_forgotten_by_who_may_change_keys(alice, root, staff, rows):
    evidence = LimitEvidence.objects.create(
        credential=rows["providers.credential"],
        metric="requests",
        period="day",
        limit=18,
        source="refusal",
        at=timezone.now(),
    )
    allow(staff, "change_providermodel")

    assert "Limits that providers told" not in signed_in(staff).get(PAGE).content.decode()
    assert signed_in(staff).post(PAGE, {"forget": evidence.pk}).status_code == 403
    assert "alice" in signed_in(root).get(PAGE).content.decode()
    assert signed_in(root).post(PAGE, {"forget": "x"}).status_code == 404
    signed_in(root).post(PAGE, {"forget": evidence.pk})
    assert not LimitEvidence.objects.exists()


def test_names_of_models_are_text(root, models):
    ProviderModel.objects.filter(name="new").update(name=HOSTILE, listed={"tags": [HOSTILE]})

    for show in ("appeared", "changed"):
        shown = signed_in(root).get(PAGE, {"show": show}).content.decode()
        assert "<script>alert" not in shown


def test_nothing_to_look_at_says_how_it_gets_here(root, acme):
    assert "Lists are read once a day" in signed_in(root).get(PAGE, {"show": "vanished"}).content.decode()
