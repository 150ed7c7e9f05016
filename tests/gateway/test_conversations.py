"""A conversation stays with the candidate that answers it, while that one is about as good as the best: prompts stay cached there."""

import tracemalloc
from typing import Any

import orjson
import pytest

from apps.gateway.attempts import conversations
from apps.gateway.attempts.conversations import Conversations, turn_of
from apps.providers.limits import Limit
from fakes.limits import Limits
from tests.asgi import Answer
from tests.gateway.conftest import Gateway, use_key

SYSTEM = "You are an agent. " * 400
"""About 1,800 tokens: more than the least that is cached."""
RESULT = "What a tool found. " * 250
"""About 1,200 tokens: what agents add to a conversation with each turn."""
PLENTY = [Limit("requests", "day", 40)]
"""Of which each request takes more than clocks make of the latency of upstreams on loopback."""
OWNER = (1, 7)


class Agent:
    """One conversation: each turn sends all that was said."""

    def __init__(self, gateway: Gateway, task: str, **fields: Any) -> None:
        self._client = gateway.client
        self._fields = fields
        self._messages: list[Any] = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": task},
        ]

    async def turn(self, **headers: str) -> Answer:
        body = orjson.dumps({"model": "freeai-auto", "messages": self._messages, **self._fields})
        answer = await self._client.request("POST", "/v1/chat/completions", body, headers)
        assert answer.status == 200, answer.body
        said = answer.text if self._fields.get("stream") else answer.json["choices"][0]["message"]["content"]
        self._messages += [{"role": "assistant", "content": said}, {"role": "user", "content": RESULT}]
        return answer

    async def turns(self, count: int) -> list[str]:
        """Who answered each of the next turns."""
        return [(await self.turn()).headers["x-freeai-provider"] for _ in range(count)]


def alike(gateway: Gateway, *names: str, limits: Any = PLENTY) -> None:
    """Providers between which nothing but the moment decides."""
    for name in names:
        gateway.add(name, weight=1.0, limits=limits)
        gateway.fake.limit(name, Limits(tokens_per_minute=10_000_000))  # which its headers tell


def cached(gateway: Gateway) -> int:
    return sum(event.cached_tokens for event in gateway.events())


@pytest.mark.parametrize("stream", [False, True])
async def test_stays_with_the_candidate_that_began_it(gateway: Gateway, stream: bool):
    alike(gateway, "groq", "mistral", "openai")

    answered = await Agent(gateway, "Write a test.", stream=stream).turns(8)

    assert len(set(answered)) == 1


async def test_more_of_its_prompts_is_cached_than_where_it_does_not(gateway: Gateway):
    alike(gateway, "groq", "mistral", "openai", "cerebras")
    kept = [set(await Agent(gateway, f"Task {at}.").turns(6)) for at in range(4)]
    with_it = cached(gateway)

    gateway.fake.reset()
    gateway.configure(sticky=False)
    spread = [set(await Agent(gateway, f"Other {at}.").turns(6)) for at in range(4)]
    without = cached(gateway) - with_it

    assert [len(answered) for answered in kept] == [1] * 4
    assert max(len(answered) for answered in spread) > 1
    assert with_it > 1.2 * without > 0, (with_it, without)


async def test_conversations_are_spread_all_the_same(gateway: Gateway):
    alike(gateway, "groq", "mistral", "openai")
    agents = [Agent(gateway, f"Task {at}.") for at in range(6)]

    began = [(await agent.turns(1))[0] for agent in agents]

    assert set(began) == {"groq", "mistral", "openai"}
    assert [(await agent.turns(1))[0] for agent in agents] == began


async def test_requests_that_merely_begin_alike_are_no_conversation(gateway: Gateway):
    alike(gateway, "groq", "mistral")

    answered = [(await gateway.client.chat()).headers["x-freeai-provider"] for _ in range(6)]

    assert set(answered) == {"groq", "mistral"}


async def test_goes_on_elsewhere_where_its_candidate_fails_and_stays_there(gateway: Gateway):
    alike(gateway, "groq", "mistral", "openai")
    agent = Agent(gateway, "Write a test.")
    [first] = await agent.turns(1)

    gateway.fake.script(first, ["error_503"])
    moved = await agent.turns(4)

    assert first not in moved
    assert len(set(moved)) == 1


async def test_leaves_a_candidate_without_quota(gateway: Gateway):
    alike(gateway, "groq", "mistral", limits=[Limit("requests", "day", 3)])

    answered = await Agent(gateway, "Write a test.").turns(6)

    assert [answered.count(name) for name in ("groq", "mistral")] == [3, 3]


async def test_leaves_what_its_day_has_little_of(gateway: Gateway):
    """Quotas are spent as without it: a scarce one is kept for what needs it."""
    gateway.add("groq", weight=3.0, limits=[Limit("requests", "day", 12)])
    agent = Agent(gateway, "Write a test.")
    await agent.turns(1)
    gateway.add("mistral", weight=1.0, limits=[Limit("requests", "day", 10_000)])

    assert await agent.turns(2) == ["mistral", "mistral"]


async def test_does_not_outweigh_what_its_strategy_prefers(gateway: Gateway):
    gateway.add("mistral", weight=1.0)
    agent = Agent(gateway, "Write a test.", model="freeai-code")
    await agent.turns(1)
    gateway.add("groq", "ok-coder", weight=1.0)

    gateway.fake.script("groq", ["ok", "ok"])
    assert await agent.turns(2) == ["groq", "groq"]


