"""Decisions on requests of the past: what is kept of them, how many, and for how long."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from apps.core.ids import least_at
from apps.gateway.models import RequestDecision
from apps.gateway.traffic.decisions import BURST, Decisions
from apps.gateway.traffic.keeping import Keeper, in_words, kept, pack, purge, unpack
from apps.providers.limits import Limit


async def test_a_request_is_noted_with_its_candidates_and_what_was_left_out(gateway):
    gateway.add("groq", limits=[Limit("requests", "day", 50)])
    gateway.add("mistral", capabilities=())
    tools = [{"type": "function", "function": {"name": "f"}}]

    answer = await gateway.client.chat(tools=tools, model="freeai-fast")

    (note,) = gateway.runtime.decisions.take()
    decision = await in_words(note, gateway.runtime.store)
    ranked, out = decision.candidates
    assert note.request_id == answer.headers["x-request-id"]
    assert (ranked.provider, ranked.rank, ranked.quota["requests/day"].limit) == ("groq", 1, 50)
    assert out.excluded is not None
    assert (out.provider, out.excluded.reason) == ("mistral", "incapable")
    assert unpack(pack(decision)) == decision


async def test_no_word_of_a_prompt_is_noted(gateway):
    gateway.add("groq")
    prompt = "Please write a Python function named zanzibar; import asyncio, docker and sql"

    await gateway.client.chat(messages=[{"role": "user", "content": prompt}], model="freeai-auto")

    (note,) = gateway.runtime.decisions.take()
    written = str(await in_words(note, gateway.runtime.store))
    assert "observation" in written
    assert not any(word in written for word in ("zanzibar", "docker", "asyncio"))


async def test_so_many_a_second_are_noted_and_the_rest_is_a_number(gateway):
    gateway.add("groq")
    await gateway.client.chat()
    (note,) = gateway.runtime.decisions.take()
    decisions = Decisions()
    call: Any = _Call(note)

    for _ in range(round(BURST) + 20):
        decisions.note(call, note.ranking)
    call.now += 3.0
    for _ in range(5):
        decisions.note(call, note.ranking)

    assert len(decisions.take()) == BURST + 3
    assert decisions.passed_over == 22


class _Call:
    """As much of a call as a note takes."""

    def __init__(self, note):
        self.now = note.now
        self.ids = self.principal = self.plan = self.demand = self.rules = self
        self.own, self.user_id, self.name, self.choice = note.request_id, note.user_id, "", None
        self.facts, self.needs, self.prompt_tokens = note.facts, note.needs, note.prompt_tokens
        self.pool, self.offers = self, note.offers


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("given_back")
async def test_what_was_noted_is_written_and_found_by_its_user(gateway):
    gateway.add("groq")
    keeper = Keeper(gateway.runtime.decisions, gateway.runtime.store)
    answer = await gateway.client.chat()

    await keeper.write()

    own = uuid.UUID(hex=answer.headers["x-request-id"])
    found = await sync_to_async(kept)(own, 1)
    assert found is not None and found.candidates[0].provider == "groq"
    assert await sync_to_async(kept)(own, 2) is None
    keeper._thread.close()


@pytest.mark.django_db
def test_what_is_older_than_a_day_goes():
    now = timezone.now()
    for hours in (1, 23, 25, 300):
        at = (now - timedelta(hours=hours)).timestamp()
        RequestDecision.objects.create(id=least_at(at), user_id=1, body=b"")

    assert (purge(), purge()) == (2, 0)
    assert RequestDecision.objects.count() == 2
