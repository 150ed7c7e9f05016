"""How long a 429 closes, and what."""

import pytest
from msgspec.structs import replace

from apps.core.state.contract import Block, Completion, Refusal
from apps.core.state.keys import parse_window_key
from apps.core.state.memory import MemoryStore
from apps.providers.errors import ErrorKind, UpstreamError
from apps.providers.health import blocks_after, windows_refused
from apps.providers.limits import Limit
from apps.providers.overrides import Overrides
from apps.providers.quotas import NO_SCHEME, model_windows
from apps.providers.types import Offer
from tests.core.state.builders import NOON, POLICY
from tests.factories import make_claim, make_offer

SECOND = Limit("requests", "second", 1)
MINUTE = Limit("requests", "minute", 30)
DAY = Limit("requests", "day", 1_000)


def offer_with(*limits: Limit) -> Offer:
    offer = make_offer()
    windows = model_windows(offer.subject.candidate, offer.model, limits, NO_SCHEME, Overrides())
    return replace(offer, subject=replace(offer.subject, windows=windows))


def limited(**known: object) -> UpstreamError:
    return UpstreamError(ErrorKind.RATE_LIMITED, "Too many requests", **known)  # type: ignore[arg-type]


def block(error: UpstreamError, offer: Offer, **jitter: float) -> Block:
    (closed,) = blocks_after(error, offer, NOON, **jitter)
    return closed


@pytest.mark.parametrize(("limits", "closes_s"), [((SECOND, MINUTE), 0.5), ((MINUTE,), 2.0), ((), 2.0)])
def test_a_refusal_that_says_nothing_closes_as_briefly_as_the_tightest_window_lets_it(limits, closes_s):
    assert block(limited(), offer_with(*limits)).until == NOON + closes_s


async def test_such_refusals_in_a_row_close_longer_each_time_up_to_an_hour():
    store, offer, now, lengths = MemoryStore(), offer_with(MINUTE), NOON, []
    for number in range(15):
        claim = make_claim(offer.subject, number)
        grant = await store.acquire(claim, now)
        assert not isinstance(grant, Refusal)
        blocks = blocks_after(limited(), offer, now)
        await store.complete(grant, Completion(health="neutral", blocks=blocks), POLICY, now)
        refusal = await store.acquire(claim, now)
        assert isinstance(refusal, Refusal)
        lengths.append(refusal.retry_at - now)
        now = refusal.retry_at + 2

    assert lengths[:5] == [2, 4, 8, 16, 32]
    assert lengths[-1] == 3600


def test_a_wait_that_was_told_is_kept_with_some_jitter():
    error = limited(window="minute", retry_after_s=7.0)

    assert block(error, offer_with(MINUTE), jitter_s=0.2).until == pytest.approx(NOON + 7.2)


@pytest.mark.parametrize(
    ("window", "suspects"), [(None, [SECOND]), ("second", [SECOND]), ("minute", [MINUTE]), ("day", [])]
)
def test_a_refusal_of_no_other_window_is_one_of_the_second(window, suspects):
    offer = offer_with(SECOND, MINUTE)

    spans = [each.span for each in suspects]
    assert [parse_window_key(key).span for key in windows_refused(limited(window=window), offer)] == spans


def test_where_nothing_is_told_every_short_window_is_suspected_and_no_day():
    offer = offer_with(MINUTE, DAY)

    assert [parse_window_key(key).span for key in windows_refused(limited(), offer)] == [MINUTE.span]


def test_a_refusal_of_tokens_is_none_of_requests():
    tokens = Limit("tokens", "minute", 6_000)

    (key,) = windows_refused(limited(window="minute", metric="tokens"), offer_with(MINUTE, tokens))

    assert parse_window_key(key).span == tokens.span
