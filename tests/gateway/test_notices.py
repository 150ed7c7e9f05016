"""Operators hear of days that end early: once a window, day and channel, and only where they asked for it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError

from apps.core.state.contract import Report, Window
from apps.core.state.keys import candidate_key, credential_key
from apps.gateway.models import Notice
from apps.gateway.outlook import delivery, notices
from apps.gateway.outlook.delivery import Delivery
from apps.gateway.outlook.endings import endings
from tests.gateway.conftest import USER, Gateway, Limit
from tests.gateway.days import DAY, NOON, Time, at_noon, off_loop, rows, used, windows  # noqa: F401 - one is a fixture
from tests.gateway.receiver import Receiver, guarded, receiving

pytestmark = pytest.mark.django_db(transaction=True)
HOUR_S, DAY_S = 3600.0, 86_400.0


@pytest.fixture
async def receiver(settings: Any) -> AsyncIterator[Receiver]:
    settings.FREEAI_NOTICE_SECRET = "s" * 32
    async with receiving() as made:
        yield made


@pytest.fixture
async def told(gateway: Gateway, receiver: Receiver, time: Time) -> AsyncIterator[Delivery]:
    """A delivery to the receiver, of a gateway with one account."""
    gateway.add("groq", limits=DAY)
    gateway.configure(notice_url=receiver.url())
    made = Delivery(gateway.runtime, transport=guarded())
    yield made
    await made.aclose()


async def test_a_day_that_ends_early_is_told_with_what_one_needs_to_know(
    gateway: Gateway, told: Delivery, receiver: Receiver, time: Time
):
    await off_loop(lambda: get_user_model().objects.create(pk=USER, username="ada"))
    await used(gateway, 60, time)

    await told.turn()

    ((_, body),) = receiver.seen
    (row,) = await rows()
    assert json.loads(body) == {
        "id": row.identity,
        "event": "quota.runs_out",
        "at": "2026-01-15T12:00:00+00:00",
        "day": "2026-01-15",
        "user": "ada",
        "provider": "groq",
        "model": None,
        "window": "requests/day",
        "limit": 100,
        "used": 60,
        "left": 40,
        "source": "declared",
        "resets_at": "2026-01-16T00:00:00+00:00",
        "runs_out_at": "2026-01-15T12:40:00+00:00",
        "out_until": None,
    }
    assert (row.tries, row.error, row.done_at) == (1, "", datetime.fromtimestamp(NOON, UTC))


async def test_what_is_out_already_is_told_too(
    gateway: Gateway, told: Delivery, receiver: Receiver, time: Time
):
    (day,) = windows()
    await gateway.runtime.store.tighten([Report(day, 0, NOON + 7200)], NOON - 60)

    await told.turn()

    ((_, body),) = receiver.seen
    heard = json.loads(body)
    assert (heard["event"], heard["left"], heard["out_until"]) == (
        "quota.out",
        0,
        "2026-01-15T14:00:00+00:00",
    )


async def test_a_day_that_lasts_is_not_told(gateway: Gateway, told: Delivery, receiver: Receiver, time: Time):
    await used(gateway, 5, time)

    await told.turn()

    assert (receiver.seen, await rows()) == ([], [])


async def test_other_lengths_are_nobodys_day(gateway: Gateway, receiver: Receiver, time: Time):
    gateway.add("groq", limits=[Limit("requests", "hour", 100), Limit("requests", "month", 100)])
    gateway.configure(notice_url=receiver.url())
    made = Delivery(gateway.runtime, transport=guarded())
    await used(gateway, 90, time, *windows(period="hour"), *windows(period="month"))

    await made.turn()

    await made.aclose()
    assert receiver.seen == []


async def test_each_day_is_told_once_and_the_next_one_anew(
    gateway: Gateway, told: Delivery, receiver: Receiver, time: Time
):
    await used(gateway, 60, time)
    for _ in range(3):
        await told.turn()
        time.now += 60

    assert len(receiver.seen) == 1

    time.now = NOON + DAY_S
    await used(gateway, 60, time)
    await told.turn()

    assert [json.loads(body)["day"] for _, body in receiver.seen] == ["2026-01-15", "2026-01-16"]


async def test_another_process_and_a_restart_do_not_tell_it_again(
    gateway: Gateway, told: Delivery, receiver: Receiver, time: Time
):
    await used(gateway, 60, time)
    await told.turn()

    another = Delivery(gateway.runtime, transport=guarded())
    await another.turn()
    await another.aclose()

    assert len(receiver.seen) == 1


async def test_two_processes_at_once_claim_a_notice_once(gateway: Gateway, told: Delivery, time: Time):
    await used(gateway, 60, time)
    found = await endings(gateway.runtime)
    await off_loop(lambda: notices.note(found, ("webhook",), time.now))
    both = await off_loop(lambda: list(Notice.objects.all()) + list(Notice.objects.all()))

    at = datetime.fromtimestamp(time.now, UTC)
    won = await off_loop(lambda: [notices._is_ours(each, at) for each in both])

    assert won == [True, False]


async def test_a_receiver_that_fails_is_tried_again_with_the_same_words_and_then_given_up(
    gateway: Gateway, told: Delivery, receiver: Receiver, time: Time
):
    await used(gateway, 60, time)
    receiver.answers = [500] * 20
    tries: list[float] = []
    for _ in range(60):
        before = len(receiver.seen)
        await told.turn()
        tries += [(time.now - NOON) / 60] * (len(receiver.seen) - before)
        time.now += 60

    (row,) = await rows()
    assert tries == [0, 1, 3, 7, 15]
    assert len({body for _, body in receiver.seen}) == 1
    assert len({headers["x-freeai-signature"] for headers, _ in receiver.seen}) == 5
    assert (row.tries, row.done_at, row.error) == (5, None, "it answered 500")


async def test_what_arrives_late_arrives_once(
    gateway: Gateway, told: Delivery, receiver: Receiver, time: Time
):
    await used(gateway, 60, time)
    receiver.answers = [503, 200]
    for _ in range(10):
        await told.turn()
        time.now += 60

    (row,) = await rows()
    assert (len(receiver.seen), row.tries, row.error) == (2, 2, "")


async def test_what_is_over_is_told_to_nobody(
    gateway: Gateway, told: Delivery, receiver: Receiver, time: Time
):
    time.now = NOON + 12 * HOUR_S - 30  # midnight is near
    await used(gateway, 100, time)
    receiver.answers = [500]
    await told.turn()

    time.now += 120
    await told.turn()

    assert len(receiver.seen) == 1


async def test_nothing_is_looked_at_until_somebody_wants_to_hear(
    gateway: Gateway, told: Delivery, receiver: Receiver, time: Time, monkeypatch: pytest.MonkeyPatch
):
    await used(gateway, 60, time)
    gateway.configure(notice_url="")

    async def nobody(_: object) -> None:
        raise AssertionError("looked")

    monkeypatch.setattr(delivery, "endings", nobody)
    await told.turn()

    assert (receiver.seen, await rows()) == ([], [])


async def test_without_a_secret_nothing_is_posted(
    gateway: Gateway, told: Delivery, receiver: Receiver, time: Time, settings: Any
):
    settings.FREEAI_NOTICE_SECRET = ""
    await used(gateway, 60, time)

    await told.turn()

    assert receiver.seen == []


async def test_a_database_that_is_away_stops_nothing(
    gateway: Gateway, told: Delivery, receiver: Receiver, time: Time, monkeypatch: pytest.MonkeyPatch
):
    await used(gateway, 60, time)
    note = notices.note

    def away(*_: object) -> None:
        raise DatabaseError("away")

    monkeypatch.setattr(notices, "note", away)
    await told.turn()
    monkeypatch.setattr(notices, "note", note)
    await told.turn()

    assert len(receiver.seen) == 1


async def test_models_that_are_counted_alone_are_told_of_with_the_last_one(
    gateway: Gateway, receiver: Receiver, time: Time
):
    gateway.add("groq", "ok", "cut", limits=[Limit("requests", "day", 100, each=True)])
    gateway.configure(notice_url=receiver.url())
    made = Delivery(gateway.runtime, transport=guarded())
    ok, cut = (
        Window.of(candidate_key(credential_key(USER, "groq"), model), DAY[0].span, 100)
        for model in ("ok", "cut")
    )
    await used(gateway, 60, time, ok)
    await made.turn()

    assert receiver.seen == []

    await gateway.runtime.store.take([cut], {"requests": 100}, time.now)
    await made.turn()
    await made.aclose()

    ((_, body),) = receiver.seen
    assert (json.loads(body)["model"], json.loads(body)["left"]) == ("ok", 40)


@pytest.mark.parametrize("name", ["long " * 150, "with \0 in it"])
async def test_a_window_of_any_name_is_told_once(gateway: Gateway, receiver: Receiver, time: Time, name: str):
    gateway.add("groq", limits=[Limit("requests", "day", 100, models=("*",), group=name)])
    gateway.configure(notice_url=receiver.url())
    await used(gateway, 60, time)
    for _ in range(2):
        made = Delivery(gateway.runtime, transport=guarded())
        await made.turn()
        await made.aclose()

    assert len(receiver.seen) == 1


async def test_there_is_an_end_to_the_notices_of_a_day(
    gateway: Gateway, told: Delivery, receiver: Receiver, time: Time, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(notices, "MOST_A_DAY", 1)
    gateway.add("mistral", limits=DAY)
    await used(gateway, 60, time, *windows("groq"), *windows("mistral"))

    for _ in range(3):
        await told.turn()

    assert len(receiver.seen) == 1
