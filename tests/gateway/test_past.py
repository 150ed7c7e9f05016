"""What a start takes from the past: charged to every window that it counted in, whatever is enabled now."""

import asyncio
from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model

from apps.analytics.drain import write
from apps.analytics.history import ClientUsage
from apps.analytics.retention import purge
from apps.analytics.rollup.spent import BucketUsage
from apps.clients import keys
from apps.clients.keys import CLIENTS
from apps.core import clock
from apps.core.state.contract import PastUsage, Refusal
from apps.core.state.memory import MemoryStore
from apps.gateway import past
from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_sync import sync
from apps.providers.credentials import set_key
from apps.providers.models import Credential, LimitEvidence, Provider, ProviderModel
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
    assert {tuple(usage.amounts.items()) for usage in found.values()} == {
        (("requests", 1), ("tokens", 111), ("input_tokens", 100), ("output_tokens", 11))
    }


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
    left = [BucketUsage(user.pk, "groq", MODEL, clock.now(), 3, 200, 100)]

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

    in_the_spool = ClientUsage({(mine, "b"): now - 4, (mine, "f"): now - 3})
    used = list(past.of_clients(in_the_spool, {mine: windows}, now))

    requests = [usage for usage in used if "requests" in usage.amounts]
    assert sorted((round(now - usage.at), usage.amounts["requests"]) for usage in requests) == [
        (3, 1),
        (5, 1),
        (50, 1),
    ]


async def _restored(windows, past_usage, now):
    async def read(_now):
        return past_usage

    store = MemoryStore()
    await store.restore(read, now)
    used = await store.take(windows, {}, now)
    assert not isinstance(used, Refusal)
    return {window.key.rpartition("#")[2]: amount for window, amount in zip(windows, used, strict=True)}


@pytest.mark.parametrize("spooled", [False, True])
def test_every_limit_of_a_key_counts_what_was_used_before_the_start(user, tmp_path, spooled):
    """Noon: 100 tokens twenty seconds ago in two attempts of one request, 50 an hour ago, 1000 on the day before."""
    noon = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()
    key = keys.issue(user, "mine", rpm_limit=9, rpd_limit=99, tpm_limit=10**4, tpd_limit=10**6).row.pk
    CLIENTS.refresh()
    CATALOGUE.refresh()
    used = [(20, "a", 70), (20, "a", 30), (3_600, "b", 50), (86_400, "c", 1_000)]
    events = [
        ended(
            at=noon - ago,
            user_id=user.pk,
            client_id=key,
            request_id=name,
            prompt_tokens=tokens - 10,
            completion_tokens=10,
        )
        for ago, name, tokens in used
    ]
    left = ClientUsage()
    if spooled:
        for event in events[:-1]:
            left.note(key, event.request_id, event.at, event.prompt_tokens + event.completion_tokens)
    else:
        write(events, using="default", root=tmp_path)
    windows = next(record.windows for record in CLIENTS.value.by_digest.values())

    found = asyncio.run(_restored(windows, list(past.of_clients(left, {key: windows}, noon)), noon))

    assert found == {
        "requests/minute": 1,
        "requests/day": 2,
        "client_tokens/minute": 100,
        "client_tokens/day": 150,
    }


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


ONCE = [{"metric": "requests", "unit": "once", "limit": 1000}]


def test_what_is_given_once_is_read_from_the_beginning(user, used):
    Provider.objects.filter(name="groq").update(limits=ONCE)

    assert f"{user.pk}:groq#requests/once" in used(ago_s=80 * 86_400)


def test_what_is_given_once_stays_used_when_its_events_are_deleted(user, used):
    Provider.objects.filter(name="groq").update(limits=ONCE)
    used(ago_s=93 * 86_400)  # a few days more than events are kept
    purge(clock.now())

    [usage] = past.of_providers([], clock.now())

    assert [window.key for window in usage.windows] == [f"{user.pk}:groq#requests/once"]
    assert usage.amounts["requests"] == 1


def test_deleted_events_count_in_nothing_that_ends(user, used):
    used(ago_s=93 * 86_400)  # a few days more than events are kept
    purge(clock.now())

    assert list(past.of_providers([], clock.now())) == []


@pytest.mark.parametrize(
    ("limit", "key"),
    [
        ({"each": True}, "{}|{model}#requests/hour"),
        ({"models": ["openai/*"], "group": "gpt"}, "{}&gpt#requests/hour"),
    ],
)
def test_usage_is_charged_to_the_windows_of_groups_and_of_each_model(user, used, limit, key):
    declared = {"metric": "requests", "unit": "hour", "limit": 9, **limit}
    Provider.objects.filter(name="groq").update(limits=[declared])

    found = used()

    assert key.format(f"{user.pk}:groq", model=MODEL) in found
    assert found.keys() == live(user)


def test_unlisted_models_share_the_windows_of_each(user, used):
    Provider.objects.filter(name="groq").update(
        limits=[{"metric": "requests", "unit": "hour", "limit": 9, "each": True}]
    )

    assert f"{user.pk}:groq|*#requests/hour" in used("vendor/a") and used("vendor/b")
    assert [usage.amounts["requests"] for usage in past.of_providers([], clock.now())] == [1, 1]


def test_what_tokens_do_not_tell_is_charged_where_it_is_counted(user, tmp_path):
    Provider.objects.filter(name="groq").update(
        limits=[{"metric": "audio_seconds", "unit": "day", "limit": 9000}]
    )
    event = ended(user_id=user.pk, model=MODEL, at=clock.now() - 60, charged={"audio_seconds": 300})
    write([event], using="default", root=tmp_path)
    CATALOGUE.refresh()

    [usage] = past.of_providers([], clock.now())

    assert usage.amounts["audio_seconds"] == 300


def test_a_limit_that_was_told_is_restored_as_well(user, used):
    row = Credential.objects.get(provider__name="groq")
    LimitEvidence.objects.create(
        credential=row,
        model=MODEL,
        metric="tokens",
        period="7day",
        limit=9,
        source="header",
        at=datetime.now(UTC),
    )

    assert f"{user.pk}:groq|{MODEL}#tokens/7day" in used(ago_s=6 * 86_400)