async def test_of_another_key_is_another_conversation(gateway: Gateway):
    alike(gateway, "groq", "mistral")
    agent = Agent(gateway, "Write a test.")
    [first] = await agent.turns(1)
    use_key(client_id=8)

    assert (await agent.turns(1)) != [first]


async def test_explain_has_it_as_a_part_of_its_own(gateway: Gateway):
    alike(gateway, "groq", "mistral")
    agent = Agent(gateway, "Write a test.")
    [first] = await agent.turns(1)

    rows = (await agent.turn(**{"x-freeai-explain": "1"})).json["explain"]["candidates"]

    assert (rows[0]["provider"], rows[0]["parts"]["sticky"]) == (first, 2.0)
    assert rows[1]["parts"]["sticky"] == 0.0
    assert all(row["score"] == pytest.approx(sum(row["parts"].values()), abs=1e-3) for row in rows)


async def test_can_be_switched_off(gateway: Gateway):
    alike(gateway, "groq", "mistral")
    gateway.configure(sticky=False)

    assert set(await Agent(gateway, "Write a test.").turns(6)) == {"groq", "mistral"}
    assert len(gateway.runtime.conversations) == 0


SURFACES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "messages": ("/v1/messages", "messages", {"max_tokens": 32_000, "system": SYSTEM}),
    "responses": ("/v1/responses", "input", {"instructions": SYSTEM, "store": False}),
}


@pytest.mark.parametrize("surface", sorted(SURFACES))
async def test_whatever_surface_it_is_on(gateway: Gateway, surface: str):
    alike(gateway, "groq", "mistral", "openai")
    path, field, fields = SURFACES[surface]
    said: list[Any] = [{"role": "user", "content": "Write a test."}]
    answered: set[str] = set()
    for _ in range(6):
        body = orjson.dumps({"model": "freeai-code", **fields, field: said})
        answer = await gateway.client.request("POST", path, body)
        answered.add(answer.headers["x-freeai-provider"])
        said += [{"role": "assistant", "content": "Done."}, {"role": "user", "content": RESULT}]

    assert len(answered) == 1


def opening(*messages: tuple[str, Any]) -> Any:
    return {"messages": [{"role": role, "content": content} for role, content in messages]}


def test_is_known_by_how_it_begins_and_by_nothing_that_follows():
    begun = turn_of(opening(("system", "a" * 20_000), ("user", "b")), OWNER)
    later = turn_of(
        opening(("system", "a" * 20_000), ("user", "b"), ("assistant", "c"), ("user", "d")), OWNER
    )

    assert (begun.goes_on, later.goes_on) == (False, True)
    assert begun.conversation == later.conversation


@pytest.mark.parametrize(
    "other",
    [
        opening(("system", "a"), ("user", "c")),
        opening(("system", "A"), ("user", "b")),
        opening(("developer", "a"), ("user", "b")),
        opening(("user", "ab")),
        opening(("system", "a"), ("user", [{"type": "text", "text": "b"}, {"type": "image_url"}])),
    ],
)
def test_another_beginning_is_another_conversation(other: Any):
    assert (
        turn_of(opening(("system", "a"), ("user", "b")), OWNER).conversation
        != turn_of(other, OWNER).conversation
    )


@pytest.mark.parametrize(
    "content", [None, "", [], "\udc80", [{"type": "text", "text": None}, {"type": "input_audio"}]]
)
def test_any_content_has_a_digest(content: Any):
    assert len(turn_of(opening(("user", content)), OWNER).conversation) == conversations.DIGEST_BYTES


def test_what_is_held_of_them_is_bounded_and_has_no_text(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(conversations, "MOST", 6)
    held = Conversations()
    turns = [turn_of(opening(("user", f"secret {at}"), ("assistant", "x")), OWNER) for at in range(8)]
    for turn in turns:
        held.note(turn, "1:groq|m", now=0.0)

    known = [held.answering(turn, 1.0) for turn in turns]
    assert len(held) == 5
    assert known == [None] * 3 + ["1:groq|m"] * 5
    assert "secret" not in repr(vars(held))


def test_what_goes_on_stays_known_whatever_others_begin(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(conversations, "MOST", 6)
    held = Conversations()
    [first, *others] = [turn_of(opening(("user", f"{at}"), ("assistant", "x")), OWNER) for at in range(21)]
    for other in others:
        held.note(first, "1:groq|m", now=0.0)
        held.note(other, "1:openai|m", now=0.0)

    assert held.answering(first, 1.0) == "1:groq|m"
    assert len(held) <= 6


@pytest.mark.parametrize("looks", [0, 3, 50])
def test_is_known_for_half_of_its_time_at_least_and_for_all_of_it_at_most(looks: int):
    held = Conversations()
    turns = [turn_of(opening(("user", f"{at}"), ("assistant", "x")), OWNER) for at in range(2)]
    began, half = 1_000.0, conversations.KEPT_S / 2
    held.note(turns[0], "1:groq|m", began)
    held.note(turns[1], "1:groq|m", began + half - 1)

    for look in range(looks):
        held.answering(turns[1], began + half + half * look / looks)

    assert [held.answering(turn, began + 2 * half - 2) for turn in turns] == ["1:groq|m"] * 2
    assert [held.answering(turn, began + 2 * half) for turn in turns] == [None, None]


def test_all_that_is_held_of_them_takes_less_than_a_megabyte():
    turns = [turn_of(opening(("user", f"{at}"), ("assistant", "x")), OWNER) for at in range(30_000)]
    tracemalloc.start()
    try:
        held = Conversations()
        for turn in turns:
            held.note(turn, "1:groq|m", now=0.0)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
