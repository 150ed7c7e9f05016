"""The user's providers: the list, one of them, and the acts on it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core import snapshot
from apps.providers.credentials import set_key
from apps.providers.models import Credential, LimitEvidence, Provider, ProviderModel
from tests.console.conftest import allow, close, signed_in, usage_event

pytestmark = pytest.mark.django_db(transaction=True)
POOL = "/admin/pool/"


@pytest.fixture
def acme(db) -> Provider:
    provider = Provider.objects.create(
        name="acme",
        display_name="Acme",
        base_url="http://127.0.0.1:9/v1",
        default_model="acme-large",
        limits=[
            {"metric": "requests", "unit": "day", "limit": 1000},
            {"metric": "requests", "unit": "minute", "limit": 30},
            {"metric": "tokens", "unit": "minute", "limit": 8000, "each": True},
        ],
    )
    ProviderModel.objects.create(provider=provider, name="acme-large", capabilities=["tools", "vision"])
    return provider


@pytest.fixture
def credential(alice, acme) -> Credential:
    return set_key(alice, acme, "sk-acme-0123456789")


def text_of(page) -> str:
    assert page.status_code == 200, page
    return " ".join(page.content.decode().split())


def test_the_list_says_what_is_left_of_each_key(alice, credential, gateway):
    page = signed_in(alice).get(POOL)

    (row,) = page.context["pool"].rows
    assert (row.pill.word, row.today.left, row.today.limit, row.minute.limit) == ("Serving", 1000, 1000, 30)
    assert "sk-a***789" in text_of(page) and "1,000</b>" in text_of(page)


def test_a_provider_without_a_key_is_offered_with_what_it_would_add(alice, acme, gateway):
    page = text_of(signed_in(alice).get(POOL))

    assert "No provider key yet" in page and "1,000 requests a day · 30 a minute" in page


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize(
    ("reason", "word", "act"),
    [
        ("quarantine", "Key refused", "Replace key"),
        ("breaker", "Paused 2 h", "Reset"),
        ("rate_limited", "Out 2 h", "Reset"),
    ],
)
def test_a_closed_account_says_so_with_the_act_that_mends_it(alice, credential, gateway, reason, word, act):
    close(gateway, alice, "acme", reason, "the provider said <b>no</b>")

    page = text_of(signed_in(alice).get(POOL))

    assert word in page and act in page
    assert "the provider said &lt;b&gt;no&lt;/b&gt;" in page


def test_a_reset_opens_it_again_and_tells_the_user(alice, credential, gateway):
    close(gateway, alice, "acme", "breaker")
    browser = signed_in(alice)

    page = browser.post(f"{POOL}acme/reset/", follow=True)

    assert "asked again" in text_of(page)
    assert page.context["row"].pill.word == "Serving"


def test_another_users_account_is_seen_by_nobody_else(alice, bob, credential, gateway):
    browser = signed_in(bob)

    assert "sk-a***789" not in text_of(browser.get(POOL))
    assert browser.get(f"{POOL}acme/").headers["location"] == f"{POOL}add/?provider=acme"
    for act in ("test", "reset", "switch"):
        assert browser.post(f"{POOL}acme/{act}/").status_code == 404
    credential.refresh_from_db()
    assert credential.enabled


def test_acts_are_posts(alice, credential):
    browser = signed_in(alice)

    assert {browser.get(f"{POOL}acme/{act}/").status_code for act in ("test", "reset", "switch")} == {405}


def test_one_provider_shows_its_models_by_window(alice, credential, gateway):
    page = signed_in(alice).get(f"{POOL}acme/")

    matrix = page.context["matrix"]
    assert matrix.heads == ["Requests a day", "Requests a minute", "Tokens a minute"]
    assert [(row.name, [cell and cell.window.limit for cell in row.cells]) for row in matrix.rows] == [
        ("all models", [1000, 30, None]),
        ("acme-large", [None, None, 8000]),
    ]
    assert "calls tools" in text_of(page) and "takes images" in text_of(page)


def test_without_a_gateway_in_the_process_nothing_is_made_up(alice, credential):
    assert "not known" in text_of(signed_in(alice).get(POOL)).lower()
    assert text_of(signed_in(alice).get(f"{POOL}acme/"))


def test_a_key_is_left_alone_and_used_again(alice, credential, gateway):
    browser = signed_in(alice)

    browser.post(f"{POOL}acme/switch/", {"enabled": "no"})
    snapshot.load_all()
    assert "Disabled" in text_of(browser.get(POOL))

    browser.post(f"{POOL}acme/switch/", {"enabled": "yes"})
    snapshot.load_all()
    assert "Serving" in text_of(browser.get(POOL))


def test_what_a_provider_told_of_a_limit_can_be_forgotten_by_its_owner(alice, bob, credential, gateway):
    told = LimitEvidence.objects.create(
        credential=credential,
        metric="requests",
        period="day",
        limit=18,
        source="refusal",
        at=credential.created_at,
    )
    path = f"{POOL}acme/limits/{told.pk}/forget/"

    assert "refusal" in text_of(signed_in(alice).get(f"{POOL}acme/"))
    assert signed_in(bob).post(path).status_code == 404
    signed_in(alice).post(path)
    assert not LimitEvidence.objects.exists()


def test_the_search_goes_by_names_of_providers_and_models(alice, credential, gateway):
    browser = signed_in(alice)

    for words, is_found in (("ACME", True), ("acme-large", True), ("other", False)):
        assert bool(browser.get(POOL, {"q": words}).context["pool"].rows) is is_found


def test_a_test_that_fails_says_why_in_a_sentence(alice, credential):
    browser = signed_in(alice)

    part = browser.post(f"{POOL}acme/test/", headers={"x-part": "1"}).content.decode()
    page = browser.post(f"{POOL}acme/test/", follow=True)

    assert "The provider could not be reached" in part and "<html" not in part
    assert "The provider could not be reached" in text_of(page)


def test_who_is_not_staff_has_their_own_pages_in_the_sidebar(alice, root):
    def labels(user):
        groups = signed_in(user).get(POOL).context["navigation"]
        return [entry.label for group in groups for entry in group.entries]

    assert labels(alice) == [
        "Dashboard",
        "Live",
        "Usage events",
        "Analytics",
        "My provider keys",
        "Playground",
        "Client keys",
        "API docs",
    ]
    assert {"Providers", "Users", "Configuration", "Audit history", "Strategies"} <= set(labels(root))


def limits_in_force(user):
    rows = signed_in(user).get(f"{POOL}acme/").context["limits"].rows
    return {(row.scope, row.words): (row.declared, row.limit, row.source) for row in rows}


def test_limits_say_what_is_in_force_and_whose_word_it_is(alice, credential, gateway):
    LimitEvidence.objects.create(
        credential=credential,
        metric="requests",
        period="day",
        limit=18,
        source="header",
        at=credential.created_at,
    )
    credential.rpm_limit = 12
    credential.save()
    snapshot.load_all()

    assert limits_in_force(alice) == {
        ("all models", "requests a day"): (1000, 18, "header of an answer"),
        ("all models", "requests a minute"): (30, 12, "your override"),
        ("acme-large", "tokens a minute"): (8000, 8000, "catalogue"),
    }


def test_what_was_told_and_is_overruled_can_be_forgotten_all_the_same(alice, credential, gateway):
    told = LimitEvidence.objects.create(
        credential=credential,
        metric="requests",
        period="week",
        model="acme-gone",
        limit=18,
        source="refusal",
        at=credential.created_at,
    )

    assert f"{POOL}acme/limits/{told.pk}/forget/" in text_of(signed_in(alice).get(f"{POOL}acme/"))


def test_attempts_of_the_week_are_charted_and_counted_by_model(alice, bob, credential, gateway):
    at = timezone.now() - timedelta(minutes=5)
    for user in (alice, alice, bob):
        usage_event(user, at=at, provider="acme", model="acme-large")
    usage_event(alice, at=at, provider="acme", model="acme-large", outcome="error", error_kind="network")

    page = signed_in(alice).get(f"{POOL}acme/")

    assert (page.context["week"].total, page.context["answered"]) == (2, "66.7 %")
    assert [one.answers for one in page.context["models"]] == [2]


def test_models_are_turned_off_by_who_may_change_them(alice, staff, credential, gateway):
    row = ProviderModel.objects.get()
    path = f"{POOL}acme/models/{row.pk}/switch/"

    assert signed_in(alice).post(path, {"enabled": "no"}).status_code == 403
    allow(staff, "change_providermodel")
    assert signed_in(staff).get(path).status_code == 405
    assert signed_in(staff).post(path, {"enabled": "no"}).status_code == 302
    row.refresh_from_db()
    assert not row.enabled
    assert (
        signed_in(staff).post(f"{POOL}other/models/{row.pk}/switch/", {"enabled": "yes"}).status_code == 404
    )
