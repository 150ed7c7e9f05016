"""The page of one request: its attempts, and the decision as it was then."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from apps.clients import keys
from apps.core.ids import least_at
from apps.gateway.attempts.decision import Decision, Exclusion, Row, Vitals
from apps.gateway.models import RequestDecision
from apps.gateway.traffic.keeping import pack
from tests.console.conftest import allow, signed_in, usage_event
from tests.console.test_policy import HOSTILE, parts_of

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
IDLE = Vitals(0.0, None, 0, None, None, None)
pytestmark = pytest.mark.django_db


def own_id(at=AT):
    return uuid.UUID(int=least_at(at.timestamp()).int | 7 << 76 | 2 << 62 | 5)


def attempts(user, request_id=None, **fields):
    """A request of two attempts; the second answers."""
    own = own_id()
    shared = {"request_uuid": own, "request_id": request_id or own.hex, "strategy": "fastest", **fields}
    usage_event(
        user,
        at=AT + timedelta(milliseconds=5),
        outcome="error",
        error_kind="server_error",
        upstream_status=503,
        latency_ms=40.0,
        provider="first",
        **shared,
    )
    usage_event(
        user,
        at=AT + timedelta(milliseconds=50),
        latency_ms=300.0,
        ttfb_ms=100.0,
        provider="second",
        fallback_position=2,
        is_last=True,
        stream=True,
        **shared,
    )
    return own


def page_of(own):
    return reverse("admin:request", args=[own.hex])


def keep(user, own, **fields):
    plain: dict[str, Any] = {
        "provider": "acme",
        "model": "large",
        "rank": 1,
        "score": 3.0,
        "parts": {"weight": 3.0},
    }
    ranked = Row(**plain | fields, quota={}, health=IDLE)
    out = Row(
        provider="acme",
        model="small",
        quota={},
        health=IDLE,
        excluded=Exclusion("breaker", "for another 9 s", 9.0),
    )
    body = pack(Decision("fastest", {"prompt_tokens": 12}, [ranked, out], []))
    return RequestDecision.objects.create(id=own, user_id=user.pk, body=body)


def test_attempts_are_told_in_words_and_drawn(alice):
    page = signed_in(alice).get(page_of(attempts(alice)))

    text = page.content.decode()
    assert "The provider had a problem of its own." in text and "the next candidate was asked" in text
    drawn = page.context["drawn"]
    assert [(hop["provider"], hop["started_ms"]) for hop in drawn["hops"]] == [("first", 5), ("second", 50)]
    assert (drawn["took_ms"], drawn["ttft_ms"], drawn["state"]) == (350.0, 150.0, "ok")
    assert "Its decision is not kept" in text


def test_a_request_whose_client_chose_its_id_is_found_too(alice):
    page = signed_in(alice).get(page_of(attempts(alice, "my-own-id")))

    assert b"my-own-id" in page.content and len(page.context["found"].attempts) == 2


def test_of_a_repeated_id_only_the_one_request_is_shown(alice):
    own = attempts(alice, "again")
    usage_event(alice, at=AT, request_id="again", request_uuid=own_id(AT + timedelta(seconds=9)))

    assert len(signed_in(alice).get(page_of(own)).context["found"].attempts) == 2


def test_the_decision_of_then_is_shown(alice):
    own = attempts(alice)
    keep(alice, own)
    browser = signed_in(alice)

    for path in (page_of(own), reverse("admin:request_decision", args=[own.hex])):
        text = browser.get(path).content.decode()
        assert "First comes large of acme" in text and "Paused by its circuit breaker" in text


def test_one_that_was_refused_says_that_nobody_was_asked(alice):
    own = own_id()
    usage_event(
        alice, at=AT, request_uuid=own, request_id=own.hex, provider="", outcome="refused", is_last=True
    )

    assert b"No upstream was asked" in signed_in(alice).get(page_of(own)).content


def test_anothers_is_not_there(alice, bob, staff, root):
    own = attempts(alice)
    keep(alice, own)
    decision = reverse("admin:request_decision", args=[own.hex])

    for user in (bob, staff):
        assert signed_in(user).get(page_of(own)).status_code == 404
        assert signed_in(user).get(decision).status_code == 204
    assert signed_in(root).get(page_of(own)).status_code == 200
    allow(staff, "view_usageeventrow")
    assert signed_in(staff).get(page_of(own)).status_code == 200


def test_nobody_is_sent_to_sign_in(client):
    assert client.get(page_of(own_id())).status_code == 302


@pytest.mark.parametrize("own", ["x", "0" * 31, "z" * 32, "0" * 32, "f" * 32])
def test_what_is_no_id_or_nobodys_is_not_there(alice, own):
    assert signed_in(alice).get(reverse("admin:request", args=[own])).status_code == 404


def test_texts_of_others_are_text(alice):
    own = attempts(alice, model=HOSTILE[:190], virtual_model=HOSTILE[:70])
    keep(alice, own, model=HOSTILE)

    page = signed_in(alice).get(page_of(own))

    assert b"<script>alert" not in page.content and parts_of(page) == []
    assert json.loads(
        page.content.decode().split('id="request" type="application/json">')[1].split("</script>")[0]
    )


def test_what_cannot_be_read_is_not_kept(alice):
    own = attempts(alice)
    RequestDecision.objects.create(id=own, user_id=alice.pk, body=b"nonsense")

    assert b"Its decision is not kept" in signed_in(alice).get(page_of(own)).content


def test_it_takes_a_fixed_number_of_queries(alice, django_assert_max_num_queries):
    own = attempts(alice, client_id=keys.issue(alice, "app").row.pk)
    browser = signed_in(alice)
    browser.get(page_of(own))

    with django_assert_max_num_queries(9):
        browser.get(page_of(own))


def test_events_lead_to_their_request(alice):
    own = attempts(alice)

    assert page_of(own).encode() in signed_in(alice).get("/admin/analytics/usageeventrow/?span=all").content
