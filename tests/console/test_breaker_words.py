"""A circuit breaker and a learnt limit, in words."""

import pytest
from asgiref.sync import async_to_sync
from django.urls import reverse

from apps.console.breaker_words import told
from apps.console.lesson_words import why
from apps.console.readings import Reading
from apps.core import clock, snapshot
from apps.core.state.contract import BreakerPolicy, Claim, Completion, Grant, Pulse, Subject
from apps.core.state.keys import credential_key
from apps.core.state.lesson import Lesson
from apps.gateway.config import CONFIG
from apps.providers.credentials import set_key
from apps.providers.models import ProviderModel
from apps.providers.states import State
from tests.console.conftest import signed_in

POLICY = BreakerPolicy(threshold=3, window_s=300.0, base_s=30.0, max_s=3600.0)
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("state", "pulse", "expected"),
    [
        (State(), None, ("Closed", "requests may pass", "")),
        (State("quarantine", "", 60), None, ("Closed", "closed for another reason", "")),
        (
            State(),
            Pulse((NOW - 400, NOW - 60, NOW), 0, 0.0),
            ("Closed", "requests may pass", "2 failures within 5 min; it opens at 3."),
        ),
        (State(), Pulse((NOW - 400,), 0, 0.0), ("Closed", "requests may pass", "")),
        (
            State("breaker", "", 24),
            Pulse((), 1, NOW),
            ("Open", "tried again in 24 s", "Opened once. A failed trial closes the account for 1 min."),
        ),
        (
            State("half_open", "", 1),
            Pulse((), 3, NOW),
            (
                "On trial",
                "one request finds out now",
                "Opened 3 times in a row. A failed trial closes the account for 4 min.",
            ),
        ),
        (
            State(),
            Pulse((), 20, NOW),
            (
                "Half open",
                "the next request is its trial",
                "Opened 20 times in a row. A failed trial closes the account for 1 h.",
            ),
        ),
        (State("breaker", "", 24), None, ("Open", "tried again in 24 s", "")),
    ],
    ids=["rest", "other", "failing", "old", "open", "trial", "half_open", "untold"],
)
def test_a_breaker_says_what_it_does_and_why(state, pulse, expected):
    assert told(Reading(state=state, breaker=pulse), POLICY, NOW)[2:] == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"why": "refused", "probe_at": NOW + 600},
            "Refused when 60 were used, 2 min ago. More is asked for in 10 min.",
        ),
        (
            {"why": ""},
            "Refused when 60 were used, 2 min ago. More is asked for with the next request that needs it.",
        ),
        ({"why": "refused", "told": True}, "A refusal said so, 2 min ago, when 60 were used."),
        (
            {"why": "probe", "probe_at": NOW + 600},
            "More was asked for and granted, 2 min ago, when 60 were used. More is asked for in 10 min.",
        ),
    ],
    ids=["refused", "near", "told", "probe"],
)
def test_a_learnt_limit_says_by_which_evidence(fields, expected):
    assert why(Lesson("w", 60, 100, NOW - 120, used=60, **fields), NOW) == expected


@pytest.mark.django_db
def test_the_page_of_a_provider_tells_of_a_breaker_that_has_opened(alice, acme, gateway, failing):
    ProviderModel.objects.create(provider=acme, name="acme-large")
    set_key(alice, acme, "sk-acme-0123456789")
    failing(alice)

    shown = " ".join(signed_in(alice).get(reverse("admin:account", args=["acme"])).content.decode().split())

    assert "Open</span>" in shown and "Opened once." in shown and "tried again in" in shown


@pytest.fixture
def failing(gateway):
    """Lets the user's account fail until its breaker opens."""

    async def fail(user):
        account = credential_key(user.pk, "acme")
        for number in range(CONFIG.value.breaker.threshold):
            grant = await gateway.store.acquire(
                Claim(f"id{number}", Subject(account, account), {}), clock.now()
            )
            assert isinstance(grant, Grant)
            await gateway.store.complete(
                grant, Completion(health="failure"), CONFIG.value.breaker, clock.now()
            )

    def until_open(user):
        snapshot.load_all()
        async_to_sync(gateway.follow_keys)()
        async_to_sync(fail)(user)

    return until_open
