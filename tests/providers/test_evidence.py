"""Limits that providers tell of single accounts."""

import pytest
from django.contrib.auth import get_user_model

from apps.core.state.keys import Span, candidate_key
from apps.providers.api.serializers import credential_row, merged_limits
from apps.providers.catalogue_files import read_catalogue
from apps.providers.catalogue_sync import sync
from apps.providers.credentials import set_key
from apps.providers.errors import ToldLimit
from apps.providers.evidence import MAX_WAITING, MAX_WINDOWS, Book, load_evidence, record_told
from apps.providers.models import Credential, LimitEvidence, Provider
from apps.providers.offers import CATALOGUE
from tests.factories import API_KEY

pytestmark = pytest.mark.django_db
NOW = 1_790_000_000.0
DAY = Span("requests", "day")


@pytest.fixture
def credential():
    sync(read_catalogue())
    user = get_user_model().objects.create_user("ada")
    made = set_key(user, Provider.objects.get(name="gemini"), API_KEY)
    CATALOGUE.refresh()
    yield made
    CATALOGUE.unload()


@pytest.fixture
def key(credential):
    return f"{credential.user_id}:gemini"


def told(credential):
    return {(row.model, row.metric, row.period): (row.limit, row.source) for row in credential.evidence.all()}


def offer(credential):
    CATALOGUE.refresh()
    return CATALOGUE.value.offers_for(credential.user_id)[0]


def default_offer(credential):
    CATALOGUE.refresh()
    return next(one for one in CATALOGUE.value.offers_for(credential.user_id) if one.is_default)


def limits(offer):
    return {window.key: window.limit for window in offer.subject.windows}


def test_are_written_when_they_are_flushed(credential, key):
    book = Book()
    book.record(key, "m", DAY, 20, "refusal", NOW)
    book.record(key, "", Span("tokens", "minute"), 9, "header", NOW)
    assert told(credential) == {}

    assert book.flush(NOW) == 2

    assert told(credential) == {
        ("m", "requests", "day"): (20, "refusal"),
        ("", "tokens", "minute"): (9, "header"),
    }
    assert not book.due(NOW + 3600)


def test_only_a_changed_number_is_written_and_each_at_most_once_a_minute(credential, key):
    book = Book()
    book.record(key, "m", DAY, 20, "refusal", NOW)
    book.flush(NOW)

    book.record(key, "m", DAY, 20, "refusal", NOW + 1)
    assert not book.due(NOW + 1)
    book.record(key, "m", DAY, 30, "refusal", NOW + 2)
    assert book.flush(NOW + 2) == 0
    assert book.flush(NOW + 61) == 1

    assert told(credential) == {("m", "requests", "day"): (30, "refusal")}


def test_what_another_process_wrote_is_not_written_again(credential, key):
    for _ in range(2):
        book = Book()
        book.record(key, "m", DAY, 20, "refusal", NOW)
        written = book.flush(NOW)

    assert written == 0


@pytest.mark.parametrize(
    ("model", "span", "limit"),
    [
        ("m", DAY, 0),
        ("m", DAY, -1),
        ("m", DAY, 10**16),
        ("m", Span("calls", "day"), 5),
        ("m", Span("requests", "fortnight"), 5),
        ("m" * 201, DAY, 5),
    ],
)
def test_what_cannot_be_a_limit_is_ignored(credential, key, model, span, limit):
    book = Book()

    book.record(key, model, span, limit, "header", NOW)

    assert not book.due(NOW)


def test_are_bounded_in_memory_and_in_the_database(credential, key):
    book = Book()
    for number in range(MAX_WAITING + 5):
        book.record(key, f"m{number}", DAY, 20, "header", NOW)

    assert book.flush(NOW) == MAX_WINDOWS
    assert credential.evidence.count() == MAX_WINDOWS


def test_of_a_credential_that_is_gone_are_dropped(credential, key):
    book = Book()
    book.record("99:gemini", "m", DAY, 20, "header", NOW)
    book.record(key, "m", DAY, 20, "header", NOW)
    Credential.objects.all().delete()

    assert book.flush(NOW) == 0
    assert not book.due(NOW)


def test_stand_in_for_the_catalogues_numbers(credential):
    one = offer(credential)
    LimitEvidence.objects.create(
        credential=credential,
        model=one.model,
        metric="requests",
        period="day",
        limit=77,
        source="refusal",
        at="2026-11-27T00:00Z",
    )

    assert limits(offer(credential))[f"{one.subject.candidate}#requests/day"] == 77


@pytest.mark.parametrize(("number", "said", "bound"), [(10, 500, 10), (10, 5, 5), (900, 500, 500)])
def test_are_never_above_what_an_operator_set(credential, number, said, bound):
    """A number that was edited is meant, as one that a user set; the provider may still allow less."""
    one = default_offer(credential)
    LimitEvidence.objects.create(
        credential=credential,
        model=one.model,
        metric="requests",
        period="day",
        limit=said,
        source="refusal",
        at="2026-11-27T00:00Z",
    )
    provider = credential.provider
    provider.limits = merged_limits(provider, {"requests": {"day": number}})
    provider.save()

    assert limits(default_offer(credential))[f"{one.subject.candidate}#requests/day"] == bound
    assert credential_row(provider, credential)["rpd_limit"] == bound


def test_make_a_window_that_nobody_knew_of(credential, key, monkeypatch):
    one, book = offer(credential), Book()
    monkeypatch.setattr("apps.providers.evidence.EVIDENCE", book)
    span = Span("output_tokens", "5hour")

    record_told(one, (ToldLimit(span, 500, "model"), ToldLimit(span, 900, "account")), "refusal", NOW)
    book.flush(NOW)

    found = limits(offer(credential))
    assert found[f"{one.subject.candidate}#{span}"] == 500
    assert found[f"{key}#{span}"] == 900
    assert "output_tokens" in offer(credential).counts


def test_of_a_model_that_nobody_lists_are_not_kept(credential, key, monkeypatch):
    book = Book()
    monkeypatch.setattr("apps.providers.evidence.EVIDENCE", book)
    [one] = CATALOGUE.value.unlisted(credential.user_id, "gemini", "made-up", "embedding")
    assert one.subject.candidate == candidate_key(key, "*")

    record_told(one, (ToldLimit(DAY, 5, "model"),), "refusal", NOW)

    assert not book.due(NOW)


def test_a_row_that_cannot_be_used_is_left_out(credential):
    LimitEvidence.objects.create(
        credential=credential, metric="calls", period="day", limit=7, source="header", at="2026-11-27T00:00Z"
    )

    assert not load_evidence().get(credential.pk)
