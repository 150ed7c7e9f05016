"""What refusals in a row prove: an account without any allowance, a service that ended."""

from typing import Any

from apps.core.state.contract import Block, Reason
from apps.core.state.periods import Period
from apps.providers.errors import ErrorKind, Scope, UpstreamError
from apps.providers.streaks import Streaks
from apps.providers.types import Offer
from tests.factories import make_offer

MODELS = [make_offer(model=name) for name in ("one", "two", "three")]
ACCOUNT = MODELS[0].subject.credential
MINUTE, HOUR = 60.0, 3600.0


def limited(window: Period | None = "minute", scope: Scope = "account") -> UpstreamError:
    return UpstreamError(ErrorKind.RATE_LIMITED, "Too many.", status=429, window=window, scope=scope)


def gone(status: int = 410) -> UpstreamError:
    return UpstreamError(ErrorKind.MODEL_GONE, "Gone.", status=status)


def fail(
    streaks: Streaks,
    error: UpstreamError,
    offer: Offer,
    now: float = 0.0,
    tries: Reason | None = None,
    models: tuple[Offer, ...] = tuple(MODELS),
) -> tuple[Block, ...]:
    names = frozenset(model.model for model in models)
    return streaks.failed(error, offer, tries=tries, models=lambda: names, now=now)


def reasons(blocks: tuple[Block, ...]) -> list[Any]:
    return [(block.scope, block.reason) for block in blocks]


def test_an_hour_of_nothing_but_short_limits_closes_the_account():
    streaks = Streaks()

    closed = [fail(streaks, limited(), MODELS[0], minute * MINUTE) for minute in range(61)]

    assert not any(closed[:60])
    assert reasons(closed[60]) == [(ACCOUNT, "throttled")]
    assert "no allowance" in closed[60][0].detail


def test_a_success_in_between_begins_anew():
    streaks = Streaks()
    for minute in range(120):
        assert not fail(streaks, limited(), MODELS[0], minute * MINUTE)
        if minute % 50 == 49:
            streaks.succeeded(ACCOUNT)


def test_many_at_once_say_no_more_than_one():
    streaks = Streaks()
    for _ in range(100):
        fail(streaks, limited(), MODELS[0])

    assert not fail(streaks, limited(), MODELS[0], 2 * HOUR)


def test_limits_of_single_models_prove_it_only_of_all_of_them():
    streaks = Streaks()
    for minute in range(120):
        assert not fail(streaks, limited(scope="model"), MODELS[minute % 2], minute * MINUTE)

    assert fail(streaks, limited(scope="model"), MODELS[2], 2 * HOUR)


def test_a_spent_day_is_no_such_limit():
    streaks = Streaks()
    for minute in range(120):
        assert not fail(streaks, limited("day"), MODELS[0], minute * MINUTE)


def test_the_trial_of_such_an_account_needs_no_further_proof():
    assert reasons(fail(Streaks(), limited(), MODELS[0], tries="throttled")) == [(ACCOUNT, "throttled")]


def test_every_model_gone_for_good_is_a_service_that_ended():
    streaks = Streaks()

    closed = [fail(streaks, gone(), offer) for offer in MODELS]

    assert [reasons(blocks) for blocks in closed] == [[], [], [("*:groq", "service_retired")]]


def test_a_model_that_answers_or_is_merely_not_found_keeps_the_service():
    streaks = Streaks()
    fail(streaks, gone(), MODELS[0])
    fail(streaks, gone(), MODELS[1])
    streaks.succeeded(ACCOUNT)

    assert not fail(streaks, gone(), MODELS[2])
    assert not any(fail(Streaks(), gone(404), offer) for offer in MODELS * 2)


def test_models_that_the_account_has_no_more_do_not_speak_for_those_that_it_has():
    streaks = Streaks()

    assert not any(fail(streaks, gone(), offer, models=(make_offer(model="alive"),)) for offer in MODELS)
    assert fail(streaks, gone(), make_offer(model="alive"), models=(make_offer(model="alive"),))


def test_an_account_whose_models_nobody_knows_ends_no_service():
    streaks = Streaks()

    assert not any(fail(streaks, gone(), offer, models=()) for offer in MODELS)
