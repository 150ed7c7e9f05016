"""What a start takes from the past: charged to every window that it counted in, whatever is enabled now."""

import pytest
from django.contrib.auth import get_user_model

from apps.analytics import history
from apps.analytics.drain import write
from apps.analytics.history import BucketUsage
from apps.clients import keys
from apps.clients.keys import CLIENTS
from apps.core import clock
from apps.core.state.contract import PastUsage
from apps.gateway import past
from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_sync import sync
from apps.providers.credentials import set_key
from apps.providers.models import Credential, Provider, ProviderModel
from apps.providers.offers import CATALOGUE
from tests.analytics.examples import ended

pytestmark = pytest.mark.django_db
MODEL = "openai/gpt-oss-120b"


@pytest.fixture
def user():
    sync(read_catalogue())
    made = get_user_model().objects.create_user("ada")
    set_key(made, Provider.objects.get(name="groq"), "gsk_test_canary_0123456789abcdef")
    CLIENTS.refresh()
    yield made
    CATALOGUE.unload()
    CLIENTS.unload()


@pytest.fixture
def used(user, tmp_path):
    """Usage of `model` a minute ago, written to the ledger; returns what a start makes of it, by window key."""

    def use(model: str = MODEL, provider: str = "groq", ago_s: float = 60.0) -> dict[str, PastUsage]:
        event = ended(
            user_id=user.pk, provider=provider, model=model, at=clock.now() - ago_s, completion_tokens=11
        )
        write([event], using="default", root=tmp_path)
        CATALOGUE.refresh()
        return {window.key: usage for usage in past.of_providers([], clock.now()) for window in usage.windows}

    return use


def live(user, model: str = MODEL) -> set[str]:
    """The keys of the windows that a request to the model is counted in now."""
    CATALOGUE.refresh()
    (offer,) = [one for one in CATALOGUE.value.offers_for(user.pk) if one.model == model]
    return {window.key for window in offer.subject.windows}


def test_usage_is_charged_to_all_windows_of_its_offer(user, used):
    found = used()

    assert found.keys() == live(user)
    assert {tuple(usage.amounts.items()) for usage in found.values()} == {(("requests", 1), ("tokens", 111))}


def test_usage_of_a_disabled_model_counts_for_its_account_and_for_itself(user, used):
    before = live(user)
    ProviderModel.objects.filter(name=MODEL).update(enabled=False)

    assert used().keys() >= before


def test_usage_of_a_disabled_provider_counts_when_it_is_enabled_again(user, used):
    before = live(user)
    Provider.objects.filter(name="groq").update(enabled=False)

    assert used().keys() == before


def test_usage_of_a_disabled_credential_counts_with_its_own_limits(user, used):
    Credential.objects.update(limits={"requests": {"hour": 7}})
    before = live(user)
    Credential.objects.update(enabled=False)

    found = used()

    assert f"{user.pk}:groq#requests/hour" in found
    assert found.keys() == before


@pytest.mark.parametrize("model", ["somebody/removed-it", "a|strange#name"])
def test_usage_of_a_model_that_nobody_lists_counts_for_its_account(user, used, model: str):
    """Called by its name as `groq/…`: it shares its state with all that are not listed."""
    CATALOGUE.refresh()
    (offer,) = CATALOGUE.value.unlisted(user.pk, "groq", model, "chat")

    assert used(model).keys() == {window.key for window in offer.subject.windows}


def test_usage_of_the_sandbox_counts_without_any_credential(user, used):
    assert f"{user.pk}:sandbox#requests/day" in used("ok", "sandbox")


def test_usage_of_a_provider_that_is_gone_counts_nowhere(user, used):
    assert used("any", "gone") == {}


def test_a_month_back_is_read_of_those_who_count_by_the_month(user, used):
    Provider.objects.filter(name="groq").update(
        limits=[{"metric": "requests", "unit": "month", "limit": 1000, "rolling": True}]
    )

    month_ago = used(ago_s=29.5 * 86_400)
    too_long_ago = used(provider="cerebras", ago_s=29.5 * 86_400)

    assert f"{user.pk}:groq#requests/month" in month_ago
    assert too_long_ago.keys() == month_ago.keys()


def test_an_override_by_the_month_is_read_as_far_back(user, used):
    Credential.objects.update(limits={"tokens": {"month": 10**6}})

    assert f"{user.pk}:groq#tokens/month" in used(ago_s=1.5 * 86_400)


def test_what_the_spool_holds_counts_beside_the_ledger(user, used):
    used()
    left = [BucketUsage(user.pk, "groq", MODEL, clock.now(), 3, 300)]

    assert sum(usage.amounts["requests"] for usage in past.of_providers(left, clock.now())) == 4


def test_a_row_that_cannot_be_read_takes_nothing_with_it(user, used):
    ProviderModel.objects.filter(name=MODEL).update(enabled=False, limits="nonsense")
    Credential.objects.update(limits={"nonsense": 1})

    assert f"{user.pk}:groq#requests/day" in used()


def test_requests_of_client_keys_are_charged_once_however_many_attempts_they_took(user, tmp_path):
    mine, other = (keys.issue(user, name, rpm_limit=5).row.pk for name in ("mine", "other"))
    CLIENTS.refresh()
    now = clock.now()
    sent = [
        (50, mine, "a"),
        (49, mine, "a"),
        (5, mine, "b"),
        (5, other, "c"),
        (5, None, "d"),
        (90, mine, "e"),
    ]
    events = [
        ended(at=now - age, user_id=user.pk, client_id=client, request_id=request)
        for age, client, request in sent
    ]
    write(events, using="default", root=tmp_path)
    windows = next(record.windows for record in CLIENTS.value.by_digest.values() if record.client_id == mine)
    CATALOGUE.refresh()

    in_the_spool = {(mine, "b"): now - 4, (mine, "f"): now - 3}
    found = history.client_requests_since(now - 61) | in_the_spool
    used = [usage for usage in past.of_clients(found, {mine: windows}) if usage.windows == windows]

    assert sorted((round(now - usage.at), usage.amounts["requests"]) for usage in used) == [
        (3, 1),
        (4, 1),
        (50, 1),
    ]


def test_what_a_model_that_is_gone_refused_is_not_counted(user, tmp_path):
    kinds = ("model_gone", "refused", "")
    events = [
        ended(at=clock.now() - 5, user_id=user.pk, provider="groq", model=MODEL, error_kind=kind)
        for kind in kinds
    ]
    write(events, using="default", root=tmp_path)
    CATALOGUE.refresh()

    (usage,) = past.of_providers([], clock.now())

    assert usage.amounts["requests"] == 2
