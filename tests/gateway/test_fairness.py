"""Client keys that share a pool that is short."""

import asyncio
from datetime import UTC, datetime
from math import inf

import pytest

from apps.clients import keys
from apps.clients.keys import CLIENTS, ClientKeys, Principal
from apps.core import clock
from apps.gateway.attempts import fairness, shares
from apps.gateway.attempts.fairness import Fairness, Share, Turn, fair_level
from apps.gateway.attempts.shares import Shares
from apps.providers.limits import Limit
from apps.strategies.ranking import Excluded
from tests.asgi import Client
from tests.factories import make_offer
from tests.gateway.conftest import RAW_KEY, Gateway, principal, until

NOW = 1_785_585_600.0
USER = 1
GREEDY, SMALL = 1, 2


@pytest.mark.parametrize(
    ("wanted", "weights", "supply", "level"),
    [
        ({1: 5, 2: 5}, {1: 1, 2: 1}, 20, inf),
        ({1: 100, 2: 5}, {1: 1, 2: 1}, 20, 15),
        ({1: 100, 2: 100, 3: 4}, {1: 1, 2: 1, 3: 1}, 24, 10),
        ({1: 100, 2: 100}, {1: 3, 2: 1}, 40, 10),
        ({1: 100, 2: 6}, {1: 1, 2: 3}, 20, 14),
        ({}, {}, 20, inf),
        ({1: 5}, {1: 1}, 0, 0),
    ],
)
def test_nobody_gets_more_than_they_want_nor_than_is_fair(wanted, weights, supply, level):
    assert fair_level(wanted, weights, supply) == pytest.approx(level)


def used(greedy: int, small: int, served: int, small_served: int, at: float = NOW) -> Fairness:
    known = Fairness()
    for client, asked, got in ((GREEDY, greedy, served), (SMALL, small, small_served)):
        for _ in range(asked):
            known.asked(USER, client, 1.0, at)
        for _ in range(got):
            known.admitted(USER, client, at)
    return known


def test_a_key_under_its_share_is_told_from_one_that_is_not():
    known = used(105, 5, 40, 1)

    assert known.share(USER, SMALL, NOW).is_under
    assert not known.share(USER, GREEDY, NOW).is_under


def test_a_key_alone_is_never_under_its_share():
    assert not used(105, 0, 40, 0).share(USER, GREEDY, NOW).is_under


def test_a_minute_later_nothing_is_held_against_anybody():
    known = used(105, 5, 40, 1)

    assert known.share(USER, GREEDY, NOW + 61) == Share(0.0, 0, 0, 1.0)


def test_keys_of_other_users_have_pools_of_their_own():
    known = used(105, 5, 40, 1)
    known.asked(2, 9, 1.0, NOW)

    assert known.share(2, 9, NOW).admitted == 0
    assert known.share(2, GREEDY, NOW) == Share(0.0, 0, 0, 1.0)


def test_remembers_no_more_keys_than_it_may(monkeypatch):
    monkeypatch.setattr(fairness, "MOST_CLIENTS", 2)
    monkeypatch.setattr(fairness, "MOST_POOLS", 2)
    known = Fairness()
    for number in range(10):
        known.asked(number, number, 1.0, NOW)
        known.asked(99, number, 1.0, NOW)

    assert sum(known.share(99, number, NOW).asked for number in range(10)) <= 2


def someone(client: int) -> Principal:
    return principal(client_id=client)


def test_what_a_key_under_its_share_waits_for_is_left_alone_until_it_waits_no_more():
    known = used(105, 5, 40, 1)
    offer = make_offer()
    waits_for = [Excluded(offer, "quota", "", NOW + 1)]
    small, greedy = Turn(known, someone(SMALL), NOW), Turn(known, someone(GREEDY), NOW)
    candidate = offer.subject.candidate

    with small.first(waits_for, NOW):
        during = greedy.must_yield(candidate), small.must_yield(candidate), greedy.must_yield("1:other|m")

    assert during == (True, False, False)
    assert not greedy.must_yield(candidate)
    assert not known.is_holding


def test_a_key_at_its_share_holds_nothing():
    known = used(105, 5, 40, 1)
    greedy = Turn(known, someone(GREEDY), NOW)

    with greedy.first([Excluded(make_offer(), "quota", "", NOW + 1)], NOW):
        assert not known.is_holding


def exchange(*all_of_them: Fairness) -> None:
    told = [known.told(NOW) for known in all_of_them]
    for place, known in enumerate(all_of_them):
        known.hear(told[:place] + told[place + 1 :])


def test_shares_are_those_of_all_processes():
    greedy, small = used(105, 0, 40, 0), used(0, 5, 0, 1)
    alone = small.share(USER, SMALL, NOW).is_under, greedy.share(USER, GREEDY, NOW).is_under

    exchange(greedy, small, Fairness())
    whole = used(105, 5, 40, 1)

    assert alone == (False, False)
    assert small.share(USER, SMALL, NOW + 1) == whole.share(USER, SMALL, NOW + 1)
    assert greedy.share(USER, GREEDY, NOW + 1) == whole.share(USER, GREEDY, NOW + 1)


def test_a_key_that_asks_several_processes_has_one_share():
    first, second = used(105, 3, 20, 1), used(0, 2, 20, 0)

    exchange(first, second)

    assert second.share(USER, SMALL, NOW + 1) == used(105, 5, 40, 1).share(USER, SMALL, NOW + 1)


def test_what_is_waited_for_elsewhere_is_left_alone_here():
    greedy, small = used(105, 0, 40, 0), used(0, 5, 0, 1)
    exchange(greedy, small)
    offer = make_offer()
    waits, other = Turn(small, someone(SMALL), NOW + 1), Turn(greedy, someone(GREEDY), NOW + 1)

    with waits.first([Excluded(offer, "quota", "", NOW + 1)], NOW + 1):
        exchange(greedy, small)
        during = other.must_yield(offer.subject.candidate), waits.must_yield(offer.subject.candidate)
    exchange(greedy, small)

    assert during == (True, False)
    assert not other.must_yield(offer.subject.candidate)


def test_who_is_silent_or_not_understood_counts_for_nothing():
    known = used(0, 5, 0, 1)
    known.hear([used(105, 0, 40, 0).told(NOW), b"not of ours", b"\x93\x01\x02\x03"])
    heard = known.share(USER, SMALL, NOW + 1)
    known.hear([])

    assert heard.is_under
    assert not known.share(USER, SMALL, NOW + 2).is_under


def test_nothing_is_told_where_nobody_asked_and_never_more_than_fits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fairness, "MOST_TOLD", 3)
    known = Fairness()
    nothing = known.told(NOW)
    for client in range(10):
        for user in (1, 2):
            known.asked(user, client if user == 1 else 0, 1.0, NOW)
    other = Fairness()
    other.hear([known.told(NOW)])
    other.asked(2, 0, 1.0, NOW)

    assert nothing == used(3, 3, 1, 1, NOW).told(NOW + 61) == b""
    assert other.share(2, 0, NOW).asked == 11
    assert len(other._others) == 1


class Silent:
    """A board that does not answer."""

    async def exchange(self, topic: str, told: bytes, fresh_s: float) -> list[bytes]:
        raise ConnectionError

    async def aclose(self) -> None:
        """Nothing is open."""


async def test_without_redis_each_process_is_fair_by_itself():
    known = used(0, 5, 0, 1, clock.now())
    known.hear([used(105, 0, 40, 0, clock.now()).told(clock.now())])

    pause_s = await Shares(known, Silent()).turn()

    assert pause_s == shares.AWAY_S
    assert not known.share(USER, SMALL, clock.now() + 1).is_under


async def test_the_next_slot_is_the_small_keys_however_many_others_wait(gateway: Gateway) -> None:
    """One request a second; ten wait of a key that had all of the last minute, then one of a key that had nothing."""
    other_key = "fai_" + "s" * 43
    CLIENTS.value = ClientKeys(
        {
            keys.digest(RAW_KEY): principal(client_id=GREEDY),
            keys.digest(other_key): principal(client_id=SMALL),
        },
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    gateway.configure(max_wait_s=2.0)
    gateway.add("groq", "ok", limits=[Limit("requests", "second", 1)])
    for _ in range(60):
        gateway.runtime.fairness.asked(USER, GREEDY, 1.0, clock.now())
        gateway.runtime.fairness.admitted(USER, GREEDY, clock.now())
    await gateway.client.chat()

    greedy = [asyncio.create_task(gateway.client.chat()) for _ in range(10)]
    await until(lambda: gateway.runtime.waiting_room.taken == 10)
    small = await Client(other_key).chat()
    answers = await asyncio.gather(*greedy)

    assert small.status == 200
    assert sum(answer.status == 200 for answer in answers) <= 1
    assert not gateway.runtime.fairness.is_holding
